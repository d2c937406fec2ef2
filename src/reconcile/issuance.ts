import type { KeyObject } from 'node:crypto';
import type { IssuedChain, IssuerAdapter, OrderRecord, SigningRequest } from '../issuers/issuer.ts';
import { reached } from '../lib/clock.ts';
import { CertopsError } from '../lib/errors.ts';
import { gitBlobId } from '../lib/git-blob-id.ts';
import { TurnQueue } from '../lib/turn-queue.ts';
import type { IssueReason } from '../plan/assess.ts';
import { type RequestRecord, renderRequestRecord, requestName } from '../status/request-document.ts';
import type { Approved } from './approval.ts';
import type { CertificateCase } from './certificate-case.ts';
import { issueChange, startChange } from './certificate-changes.ts';
import type { ChangeContext } from './certificate-conditions.ts';
import { issuerHash, secretNameOf } from './desired-state.ts';
import type { IssuerCase } from './issuer-case.ts';
import { issuerIdentity } from './issuer-identity.ts';
import type { IssuerPool } from './issuer-pool.ts';
import { changeContext, type JournalRules } from './journal-rules.ts';
import type { ChangeSet, Ports, Precondition, StateDocument } from './ports.ts';
import { blobIs, manifestStands } from './preconditions.ts';
import { RequestKeys, signingRequest } from './request-keys.ts';
import { closeIssued, newRequestRecord } from './request-records.ts';
import { type ContentMaterial, NOTHING_EXTRA, SecretContent } from './secret-content.ts';
import type { World } from './world.ts';

/** An attempt under way: its request with the key, as it stands in the remote or is about to. */
export interface Attempted {
  readonly record: RequestRecord;
  readonly request: SigningRequest;
  /** Blob of the request's file in the remote, null while nothing of it is there. */
  readonly recordBlob: string | null;
  /** Blob at the Secret's path, which the certificate is to take the place of. */
  readonly secretBlob?: string | undefined;
  /** Whom the key is sealed to in the request's own file; empty where it has none. */
  readonly keyReaders: readonly string[];
  readonly order?: OrderRecord | undefined;
  readonly chain?: IssuedChain | undefined;
}

/** All that an attempt begins with, besides its objects. */
interface StartParts {
  readonly adapter: IssuerAdapter;
  readonly material: ContentMaterial;
  readonly approved: Approved;
}

/** All that the last commit of an issuance is made from. */
interface Concluded {
  readonly attempted: Attempted;
  readonly chain: IssuedChain;
  readonly material: ContentMaterial;
}

/**
 * One issuance, as the journal has it: *Start* puts the order and the sealed next key into the remote,
 * *Issue* puts the Secret there. Whatever stops it in between, the next call finds the open request and
 * goes on from there.
 */
export class Issuance {
  readonly #ports: Ports;
  readonly #world: World;
  readonly #pool: IssuerPool;
  readonly #content: SecretContent;
  readonly #rules: JournalRules;
  readonly #keys: RequestKeys;
  /** Requests, checks and sealing are computed one a turn, however many answers come together. */
  readonly #turns = new TurnQueue();

  constructor(ports: Ports, world: World, pool: IssuerPool, rules: JournalRules) {
    this.#ports = ports;
    this.#world = world;
    this.#pool = pool;
    this.#content = new SecretContent(ports, world);
    this.#keys = new RequestKeys(ports, world);
    this.#rules = rules;
  }

  /**
   * Issues one certificate to the end, as `approved`. `onAttempt` hears of the attempt as soon as it is known, so that
   * whoever handles an error can close its record.
   */
  async issue(
    target: CertificateCase,
    issuer: IssuerCase,
    because: IssueReason,
    approved: Approved,
    clearedState: ((state: StateDocument) => StateDocument) | undefined,
    onAttempt: (attempted: Attempted) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { sealer } = this.#ports;
    await sealer.prove(this.#secretPath(target));
    // Nothing is asked of an issuer whose answer could not be written down in full.
    const material = await this.#content.material(target.certificate);
    const adapter = await this.#pool.adapter(issuer);
    const resumed = await this.#keys.resume(target, issuer);
    const attempted =
      resumed ?? (await this.#start(target, issuer, because, { adapter, material, approved }, signal));
    onAttempt(attempted);
    const { request, order } = attempted;
    const chain =
      attempted.chain ?? (order === undefined ? undefined : await adapter.complete(request, order, signal));
    if (chain === undefined)
      throw new CertopsError('reconcile.no-chain', { what: 'the issuer answered nothing' });
    const change = await this.#turns.run(() =>
      this.#conclude(target, issuer, because, { attempted, chain, material }, clearedState),
    );
    await this.#ports.store.commit(change, signal);
  }

  async #start(
    target: CertificateCase,
    issuer: IssuerCase,
    because: IssueReason,
    { adapter, material, approved }: StartParts,
    signal: AbortSignal,
  ): Promise<Attempted> {
    const { pki, faults, clock, sealer, secrets, store } = this.#ports;
    const { certificate } = target;
    const key = await this.#keys.choose(target);
    faults.reach('key-made');
    const isAcme = issuer.issuer.spec.type === 'acme';
    const csr = await this.#turns.run(() => pki.createSigningRequest(certificate.spec, key, { isAcme }));
    const request = {
      ...signingRequest(target, csr, key, this.#world.recorded),
      replaces: replacedCertificate(target, issuer),
    };
    const began = await adapter.begin(request, signal);
    const record = newRequestRecord(
      target,
      issuer,
      because,
      csr,
      began.kind === 'pending' ? began.record : undefined,
      approved,
      clock.now(),
    );
    const { secretBlob } = target;
    if (began.kind === 'issued') {
      return { record, request, recordBlob: null, secretBlob, keyReaders: [], chain: began.chain };
    }
    const standIn = needsStandIn(target) ? await this.#standIn(target, key, material) : undefined;
    const { change, keyReaders } = await this.#turns.run(async () => {
      const name = requestName(certificate.name, record.revision);
      const pem = pki.encodePrivateKey(key, certificate.spec.privateKey.encoding);
      const document = secrets.keySecret(name, 'next-private-key', pem);
      const sealed = await sealer.seal(this.#secretPath(target), document, clock.now());
      const context = this.#context(target, [
        ...this.#issuerStands(issuer),
        blobIs(this.#secretPath(target), secretBlob ?? null),
        this.#requestFileStands(target, record.revision),
      ]);
      return {
        change: startChange(context, because, record, sealed, standIn),
        keyReaders: sealer.sealedTo(sealed, this.#secretPath(target)),
      };
    });
    await store.commit(change, signal);
    return {
      ...{ record, request, order: began.record },
      recordBlob: gitBlobId(renderRequestRecord(record)),
      secretBlob: standIn === undefined ? secretBlob : gitBlobId(standIn),
      keyReaders,
    };
  }

  /** A sealed Secret with a self-signed certificate for the next key, so that a server can start meanwhile. */
  async #standIn(target: CertificateCase, key: KeyObject, material: ContentMaterial): Promise<string> {
    const { pki, clock, sealer, secrets } = this.#ports;
    const { certificate } = target;
    const { spec } = certificate;
    const chainPem = await pki.temporaryCertificate(spec, key, clock.now());
    const keyPem = pki.encodePrivateKey(key, spec.privateKey.encoding);
    const data = await this.#content.data(certificate, { key, keyPem, chainPem }, material);
    const document = secrets.temporarySecret(certificate, pki.readCertificate(chainPem), data);
    return sealer.seal(this.#secretPath(target), document, clock.now());
  }

  /** The commit that ends it well, once what came back has been checked. */
  async #conclude(
    target: CertificateCase,
    issuer: IssuerCase,
    because: IssueReason,
    { attempted, chain, material }: Concluded,
    clearedState: ((state: StateDocument) => StateDocument) | undefined,
  ): Promise<ChangeSet> {
    const { pki, clock, sealer, secrets } = this.#ports;
    const { certificate } = target;
    const { spec } = certificate;
    const isAcme = issuer.issuer.spec.type === 'acme';
    const facts = await pki.checkIssuedChain({
      chainPem: chain.chainPem,
      key: attempted.request.key,
      spec,
      // Certificates of a CA elsewhere are judged by the real clock; ours are made by the moved one.
      now: isAcme ? clock.realNow() : clock.now(),
      isAcme,
    });
    const chainPem = chain.chainPem.join('');
    const { key } = attempted.request;
    const keyPem = pki.encodePrivateKey(key, spec.privateKey.encoding);
    const issuedMaterial = { key, keyPem, chainPem, caPem: chain.caPem };
    const data = await this.#content.data(certificate, issuedMaterial, material);
    const document = secrets.certificateSecret(certificate, facts, data);
    const now = clock.now();
    const sealed = await sealer.seal(this.#secretPath(target), document, now);
    const record = closeIssued(attempted.record, chain, now);
    const issued = {
      revision: record.revision,
      serialNumber: facts.serialNumber,
      fingerprintSHA256: facts.fingerprintSHA256,
      issuerRef: spec.issuerRef,
      dnsNames: facts.dnsNames,
      notBefore: facts.notBefore,
      notAfter: facts.notAfter,
      secretName: spec.secretName,
      secretBlob: gitBlobId(sealed),
      ...(material.contentHash === NOTHING_EXTRA ? {} : { contentHash: material.contentHash }),
      requestHash: target.requestHash,
      issuedAt: now,
      issuerIdentity: issuerIdentity(issuer.issuer),
      recipients: this.#readers(target, attempted, sealed),
      ...(isAcme ? { certificateId: pki.renewalInformationId(chain.chainPem[0] ?? '') } : {}),
      // One for the future is still to come.
      renewRequestedAt: reached(certificate.directives.renewRequestedAt, now),
    };
    const stands =
      attempted.recordBlob === null
        ? this.#requestFileStands(target, record.revision)
        : blobIs(this.#world.paths.request(certificate.name, record.revision), attempted.recordBlob);
    const context = this.#context(
      target,
      [
        // What was started is gone on with, whatever became of its issuer's manifest since.
        ...(attempted.recordBlob === null ? this.#issuerStands(issuer) : []),
        blobIs(this.#secretPath(target), attempted.secretBlob ?? null),
        stands,
      ],
      clearedState,
    );
    return issueChange(context, because, record, issued, sealed);
  }

  /**
   * Whoever can open the Secret, or could open its key before: who was taken away while the request was open has seen
   * the key all the same, and so has who read the former Secret, where the key is kept.
   */
  #readers(target: CertificateCase, { keyReaders }: Attempted, sealed: string): readonly string[] {
    const { sealer } = this.#ports;
    const path = this.#secretPath(target);
    const isKept = target.certificate.spec.privateKey.rotationPolicy === 'Never';
    // A key that somebody lost access to is never kept.
    const named = sealer.rules.namedRecipients(path) ?? [];
    const former = isKept ? (target.recorded?.status.issued?.recipients ?? []) : [];
    const kept = former.filter((recipient) => named.includes(recipient));
    return [...new Set([...sealer.sealedTo(sealed, path), ...keyReaders, ...kept])];
  }

  /** The file of this revision's request is what the index says: an abandoned one, or none. */
  #requestFileStands(target: CertificateCase, revision: number): Precondition {
    const before = this.#world.recorded.requests(target.key).find((request) => request.revision === revision);
    return blobIs(this.#world.paths.request(target.certificate.name, revision), before?.blob ?? null);
  }

  #context(
    target: CertificateCase,
    preconditions: readonly Precondition[],
    state?: (state: StateDocument) => StateDocument,
  ): ChangeContext {
    const parts = { ports: this.#ports, world: this.#world, rules: this.#rules };
    return changeContext(parts, target, preconditions, state);
  }

  #issuerStands(issuer: IssuerCase): readonly Precondition[] {
    const { declared, credential } = issuer;
    return [
      manifestStands(declared, this.#world, this.#ports.readManifests, issuerHash),
      ...(credential === undefined ? [] : [blobIs(credential.path, credential.blob)]),
    ];
  }

  #secretPath(target: CertificateCase): string {
    return this.#world.paths.secret(secretNameOf(target.certificate));
  }
}

/** The certificate in force, for `replaces`: only the CA that issued it knows it (RFC 9773, section 5). */
function replacedCertificate(target: CertificateCase, issuer: IssuerCase): string | undefined {
  const issued = target.recorded?.status.issued;
  const isSameCa = issued?.issuerIdentity === issuerIdentity(issuer.issuer);
  return isSameCa && target.observed.secret.kind === 'issued' ? issued?.certificateId : undefined;
}

/** cert-manager's `issue-temporary-certificate`: only where there is no usable key pair yet. */
function needsStandIn({ certificate, observed }: CertificateCase): boolean {
  const isUseless = ['absent', 'missing-data', 'invalid-key-pair'].includes(observed.secret.kind);
  return certificate.directives.wantsTemporaryCertificate && isUseless;
}
