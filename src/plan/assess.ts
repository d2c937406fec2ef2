import type { CertificateReason, OwnReason } from '../api/reasons.ts';
import { earliest, formatInstant } from '../lib/clock.ts';
import type { Observed, ObservedCertificate, ObservedFailure, ObservedIssued } from './observed.ts';
import { renewalDue } from './renewal.ts';

export interface IssueReason {
  readonly reason: CertificateReason | OwnReason;
  /** cert-manager's message for the `Issuing` condition. */
  readonly message: string;
}

export type Assessment =
  /** Up to date; `lookAgainAt` is when time makes it due, undefined where it never does. */
  | { readonly kind: 'up-to-date'; readonly lookAgainAt?: Date | undefined }
  | {
      readonly kind: 'issue';
      readonly because: IssueReason;
      /** The specification changed: an earlier certificate that fits it may take its place without an order. */
      readonly mayGoBack: boolean;
    }
  /** Due, but not to be tried before `until` (undefined: before something changes). */
  | { readonly kind: 'wait'; readonly because: IssueReason; readonly until?: Date | undefined }
  /** Nothing is ordered until `until` (undefined: before the annotation goes away). */
  | { readonly kind: 'suspended'; readonly reason: string; readonly until?: Date | undefined };

/**
 * Decides whether a certificate is issued now, later or not at all. Pure: the same facts and the same
 * time give the same answer. Reasons and their order are cert-manager's trigger policy chain, with two of
 * certops's own between the specification's reasons and time's.
 */
export function assess(observed: Observed, now: Date): Assessment {
  const { suspend } = observed;
  if (suspend !== undefined && (suspend.until === undefined || suspend.until > now)) {
    return { kind: 'suspended', reason: suspend.reason, until: suspend.until };
  }
  const found = reasonToIssue(observed, now);
  if (found === undefined) return { kind: 'up-to-date', lookAgainAt: nextLook(observed, now) };
  const { because, mayGoBack } = found;
  const { failure } = observed;
  if (failure !== undefined && isHeldBy(failure, observed, now)) {
    return { kind: 'wait', because, until: earliest(failure.retryAt, retryToCome(failure, observed, now)) };
  }
  return { kind: 'issue', because, mayGoBack };
}

/** Whether a failed attempt still forbids the next one. */
function isHeldBy(failure: ObservedFailure, observed: Observed, now: Date): boolean {
  const isSameAttempt =
    failure.requestHash === observed.requestHash && failure.issuerHash === observed.issuerHash;
  if (!isSameAttempt || (failure.retryAt !== undefined && failure.retryAt <= now)) return false;
  const asked = observed.retryRequestedAt;
  const isAskedAnew = asked !== undefined && asked <= now && !isSameInstant(asked, failure.retryRequestedAt);
  return !isAskedAnew || failure.isIssuersWord;
}

/** A retry that is asked for in advance. */
function retryToCome({ isIssuersWord }: ObservedFailure, observed: Observed, now: Date): Date | undefined {
  const asked = observed.retryRequestedAt;
  return asked !== undefined && asked > now && !isIssuersWord ? asked : undefined;
}

interface Found {
  readonly because: IssueReason;
  readonly mayGoBack: boolean;
}

function reasonToIssue(observed: Observed, now: Date): Found | undefined {
  const mismatched = mismatch(observed);
  if (mismatched !== undefined) {
    return { because: mismatched, mayGoBack: GOES_BACK.includes(mismatched.reason) };
  }
  const issued = observed.issued as ObservedIssued; // mismatch() has answered where there is none
  const because = askedFor(observed, issued, now) ?? timeIsUp(issued, now);
  return because && { because, mayGoBack: false };
}

/** What a specification can bring about, and its revert undo. */
const GOES_BACK: readonly string[] = ['IncorrectIssuer', 'SecretMismatch', 'RequestChanged'];

/** Why the certificate in force does not fit what is wanted, whatever the time (cert-manager's order). */
function mismatch(observed: ObservedCertificate): IssueReason | undefined {
  const { issued, secret } = observed;
  const isOnRecord = secret.kind === 'issued' && issued !== undefined;
  if (!isOnRecord) return secretTrouble(observed);
  if (issued.issuer !== observed.wantedIssuer) {
    return {
      reason: 'IncorrectIssuer',
      message: `Issuing certificate as Secret was previously issued by "${issued.issuer}"`,
    };
  }
  const { issuerIdentity } = issued;
  const wanted = observed.wantedIssuerIdentity;
  if (issuerIdentity !== undefined && wanted !== undefined && issuerIdentity !== wanted) {
    return {
      reason: 'IncorrectIssuer',
      message: `Issuing certificate as Secret was previously issued by "${issued.issuer}" as "${issuerIdentity}", which is "${wanted}" now`,
    };
  }
  if (issued.keyMismatch !== undefined) {
    return {
      reason: 'SecretMismatch',
      message: `Existing private key is not up to date for spec: [${issued.keyMismatch}]`,
    };
  }
  if (issued.hasUnreadableRequest === true) {
    return {
      reason: 'InvalidCertificateRequest',
      message: 'The CertificateRequest of the current revision cannot be read',
    };
  }
  if (issued.differences.length > 0) {
    return {
      reason: 'RequestChanged',
      message: `Fields on existing CertificateRequest resource not up to date: [${issued.differences.join(' ')}]`,
    };
  }
  if (issued.lostRecipients.length > 0) {
    return {
      reason: 'RecipientRemoved',
      message: `Issuing certificate with a new key as the Secret can be opened by a recipient that .sops.yaml names no longer: ${issued.lostRecipients.join(', ')}`,
    };
  }
  return undefined;
}

function secretTrouble({ secret, issued }: ObservedCertificate): IssueReason {
  switch (secret.kind) {
    case 'missing-data':
      return { reason: 'MissingData', message: `Issuing certificate as Secret ${secret.detail}` };
    case 'invalid-key-pair':
      return {
        reason: 'InvalidKeyPair',
        message: `Issuing certificate as Secret contains an invalid key-pair: ${secret.detail}`,
      };
    case 'invalid-certificate':
      return {
        reason: 'InvalidCertificate',
        message: `Issuing certificate as Secret contains an invalid certificate: ${secret.detail}`,
      };
    case 'other-certificate':
      return {
        reason: 'IncorrectCertificate',
        message: `Secret was issued for "${secret.owner}". If this message is not transient, you might have two conflicting Certificates pointing to the same secret.`,
      };
    case 'unrecorded':
      return {
        reason: 'SecretNotRecorded',
        message: 'Issuing certificate as nothing is on record of the one in the Secret',
      };
    case 'issued':
    case 'absent':
      return {
        reason: 'DoesNotExist',
        message:
          secret.kind === 'issued' && issued === undefined
            ? 'Issuing certificate as there is no record of one'
            : 'Issuing certificate as Secret does not exist',
      };
  }
}

function askedFor({ renewRequestedAt: asked }: Observed, issued: ObservedIssued, now: Date) {
  if (asked === undefined || asked > now || isSameInstant(asked, issued.renewRequestedAt)) return undefined;
  const reason = 'ManuallyTriggered';
  return {
    reason,
    message: `Certificate re-issuance manually triggered at ${formatInstant(asked)}`,
  } as const;
}

function timeIsUp(issued: ObservedIssued, now: Date): IssueReason | undefined {
  const { at } = renewalDue(issued, now);
  if (at === undefined || at > now) return undefined;
  if (issued.notAfter <= now) return expired(issued);
  return {
    reason: 'Renewing',
    message: `Renewing certificate as renewal was scheduled at ${formatInstant(at)}`,
  };
}

/** When time changes the answer: due, or asked for at a time that is still to come. */
function nextLook({ issued, renewRequestedAt }: Observed, now: Date): Date | undefined {
  const due = issued && renewalDue(issued, now).at;
  const asked = renewRequestedAt !== undefined && renewRequestedAt > now ? renewRequestedAt : undefined;
  return earliest(due, asked);
}

/** The `Ready` condition that the same facts give (cert-manager's readiness policy chain). */
export function readiness(
  observed: ObservedCertificate,
  now: Date,
): IssueReason & { readonly ready: boolean } {
  const mismatched = mismatch(observed);
  // Who may read a Secret says nothing about whether it serves.
  if (mismatched !== undefined && mismatched.reason !== 'RecipientRemoved') {
    return { ready: false, ...mismatched };
  }
  const issued = observed.issued as ObservedIssued; // mismatch() has answered where there is none
  if (issued.notAfter <= now) return { ready: false, ...expired(issued) };
  return { ready: true, reason: 'Ready', message: 'Certificate is up to date and has not expired' };
}

function expired(issued: ObservedIssued): IssueReason {
  return { reason: 'Expired', message: `Certificate expired on ${formatInstant(issued.notAfter)}` };
}

/** Equal to the second, which is what a status can hold. */
function isSameInstant(a: Date, b: Date | undefined): boolean {
  return b !== undefined && formatInstant(a) === formatInstant(b);
}
