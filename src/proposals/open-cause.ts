import type { ObjectName } from '../api/names.ts';
import type { Cause } from '../diagnosis/cause.ts';

/** One Certificate that a cause stops. */
export interface Affected {
  readonly name: ObjectName;
  /** Beginning of the certificate in use; undefined where there is none. */
  readonly notBefore?: Date | undefined;
  /** End of the certificate in use; undefined where there is none. */
  readonly notAfter?: Date | undefined;
  /** When it was, or is, to be renewed. */
  readonly renewalTime?: Date | undefined;
}

/** One attempt that failed for the cause. */
export interface PastAttempt {
  readonly at: Date;
  /** `web/www`, or the issuer. */
  readonly object: string;
  /** The error's first sentence; may quote strangers. */
  readonly what: string;
}

/** A cause that stands at the moment, with everything a pull request tells of it. */
export interface OpenCause {
  readonly cause: Cause;
  readonly since: Date;
  /** Attempts that came to nothing (not those that merely waited). */
  readonly attempts: number;
  /** When it is tried again by itself; undefined: not before something changes. */
  readonly nextAttemptAt?: Date | undefined;
  /** The CA named `nextAttemptAt`: a limit with a known end. */
  readonly isLimit: boolean;
  /** Nearest end first, never issued last. */
  readonly affected: readonly Affected[];
  /** Newest first, at most 5. */
  readonly lastAttempts: readonly PastAttempt[];
}
