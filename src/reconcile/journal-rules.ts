import type { RateLedger } from '../acme/rate-ledger.ts';
import type { Clock } from '../lib/clock.ts';
import type { CertificateCase } from './certificate-case.ts';
import type { ChangeContext } from './certificate-conditions.ts';
import { certificateHash } from './desired-state.ts';
import type { Ports, Precondition, StateDocument } from './ports.ts';
import { manifestStands } from './preconditions.ts';
import type { World } from './world.ts';

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

/** What a commit about a Certificate is made from: by these rules, and only while its manifest asks for the same. */
export function changeContext(
  { ports, world, rules }: { readonly ports: Ports; readonly world: World; readonly rules: JournalRules },
  target: CertificateCase,
  preconditions: readonly Precondition[],
  state?: (state: StateDocument) => StateDocument,
): ChangeContext {
  const { clock, readManifests } = ports;
  return {
    target,
    world,
    now: clock.now(),
    state: withLedger(rules, clock, state),
    preconditions: [
      rules.examined,
      manifestStands(target.declared, world, readManifests, certificateHash),
      ...preconditions,
    ],
  };
}
