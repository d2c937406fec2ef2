import type { DueTerms } from './renewal.ts';

/**
 * What stands at a Certificate's Secret path:
 * - `absent`: nothing.
 * - `issued`: the Secret that is on record for this Certificate.
 * - `other-certificate`: one that was issued for the Certificate `owner`.
 * - the rest: one that is not on record; what is wrong with it (`detail`), or nothing (`unrecorded`).
 */
export type ObservedSecret =
  | { readonly kind: 'absent' | 'issued' | 'unrecorded' }
  | { readonly kind: 'other-certificate'; readonly owner: string }
  | {
      readonly kind: 'missing-data' | 'invalid-key-pair' | 'invalid-certificate';
      readonly detail: string;
    };

/** What Git records about the certificate in force. */
export interface ObservedIssued extends DueTerms {
  /** `Kind/name` of the issuer it came from, `group` behind a dot where it is not cert-manager's. */
  readonly issuer: string;
  /** What told that issuer's server from another one then; undefined where it was not recorded. */
  readonly issuerIdentity?: string | undefined;
  /** Why its private key does not fit `spec.privateKey`, where it does not. */
  readonly keyMismatch?: string | undefined;
  /** Field paths of the specification that the last request does not fulfil. */
  readonly differences: readonly string[];
  /** The request on record cannot be read. */
  readonly hasUnreadableRequest?: boolean | undefined;
  /** Recipients of the sealed Secret that its rule names no longer. */
  readonly lostRecipients: readonly string[];
  /** The `certops.dev/renew-requested-at` that it answers. */
  readonly renewRequestedAt?: Date | undefined;
}

/** A Certificate's Secret beside what is wanted. */
export interface ObservedCertificate {
  readonly secret: ObservedSecret;
  readonly issued?: ObservedIssued | undefined;
  readonly wantedIssuer: string;
  /** Undefined while the issuer is not there. */
  readonly wantedIssuerIdentity?: string | undefined;
}

/** The last attempt that failed, if none succeeded since. */
export interface ObservedFailure {
  /** The specification it was made for; another one is tried at once. */
  readonly requestHash: string;
  /** The issuer's specification it was made with; another one is tried at once. */
  readonly issuerHash: string;
  /** Undefined: not before the specification or the issuer changes. */
  readonly retryAt?: Date | undefined;
  /** The issuer itself named `retryAt` (Retry-After, a limit): nobody's word makes it sooner. */
  readonly isIssuersWord: boolean;
  /** The `certops.dev/retry-requested-at` that the attempt was made under. */
  readonly retryRequestedAt?: Date | undefined;
}

/** What the Certificate's annotations ask for. */
export interface ObservedWishes {
  readonly suspend?: { readonly reason: string; readonly until?: Date | undefined } | undefined;
  readonly renewRequestedAt?: Date | undefined;
  readonly retryRequestedAt?: Date | undefined;
}

/** Everything that a decision about one Certificate is made from. */
export interface Observed extends ObservedCertificate, ObservedWishes {
  readonly failure?: ObservedFailure | undefined;
  readonly requestHash: string;
  readonly issuerHash: string;
}
