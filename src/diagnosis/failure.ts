import type { Explanation } from '../lib/errors.ts';

/**
 * What one failed attempt left to be understood: plain data, small enough to be kept in the state document. Words in
 * `problem`, `identifiers` and `observations` are strangers': bounded, on one line, and never to be rendered as they
 * are. Tokens, key authorizations and keys never stand in it.
 */
export interface Failure {
  /**
   * Stable code of the error: `issuers.validation-failed`, `solvers.tsig-unknown-key`, `sops.no-rule`. Of one that only
   * says what was being done (`issuers.registration-failed`) it is the code of what that came to nothing for.
   */
  readonly code: string;
  /** The error's own sentences for people; `why` may quote strangers. */
  readonly explanation: Explanation;
  /** Nothing but a change of the specification, the issuer or the account helps. */
  readonly isForGood: boolean;
  /** The other side named a time before which nothing is to be asked (Retry-After, a rate limit). */
  readonly notBefore?: Date | undefined;
  /** What was being done: `new order`, `order`, `registration`. */
  readonly step?: string | undefined;
  /** The CA's problem document, where it sent one. */
  readonly problem?: ToldProblem | undefined;
  /** What failed, name by name; at most 100. */
  readonly identifiers: readonly IdentifierFailure[];
  /** The solver that could not do its part, where one failed before the CA looked. */
  readonly solver?: SolverFailure | undefined;
  /** Whose doing it is, where the attempt knows and the code does not say: its issuer's, or the Certificate's alone. */
  readonly owner?: 'certificate' | 'issuer' | undefined;
  /** The sealed Secret that is missing or cannot be used: the path of its file, else `namespace/name`. */
  readonly secret?: string | undefined;
  /** What certops saw for itself when it failed. */
  readonly observations: readonly Observation[];
}

/** An RFC 7807 problem in the CA's words; `type` without `urn:ietf:params:acme:error:`. */
export interface ToldProblem {
  readonly type: string;
  readonly detail: string;
  /** HTTP status of the answer. */
  readonly status?: number | undefined;
  /** Boulder has paused the account for these names. */
  readonly isPaused?: boolean | undefined;
  /** An https URL that the CA wants a person to open. */
  readonly link?: string | undefined;
}

/** What a CA says about one name. */
export interface IdentifierFailure {
  /** The name as it was asked for, `*.` included; or an IP address. */
  readonly identifier: string;
  readonly challengeType?: 'http-01' | 'dns-01' | 'tls-alpn-01' | undefined;
  readonly problem: ToldProblem;
}

/** The solver that failed, as the issuer's manifest names it. */
export interface SolverFailure {
  readonly type: 'http-01' | 'dns-01';
  /** `rfc2136`. */
  readonly provider?: string | undefined;
  /** DNS server, as configured. */
  readonly server?: string | undefined;
  readonly zone?: string | undefined;
  /** Secret and key of its credential. */
  readonly credential?: { readonly name: string; readonly key: string } | undefined;
}

/** What an observation comes to; remedies and causes go by it. */
export type Finding =
  /** The name does not exist in DNS (NXDOMAIN at its zone's own servers). */
  | 'no-such-domain'
  /** The name exists and has no address. */
  | 'no-address'
  /** The record or answer that the CA looks for is there. */
  | 'as-expected'
  /** It is not there. */
  | 'missing'
  /** Something else is there: an old record, another server's page. */
  | 'something-else'
  /** Nobody answers: refused, reset, timed out. */
  | 'unreachable'
  /** CAA records name other CAs, or forbid the challenge or the account. */
  | 'caa-forbids'
  /** CAA records allow it, or there are none. */
  | 'caa-allows'
  /** The name presents a certificate that is not the one in force, from addresses that are not ours. */
  | 'served-elsewhere'
  /** The name presents the certificate in force. */
  | 'served-here'
  /** It could not be looked. */
  | 'unknown';

/** One thing that was looked at when an attempt failed. */
export interface Observation {
  readonly kind: 'dns' | 'caa' | 'http' | 'served';
  /** The name it is about, as in `IdentifierFailure`. */
  readonly identifier: string;
  /** For CAA: the name at which the records stand that decide, which may be a parent of `identifier`. */
  readonly at?: string | undefined;
  /** What was asked, in our words: `TXT _acme-challenge.example.com at ns1.example.com (192.0.2.1)`. */
  readonly asked: string;
  /** What was found; strangers' words, on one line of at most 300 characters. */
  readonly found: string;
  readonly finding: Finding;
}
