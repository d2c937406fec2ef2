import { setCondition } from '../api/condition.ts';
import { formatObjectName } from '../api/names.ts';
import type { IssuerReadiness } from '../issuers/issuer.ts';
import { reached } from '../lib/clock.ts';
import { asCertopsError, CertopsError, isAbort } from '../lib/errors.ts';
import { later, unreachableBackoffMs } from '../plan/backoff.ts';
import { renderCommitMessage } from '../status/commit-message.ts';
import { type IssuerStatus, renderIssuerStatus } from '../status/issuer-status.ts';
import { AccountKeyReaders } from './account-key-readers.ts';
import { type AccountKeyRotation, AccountKeys, accountKeyOf, needsAccountKey } from './account-keys.ts';
import type { Attempts } from './attempts.ts';
import { anotherAttempt, type CauseRecord } from './cause-records.ts';
import { describeExplanation } from './certificate-changes.ts';
import { issuerHash } from './desired-state.ts';
import { diagnoseRegistration } from './diagnosing.ts';
import { isConfigurationError, isStoreError } from './error-kinds.ts';
import type { IssuerCase } from './issuer-case.ts';
import { issuerMessage } from './issuer-message.ts';
import type { IssuerPool } from './issuer-pool.ts';
import type { ChangeSet, FileChange, Ports, Precondition } from './ports.ts';
import { blobIs, manifestStands, manifestsUnchanged } from './preconditions.ts';
import type { World } from './world.ts';

/** How often an account is asked about that the CA refuses for good. */
const ACCOUNT_PROBE_MS = 24 * 3_600_000;

/** Sets one issuer up and records how that went. */
export class Registration {
  readonly #ports: Ports;
  readonly #world: World;
  readonly #pool: IssuerPool;
  readonly #attempts: Attempts;
  readonly #examined: Precondition;
  readonly #keys: AccountKeys;
  readonly #readers: AccountKeyReaders;

  constructor(ports: Ports, world: World, pool: IssuerPool, attempts: Attempts, examined: Precondition) {
    this.#ports = ports;
    this.#world = world;
    this.#pool = pool;
    this.#attempts = attempts;
    this.#examined = examined;
    this.#keys = new AccountKeys(ports, world, examined);
    this.#readers = new AccountKeyReaders(ports, world);
  }

  /**
   * Makes what the issuer needs (an account key, an account) and commits its readiness.
   * Throws store errors only; everything else ends in the issuer's status.
   */
  async register(target: IssuerCase, signal: AbortSignal): Promise<void> {
    try {
      if (target.isAmbiguous) throw ambiguousCredential(target, this.#world);
      if (needsAccountKey(target)) return await this.#keys.make(target, signal);
      const adapter = await this.#pool.adapter(target);
      const readiness = await adapter.setUp(signal);
      await this.#conclude(target, readiness, undefined, signal);
    } catch (thrown) {
      if (isStoreError(thrown) || (isAbort(thrown) && signal.aborted)) throw thrown;
      const error = asCertopsError(thrown);
      this.#ports.log.warn({ issuer: target.key, ...error.logFields() }, 'an issuer could not be set up');
      this.#pool.drop(target.key);
      await this.#conclude(target, failedReadiness(target, error), error, signal);
    }
  }

  /**
   * What happened to the account while a certificate was asked for: one that the CA forgot is registered again
   * where that is allowed; for a deactivated one nothing is asked before the issuer or its key changes.
   */
  async accountTrouble(target: IssuerCase, error: CertopsError, signal: AbortSignal): Promise<void> {
    if (error.code === 'issuers.account-gone' && error.retry.when !== 'never') {
      await this.forgetAccount(target, signal);
      return;
    }
    this.#pool.drop(target.key);
    const readiness = {
      ready: false,
      reason: 'ErrVerifyACMEAccount',
      message: describeExplanation(error.explanation),
    };
    await this.#conclude(target, readiness, error, signal);
  }

  /** As `AccountKeys.rotate`; the registration that it brings about tells the CA. */
  async rotateAccountKey(target: IssuerCase, signal: AbortSignal, why = ''): Promise<AccountKeyRotation> {
    const rotation = await this.#keys.rotate(target, signal, why);
    // Not before: a key that could not be sealed changes nothing for who is at work with the one there is.
    this.#pool.drop(target.key);
    return rotation;
  }

  /** As `AccountKeyReaders.mustBeReplaced`. */
  mustReplaceAccountKey(target: IssuerCase): Promise<boolean> {
    return this.#readers.mustBeReplaced(target);
  }

  /**
   * Replaces an account key that somebody knows who lost access to it. The issuer goes on serving with the key that
   * it has where no other can be sealed, and it is tried again when the rules change. Throws store errors only.
   */
  async replaceAccountKey(target: IssuerCase, signal: AbortSignal): Promise<void> {
    try {
      const lost = await this.#readers.lost(target);
      const why = `The one before can be opened by a recipient that .sops.yaml names no longer: ${lost.join(', ')}`;
      await this.rotateAccountKey(target, signal, why);
    } catch (thrown) {
      if (isStoreError(thrown) || (isAbort(thrown) && signal.aborted)) throw thrown;
      const error = asCertopsError(thrown);
      this.#ports.log.warn(
        { issuer: target.key, ...error.logFields() },
        'an account key that a recipient without access knows could not be replaced',
      );
      const state = this.#recordFailure(target, error, this.#ports.clock.now());
      if (state !== undefined) await this.#ports.store.updateState(state, signal);
    }
  }

  /** The CA does not know the account any more: it is registered again, with the same key. */
  async forgetAccount(target: IssuerCase, signal: AbortSignal): Promise<void> {
    this.#pool.drop(target.key);
    const { recorded, issuer } = target;
    if (recorded?.status.acme === undefined) return;
    const message = 'The ACME server does not know the account any more; it is registered again';
    const now = this.#ports.clock.now();
    const { acme, ...rest } = recorded.status;
    const status: IssuerStatus = {
      ...rest,
      conditions: setCondition(
        rest.conditions,
        { type: 'Ready', status: 'False', reason: 'ErrVerifyACMEAccount', message },
        now,
      ),
    };
    const path = this.#world.paths.issuerStatus(issuer.name);
    await this.#commit(
      {
        label: 'other',
        message: issuerMessage(this.#world, issuer, 'ErrVerifyACMEAccount', message),
        files: [{ path, content: renderIssuerStatus(status) }],
        preconditions: [...this.#preconditions(target), blobIs(path, recorded.blob)],
      },
      signal,
    );
  }

  /** Records that a declared issuer cannot be accepted at all. */
  async refuse(
    kind: 'Issuer' | 'ClusterIssuer',
    name: { readonly namespace: string; readonly name: string },
    refusal: { readonly reason: string; readonly message: string },
    signal: AbortSignal,
  ): Promise<void> {
    const now = this.#ports.clock.now();
    const path = this.#world.paths.issuerStatus(name);
    const key = `${kind}:${name.namespace}/${name.name}`;
    const recorded = this.#world.recorded.issuer(key);
    const status: IssuerStatus = {
      ...recorded?.status,
      kind,
      name,
      createdAt: recorded?.status.createdAt ?? now,
      conditions: setCondition(
        recorded?.status.conditions ?? [],
        { type: 'Ready', status: 'False', reason: refusal.reason, message: refusal.message },
        now,
      ),
      problem: refusal.message,
    };
    if (recorded !== undefined && renderIssuerStatus(status) === renderIssuerStatus(recorded.status)) return;
    const message = issuerMessage(this.#world, { kind, name }, refusal.reason, refusal.message);
    const preconditions = [
      manifestsUnchanged(this.#world, this.#ports.store),
      blobIs(path, recorded?.blob ?? null),
    ];
    await this.#commit(
      { label: 'other', message, files: [{ path, content: renderIssuerStatus(status) }], preconditions },
      signal,
    );
  }

  /** Takes away the status of an issuer that is declared no more; its account key goes with it. */
  async remove(status: IssuerStatus, key: string, signal: AbortSignal): Promise<void> {
    this.#pool.drop(key);
    const { paths, recorded } = this.#world;
    const files: FileChange[] = [{ path: paths.issuerStatus(status.name), remove: true }];
    if (recorded.accountKeyBlob(key) !== undefined) {
      files.push({ path: paths.accountKey(status.name), remove: true });
    }
    const message = renderCommitMessage({
      subject: `Remove ${status.kind.toLowerCase()} ${formatObjectName(status.name)}`,
      body: 'No manifest declares it any more.',
      suffix: this.#world.settings.commit.trailer,
      trailers: {
        'Certops-Issuer': `${status.kind}/${status.name.name}`,
        'Certops-Source': this.#world.commit,
      },
    });
    const preconditions = [manifestsUnchanged(this.#world, this.#ports.store)];
    await this.#commit({ label: 'other', message, files, preconditions }, signal);
  }

  async #conclude(
    target: IssuerCase,
    readiness: IssuerReadiness,
    error: CertopsError | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const now = this.#ports.clock.now();
    const { recorded, issuer } = target;
    const isRefused = target.refusal?.reason === 'NotServed';
    const status: IssuerStatus = {
      kind: issuer.kind,
      name: issuer.name,
      createdAt: recorded?.status.createdAt ?? now,
      conditions: setCondition(
        recorded?.status.conditions ?? [],
        {
          type: 'Ready',
          status: readiness.ready && !isRefused ? 'True' : 'False',
          reason: isRefused ? 'NotServed' : readiness.reason,
          message: isRefused ? (target.refusal?.message ?? '') : readiness.message,
        },
        now,
      ),
      acme: readiness.acme ?? (readiness.ready ? undefined : recorded?.status.acme),
      source: target.source,
      credentialBlob: target.credential?.blob,
      credentialPath: target.credential?.path,
      providedHash: target.providedHash,
      ...accountKeyOf(target, readiness),
      accountKeyRecipients: await this.#recipients(target, readiness),
      problem: target.refusal?.message,
    };
    const state = readiness.ready
      ? this.#attempts.clear(target.key)
      : this.#recordFailure(target, error, now, readiness.failure);
    const path = this.#world.paths.issuerStatus(issuer.name);
    const before = recorded && renderIssuerStatus({ ...recorded.status, source: target.source });
    const isKnown =
      before === renderIssuerStatus(status) && recorded?.status.source?.specHash === target.source.specHash;
    if (isKnown) {
      if (state !== undefined) await this.#ports.store.updateState(state, signal);
      return;
    }
    await this.#commit(
      {
        label: issuer.spec.type === 'acme' && readiness.ready ? 'account' : 'other',
        message: issuerMessage(this.#world, issuer, readiness.reason, readiness.message),
        files: [{ path, content: renderIssuerStatus(status) }],
        preconditions: [...this.#preconditions(target), blobIs(path, recorded?.blob ?? null)],
        ...(state === undefined ? {} : { state }),
      },
      signal,
    );
  }

  /** Who could open the key that is on record; one that replaced it was seen by those alone that it is sealed to. */
  async #recipients(target: IssuerCase, { ready, acme }: IssuerReadiness): Promise<readonly string[]> {
    const before = target.recorded?.status.acme?.lastPrivateKeyHash;
    const isReplaced = ready && acme !== undefined && acme.lastPrivateKeyHash !== before;
    return isReplaced ? this.#readers.sealedTo(target) : this.#readers.of(target);
  }

  /** `told` is what an issuer says of itself that did not throw. */
  #recordFailure(
    target: IssuerCase,
    error: CertopsError | undefined,
    now: Date,
    told: CertopsError | undefined = error,
  ) {
    const attempts = (this.#attempts.get(target.key)?.attempts ?? 0) + 1;
    return this.#attempts.record(
      target.key,
      {
        ...{ attempts, waits: 0, failedAt: now, retryAt: nextRegistration(target, error, attempts, now) },
        ...{ requestHash: '', issuerHash: target.hash, code: error?.code ?? '' },
        isIssuersWord: error?.retry.when === 'not-before',
        retryRequestedAt: reached(target.issuer.retryRequestedAt, now),
      },
      error === undefined || isConfigurationError(error),
      this.#cause(target, told, now),
    );
  }

  #cause(target: IssuerCase, error: CertopsError | undefined, now: Date): CauseRecord | undefined {
    if (error === undefined) return undefined;
    const cause = diagnoseRegistration(error, target.issuer);
    const { kind, name } = target.issuer;
    const attempt = { at: now, object: `${kind} ${formatObjectName(name)}`, what: error.explanation.what };
    return anotherAttempt(this.#attempts.cause(cause.key), cause, attempt, true);
  }

  #preconditions(target: IssuerCase): readonly Precondition[] {
    return [manifestStands(target.declared, this.#world, this.#ports.readManifests, issuerHash)];
  }

  async #commit(change: ChangeSet, signal: AbortSignal): Promise<void> {
    await this.#ports.store.commit(
      { ...change, preconditions: [this.#examined, ...change.preconditions] },
      signal,
    );
  }
}

/** cert-manager's reason for an issuer that could not be set up. */
function failedReadiness(target: IssuerCase, error: CertopsError): IssuerReadiness {
  const { reason: told } = error.data;
  const reason = isConfigurationError(error)
    ? 'EncryptionUnavailable'
    : typeof told === 'string'
      ? told
      : target.issuer.spec.type === 'ca'
        ? 'ErrGetKeyPair'
        : target.issuer.spec.type === 'acme'
          ? 'ErrRegisterACMEAccount'
          : 'ErrInitIssuer';
  return { ready: false, reason, message: describeExplanation(error.explanation) };
}

function ambiguousCredential({ credentialSecret }: IssuerCase, world: World): CertopsError {
  const { namespace, name } = credentialSecret ?? { namespace: '', name: '' };
  const paths = world.desired.secrets(namespace, name).map(({ path }) => path);
  return new CertopsError(
    'reconcile.credential-ambiguous',
    {
      what: `Secret "${namespace}/${name}" is declared in ${paths.length} files: ${paths.slice(0, 5).join(', ')}`,
      why: 'Which of them is meant is not for certops to guess',
      next: 'Keep one of them',
    },
    { retry: { when: 'never' }, data: { secret: `${namespace}/${name}` } },
  );
}

/** When to try the registration again; undefined: not before something changes. */
function nextRegistration(
  { recorded }: IssuerCase,
  error: CertopsError | undefined,
  attempts: number,
  now: Date,
): Date | undefined {
  const after = (ms: number): Date => new Date(now.getTime() + ms);
  switch (error?.retry.when) {
    case 'not-before':
      return later(error.retry.at, after(unreachableBackoffMs(attempts)));
    case 'now':
    case 'backoff':
      return after(unreachableBackoffMs(attempts));
    case 'never':
    case undefined:
      // An account that has served is not given up on one answer: all its renewals hang on it.
      return error === undefined || recorded?.status.acme === undefined ? undefined : after(ACCOUNT_PROBE_MS);
  }
}
