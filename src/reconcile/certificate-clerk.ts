import { setCondition } from '../api/condition.ts';
import { formatObjectName } from '../api/names.ts';
import type { Cause } from '../diagnosis/cause.ts';
import { IssuanceError } from '../issuers/issuer.ts';
import { reached } from '../lib/clock.ts';
import type { CertopsError } from '../lib/errors.ts';
import type { IssueReason } from '../plan/assess.ts';
import {
  type CertificateStatus,
  renderCertificateStatus,
  type SuggestedWindow,
} from '../status/certificate-status.ts';
import { renderCommitMessage } from '../status/commit-message.ts';
import type { RequestRecord } from '../status/request-document.ts';
import type { Refusal } from './acceptance.ts';
import type { Attempts } from './attempts.ts';
import { anotherAttempt } from './cause-records.ts';
import type { CertificateCase } from './certificate-case.ts';
import {
  describeExplanation,
  failChange,
  removeRequest,
  restoreChange,
  updateChange,
} from './certificate-changes.ts';
import type { ChangeContext, NextAttempt, Trouble } from './certificate-conditions.ts';
import { secretNameOf } from './desired-state.ts';
import { isConfigurationError, isStoreError } from './error-kinds.ts';
import type { EarlierCertificate } from './going-back.ts';
import type { Holding } from './holding.ts';
import type { Attempted } from './issuance.ts';
import type { IssuerCase } from './issuer-case.ts';
import { changeContext, type JournalRules, withLedger } from './journal-rules.ts';
import { certificateKey } from './keys.ts';
import { nextAttempt, troubleReason } from './next-attempt.ts';
import type { ChangeSet, FileChange, Ports, Precondition, StateDocument } from './ports.ts';
import { blobIs, manifestsUnchanged } from './preconditions.ts';
import { closeFailed } from './request-records.ts';
import { clearMetadata, type RewrittenSecret, SecretRewriting } from './secret-rewriting.ts';
import { SETTLED, type Verdict } from './verdict.ts';
import type { World } from './world.ts';

/** Writes down what is not an issuance: failures, refusals, changes of meaning, removals. */
export class CertificateClerk {
  readonly #ports: Ports;
  readonly #world: World;
  readonly #attempts: Attempts;
  readonly #rules: JournalRules;
  readonly #rewriting: SecretRewriting;
  readonly #holding: Holding;

  constructor(ports: Ports, world: World, attempts: Attempts, rules: JournalRules, holding: Holding) {
    this.#ports = ports;
    this.#world = world;
    this.#attempts = attempts;
    this.#rules = rules;
    this.#holding = holding;
    this.#rewriting = new SecretRewriting(ports, world);
  }

  /** Records a failed attempt, closes its request where it is over, and says when the next one may be made. */
  async fail(
    { target, tried, issuer, attempted }: FailedIssuance,
    { error, cause }: { readonly error: CertopsError; readonly cause: Cause },
    signal: AbortSignal,
  ): Promise<void> {
    const now = this.#ports.clock.now();
    const isOver = error instanceof IssuanceError ? error.failsRequest : error.code.startsWith('pki.');
    const previous = this.#attempts.get(target.key);
    const isSame = previous?.requestHash === tried.orderHash && previous.issuerHash === issuer.hash;
    // A wait that the issuer asks for, or that it is away, costs nothing and is no failed attempt.
    const attempts = (isSame ? previous.attempts : 0) + (isOver ? 1 : 0);
    const waits = isOver ? 0 : (isSame ? previous.waits : 0) + 1;
    const notAfter = target.observed.issued?.notAfter;
    const lifeLeftMs =
      notAfter === undefined || isConfigurationError(error) ? undefined : notAfter.getTime() - now.getTime();
    const retryAt = nextAttempt(error, { isOver, attempts, waits, lifeLeftMs }, now);
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
        ...{ attempts, waits, failedAt: now, retryAt, code: error.code },
        isIssuersWord: error.retry.when === 'not-before',
        retryRequestedAt: reached(tried.certificate.directives.retryRequestedAt, now),
        ...{ requestHash: tried.orderHash, issuerHash: issuer.hash },
      },
      isConfigurationError(error),
      anotherAttempt(
        this.#attempts.cause(cause.key),
        cause,
        { at: now, object: name, what: error.explanation.what },
        // An order may stand and wait while people have to mend what it needs; only what time heals is no failure.
        isOver || cause.class !== 'time',
      ),
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
    const trouble: Trouble = {
      reason: troubleReason(error, isOver),
      message,
      summary: error.explanation.what,
      blocksReady: false,
      attempts,
      lastFailureTime: now,
    };
    if (closed === undefined && cause.scope !== 'certificate') {
      // Others wait for the same: all of them are told of in one commit.
      const circuit = { cause, issuer: target.issuer };
      this.#holding.hold({ target, trouble, group: cause.key, title: cause.title, state, circuit });
      return;
    }
    const change = failChange(this.#context(target, [...stands], state), trouble, closed);
    if (change !== undefined) await this.#ports.store.commit(change, signal);
    else if (state !== undefined) {
      const { store, clock } = this.#ports;
      await store.updateState(withLedger(this.#rules, clock, state), signal);
    }
  }

  /**
   * Something stands in the way before anything is attempted: said once, and no attempt is counted. `closing` makes the
   * request that is closed with it, where there is to be one.
   */
  trouble(
    target: CertificateCase,
    trouble: Omit<Trouble, 'attempts' | 'lastFailureTime'>,
    closing?: () => Promise<RequestRecord>,
  ): Verdict {
    const status = target.recorded?.status;
    const { failedIssuanceAttempts: attempts = 0, lastFailureTime } = status ?? {};
    const change = (preconditions: readonly Precondition[], closed: RequestRecord | undefined) =>
      failChange(this.#context(target, preconditions), { ...trouble, attempts, lastFailureTime }, closed);
    const told = change([], undefined);
    if (told === undefined) return SETTLED;
    if (closing === undefined) return { kind: 'work', run: (signal) => this.#commit(told, signal) };
    const run = async (signal: AbortSignal): Promise<void> => {
      const closed = await closing();
      const { paths, recorded } = this.#world;
      const before = recorded.requests(target.key).find(({ revision }) => revision === closed.revision);
      const path = paths.request(target.certificate.name, closed.revision);
      await this.#commit(change([blobIs(path, before?.blob ?? null)], closed) ?? told, signal);
    };
    return { kind: 'work', run };
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
          this.#rules.examined,
          manifestsUnchanged(this.#world, this.#ports.store),
          blobIs(path, recorded?.blob ?? null),
        ],
      },
      signal,
    );
  }

  /** Whether the status says something else than what is so. */
  async needsUpdate(
    target: CertificateCase,
    attempt: NextAttempt,
    window: SuggestedWindow | undefined,
  ): Promise<boolean> {
    const isDue = await this.#rewriting.isDue(target);
    const fault = this.#rewriting.fault(target);
    if (isDue && fault === undefined) return true;
    if (isDue && fault !== undefined && attempt === 'none') return this.#stale(target, fault) !== undefined;
    return this.#update(target, attempt, window, undefined) !== undefined;
  }

  async update(
    target: CertificateCase,
    attempt: NextAttempt,
    window: SuggestedWindow | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const secret = await this.#rewriting.rewritten(target);
    const fault = this.#rewriting.fault(target);
    const change =
      fault !== undefined && attempt === 'none'
        ? this.#stale(target, fault)
        : this.#update(target, attempt, window, secret);
    if (change !== undefined) await this.#commit(change, signal);
  }

  /** What failed is asked for no more. */
  async forgetFailures(key: string, signal: AbortSignal): Promise<void> {
    const change = this.#attempts.clearing(key);
    if (change !== undefined) await this.#ports.store.updateState(change, signal);
    this.#attempts.clear(key);
  }

  /** Puts an earlier certificate back that fits again. */
  async restore(
    target: CertificateCase,
    because: IssueReason,
    earlier: EarlierCertificate,
    signal: AbortSignal,
  ): Promise<void> {
    const { paths, recorded } = this.#world;
    const { name } = target.certificate;
    const revision = (target.recorded?.status.issued?.revision ?? 0) + 1;
    const request = recorded.requests(target.key).find((candidate) => candidate.revision === revision);
    const preconditions = [
      blobIs(paths.secret(secretNameOf(target.certificate)), target.secretBlob ?? null),
      blobIs(paths.request(name, revision), request?.blob ?? null),
    ];
    const rewritten = await this.#rewriting.restated(target, earlier);
    const context = this.#context(target, preconditions, this.#attempts.clearing(target.key));
    await this.#commit(restoreChange(context, because, earlier, rewritten), signal);
    this.#attempts.clear(target.key);
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
      this.#rules.examined,
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
      const metadata = await clearMetadata(this.#ports.store, target.secretBlob);
      return metadata.annotations['cert-manager.io/certificate-name'] !== undefined;
    } catch (thrown) {
      // Whatever somebody put there: what cannot be read as ours is not ours.
      if (isStoreError(thrown)) throw thrown;
      return false;
    }
  }

  #update(
    target: CertificateCase,
    attempt: NextAttempt,
    suggestedWindow: SuggestedWindow | undefined,
    secret: RewrittenSecret | undefined,
  ): ChangeSet | undefined {
    const abandoned = attempt === 'waiting' ? undefined : target.openRequest;
    return updateChange(
      this.#context(target, [
        blobIs(this.#world.paths.secret(secretNameOf(target.certificate)), target.secretBlob ?? null),
      ]),
      {
        secret,
        abandoned:
          abandoned === undefined ? [] : removeRequest({ target, world: this.#world }, abandoned.revision),
        attempt,
        suggestedWindow,
      },
    );
  }

  /** The Secret cannot be brought up to date: said once; the one that is there stays. */
  #stale(target: CertificateCase, error: CertopsError): ChangeSet | undefined {
    const status = target.recorded?.status;
    return failChange(
      this.#context(target, []),
      {
        reason: troubleReason(error, false),
        message: describeExplanation(error.explanation),
        summary: error.explanation.what,
        blocksReady: false,
        attempts: status?.failedIssuanceAttempts ?? 0,
        lastFailureTime: status?.lastFailureTime,
      },
      undefined,
    );
  }

  #context(
    target: CertificateCase,
    preconditions: readonly Precondition[],
    state?: (state: StateDocument) => StateDocument,
  ): ChangeContext {
    const status = this.#world.paths.certificateStatus(target.certificate.name);
    const parts = { ports: this.#ports, world: this.#world, rules: this.#rules };
    const stands = blobIs(status, target.recorded?.blob ?? null);
    return changeContext(parts, target, [stands, ...preconditions], state);
  }

  async #commit(change: ChangeSet, signal: AbortSignal): Promise<void> {
    await this.#ports.store.commit(change, signal);
  }
}

/** An attempt that failed, and what is known of its Certificate by now: the branch may have moved on meanwhile. */
interface FailedIssuance {
  readonly target: CertificateCase;
  /** The Certificate as it was when the attempt began: what failed is that, and no correction that came since. */
  readonly tried: CertificateCase;
  readonly issuer: IssuerCase;
  readonly attempted: Attempted | undefined;
}
