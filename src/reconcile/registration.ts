import { setCondition } from '../api/condition.ts';
import { formatObjectName } from '../api/names.ts';
import type { IssuerReadiness } from '../issuers/issuer.ts';
import { asCertopsError, CertopsError, isAbort } from '../lib/errors.ts';
import { later, unreachableBackoffMs } from '../plan/backoff.ts';
import { renderCommitMessage } from '../status/commit-message.ts';
import { type IssuerStatus, renderIssuerStatus } from '../status/issuer-status.ts';
import type { Attempts } from './attempts.ts';
import { describeExplanation } from './certificate-changes.ts';
import { issuerHash } from './desired-state.ts';
import { isConfigurationError, isStoreError } from './error-kinds.ts';
import type { IssuerCase } from './issuer-case.ts';
import type { IssuerPool } from './issuer-pool.ts';
import type { ChangeSet, FileChange, Ports, Precondition } from './ports.ts';
import { blobIs, manifestStands, manifestsUnchanged } from './preconditions.ts';
import type { World } from './world.ts';

/** cert-manager makes RSA account keys and takes no others. */
const ACCOUNT_KEY = { algorithm: 'RSA', size: 2048, encoding: 'PKCS1', rotationPolicy: 'Never' } as const;

/** Sets one issuer up and records how that went. */
export class Registration {
  readonly #ports: Ports;
  readonly #world: World;
  readonly #pool: IssuerPool;
  readonly #attempts: Attempts;
  readonly #examined: Precondition;

  constructor(ports: Ports, world: World, pool: IssuerPool, attempts: Attempts, examined: Precondition) {
    this.#ports = ports;
    this.#world = world;
    this.#pool = pool;
    this.#attempts = attempts;
    this.#examined = examined;
  }

  /**
   * Makes what the issuer needs (an account key, an account) and commits its readiness.
   * Throws store errors only; everything else ends in the issuer's status.
   */
  async register(target: IssuerCase, signal: AbortSignal): Promise<void> {
    try {
      if (target.isAmbiguous) throw ambiguousCredential(target, this.#world);
      if (needsAccountKey(target)) return await this.#makeAccountKey(target, signal);
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
        message: this.#message(issuer.kind, issuer.name, 'ErrVerifyACMEAccount', message),
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
    const message = this.#message(kind, name, refusal.reason, refusal.message);
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

  /** The sealed account key is in the remote before the CA ever hears of it. */
  async #makeAccountKey(target: IssuerCase, signal: AbortSignal): Promise<void> {
    const { sealer, pki, faults, secrets } = this.#ports;
    const secret = target.credentialSecret ?? target.issuer.name;
    const rulePath = this.#world.paths.secret(secret);
    await sealer.prove(rulePath);
    const key = await pki.generatePrivateKey(ACCOUNT_KEY);
    faults.reach('account-key-made');
    const document = secrets.keySecret(
      secret,
      'account-key',
      pki.encodePrivateKey(key, ACCOUNT_KEY.encoding),
    );
    const sealed = await sealer.seal(rulePath, document, this.#ports.clock.now());
    const path = this.#world.paths.accountKey(target.issuer.name);
    await this.#commit(
      {
        label: 'account-key',
        message: this.#message(
          target.issuer.kind,
          target.issuer.name,
          'ACMEAccountKey',
          'A key for its ACME account, sealed. The account is registered with it next.',
          'Start',
        ),
        files: [{ path, content: sealed }],
        preconditions: [...this.#preconditions(target), blobIs(path, null)],
      },
      signal,
    );
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
      problem: target.refusal?.message,
    };
    const state = readiness.ready
      ? this.#attempts.clear(target.key)
      : this.#recordFailure(target, error, now);
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
        message: this.#message(issuer.kind, issuer.name, readiness.reason, readiness.message),
        files: [{ path, content: renderIssuerStatus(status) }],
        preconditions: [...this.#preconditions(target), blobIs(path, recorded?.blob ?? null)],
        ...(state === undefined ? {} : { state }),
      },
      signal,
    );
  }

  #recordFailure(target: IssuerCase, error: CertopsError | undefined, now: Date) {
    const attempts = (this.#attempts.get(target.key)?.attempts ?? 0) + 1;
    const retryAt =
      error?.retry.when === 'not-before'
        ? later(error.retry.at, new Date(now.getTime() + unreachableBackoffMs(attempts)))
        : error?.retry.when === 'never' || error === undefined
          ? undefined
          : new Date(now.getTime() + unreachableBackoffMs(attempts));
    return this.#attempts.record(
      target.key,
      { attempts, failedAt: now, retryAt, requestHash: '', issuerHash: target.hash, code: error?.code ?? '' },
      error === undefined || isConfigurationError(error),
    );
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

  #message(
    kind: string,
    name: { readonly namespace: string; readonly name: string },
    reason: string,
    body: string,
    verb: 'Register' | 'Start' = 'Register',
  ): string {
    return renderCommitMessage({
      subject: `${verb} ${kind.toLowerCase()} ${formatObjectName(name)}`,
      body: `${body}`,
      suffix: this.#world.settings.commit.trailer,
      trailers: {
        'Certops-Reason': reason,
        'Certops-Issuer': `${kind}/${name.name}`,
        'Certops-Source': this.#world.commit,
      },
    });
  }
}

function needsAccountKey({ issuer: { spec }, credential }: IssuerCase): boolean {
  return spec.type === 'acme' && credential === undefined && !spec.disableAccountKeyGeneration;
}

/** cert-manager's reason for an issuer that could not be set up. */
function failedReadiness(target: IssuerCase, error: CertopsError): IssuerReadiness {
  const reason = isConfigurationError(error)
    ? 'EncryptionUnavailable'
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
    { retry: { when: 'never' } },
  );
}
