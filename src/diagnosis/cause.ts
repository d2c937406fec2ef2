import type { Explanation } from '../lib/errors.ts';
import type { Failure, IdentifierFailure, Observation, ToldProblem } from './failure.ts';

/** What can heal it. */
export type CauseClass =
  /** Time alone: a rate limit, a CA that is away. */
  | 'time'
  /** The world outside: DNS, connections, CAA, a DNS server's credential. */
  | 'environment'
  /** A manifest. */
  | 'specification'
  /** A policy, or the request that it denies. */
  | 'policy'
  /** The account at the CA, or a person at its portal. */
  | 'account'
  /** `.sops.yaml`, a Secret, an identity. */
  | 'encryption';

/** How far it reaches: who else must fail for the same cause. */
export type CauseScope = 'certificate' | 'zone' | 'solver' | 'issuer' | 'repository';

/** The object that a cause belongs to, as the pull request's branch and title name it. */
export interface CauseSubject {
  /** `Certificate`, `Issuer`, `ClusterIssuer`, `File`. */
  readonly kind: string;
  /** Empty for a ClusterIssuer and a file. */
  readonly namespace: string;
  readonly name: string;
}

/**
 * Why Certificates fail: one for all that fail for the same. Its key is made of what makes it that cause (code, scope,
 * subject, zone or solver, names) and of nothing that changes between attempts, so it is the same after a restart on
 * another machine. What a CA could not validate is one cause as long as the same names fail, whatever the code that our
 * own look gives it this time. As JSON at most 14 KiB.
 */
export interface Cause {
  /** 64 hex digits. */
  readonly key: string;
  readonly class: CauseClass;
  readonly scope: CauseScope;
  readonly subject: CauseSubject;
  /** The issuer that was asked, where one was. */
  readonly issuer?: CauseSubject | undefined;
  /** DNS zone, for `scope: 'zone'`; and for a solver's where it is known. */
  readonly zone?: string | undefined;
  /** Stable and documented (`docs/failures.md`): `dns-credential-refused`, `caa-forbids`, `name-not-found`, … */
  readonly code: CauseCode;
  /** A few words of ours, without anything a stranger wrote: `the DNS server refuses the TSIG key`. */
  readonly title: string;
  /** Ours: what happened, why, what to do. Quotes nobody. */
  readonly explanation: Explanation;
  /** What else would heal it, a sentence each. */
  readonly otherCures: readonly string[];
  /** The CA's own words; of an obstacle its rule as `type`, and as `detail` where it stands and what was said. */
  readonly problem?: ToldProblem | undefined;
  /** At most 20. */
  readonly identifiers: readonly IdentifierFailure[];
  /** At most 20. */
  readonly observations: readonly Observation[];
}

/** Every cause there is; each has a row in `docs/failures.md`. */
export const CAUSE_CODES = [
  // time
  'rate-limited',
  'ca-unavailable',
  // environment
  'name-not-found',
  'name-without-address',
  'connection-failed',
  'wrong-answer',
  'dns-record-missing',
  'dns-servers-disagree',
  'dns-trouble',
  'caa-forbids',
  'tls-trouble',
  'validation-failed',
  'dns-server-unreachable',
  'dns-credential-refused',
  'dns-update-refused',
  'presenter-unavailable',
  // specification
  'manifest-invalid',
  'not-allowed-here',
  'not-served',
  'identifier-rejected',
  'request-refused',
  'no-solver',
  'no-challenge',
  'issuer-missing',
  'issuer-misconfigured',
  'secret-claimed',
  'secret-not-owned',
  'credential-missing',
  'profile-unknown',
  'wrong-certificate',
  'suspended-too-long',
  // policy
  'denied',
  'unapproved',
  'plan-held',
  // account
  'account-unusable',
  'account-binding-required',
  'paused',
  'action-required',
  // encryption
  'no-recipient',
  'sealing-rules-broken',
  'secret-unreadable',
  // anything else
  'unknown',
] as const;

export type CauseCode = (typeof CAUSE_CODES)[number];

/** What is known of the attempt besides the failure itself. */
export interface FailureContext {
  /** The Certificate that was tried; undefined where an issuer was set up. */
  readonly certificate?: { readonly namespace: string; readonly name: string } | undefined;
  readonly issuer: {
    readonly kind: 'Issuer' | 'ClusterIssuer';
    readonly namespace: string;
    readonly name: string;
    readonly type: string;
  };
  /** Where each solver is chosen from, for causes that belong to one: a stable name of it, such as `solvers[0]`. */
  readonly solverName?: string | undefined;
}

/** What stands in the way of a Certificate without any attempt: read from manifests, policies and records. */
export type Obstacle =
  | {
      readonly kind: 'invalid';
      readonly path: string;
      readonly line: number;
      readonly column: number;
      readonly field?: string | undefined;
      readonly rule: string;
      readonly message: string;
    }
  | { readonly kind: 'not-allowed'; readonly path: string; readonly message: string }
  | { readonly kind: 'not-served'; readonly path: string; readonly message: string }
  | { readonly kind: 'denied'; readonly message: string }
  | { readonly kind: 'unapproved'; readonly message: string }
  | { readonly kind: 'issuer-missing'; readonly message: string }
  | { readonly kind: 'secret-claimed'; readonly owner: string; readonly message: string }
  | { readonly kind: 'secret-not-owned'; readonly message: string }
  | { readonly kind: 'suspended'; readonly reason: string; readonly notAfter: Date }
  /** A change of many Certificates waits for a person's word (`spec.confirmed` of certops.yaml). */
  | { readonly kind: 'held'; readonly planId: string; readonly message: string };

/** An obstacle and the object it stands before. */
export interface ObstacleContext {
  readonly subject: CauseSubject;
  /** `ClusterIssuer/letsencrypt`, of the Certificate. */
  readonly issuer?: string | undefined;
}

export type { Failure };
