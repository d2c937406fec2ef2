/** When trying the same thing again makes sense. */
export type RetryAdvice =
  /** Not before a person changes the specification, the issuer or the configuration. */
  | { readonly when: 'never' }
  /** Later, after a wait that grows with each failure. */
  | { readonly when: 'backoff' }
  /** The other side named the earliest moment (Retry-After). */
  | { readonly when: 'not-before'; readonly at: Date }
  /** At once: the world moved on while we worked, and a new look is all that is needed. */
  | { readonly when: 'now' };

export type ErrorData = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** The words for people: what happened, why, and what to do next. Plain text, no secrets. */
export interface Explanation {
  readonly what: string;
  readonly why?: string | undefined;
  readonly next?: string | undefined;
}

export interface CertopsErrorOptions {
  readonly retry?: RetryAdvice;
  readonly data?: ErrorData;
  readonly cause?: unknown;
}

/**
 * The base of every error that certops raises on purpose.
 *
 * `code` is stable and is what code decides by (`room.what`, for example `store.push-rejected`);
 * nothing ever looks at `message`. Each error renders twice: `logFields` for operators, `explain`
 * for people.
 */
export class CertopsError extends Error {
  readonly code: string;
  readonly explanation: Explanation;
  readonly retry: RetryAdvice;
  readonly data: ErrorData;

  constructor(code: string, explanation: Explanation, options: CertopsErrorOptions = {}) {
    super(explanation.what, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.explanation = explanation;
    this.retry = options.retry ?? { when: 'backoff' };
    this.data = options.data ?? {};
  }

  /** For operators: flat fields for one log line. Values are data, never rendered text. */
  logFields(): Record<string, unknown> {
    const { cause } = this;
    return {
      code: this.code,
      error: this.explanation.what,
      ...(this.explanation.why === undefined ? {} : { why: this.explanation.why }),
      retry: this.retry.when === 'not-before' ? this.retry.at.toISOString() : this.retry.when,
      ...this.data,
      ...(cause instanceof Error ? { cause: cause.message } : {}),
    };
  }

  /** For people: the sentences that a terminal, a status or a pull request shows. */
  explain(): string {
    const { what, why, next } = this.explanation;
    return [what, why, next]
      .filter((part) => part !== undefined && part !== '')
      .map((part) => (/[.!?]$/.test(part as string) ? part : `${part}.`))
      .join(' ');
  }
}

/** Something that must not happen by our own reasoning: a defect, to be reported. */
export class InternalError extends CertopsError {
  constructor(what: string, options: CertopsErrorOptions = {}) {
    super(
      'internal',
      {
        what: `certops is wrong about something: ${what}`,
        next: 'Please report this with the log around it',
      },
      { retry: { when: 'backoff' }, ...options },
    );
  }
}

/** Gives any thrown value the shape of ours; what was never meant to be thrown becomes an InternalError. */
export function asCertopsError(thrown: unknown): CertopsError {
  if (thrown instanceof CertopsError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new InternalError(message, { cause: thrown });
}

/** Whether a thrown value is only the echo of an AbortSignal. */
export function isAbort(thrown: unknown): boolean {
  return thrown instanceof Error && (thrown.name === 'AbortError' || thrown.name === 'TimeoutError');
}
