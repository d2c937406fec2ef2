import { parseInstant } from '../lib/clock.ts';
import type { ObservedFailure } from '../plan/observed.ts';
import { boundCauseRecords, type CauseRecord, readCauseRecords, renderCauseRecord } from './cause-records.ts';
import type { StateDocument } from './ports.ts';

/** The attempts at one object that failed since the last success. */
export interface Attempt {
  /** Attempts that came to nothing: what the CA's limits and people count. */
  readonly attempts: number;
  /** Attempts in a row that could not be made at all (busy, away): they cost nothing. */
  readonly waits: number;
  readonly failedAt: Date;
  /** Undefined: not before the specification, the issuer or the configuration changes. */
  readonly retryAt?: Date | undefined;
  readonly requestHash: string;
  readonly issuerHash: string;
  /** Stable code of the error. */
  readonly code: string;
  /** The issuer itself named `retryAt`. */
  readonly isIssuersWord: boolean;
  /** `certops.dev/retry-requested-at` at the time. */
  readonly retryRequestedAt?: Date | undefined;
  /** Key of the cause that it failed for. */
  readonly cause?: string | undefined;
}

type StateChange = (state: StateDocument) => StateDocument;

const STATE_KEY = 'attempts';
const CAUSES_KEY = 'causes';

/**
 * What must survive a restart and is no history: failed attempts and the times before which nothing is
 * asked. It lives in the state ref; failures that only the daemon's own configuration can mend are kept
 * in memory alone, so that a restart with another configuration tries at once.
 */
export class Attempts {
  readonly #attempts: Map<string, Attempt>;
  readonly #causes: Map<string, CauseRecord>;
  #version = 0;

  constructor(state: StateDocument) {
    this.#attempts = readAttempts(state[STATE_KEY]);
    this.#causes = readCauseRecords(state[CAUSES_KEY]);
  }

  /** Changes with every attempt that is recorded or forgotten. */
  get version(): number {
    return this.#version;
  }

  /** Every object that has failed since it last succeeded. */
  entries(): IterableIterator<[string, Attempt]> {
    return this.#attempts.entries();
  }

  /** What is remembered of a cause by its key. */
  cause(key: string | undefined): CauseRecord | undefined {
    return key === undefined ? undefined : this.#causes.get(key);
  }

  /** What an object failed for last. */
  causeOf(key: string): CauseRecord | undefined {
    return this.cause(this.#attempts.get(key)?.cause);
  }

  get(key: string): Attempt | undefined {
    return this.#attempts.get(key);
  }

  /** The earliest time at which a failed attempt may be made again. */
  failure(key: string): ObservedFailure | undefined {
    return this.#attempts.get(key);
  }

  /** Records a failure for a cause and gives the change of the state document, where it belongs there. */
  record(
    key: string,
    attempt: Omit<Attempt, 'cause'>,
    isConfiguration: boolean,
    cause?: CauseRecord | undefined,
  ): StateChange | undefined {
    const recorded = { ...attempt, cause: cause?.cause.key };
    const former = this.#attempts.get(key)?.cause;
    this.#attempts.set(key, recorded);
    if (cause !== undefined) this.#causes.set(cause.cause.key, cause);
    this.#drop(former);
    return isConfiguration ? undefined : (state) => withAttempt(state, key, recorded, cause);
  }

  /** The change of the state document that forgets an object's failures; undefined where there are none. */
  clearing(key: string): StateChange | undefined {
    return this.#attempts.has(key) ? (state) => withAttempt(state, key, undefined) : undefined;
  }

  /** Forgets the failures of an object, here and by the change that is given. */
  clear(key: string): StateChange | undefined {
    const change = this.clearing(key);
    const former = this.#attempts.get(key)?.cause;
    if (this.#attempts.delete(key)) this.#drop(former);
    return change;
  }

  /** Forgets, in memory, the failures that `isMended` accepts: the next look tries again. */
  forget(isMended: (attempt: Attempt) => boolean): readonly string[] {
    const mended = [...this.#attempts].filter(([, attempt]) => isMended(attempt));
    for (const [key] of mended) this.#attempts.delete(key);
    for (const former of new Set(mended.map(([, { cause }]) => cause))) this.#drop(former);
    return mended.map(([key]) => key);
  }

  /** A cause is remembered while anything on record failed for it. */
  #drop(former: string | undefined): void {
    this.#version += 1;
    if (former === undefined) return;
    for (const { cause } of this.#attempts.values()) if (cause === former) return;
    this.#causes.delete(former);
  }
}

function withAttempt(
  state: StateDocument,
  key: string,
  attempt: Attempt | undefined,
  cause?: CauseRecord | undefined,
): StateDocument {
  const { [key]: before, ...others } = plainMap(state[STATE_KEY]);
  const attempts = attempt === undefined ? others : { ...others, [key]: renderAttempt(attempt) };
  const { [CAUSES_KEY]: causesBefore, ...rest } = state;
  let causes = plainMap(causesBefore);
  const former = plainMap(before).cause;
  const isOver = former !== attempt?.cause && typeof former === 'string' && former in causes;
  if (isOver && !Object.values(attempts).some((entry) => plainMap(entry).cause === former)) {
    const { [former]: _, ...left } = causes;
    causes = left;
  }
  if (cause !== undefined) {
    causes = boundCauseRecords({ ...causes, [cause.cause.key]: renderCauseRecord(cause) });
  }
  if (Object.keys(causes).length === 0) return { ...rest, [STATE_KEY]: attempts };
  return { ...rest, [STATE_KEY]: attempts, [CAUSES_KEY]: causes };
}

function renderAttempt(attempt: Attempt) {
  return {
    attempts: attempt.attempts,
    ...(attempt.waits === 0 ? {} : { waits: attempt.waits }),
    failedAt: attempt.failedAt.toISOString(),
    ...(attempt.retryAt === undefined ? {} : { retryAt: attempt.retryAt.toISOString() }),
    requestHash: attempt.requestHash,
    issuerHash: attempt.issuerHash,
    code: attempt.code,
    ...(attempt.isIssuersWord ? { isIssuersWord: true } : {}),
    ...(attempt.cause === undefined ? {} : { cause: attempt.cause }),
    ...(attempt.retryRequestedAt === undefined
      ? {}
      : { retryRequestedAt: attempt.retryRequestedAt.toISOString() }),
  };
}

/** What cannot be read is left out: the worst that follows is an attempt made sooner. */
function readAttempts(value: unknown): Map<string, Attempt> {
  const attempts = new Map<string, Attempt>();
  for (const [key, entry] of Object.entries(plainMap(value))) {
    const fields = plainMap(entry);
    const { attempts: count, waits, failedAt, requestHash, issuerHash, code, isIssuersWord } = fields;
    const instant = (value: unknown) => (typeof value === 'string' ? parseInstant(value) : undefined);
    const failed = instant(failedAt);
    if (typeof count !== 'number' || failed === undefined) continue;
    attempts.set(key, {
      attempts: count,
      waits: typeof waits === 'number' ? waits : 0,
      failedAt: failed,
      retryAt: instant(fields.retryAt),
      requestHash: String(requestHash),
      issuerHash: String(issuerHash),
      code: String(code),
      isIssuersWord: isIssuersWord === true,
      retryRequestedAt: instant(fields.retryRequestedAt),
      cause: typeof fields.cause === 'string' ? fields.cause : undefined,
    });
  }
  return attempts;
}

function plainMap(value: unknown): Readonly<Record<string, unknown>> {
  // Checked right here: a plain object from JSON.
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}
