import { CertopsError, type CertopsErrorOptions, type Explanation } from '../lib/errors.ts';

/** Every way in which a forge fails; docs/errors.md explains them. */
export type ForgeErrorCode =
  /** Network, time-out, 5xx. */
  | 'forge.unreachable'
  /** 429, and a 403 that is a limit; `retry` says when. */
  | 'forge.rate-limited'
  /** 401, and a 403 that is no limit. */
  | 'forge.unauthorized'
  /** 404: not there, or not to be seen with this token. */
  | 'forge.not-found'
  /** 409, 422 and other refusals, with the forge's words in `why`. */
  | 'forge.refused'
  /** Not what is documented: no JSON, another shape, too long, a redirect elsewhere. */
  | 'forge.bad-answer'
  /** The configuration names no forge that could be asked. */
  | 'forge.bad-configuration';

export interface ForgeErrorOptions extends CertopsErrorOptions {
  /** HTTP status of the answer, where there was one. */
  readonly status?: number | undefined;
  /** The answer's body, parsed where it is JSON; a stranger's, for deciding by documented fields and never shown. */
  readonly answer?: unknown;
}

/** Why a forge did not do what was asked. No message holds a token. */
export class ForgeError extends CertopsError {
  declare readonly code: ForgeErrorCode;
  readonly status: number | undefined;
  readonly answer: unknown;

  constructor(code: ForgeErrorCode, explanation: Explanation, options: ForgeErrorOptions = {}) {
    const { status, answer, ...rest } = options;
    super(code, explanation, {
      ...rest,
      data: { ...rest.data, ...(status === undefined ? {} : { status }) },
    });
    this.status = status;
    // Not enumerable: whatever prints an error does not print a stranger's page.
    Object.defineProperty(this, 'answer', { value: answer, enumerable: false });
  }
}

/** `forge.bad-answer` of an answer that is longer than it may be, to a request that was taken (2xx). */
export class AnswerTooLong extends ForgeError {
  constructor(explanation: Explanation, options: ForgeErrorOptions = {}) {
    super('forge.bad-answer', explanation, options);
  }
}

/** Whether something thrown is a ForgeError with one of these HTTP statuses. */
export function hasStatus(thrown: unknown, ...statuses: readonly number[]): thrown is ForgeError {
  return thrown instanceof ForgeError && thrown.status !== undefined && statuses.includes(thrown.status);
}

/**
 * What to throw for something that a forge's client library threw: the signal's reason once it has fired, the ForgeError
 * that the library wrapped (it came out of our `fetch`), an error of ours as it is, and else `forge.bad-answer`, since
 * the library choked on an answer. The library's own error goes no further: it holds request headers.
 */
export function asForgeError(thrown: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  let wrapped: unknown = thrown;
  for (let depth = 0; depth < 5 && wrapped instanceof Error; depth++) {
    if (wrapped instanceof CertopsError) return wrapped;
    wrapped = wrapped.cause;
  }
  return new ForgeError('forge.bad-answer', {
    what: 'The forge answered what its client cannot read',
    why: thrown instanceof Error ? thrown.name : typeof thrown,
    next: 'Check that the URL of the forge is that of its API, and that no proxy answers in its place',
  });
}

/** What was listed as open is so no more: a person's doing, which is looked at before anything is done about it. */
export function closedMeanwhile(number: number): ForgeError {
  return new ForgeError(
    'forge.refused',
    {
      what: `Somebody has closed or merged pull request ${number} since it was listed`,
      next: 'Nothing: it is looked at again',
    },
    { retry: { when: 'now' }, data: { pullRequest: number } },
  );
}
