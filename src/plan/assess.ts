import type { CertificateReason } from '../api/reasons.ts';
import { formatInstant } from '../lib/clock.ts';

/** What Git records about the certificate in force. */
export interface ObservedIssued {
  /** `Kind/name` of the issuer it came from, `group` behind a dot where it is not cert-manager's. */
  readonly issuer: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** By cert-manager's rule, for the specification in force now. */
  readonly renewalTime: Date;
  /** When it was committed. */
  readonly issuedAt: Date;
  /** Why its private key does not fit `spec.privateKey`, where it does not. */
  readonly keyMismatch?: string | undefined;
  /** Field paths of the specification that the last request does not fulfil. */
  readonly differences: readonly string[];
}

/** The last attempt that failed, if none succeeded since. */
export interface ObservedFailure {
  /** The specification it was made for; another one is tried at once. */
  readonly requestHash: string;
  /** The issuer's specification it was made with; another one is tried at once. */
  readonly issuerHash: string;
  /** Undefined: not before the specification or the issuer changes. */
  readonly retryAt?: Date | undefined;
}

/** A Certificate's Secret beside what is wanted. */
export interface ObservedCertificate {
  /** `absent`: nothing at the Secret's path. `issued`: the Secret that we wrote for this Certificate. */
  readonly secret: 'absent' | 'issued';
  readonly issued?: ObservedIssued | undefined;
  readonly wantedIssuer: string;
}

export interface Observed extends ObservedCertificate {
  readonly failure?: ObservedFailure | undefined;
  readonly requestHash: string;
  readonly issuerHash: string;
}

export interface IssueReason {
  readonly reason: CertificateReason;
  /** cert-manager's message for the `Issuing` condition. */
  readonly message: string;
}

export type Assessment =
  /** Up to date; `lookAgainAt` is when time makes it due. */
  | { readonly kind: 'up-to-date'; readonly lookAgainAt: Date }
  | { readonly kind: 'issue'; readonly because: IssueReason }
  /** Due, but not to be tried before `until` (undefined: before something changes). */
  | { readonly kind: 'wait'; readonly because: IssueReason; readonly until?: Date | undefined };

/**
 * Decides whether a certificate is issued now, later or not at all. Pure: the same facts and the same
 * time give the same answer. Reasons and their order are cert-manager's trigger policy chain.
 */
export function assess(observed: Observed, now: Date): Assessment {
  const because = reasonToIssue(observed, now);
  if (because === undefined) {
    return { kind: 'up-to-date', lookAgainAt: renewalDue(observed.issued as ObservedIssued) };
  }
  const { failure } = observed;
  const isSameAttempt =
    failure !== undefined &&
    failure.requestHash === observed.requestHash &&
    failure.issuerHash === observed.issuerHash;
  if (isSameAttempt && (failure.retryAt === undefined || failure.retryAt > now)) {
    return { kind: 'wait', because, until: failure.retryAt };
  }
  return { kind: 'issue', because };
}

/** When the certificate in force stops being good enough. */
export function renewalDue(issued: ObservedIssued): Date {
  // Loop guard: one that was already due when it arrived (a clock gone wrong, a CA with shorter lives
  // than asked) is kept until a third of its life has passed since then.
  if (issued.renewalTime <= issued.issuedAt) {
    const lifetimeMs = issued.notAfter.getTime() - issued.notBefore.getTime();
    return new Date(issued.issuedAt.getTime() + lifetimeMs / 3);
  }
  return issued.renewalTime;
}

/** Why the certificate in force does not fit what is wanted, whatever the time (cert-manager's order). */
function mismatch(observed: ObservedCertificate): IssueReason | undefined {
  const { issued } = observed;
  if (observed.secret === 'absent' || issued === undefined) {
    return { reason: 'DoesNotExist', message: 'Issuing certificate as Secret does not exist' };
  }
  if (issued.issuer !== observed.wantedIssuer) {
    return {
      reason: 'IncorrectIssuer',
      message: `Issuing certificate as Secret was previously issued by "${issued.issuer}"`,
    };
  }
  if (issued.keyMismatch !== undefined) {
    return {
      reason: 'SecretMismatch',
      message: `Existing private key is not up to date for spec: [${issued.keyMismatch}]`,
    };
  }
  if (issued.differences.length > 0) {
    return {
      reason: 'RequestChanged',
      message: `Fields on existing CertificateRequest resource not up to date: [${issued.differences.join(' ')}]`,
    };
  }
  return undefined;
}

function reasonToIssue(observed: Observed, now: Date): IssueReason | undefined {
  const mismatched = mismatch(observed);
  if (mismatched !== undefined) return mismatched;
  const issued = observed.issued as ObservedIssued; // mismatch() has answered where there is none
  const due = renewalDue(issued);
  if (due > now) return undefined;
  if (issued.notAfter <= now) return expired(issued);
  return {
    reason: 'Renewing',
    message: `Renewing certificate as renewal was scheduled at ${formatInstant(due)}`,
  };
}

/** The `Ready` condition that the same facts give (cert-manager's readiness policy chain). */
export function readiness(
  observed: ObservedCertificate,
  now: Date,
): IssueReason & { readonly ready: boolean } {
  const mismatched = mismatch(observed);
  if (mismatched !== undefined) return { ready: false, ...mismatched };
  const issued = observed.issued as ObservedIssued; // mismatch() has answered where there is none
  if (issued.notAfter <= now) return { ready: false, ...expired(issued) };
  return { ready: true, reason: 'Ready', message: 'Certificate is up to date and has not expired' };
}

function expired(issued: ObservedIssued): IssueReason {
  return { reason: 'Expired', message: `Certificate expired on ${formatInstant(issued.notAfter)}` };
}
