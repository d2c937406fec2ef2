import { parseInstant } from '../lib/clock.ts';

/** What a branch does not say of its pull request on plain Git: it stands in the state document. */
export interface LedgerEntry {
  readonly number: number;
  /** Without `refs/heads/`. */
  readonly branch: string;
  readonly baseBranch: string;
  /** The commit that it was at when certops looked last. */
  readonly head: string;
  readonly state: 'open' | 'closed' | 'merged';
  /** Who closed it. */
  readonly closedBy?: 'certops' | 'person' | undefined;
  readonly title: string;
  /** What of the text outlives the branch: its marker. */
  readonly body: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly closedAt?: Date | undefined;
}

/** All pull requests of one source branch, and the number that the next one gets. */
export interface Ledger {
  readonly next: number;
  readonly entries: readonly LedgerEntry[];
}

/** Where in the state document it stands. */
export const LEDGER_KEY = 'proposals';

const MAX_ENTRIES = 300;
/** Closed ones are forgotten after this: longer than any rule looks back. */
const KEPT_MS = 60 * 86_400_000;
const MAX_TEXT = 2000;

/** Reads it from a state document; what is not ours is left out. */
export function readLedger(state: { readonly [key: string]: unknown }): Ledger {
  const value = asRecord(state[LEDGER_KEY]);
  const list = Array.isArray(value.entries) ? value.entries.slice(0, MAX_ENTRIES) : [];
  const entries = list.flatMap((one) => readEntry(asRecord(one)) ?? []);
  const highest = Math.max(0, ...entries.map(({ number }) => number));
  const next = isNumber(value.next) ? Math.max(value.next, highest + 1) : highest + 1;
  return { next, entries };
}

/** As it is written: without those closed long ago. */
export function encodeLedger(ledger: Ledger, now: Date): Record<string, unknown> {
  const entries = ledger.entries
    .filter(({ closedAt }) => closedAt === undefined || now.getTime() - closedAt.getTime() < KEPT_MS)
    .toSorted((a, b) => b.number - a.number)
    .slice(0, MAX_ENTRIES)
    .map(({ createdAt, updatedAt, closedAt, closedBy, title, body, ...entry }) => ({
      ...entry,
      ...(closedBy === undefined ? {} : { closedBy }),
      title: title.slice(0, MAX_TEXT),
      body: body.slice(0, MAX_TEXT),
      createdAt: createdAt.toISOString(),
      updatedAt: updatedAt.toISOString(),
      ...(closedAt === undefined ? {} : { closedAt: closedAt.toISOString() }),
    }));
  return { next: ledger.next, entries };
}

/** The lines of a text that are for programs; everything else is in the branch's message while it is open. */
export function markerOf(body: string): string {
  return body
    .split('\n')
    .filter((line) => /^<!-- certops: |^Certops-Proposal(-State|-Ends)?: /.test(line))
    .join('\n');
}

function readEntry(value: Record<string, unknown>): LedgerEntry | undefined {
  const { number, branch, baseBranch, head, state, closedBy, title, body } = value;
  const createdAt = readInstant(value.createdAt);
  const updatedAt = readInstant(value.updatedAt);
  const isFine =
    isNumber(number) &&
    [branch, baseBranch, head, title, body].every((text) => typeof text === 'string') &&
    (state === 'open' || state === 'closed' || state === 'merged');
  if (!isFine || createdAt === undefined || updatedAt === undefined) return undefined;
  return {
    ...{ number, state, createdAt, updatedAt },
    branch: String(branch),
    baseBranch: String(baseBranch),
    head: String(head),
    title: String(title),
    body: String(body),
    closedBy: closedBy === 'certops' || closedBy === 'person' ? closedBy : undefined,
    closedAt: readInstant(value.closedAt),
  };
}

function readInstant(value: unknown): Date | undefined {
  return typeof value === 'string' ? parseInstant(value) : undefined;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

function asRecord(value: unknown): Record<string, unknown> {
  // Any object that is no list can be asked for its keys.
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}
