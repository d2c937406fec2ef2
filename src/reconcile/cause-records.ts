import { CAUSE_CODES, type Cause } from '../diagnosis/cause.ts';
import { parseInstant } from '../lib/clock.ts';
import { cutText } from '../lib/cut-text.ts';
import type { PastAttempt } from '../proposals/open-cause.ts';

/** A cause of failed attempts, as the state document keeps it while any of them is on record. */
export interface CauseRecord {
  readonly cause: Cause;
  /** Its first failed attempt. */
  readonly since: Date;
  /** Attempts that came to nothing for it. */
  readonly attempts: number;
  /** Newest first, at most 5. */
  readonly lastAttempts: readonly PastAttempt[];
}

const MAX_PAST = 5;
/** The state is one small document: of more causes than these, the newest are remembered. */
const MAX_RECORDS = 200;
/** Only so many over: looking at all of them takes its time, and many fail together. */
const MAX_SURPLUS = 50;
const MAX_RECORD_BYTES = 20_000;
const MAX_BYTES = 1 << 20;
/** Five of them and a cause have room in a record, whatever strangers wrote. */
const MAX_WHAT_CHARACTERS = 300;

/** The record after another failed attempt; `isOver`: it came to nothing, else it stands and waits. */
export function anotherAttempt(
  before: CauseRecord | undefined,
  cause: Cause,
  attempt: PastAttempt,
  isOver: boolean,
): CauseRecord {
  return {
    cause,
    since: before?.since ?? attempt.at,
    attempts: (before?.attempts ?? 0) + (isOver ? 1 : 0),
    lastAttempts: [bounded(attempt), ...(before?.lastAttempts ?? [])].slice(0, MAX_PAST),
  };
}

/** Records by key, as plain data that was rendered before; of too many the newest are kept. */
export function boundCauseRecords(
  records: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  if (Object.keys(records).length <= MAX_RECORDS + MAX_SURPLUS) return records;
  let leftBytes = MAX_BYTES;
  const newest = Object.entries(records)
    .map(([key, record]) => ({ key, record, last: readCauseRecord(record) }))
    .flatMap(({ key, record, last }) => (last?.cause.key === key ? [{ key, record, at: lastOf(last) }] : []))
    .sort((a, b) => b.at - a.at)
    .slice(0, MAX_RECORDS)
    .filter(({ record }) => {
      leftBytes -= Buffer.byteLength(JSON.stringify(record));
      return leftBytes >= 0;
    });
  return Object.fromEntries(newest.map(({ key, record }) => [key, record]));
}

export function renderCauseRecord({ cause, since, attempts, lastAttempts }: CauseRecord): unknown {
  return {
    cause,
    since: since.toISOString(),
    attempts,
    lastAttempts: lastAttempts.map(({ at, object, what }) => ({ at: at.toISOString(), object, what })),
  };
}

/** Reads records by key. What cannot be read is left out: it is told of anew when it fails again. */
export function readCauseRecords(value: unknown): Map<string, CauseRecord> {
  const records = new Map<string, CauseRecord>();
  if (typeof value !== 'object' || value === null) return records;
  for (const [key, entry] of Object.entries(value).slice(0, 2 * MAX_RECORDS)) {
    const record = readCauseRecord(entry);
    if (record?.cause.key === key) records.set(key, record);
  }
  return records;
}

function readCauseRecord(entry: unknown): CauseRecord | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined;
  if (JSON.stringify(entry).length > MAX_RECORD_BYTES) return undefined;
  const { cause, since, attempts, lastAttempts } = entry as Readonly<Record<string, unknown>>;
  const from = typeof since === 'string' ? parseInstant(since) : undefined;
  if (!isCause(cause) || from === undefined || typeof attempts !== 'number') return undefined;
  return { cause, since: from, attempts, lastAttempts: readPast(lastAttempts) };
}

/** Enough of a look to go by: only whoever may write the state ref can put anything there. */
function isCause(value: unknown): value is Cause {
  if (typeof value !== 'object' || value === null) return false;
  const { key, code, title, subject, identifiers, observations, otherCures, explanation } = value as Partial<
    Record<string, unknown>
  >;
  return (
    typeof key === 'string' &&
    /^[0-9a-f]{64}$/.test(key) &&
    CAUSE_CODES.some((known) => known === code) &&
    typeof title === 'string' &&
    [identifiers, observations, otherCures].every(Array.isArray) &&
    [subject, explanation].every((part) => typeof part === 'object' && part !== null)
  );
}

function readPast(value: unknown): readonly PastAttempt[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, MAX_PAST).flatMap((entry: unknown) => {
    const { at, object, what } = (entry ?? {}) as Partial<Record<string, unknown>>;
    const instant = typeof at === 'string' ? parseInstant(at) : undefined;
    return instant === undefined ? [] : [{ at: instant, object: String(object), what: String(what) }];
  });
}

function bounded({ at, object, what }: PastAttempt): PastAttempt {
  return { at, object, what: cutText(what, MAX_WHAT_CHARACTERS) };
}

function lastOf({ lastAttempts, since }: CauseRecord): number {
  return (lastAttempts[0]?.at ?? since).getTime();
}
