import { isTrue } from '../api/condition.ts';
import { SETTINGS_FILE } from '../api/manifest-paths.ts';
import type { ObjectName } from '../api/names.ts';
import type { Cause, CauseSubject } from '../diagnosis/cause.ts';
import { diagnoseObstacle } from '../diagnosis/diagnose-obstacle.ts';
import { earliest } from '../lib/clock.ts';
import type { Affected, OpenCause, PastAttempt } from '../proposals/open-cause.ts';
import type { Attempts } from './attempts.ts';
import type { Circuits } from './circuits.ts';
import { heldInWords } from './held-plan.ts';
import type { CertificateKey, IssuerKey } from './keys.ts';
import { rejectedKey } from './rejected-key.ts';
import type { SafetyRail } from './safety-rail.ts';
import type { Troubles } from './troubles.ts';
import type { World } from './world.ts';

export interface CausesParts {
  readonly world: World;
  readonly attempts: Attempts;
  readonly circuits: Circuits;
  readonly troubles: Troubles;
  readonly rail: Pick<SafetyRail, 'held'>;
}

/** One cause while it is being put together. */
interface Draft {
  cause: Cause;
  since: Date;
  attempts: number;
  nextAttemptAt: Date | undefined;
  isLimit: boolean;
  readonly affected: Set<CertificateKey>;
  lastAttempts: readonly PastAttempt[];
}

/**
 * Everything that stands in the way at the moment, cause by cause: failed attempts, what waits for them, what no
 * attempt was made for, and manifests that are not in force. Costs a walk over what fails, not over what exists.
 */
export function causesAtHand(parts: CausesParts, now: Date): readonly OpenCause[] {
  const drafts = new Map<string, Draft>();
  for (const find of [failedAttempts, waiting, standing, rejectedManifests, unserved, heldByRail]) {
    find(parts, drafts, now);
  }
  return [...drafts.values()].map((draft) => ({
    cause: draft.cause,
    since: draft.since,
    attempts: draft.attempts,
    nextAttemptAt: draft.nextAttemptAt,
    isLimit: draft.isLimit,
    affected: [...draft.affected].map((key) => affectedBy(parts.world, key)).sort(byEnd),
    lastAttempts: draft.lastAttempts,
  }));
}

function failedAttempts(
  { world, attempts, circuits }: CausesParts,
  drafts: Map<string, Draft>,
  now: Date,
): void {
  for (const [key, attempt] of attempts.entries()) {
    const record = attempts.cause(attempt.cause);
    if (record === undefined || !isDeclared(world, key) || awaitsItsKeyPair(world, key)) continue;
    if (isSuspended(world, key, now)) continue;
    const cause = circuits.zoneOf(key, record.cause) ?? record.cause;
    const draft = draftOf(drafts, cause, record.since);
    draft.nextAttemptAt = earliest(draft.nextAttemptAt, attempt.retryAt);
    draft.isLimit = draft.isLimit || attempt.isIssuersWord;
    if (cause === record.cause) {
      draft.attempts = record.attempts;
      draft.lastAttempts = record.lastAttempts;
    } else {
      draft.attempts += attempt.attempts;
      draft.lastAttempts = newest([...draft.lastAttempts, ...record.lastAttempts]);
    }
    if (isIssuer(key)) {
      for (const dependent of dependentsInNeed(world, key)) draft.affected.add(dependent);
    } else draft.affected.add(key);
  }
}

/** Those that wait for a circuit without having failed. */
function waiting({ attempts, circuits }: CausesParts, drafts: Map<string, Draft>, now: Date): void {
  for (const draft of drafts.values()) {
    const { key, scope } = draft.cause;
    if (scope === 'certificate' || scope === 'repository') continue;
    for (const held of circuits.heldFor(key)) draft.affected.add(held);
  }
  // A cause of a zone whose failures are all over has its Certificates all the same.
  for (const cause of circuits.all()) {
    if (drafts.has(cause.key)) continue;
    const draft = draftOf(drafts, cause, attempts.cause(cause.key)?.since ?? now);
    for (const held of circuits.heldFor(cause.key)) draft.affected.add(held);
    if (draft.affected.size === 0) drafts.delete(cause.key);
  }
}

/** What no attempt was made for. */
function standing({ world, troubles }: CausesParts, drafts: Map<string, Draft>): void {
  for (const [key, { cause, since }] of troubles.entries()) {
    if (!isDeclared(world, key)) continue;
    const draft = draftOf(drafts, cause, since);
    draft.affected.add(key);
  }
}

/** Documents and files that cannot be accepted as they are. */
function rejectedManifests({ world }: CausesParts, drafts: Map<string, Draft>, now: Date): void {
  for (const { path, problem } of world.desired.problems()) {
    if (problem.severity !== 'error') continue;
    const key = rejectedKey(problem);
    const subject = key === undefined ? fileSubject(path) : subjectOf(key);
    const { line, column } = problem.position;
    const { rule, field, message } = problem;
    const cause = diagnoseObstacle(
      rule === 'tenancy'
        ? { kind: 'not-allowed', path, message }
        : { kind: 'invalid', path, line, column, field, rule, message },
      { subject },
    );
    const draft = draftOf(drafts, cause, now);
    if (key === undefined) for (const one of certificatesOf(world, path)) draft.affected.add(one);
    else if (isIssuer(key)) for (const one of dependentsInNeed(world, key)) draft.affected.add(one);
    else draft.affected.add(key);
  }
}

/** Manifests that ask for what this version does not act on. */
function unserved({ world }: CausesParts, drafts: Map<string, Draft>, now: Date): void {
  const { desired, recorded } = world;
  const keys = [...recorded.certificates(), ...recorded.issuers()];
  for (const [key, { status }] of keys) {
    if (status.problem === undefined) continue;
    const declared = isIssuer(key) ? desired.issuers(key)[0] : desired.certificates(key)[0];
    if (declared === undefined || declared.object.unserved.length === 0) continue;
    const cause = diagnoseObstacle(
      { kind: 'not-served', path: declared.path, message: status.problem },
      { subject: subjectOf(key) },
    );
    const draft = draftOf(drafts, cause, now);
    if (isIssuer(key)) for (const one of dependentsInNeed(world, key)) draft.affected.add(one);
    else draft.affected.add(key);
  }
}

/** A large change that nobody has confirmed yet. */
function heldByRail({ rail: { held } }: CausesParts, drafts: Map<string, Draft>): void {
  if (held === undefined) return;
  const range = `${held.base.slice(0, 12)}..${held.at.slice(0, 12)}`;
  const cause = diagnoseObstacle(
    { kind: 'held', planId: held.id, message: `${heldInWords(held)}. Who asked for it: git log ${range}` },
    { subject: fileSubject(SETTINGS_FILE) },
  );
  const draft = draftOf(drafts, cause, held.since);
  for (const key of held.certificates) draft.affected.add(key);
}

function draftOf(drafts: Map<string, Draft>, cause: Cause, since: Date): Draft {
  const known = drafts.get(cause.key);
  if (known !== undefined) {
    if (since < known.since) known.since = since;
    return known;
  }
  const draft: Draft = {
    ...{ cause, since, attempts: 0, nextAttemptAt: undefined, isLimit: false },
    affected: new Set(),
    lastAttempts: [],
  };
  drafts.set(cause.key, draft);
  return draft;
}

/** Certificates of an issuer that want something of it: not ready, or due. */
function dependentsInNeed({ desired, recorded }: World, issuer: IssuerKey): readonly CertificateKey[] {
  return [...desired.dependents(issuer)].filter((key) => {
    const conditions = recorded.certificate(key)?.status.conditions ?? [];
    const isUnderWay = conditions.some(({ type }) => type === 'Issuing');
    return isUnderWay || !isTrue(conditions, 'Ready');
  });
}

/** A CA issuer whose key pair a Certificate of this repository is to bring: what stops that one is told of it. */
function awaitsItsKeyPair({ desired, settings, recorded }: World, key: string): boolean {
  const issuer = desired.issuers(key)[0]?.object;
  if (issuer?.spec.type !== 'ca') return false;
  const { clusterResourceNamespace } = settings;
  const namespace = issuer.kind === 'ClusterIssuer' ? clusterResourceNamespace : issuer.name.namespace;
  return desired
    .claimants(`${namespace}/${issuer.spec.secretName}`)
    .some((claimant) => recorded.certificate(claimant)?.status.issued === undefined);
}

/** Certificates that were accepted from a file last. */
function certificatesOf({ recorded }: World, path: string): readonly CertificateKey[] {
  return [...recorded.certificates()].flatMap(([key, { status }]) =>
    status.source?.path === path ? [key] : [],
  );
}

function affectedBy({ recorded }: World, key: CertificateKey): Affected {
  const issued = recorded.certificate(key)?.status.issued;
  const { notBefore, notAfter, renewalTime } = issued ?? {};
  return { name: nameOf(key), notBefore, notAfter, renewalTime };
}

/** Nearest end first; what was never issued comes last. */
function byEnd(a: Affected, b: Affected): number {
  const end = ({ notAfter }: Affected) => notAfter?.getTime() ?? Number.MAX_SAFE_INTEGER;
  const name = ({ name: { namespace, name: own } }: Affected) => `${namespace}/${own}`;
  return end(a) - end(b) || (name(a) < name(b) ? -1 : 1);
}

function newest(attempts: readonly PastAttempt[]): readonly PastAttempt[] {
  return [...attempts].sort((a, b) => b.at.getTime() - a.at.getTime()).slice(0, 5);
}

function isDeclared({ desired }: World, key: string): boolean {
  const declared = isIssuer(key) ? desired.issuers(key) : desired.certificates(key);
  return declared.length > 0 || desired.rejected(key) !== undefined;
}

/** Nothing is asked for it: what it failed for last stands in nobody's way. */
function isSuspended({ desired }: World, key: string, now: Date): boolean {
  const suspend = desired.certificates(key)[0]?.object.directives.suspend;
  return suspend !== undefined && (suspend.until === undefined || suspend.until > now);
}

function isIssuer(key: string): boolean {
  return key.includes(':');
}

/** The object of a key as causes name it. */
export function subjectOf(key: string): CauseSubject {
  const colon = key.indexOf(':');
  return { kind: colon < 0 ? 'Certificate' : key.slice(0, colon), ...nameOf(key.slice(colon + 1)) };
}

function fileSubject(path: string): CauseSubject {
  return { kind: 'File', namespace: '', name: path };
}

function nameOf(key: string): ObjectName {
  const slash = key.indexOf('/');
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
