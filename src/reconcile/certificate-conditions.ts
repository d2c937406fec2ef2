import { type Condition, removeCondition, setCondition } from '../api/condition.ts';
import { readiness } from '../plan/assess.ts';
import type { ObservedCertificate } from '../plan/observed.ts';
import {
  type CertificateStatus,
  type IssuedFacts,
  type PreviousCertificate,
  renderCertificateStatus,
  type SuggestedWindow,
} from '../status/certificate-status.ts';
import type { CertificateCase } from './certificate-case.ts';
import type { Precondition, StateDocument } from './ports.ts';
import type { World } from './world.ts';

/** What every change of one Certificate is made from. */
export interface ChangeContext {
  readonly target: CertificateCase;
  readonly world: World;
  readonly now: Date;
  readonly preconditions: readonly Precondition[];
  readonly state?: ((state: StateDocument) => StateDocument) | undefined;
}

/** Why a Certificate is not ready or not issued, for its conditions and its commit. */
export interface Trouble {
  /** Reason of the `Issuing` condition, or of `Ready` where `blocksReady`. */
  readonly reason: string;
  readonly message: string;
  /** A few words for the subject line. */
  readonly summary: string;
  /** Whether the certificate in force stops counting as ready for it. */
  readonly blocksReady: boolean;
  readonly attempts: number;
  readonly lastFailureTime?: Date | undefined;
}

/** `waiting`: an attempt failed and another one is to come; `suspended`: none is to come, for this reason. */
export type NextAttempt = 'none' | 'waiting' | { readonly suspended: string };

/** The status of a certificate that was just put in force. */
export function settledStatus(
  context: ChangeContext,
  issued: IssuedFacts,
  suggestedWindow: SuggestedWindow | undefined,
): CertificateStatus {
  const { target } = context;
  const { wantedIssuer } = target.observed;
  const observed: ObservedCertificate = {
    secret: { kind: 'issued' },
    wantedIssuer,
    issued: { ...issued, issuer: wantedIssuer, differences: [], lostRecipients: [] },
  };
  return {
    ...statusBase(context),
    conditions: removeCondition(readyCondition(context, observed), 'Issuing'),
    issued: { ...issued, previous: previousOf(context) },
    suggestedWindow,
    nextPrivateKeySecretName: undefined,
    lastFailureTime: undefined,
    failedIssuanceAttempts: undefined,
  };
}

/** The certificate in force, as the next one will remember it. */
function previousOf({ target, world }: ChangeContext): PreviousCertificate | undefined {
  const { recorded, observed } = target;
  const issued = recorded?.status.issued;
  if (recorded === undefined || issued === undefined || observed.secret.kind !== 'issued') return undefined;
  const request = world.recorded
    .requests(target.key)
    .find((candidate) => candidate.revision === issued.revision);
  return request && { secretBlob: issued.secretBlob, statusBlob: recorded.blob, requestBlob: request.blob };
}

/** The status with what is to be said of the next attempt. */
export function statusOfAttempt(
  status: CertificateStatus,
  attempt: NextAttempt,
  now: Date,
): CertificateStatus {
  if (attempt === 'waiting') return status;
  // What is up to date has no attempt under way and none that failed; nor has what is suspended.
  const settled = {
    ...status,
    nextPrivateKeySecretName: undefined,
    lastFailureTime: undefined,
    failedIssuanceAttempts: undefined,
  };
  if (attempt === 'none') {
    return { ...settled, conditions: removeCondition(status.conditions, 'Issuing') };
  }
  const message = `Nothing is ordered: ${attempt.suspended}`;
  return {
    ...settled,
    conditions: setCondition(
      status.conditions,
      { type: 'Issuing', status: 'False', reason: 'Suspended', message },
      now,
    ),
  };
}

/** The status on record, for the specification as it is acted on now. */
export function statusBase({ target, now }: ChangeContext): CertificateStatus {
  const { recorded } = target;
  return {
    name: target.certificate.name,
    createdAt: recorded?.status.createdAt ?? now,
    conditions: recorded?.status.conditions ?? [],
    issued: recorded?.status.issued,
    lastFailureTime: recorded?.status.lastFailureTime,
    failedIssuanceAttempts: recorded?.status.failedIssuanceAttempts,
    nextPrivateKeySecretName: recorded?.status.nextPrivateKeySecretName,
    suggestedWindow: recorded?.status.suggestedWindow,
    // Nothing of another revision is said to be in force when only its place in history moved.
    source:
      recorded?.status.source?.specHash === target.source.specHash &&
      recorded.status.source.path === target.source.path
        ? recorded.status.source
        : target.source,
    problem: target.refusal?.message,
  };
}

/** The conditions on record with `Ready` as `observed` gives it. */
export function readyCondition(context: ChangeContext, observed: ObservedCertificate): readonly Condition[] {
  const { target, now } = context;
  const ready = readiness(observed, now);
  const refused = target.refusal?.reason === 'NotServed' ? target.refusal : undefined;
  return setCondition(
    target.recorded?.status.conditions ?? [],
    {
      type: 'Ready',
      status: ready.ready && refused === undefined ? 'True' : 'False',
      reason: refused?.reason ?? ready.reason,
      message: refused?.message ?? ready.message,
    },
    now,
  );
}

/** The conditions that tell of a trouble. */
export function troubleConditions(context: ChangeContext, trouble: Trouble): readonly Condition[] {
  const { reason, message } = trouble;
  const conditions = readyCondition(context, context.target.observed);
  return trouble.blocksReady
    ? setCondition(conditions, { type: 'Ready', status: 'False', reason, message }, context.now)
    : setCondition(conditions, { type: 'Issuing', status: 'False', reason, message }, context.now);
}

/** Whether two statuses mean the same to a reader: times of failures and counts of attempts do not count. */
export function saysTheSame(status: CertificateStatus, recorded: CertificateStatus | undefined): boolean {
  if (recorded === undefined) return false;
  const meaning = ({ lastFailureTime, failedIssuanceAttempts, ...rest }: CertificateStatus) =>
    renderCertificateStatus(rest);
  return meaning(status) === meaning(recorded);
}
