import type { RateLedger } from '../acme/rate-ledger.ts';
import type { Clock } from '../lib/clock.ts';
import type { Precondition, StateDocument } from './ports.ts';

/** What holds for every commit about a Certificate, whoever writes it. */
export interface JournalRules {
  /** Nothing is signed over that was not examined. */
  readonly examined: Precondition;
  /** What was asked of CAs lately: its record rides along. */
  readonly ledger: RateLedger;
}

/** The change of the state that a commit brings, with the rate ledger's notes on top; CAs count in real time. */
export function withLedger(
  { ledger }: JournalRules,
  clock: Clock,
  change: ((state: StateDocument) => StateDocument) | undefined,
): (state: StateDocument) => StateDocument {
  const note = ledger.stateChange(clock.realNow());
  return (state) => note(change === undefined ? state : change(state));
}
