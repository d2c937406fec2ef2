import { parseInstant } from '../lib/clock.ts';
import type { ObservedFailure } from '../plan/observed.ts';
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
}

type StateChange = (state: StateDocument) => StateDocument;

const STATE_KEY = 'attempts';

/**
 * What must survive a restart and is no history: failed attempts and the times before which nothing is
 * asked. It lives in the state ref; failures that only the daemon's own configuration can mend are kept
 * in memory alone, so that a restart with another configuration tries at once.
 */
export class Attempts {
  readonly #attempts: Map<string, Attempt>;

  constructor(state: StateDocument) {
    this.#attempts = readAttempts(state[STATE_KEY]);
  }

  get(key: string): Attempt | undefined {
    return this.#attempts.get(key);
  }

  /** The earliest time at which a failed attempt may be made again. */
  failure(key: string): ObservedFailure | undefined {
    return this.#attempts.get(key);
  }

  /** Records a failure and gives the change of the state document, where it belongs there. */
  record(key: string, attempt: Attempt, isConfiguration: boolean): StateChange | undefined {
    this.#attempts.set(key, attempt);
    return isConfiguration ? undefined : (state) => withAttempt(state, key, attempt);
  }

  /** The change of the state document that forgets an object's failures; undefined where there are none. */
  clearing(key: string): StateChange | undefined {
    return this.#attempts.has(key) ? (state) => withAttempt(state, key, undefined) : undefined;
  }

  /** Forgets the failures of an object, here and by the change that is given. */
  clear(key: string): StateChange | undefined {
    const change = this.clearing(key);
    this.#attempts.delete(key);
    return change;
  }

  /** Forgets, in memory, the failures that `isMended` accepts: the next look tries again. */
  forget(isMended: (attempt: Attempt) => boolean): readonly string[] {
    const keys = [...this.#attempts].filter(([, attempt]) => isMended(attempt)).map(([key]) => key);
    for (const key of keys) this.#attempts.delete(key);
    return keys;
  }
}

function withAttempt(state: StateDocument, key: string, attempt: Attempt | undefined): StateDocument {
  const { [key]: _, ...others } = plainMap(state[STATE_KEY]);
  const attempts = attempt === undefined ? others : { ...others, [key]: renderAttempt(attempt) };
  return { ...state, [STATE_KEY]: attempts };
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
