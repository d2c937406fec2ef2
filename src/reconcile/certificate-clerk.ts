import { setCondition } from '../api/condition.ts';
import { formatObjectName, type ObjectName } from '../api/names.ts';
import { IssuanceError } from '../issuers/issuer.ts';
import type { CertopsError } from '../lib/errors.ts';
import { gitBlobId } from '../lib/git-blob-id.ts';
import { Sensitive } from '../lib/sensitive.ts';
import { readPlainYaml } from '../lib/yaml-write.ts';
import { failureBackoffMs, LONGEST_BACKOFF_MS, later, unreachableBackoffMs } from '../plan/backoff.ts';
import { type CertificateStatus, renderCertificateStatus } from '../status/certificate-status.ts';
import { renderCommitMessage } from '../status/commit-message.ts';
import type { Refusal } from './acceptance.ts';
import type { Attempts } from './attempts.ts';
import type { CertificateCase } from './certificate-case.ts';
import {
  type ChangeContext,
  describeExplanation,
  failChange,
  removeRequest,
  type Trouble,
  updateChange,
} from './certificate-changes.ts';
import { certificateHash } from './desired-state.ts';
import { isConfigurationError, isEncryptionError, isStoreError } from './error-kinds.ts';
import type { Attempted } from './issuance.ts';
import type { IssuerCase } from './issuer-case.ts';
import { certificateKey } from './keys.ts';
import type { ChangeSet, FileChange, Ports, Precondition, StateDocument } from './ports.ts';
import { blobIs, manifestStands, manifestsUnchanged } from './preconditions.ts';
import { closeFailed } from './request-records.ts';
import { SETTLED, type Verdict } from './verdict.ts';
import type { World } from './world.ts';

const SEALED_MAX_BYTES = 1 << 20;

/** Writes down what is not an issuance: failures, refusals, changes of meaning, removals. */
export class CertificateClerk {
  readonly #ports: Ports;
  readonly #world: World;
  readonly #attempts: Attempts;
  readonly #examined: Precondition;

  constructor(ports: Ports, world: World, attempts: Attempts, examined: Precondition) {
    this.#ports = ports;
    this.#world = world;
    this.#attempts = attempts;
    this.#examined = examined;
  }

  /** Records a failed attempt, closes its request where it is over, and says when the next one may be made. */
  async fail(
    target: CertificateCase,
    issuer: IssuerCase,
    attempted: Attempted | undefined,
    error: CertopsError,
    signal: AbortSignal,
  ): Promise<void> {
    const now = this.#ports.clock.now();
    const isOver = error instanceof IssuanceError ? error.failsRequest : error.code.startsWith('pki.');
    const previous = this.#attempts.get(target.key);
    const isSame = previous?.requestHash === target.requestHash && previous.issuerHash === issuer.hash;
    const attempts = (isSame ? previous.attempts : 0) + 1;
    const isInUse = target.observed.issued !== undefined && !isConfigurationError(error);
    const retryAt = nextAttempt(error, { isOver, attempts, isInUse }, now);
    const name = formatObjectName(target.certificate.name);
    this.#ports.log.warn(
      {
        certificate: name,
        attempts,
        retryAt: retryAt?.toISOString() ?? 'when something changes',
        ...error.logFields(),
      },
      'a certificate could not be issued',
    );
    const state = this.#attempts.record(
      target.key,
      {
        ...{ attempts, failedAt: now, retryAt, code: error.code },
        ...{ requestHash: target.requestHash, issuerHash: issuer.hash },
      },
      isConfigurationError(error),
    );
    const explained = describeExplanation(error.explanation);
    const message = isOver
      ? `The certificate request has failed to complete and will be retried: ${explained}`
      : explained;
    const closed =
      attempted !== undefined && attempted.recordBlob !== null && isOver
        ? closeFailed(attempted.record, explained, now)
        : undefined;
    const stands =
      closed === undefined || attempted === undefined
        ? []
        : [blobIs(this.#world.paths.request(target.certificate.name, closed.revision), attempted.recordBlob)];
    const change = failChange(
      this.#context(target, [...stands], state),
      {
        reason: troubleReason(error, isOver),
        message,
        summary: error.explanation.what,
        blocksReady: false,
        attempts,
        lastFailureTime: now,
      },
      closed,
    );
    if (change !== undefined) await this.#ports.store.commit(change, signal);
    else if (state !== undefined) await this.#ports.store.updateState(state, signal);
  }

  /** Something stands in the way before anything is attempted: said once, and no attempt is counted. */
  trouble(target: CertificateCase, trouble: Omit<Trouble, 'attempts' | 'lastFailureTime'>): Verdict {
    const status = target.recorded?.status;
    const change = failChange(
      this.#context(target, []),
      { ...trouble, attempts: status?.failedIssuanceAttempts ?? 0, lastFailureTime: status?.lastFailureTime },
      undefined,
    );
    if (change === undefined) return SETTLED;
    return { kind: 'work', run: (signal) => this.#commit(change, signal) };
  }

  /** Records that no revision of this Certificate could ever be accepted. */
  async refuse(key: string, refusal: Refusal, signal: AbortSignal): Promise<void> {
    const now = this.#ports.clock.now();
    const slash = key.indexOf('/');
    const name = { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
    const recorded = this.#world.recorded.certificate(key);
    const status: CertificateStatus = {
      // What is on record of an earlier certificate stays: its Secret is still its own.
      ...recorded?.status,
      name,
      createdAt: recorded?.status.createdAt ?? now,
      conditions: setCondition(
        recorded?.status.conditions ?? [],
        { type: 'Ready', status: 'False', reason: refusal.reason, message: refusal.message },
        now,
      ),
      problem: refusal.message,
    };
    const path = this.#world.paths.certificateStatus(name);
    await this.#commit(
      {
        label: 'other',
        message: renderCommitMessage({
          subject: `Fail ${formatObjectName(name)}: ${refusal.message}`,
          body: refusal.message,
          suffix: this.#world.settings.commit.trailer,
          trailers: {
            'Certops-Certificate': formatObjectName(name),
            'Certops-Reason': refusal.reason,
            'Certops-Source': this.#world.commit,
          },
        }),
        files: [{ path, content: renderCertificateStatus(status) }],
        preconditions: [
          this.#examined,
          manifestsUnchanged(this.#world, this.#ports.store),
          blobIs(path, recorded?.blob ?? null),
        ],
      },
      signal,
    );
  }

  /** Whether the status says something else than what is so. */
  async needsUpdate(target: CertificateCase, isWaiting: boolean): Promise<boolean> {
    return (await this.#needsRewriting(target)) || this.#update(target, isWaiting, undefined) !== undefined;
  }

  async update(target: CertificateCase, isWaiting: boolean, signal: AbortSignal): Promise<void> {
    const change = this.#update(target, isWaiting, await this.#rewrittenSecret(target));
    if (change !== undefined) await this.#commit(change, signal);
  }

  /** Takes away what is recorded of a Certificate that is declared no more; its Secret only where `prune` says so. */
  async remove(status: CertificateStatus, signal: AbortSignal): Promise<void> {
    const { name, issued } = status;
    const { paths, recorded, settings } = this.#world;
    const key = certificateKey(name);
    const files: FileChange[] = [{ path: paths.certificateStatus(name), remove: true }];
    for (const { revision } of recorded.requests(key)) {
      files.push({ path: paths.request(name, revision), remove: true });
      if (recorded.requestKeyBlob(name, revision) !== undefined) {
        files.push({ path: paths.requestKey(name, revision), remove: true });
      }
    }
    const secret = issued && { namespace: name.namespace, name: issued.secretName };
    const isPruned =
      settings.output.prune &&
      secret !== undefined &&
      recorded.secretBlob(secret) === issued?.secretBlob &&
      // A renamed Certificate goes on with it.
      this.#world.desired.claimants(certificateKey(secret)).length === 0;
    if (isPruned) files.push({ path: paths.secret(secret), remove: true });
    const state = this.#attempts.clear(key);
    const path = paths.certificateStatus(name);
    const preconditions = [
      this.#examined,
      manifestsUnchanged(this.#world, this.#ports.store),
      blobIs(path, recorded.certificate(key)?.blob ?? null),
    ];
    if (isPruned) preconditions.push(blobIs(paths.secret(secret), issued?.secretBlob ?? null));
    await this.#commit(
      {
        label: 'other',
        message: renderCommitMessage({
          subject: `Remove ${formatObjectName(name)}`,
          body: `No manifest declares it any more. ${isPruned ? 'Its Secret goes with it.' : 'Its Secret stays.'}`,
          suffix: settings.commit.trailer,
          trailers: { 'Certops-Certificate': formatObjectName(name), 'Certops-Source': this.#world.commit },
        }),
        files,
        preconditions,
        ...(state === undefined ? {} : { state }),
      },
      signal,
    );
  }

  /** Whether the Secret at the path was issued for some Certificate, and so may be replaced by a new one. */
  async isAdoptable(target: CertificateCase): Promise<boolean> {
    if (target.secretBlob === undefined) return true;
    try {
      const metadata = await this.#clearMetadata(target.secretBlob);
      return metadata.annotations['cert-manager.io/certificate-name'] !== undefined;
    } catch (thrown) {
      // Whatever somebody put there: what cannot be read as ours is not ours.
      if (isStoreError(thrown)) throw thrown;
      return false;
    }
  }

  #update(
    target: CertificateCase,
    isWaiting: boolean,
    secret: { readonly content: string; readonly blob: string } | undefined,
  ): ChangeSet | undefined {
    const abandoned = isWaiting ? undefined : target.openRequest;
    return updateChange(
      this.#context(target, [
        blobIs(this.#world.paths.secret(secretName(target)), target.secretBlob ?? null),
      ]),
      secret,
      abandoned === undefined ? [] : removeRequest({ target, world: this.#world }, abandoned.revision),
      isWaiting,
    );
  }

  /** Whether the Secret lacks labels or annotations that `secretTemplate` asks for now. Opens nothing. */
  async #needsRewriting({ certificate, secretBlob, observed, recorded, declared }: CertificateCase) {
    const isUnchanged = recorded?.status.source?.specHash === declared.specHash;
    if (isUnchanged || observed.issued === undefined || secretBlob === undefined) return false;
    const now = await this.#clearMetadata(secretBlob);
    const wanted = this.#ports.secrets.certificateSecret(certificate, {});
    return JSON.stringify(clearOf(wanted)) !== JSON.stringify(now);
  }

  /** The Secret with the labels and annotations that `secretTemplate` asks for now; undefined when it has them. */
  async #rewrittenSecret(target: CertificateCase) {
    const { certificate, secretBlob } = target;
    if (secretBlob === undefined || !(await this.#needsRewriting(target))) return undefined;
    const { secrets, sealer, store, clock } = this.#ports;
    const name = secretName(target);
    const path = this.#world.paths.secret(name);
    const text = Buffer.from(await store.readBlob(secretBlob, SEALED_MAX_BYTES)).toString('utf8');
    const { data } = await sealer.open(text, path, name);
    const entries = [...data.reveal()].map(([key, value]) => [key, new Sensitive(value.toString('utf8'))]);
    const document = secrets.certificateSecret(certificate, Object.fromEntries(entries));
    const content = await sealer.seal(path, document, clock.now());
    return { content, blob: gitBlobId(content) };
  }

  async #clearMetadata(blob: string) {
    const bytes = await this.#ports.store.readBlob(blob, SEALED_MAX_BYTES);
    return clearOf(readPlainYaml(Buffer.from(bytes).toString('utf8'))[0]);
  }

  #context(
    target: CertificateCase,
    preconditions: readonly Precondition[],
    state?: (state: StateDocument) => StateDocument,
  ): ChangeContext {
    return {
      target,
      world: this.#world,
      now: this.#ports.clock.now(),
      state,
      preconditions: [
        this.#examined,
        manifestStands(target.declared, this.#world, this.#ports.readManifests, certificateHash),
        blobIs(this.#world.paths.certificateStatus(target.certificate.name), target.recorded?.blob ?? null),
        ...preconditions,
      ],
    };
  }

  async #commit(change: ChangeSet, signal: AbortSignal): Promise<void> {
    await this.#ports.store.commit(change, signal);
  }
}

function secretName({ certificate: { name, spec } }: CertificateCase): ObjectName {
  return { namespace: name.namespace, name: spec.secretName };
}

/** When the next attempt may be made; undefined: not before something changes. */
function nextAttempt(
  error: CertopsError,
  { isOver, attempts, isInUse }: { isOver: boolean; attempts: number; isInUse: boolean },
  now: Date,
): Date | undefined {
  switch (error.retry.when) {
    case 'never':
      // A certificate in use is never given up on one answer: cert-manager's longest wait, and again.
      return isInUse ? new Date(now.getTime() + LONGEST_BACKOFF_MS) : undefined;
    case 'not-before':
      // "At once" is an answer, too; it must not become hammering.
      return later(error.retry.at, new Date(now.getTime() + unreachableBackoffMs(attempts)));
    case 'now':
      return attempts === 1 ? now : new Date(now.getTime() + unreachableBackoffMs(attempts));
    case 'backoff':
      return new Date(now.getTime() + (isOver ? failureBackoffMs(attempts) : unreachableBackoffMs(attempts)));
  }
}

function troubleReason(error: CertopsError, isOver: boolean): string {
  if (isEncryptionError(error)) return 'EncryptionUnavailable';
  if (error.code === 'issuers.no-presenter') return 'PresenterUnavailable';
  return isOver ? 'Failed' : 'IssuerUnreachable';
}

interface ClearMetadata {
  readonly labels: Readonly<Record<string, unknown>>;
  readonly annotations: Readonly<Record<string, unknown>>;
}

/** Labels and annotations of a Secret, which stand in clear, in the order of their names. */
function clearOf(document: unknown): ClearMetadata {
  const { metadata } = (document ?? {}) as { readonly metadata?: Partial<ClearMetadata> };
  const sorted = (map: Readonly<Record<string, unknown>> | undefined) =>
    Object.fromEntries(Object.entries(map ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)));
  return { labels: sorted(metadata?.labels), annotations: sorted(metadata?.annotations) };
}
