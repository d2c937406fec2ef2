import { type Condition, removeCondition, setCondition } from '../api/condition.ts';
import { formatIssuerRef, formatObjectName } from '../api/names.ts';
import { formatInstant } from '../lib/clock.ts';
import type { Explanation } from '../lib/errors.ts';
import { type IssueReason, type ObservedCertificate, readiness } from '../plan/assess.ts';
import {
  type CertificateStatus,
  type IssuedFacts,
  renderCertificateStatus,
} from '../status/certificate-status.ts';
import { renderCommitMessage } from '../status/commit-message.ts';
import { type RequestRecord, renderRequestRecord, requestName } from '../status/request-document.ts';
import type { CertificateCase } from './certificate-case.ts';
import type { ChangeSet, FileChange, Precondition, StateDocument } from './ports.ts';
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

/** *Start*: the request with its order, and the sealed next key, before anything irrevocable is asked. */
export function startChange(
  context: ChangeContext,
  because: IssueReason,
  request: RequestRecord,
  sealedKey: string,
): ChangeSet {
  const { target, world, now } = context;
  const name = target.certificate.name;
  const conditions = setCondition(
    readyCondition(context, target.observed),
    { type: 'Issuing', status: 'True', reason: because.reason, message: because.message },
    now,
  );
  return changeSet(context, 'start', {
    subject: `Start ${formatObjectName(name)} (${because.reason})`,
    body: because.message,
    reason: because.reason,
    revision: request.revision,
    files: [
      { path: world.paths.request(name, request.revision), content: renderRequestRecord(request) },
      { path: world.paths.requestKey(name, request.revision), content: sealedKey },
      statusFile(context, {
        ...statusBase(context),
        conditions,
        nextPrivateKeySecretName: requestName(name, request.revision).name,
      }),
    ],
  });
}

/** *Issue*: the Secret, the status, the closed request; the next key's file goes away. */
export function issueChange(
  context: ChangeContext,
  because: IssueReason,
  request: RequestRecord,
  issued: IssuedFacts,
  sealedSecret: string,
  renewal: Date,
): ChangeSet {
  const { target, world } = context;
  const { name, spec } = target.certificate;
  const observed: ObservedCertificate = {
    secret: 'issued',
    wantedIssuer: target.observed.wantedIssuer,
    issued: {
      issuer: target.observed.wantedIssuer,
      notBefore: issued.notBefore,
      notAfter: issued.notAfter,
      renewalTime: renewal,
      issuedAt: issued.issuedAt,
      differences: [],
    },
  };
  const isRenewal = because.reason === 'Renewing' || because.reason === 'Expired';
  const others = world.recorded.requests(target.key).filter(({ revision }) => revision !== request.revision);
  const outdated = others.filter(({ revision }) => revision <= request.revision - spec.revisionHistoryLimit);
  return changeSet(context, 'issue', {
    subject: `${isRenewal ? 'Renew' : 'Issue'} ${formatObjectName(name)}`,
    body: `${because.message}.\nValid from ${formatInstant(issued.notBefore)} to ${formatInstant(issued.notAfter)}, to be renewed at ${formatInstant(renewal)}.`,
    reason: because.reason,
    revision: request.revision,
    issued,
    events: events(request),
    files: [
      {
        path: world.paths.secret({ namespace: name.namespace, name: spec.secretName }),
        content: sealedSecret,
      },
      { path: world.paths.request(name, request.revision), content: renderRequestRecord(request) },
      ...removeKey(context, request.revision),
      ...outdated.flatMap(({ revision }) => removeRequest(context, revision)),
      statusFile(context, {
        ...statusBase(context),
        conditions: removeCondition(readyCondition(context, observed), 'Issuing'),
        issued: { ...issued, renewalTime: renewal },
        lastFailureTime: undefined,
        failedIssuanceAttempts: undefined,
      }),
    ],
  });
}

/**
 * *Fail*: what went wrong, in the status; the request closed with it where `closed` is given.
 * Undefined when all of it is on record already and nothing is to be closed.
 */
export function failChange(
  context: ChangeContext,
  trouble: Trouble,
  closed: RequestRecord | undefined,
): ChangeSet | undefined {
  const { target, world } = context;
  const { name } = target.certificate;
  const status: CertificateStatus = {
    ...statusBase(context),
    conditions: troubleConditions(context, trouble),
    lastFailureTime: trouble.lastFailureTime,
    failedIssuanceAttempts: trouble.attempts,
    nextPrivateKeySecretName:
      closed === undefined ? target.recorded?.status.nextPrivateKeySecretName : undefined,
  };
  if (closed === undefined && saysTheSame(status, target.recorded?.status)) return undefined;
  const revision = closed?.revision ?? (target.recorded?.status.issued?.revision ?? 0) + 1;
  return changeSet(context, 'other', {
    subject: `Fail ${formatObjectName(name)}: ${trouble.summary}`,
    body: trouble.message,
    reason: trouble.reason,
    revision,
    files: [
      ...(closed === undefined
        ? []
        : [
            { path: world.paths.request(name, closed.revision), content: renderRequestRecord(closed) },
            ...removeKey(context, closed.revision),
          ]),
      statusFile(context, status),
    ],
  });
}

/** A status whose meaning changed without anything being issued; undefined when it did not change. */
export function updateChange(
  context: ChangeContext,
  secret: { readonly content: string; readonly blob: string } | undefined,
  abandoned: readonly FileChange[],
  isWaiting: boolean,
): ChangeSet | undefined {
  const { target, world } = context;
  const { name, spec } = target.certificate;
  const { issued: recorded } = target.recorded?.status ?? {};
  const { issued: observed } = target.observed;
  const issued =
    recorded === undefined || observed === undefined
      ? recorded
      : {
          ...recorded,
          renewalTime: observed.renewalTime,
          secretBlob: secret?.blob ?? recorded.secretBlob,
          requestHash: observed.differences.length === 0 ? target.requestHash : recorded.requestHash,
        };
  const conditions = readyCondition(context, target.observed);
  const base = { ...statusBase(context), issued };
  // What is up to date has no attempt under way and none that failed.
  const status: CertificateStatus = isWaiting
    ? { ...base, conditions }
    : {
        ...base,
        conditions: removeCondition(conditions, 'Issuing'),
        nextPrivateKeySecretName: undefined,
        lastFailureTime: undefined,
        failedIssuanceAttempts: undefined,
      };
  const isKnown = secret === undefined && abandoned.length === 0;
  if (isKnown && saysTheSame(status, target.recorded?.status)) return undefined;
  const files: FileChange[] = [...abandoned, statusFile(context, status)];
  if (secret !== undefined) {
    files.unshift({
      path: world.paths.secret({ namespace: name.namespace, name: spec.secretName }),
      content: secret.content,
    });
  }
  const ready = readiness(target.observed, context.now);
  return changeSet(context, 'other', {
    subject: `Update ${formatObjectName(name)}`,
    body: ready.message,
    reason: ready.reason,
    revision: recorded?.revision,
    files,
  });
}

function statusBase({ target, now }: ChangeContext): CertificateStatus {
  const { recorded } = target;
  return {
    name: target.certificate.name,
    createdAt: recorded?.status.createdAt ?? now,
    conditions: recorded?.status.conditions ?? [],
    issued: recorded?.status.issued,
    lastFailureTime: recorded?.status.lastFailureTime,
    failedIssuanceAttempts: recorded?.status.failedIssuanceAttempts,
    // Nothing of another revision is said to be in force when only its place in history moved.
    source:
      recorded?.status.source?.specHash === target.source.specHash &&
      recorded.status.source.path === target.source.path
        ? recorded.status.source
        : target.source,
    problem: target.refusal?.message,
  };
}

function readyCondition(context: ChangeContext, observed: ObservedCertificate): readonly Condition[] {
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

function troubleConditions(context: ChangeContext, trouble: Trouble): readonly Condition[] {
  const { reason, message } = trouble;
  const conditions = readyCondition(context, context.target.observed);
  return trouble.blocksReady
    ? setCondition(conditions, { type: 'Ready', status: 'False', reason, message }, context.now)
    : setCondition(conditions, { type: 'Issuing', status: 'False', reason, message }, context.now);
}

/** Whether two statuses mean the same to a reader: times of failures and counts of attempts do not count. */
function saysTheSame(status: CertificateStatus, recorded: CertificateStatus | undefined): boolean {
  if (recorded === undefined) return false;
  const meaning = ({ lastFailureTime, failedIssuanceAttempts, ...rest }: CertificateStatus) =>
    renderCertificateStatus(rest);
  return meaning(status) === meaning(recorded);
}

function statusFile({ world }: ChangeContext, status: CertificateStatus): FileChange {
  return { path: world.paths.certificateStatus(status.name), content: renderCertificateStatus(status) };
}

function removeKey({ target, world }: ChangeContext, revision: number): readonly FileChange[] {
  const { name } = target.certificate;
  return [{ path: world.paths.requestKey(name, revision), remove: true }];
}

export function removeRequest(
  { target, world }: Pick<ChangeContext, 'target' | 'world'>,
  revision: number,
): readonly FileChange[] {
  const { name } = target.certificate;
  const key = world.recorded.requestKeyBlob(name, revision);
  return [
    { path: world.paths.request(name, revision), remove: true },
    ...(key === undefined ? [] : [{ path: world.paths.requestKey(name, revision), remove: true as const }]),
  ];
}

function events({ order, certificate, revision }: RequestRecord): readonly string[] {
  if (order === undefined) return [];
  return [
    `Created Order ${certificate.name}-${revision}`,
    ...order.authorizations.flatMap(({ identifier, wildcard, challenge }) =>
      challenge === undefined
        ? []
        : [`Presented ${challenge.type.toUpperCase()} for ${wildcard ? '*.' : ''}${identifier}`],
    ),
  ];
}

interface ChangeParts {
  readonly subject: string;
  readonly body: string;
  readonly reason: string;
  readonly revision?: number | undefined;
  readonly issued?: IssuedFacts;
  readonly events?: readonly string[];
  readonly files: readonly FileChange[];
}

function changeSet(context: ChangeContext, label: ChangeSet['label'], parts: ChangeParts): ChangeSet {
  const { target, world, preconditions, state } = context;
  const { issued } = parts;
  return {
    label,
    message: renderCommitMessage({
      subject: parts.subject,
      body: parts.body,
      suffix: world.settings.commit.trailer,
      trailers: {
        'Certops-Certificate': formatObjectName(target.certificate.name),
        'Certops-Revision': parts.revision === undefined ? undefined : String(parts.revision),
        'Certops-Reason': parts.reason,
        'Certops-Issuer': formatIssuerRef(target.certificate.spec.issuerRef),
        'Certops-Serial': issued?.serialNumber,
        'Certops-Fingerprint': issued && `SHA256:${issued.fingerprintSHA256}`,
        'Certops-Not-After': issued && formatInstant(issued.notAfter),
        'Certops-Source': target.source.commit,
        'Certops-Event': parts.events,
      },
    }),
    files: parts.files,
    preconditions,
    ...(state === undefined ? {} : { state }),
  };
}

/** The sentences of an error as one message for a condition. */
export function describeExplanation({ what, why, next }: Explanation): string {
  return [what, why, next].filter((part) => part !== undefined && part !== '').join('. ');
}
