import { setCondition } from '../api/condition.ts';
import { formatIssuerRef, formatObjectName } from '../api/names.ts';
import { formatInstant } from '../lib/clock.ts';
import type { Explanation } from '../lib/errors.ts';
import { type IssueReason, readiness } from '../plan/assess.ts';
import type { ObservedIssued } from '../plan/observed.ts';
import { type Due, renewalDue } from '../plan/renewal.ts';
import {
  type CertificateStatus,
  type IssuedFacts,
  renderCertificateStatus,
  type SuggestedWindow,
} from '../status/certificate-status.ts';
import { renderCommitMessage } from '../status/commit-message.ts';
import { type RequestRecord, renderRequestRecord, requestName } from '../status/request-document.ts';
import type { CertificateCase } from './certificate-case.ts';
import {
  type ChangeContext,
  type NextAttempt,
  readyCondition,
  saysTheSame,
  settledStatus,
  statusBase,
  statusOfAttempt,
  type Trouble,
  troubleConditions,
} from './certificate-conditions.ts';
import type { EarlierCertificate } from './going-back.ts';
import type { ChangeSet, FileChange } from './ports.ts';
import type { RewrittenSecret } from './secret-rewriting.ts';

/**
 * *Start*: the request with its order, and the sealed next key, before anything irrevocable is asked; `standIn` is
 * the sealed Secret with a temporary certificate, where one is wanted.
 */
export function startChange(
  context: ChangeContext,
  because: IssueReason,
  request: RequestRecord,
  sealedKey: string,
  standIn: string | undefined,
): ChangeSet {
  const { target, world, now } = context;
  const { name, spec } = target.certificate;
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
      ...(standIn === undefined
        ? []
        : [
            {
              path: world.paths.secret({ namespace: name.namespace, name: spec.secretName }),
              content: standIn,
            },
          ]),
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
  issued: Omit<IssuedFacts, 'renewalTime' | 'previous'>,
  sealedSecret: string,
): ChangeSet {
  const { target, world } = context;
  const { name, spec } = target.certificate;
  const due = renewalDue({ ...issued, ...renewalWishes(target) }, context.now);
  const isRenewal = because.reason === 'Renewing' || because.reason === 'Expired';
  return changeSet(context, 'issue', {
    subject: `${isRenewal ? 'Renew' : 'Issue'} ${formatObjectName(name)}`,
    body: `${because.message}.\nValid from ${formatInstant(issued.notBefore)} to ${formatInstant(issued.notAfter)}, ${describeDue(due)}.`,
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
      ...removeOutdated(context, request.revision),
      statusFile(context, settledStatus(context, { ...issued, renewalTime: due.at }, undefined)),
    ],
  });
}

/** The earlier certificate takes its place again, as a new revision: its Secret, its request, its facts. */
export function restoreChange(
  context: ChangeContext,
  because: IssueReason,
  earlier: EarlierCertificate,
  rewritten: RewrittenSecret | undefined,
): ChangeSet {
  const { target, world, now } = context;
  const { name, spec } = target.certificate;
  const revision = (target.recorded?.status.issued?.revision ?? 0) + 1;
  // GoingBack finds no certificate without its facts.
  const recorded = { ...(earlier.status.issued as IssuedFacts), revision };
  const facts = { ...recorded, ...rewrittenFacts(rewritten) };
  const due = renewalDue({ ...facts, ...renewalWishes(target) }, now);
  const request = { ...earlier.request, revision };
  return changeSet(context, 'other', {
    subject: `Restore ${formatObjectName(name)}`,
    body: `${because.message}.\nThe certificate before that one fits again and is put back; nothing is ordered. It is valid to ${formatInstant(facts.notAfter)}, ${describeDue(due)}.`,
    reason: 'Restored',
    revision,
    issued: facts,
    files: [
      {
        path: world.paths.secret({ namespace: name.namespace, name: spec.secretName }),
        content: rewritten?.content ?? earlier.secret,
      },
      { path: world.paths.request(name, revision), content: renderRequestRecord(request) },
      // Of an attempt that was under way; its request has just been written over.
      ...(world.recorded.requestKeyBlob(name, revision) === undefined ? [] : removeKey(context, revision)),
      ...removeOutdated(context, revision),
      statusFile(
        context,
        settledStatus(context, { ...facts, renewalTime: due.at }, earlier.status.suggestedWindow),
      ),
    ],
  });
}

function rewrittenFacts(
  rewritten: RewrittenSecret | undefined,
): Partial<Pick<IssuedFacts, 'secretBlob' | 'contentHash' | 'recipients'>> {
  if (rewritten === undefined) return {};
  const { blob, contentHash, recipients } = rewritten;
  return { secretBlob: blob, contentHash, recipients };
}

function renewalWishes({ certificate: { spec } }: CertificateCase) {
  const { renewBeforeMs, renewBeforePercentage, renewal } = spec;
  return { renewBeforeMs, renewBeforePercentage, renewal };
}

function describeDue({ at, isWithoutWindow }: Due): string {
  if (at === undefined) return 'and not renewed by itself (renewal.policy is Disabled)';
  const when = `to be renewed at ${formatInstant(at)}`;
  return isWithoutWindow ? `${when}, since no window of renewal.windows opens in time (WindowError)` : when;
}

/** Requests older than `revisionHistoryLimit` keeps. */
function removeOutdated(context: ChangeContext, revision: number): readonly FileChange[] {
  const { target, world } = context;
  const limit = target.certificate.spec.revisionHistoryLimit;
  return world.recorded
    .requests(target.key)
    .filter((other) => other.revision !== revision && other.revision <= revision - limit)
    .flatMap((other) => removeRequest(context, other.revision));
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

/** What a status is brought up to date with. */
export interface Update {
  /** The Secret, where it is written anew without a new certificate. */
  readonly secret?: RewrittenSecret | undefined;
  /** Files of an attempt that is given up. */
  readonly abandoned: readonly FileChange[];
  readonly attempt: NextAttempt;
  /** The CA's newest word about when to renew; undefined: as on record. */
  readonly suggestedWindow?: SuggestedWindow | undefined;
}

/** A status whose meaning changed without anything being issued; undefined when it did not change. */
export function updateChange(
  context: ChangeContext,
  { secret, abandoned, attempt, suggestedWindow }: Update,
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
          renewalTime: renewalDue(observed, context.now).at,
          secretBlob: secret?.blob ?? recorded.secretBlob,
          contentHash: secret?.contentHash ?? recorded.contentHash,
          recipients: secret?.recipients ?? recorded.recipients,
          requestHash: isFulfilled(observed) ? target.requestHash : recorded.requestHash,
        };
  const conditions = readyCondition(context, target.observed);
  const base = statusBase(context);
  const known = { ...base, issued, suggestedWindow: suggestedWindow ?? base.suggestedWindow };
  const status = statusOfAttempt({ ...known, conditions }, attempt, context.now);
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

/** Whether certificate and key are what the specification asks for now, so that they need not be compared again. */
function isFulfilled({ differences, keyMismatch, hasUnreadableRequest }: ObservedIssued): boolean {
  return differences.length === 0 && keyMismatch === undefined && hasUnreadableRequest !== true;
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
  readonly issued?: Omit<IssuedFacts, 'renewalTime' | 'previous'>;
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
