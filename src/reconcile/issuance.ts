import type { KeyObject } from 'node:crypto';
import type { ObjectName } from '../api/names.ts';
import type { IssuedChain, IssuerAdapter, OrderRecord, SigningRequest } from '../issuers/issuer.ts';
import { CertopsError } from '../lib/errors.ts';
import { gitBlobId } from '../lib/git-blob-id.ts';
import { Sensitive } from '../lib/sensitive.ts';
import { TurnQueue } from '../lib/turn-queue.ts';
import { renewalTime } from '../pki/renewal-time.ts';
import type { IssueReason } from '../plan/assess.ts';
import type { IssuedFacts } from '../status/certificate-status.ts';
import {
  parseRequestRecord,
  type RequestRecord,
  renderRequestRecord,
  requestName,
} from '../status/request-document.ts';
import { type CertificateCase, pemToDer } from './certificate-case.ts';
import { type ChangeContext, issueChange, startChange } from './certificate-changes.ts';
import { certificateHash, issuerHash } from './desired-state.ts';
import type { IssuerCase } from './issuer-case.ts';
import type { IssuerPool } from './issuer-pool.ts';
import type { ChangeSet, Ports, Precondition, StateDocument } from './ports.ts';
import { blobIs, manifestStands } from './preconditions.ts';
import { closeIssued, newRequestRecord } from './request-records.ts';
import type { World } from './world.ts';

const SEALED_MAX_BYTES = 1 << 20;
const REQUEST_MAX_BYTES = 4 << 20;

/** An attempt under way: its request with the key, as it stands in the remote or is about to. */
export interface Attempted {
  readonly record: RequestRecord;
  readonly request: SigningRequest;
  /** Blob of the request's file in the remote, null while nothing of it is there. */
  readonly recordBlob: string | null;
  readonly order?: OrderRecord | undefined;
  readonly chain?: IssuedChain | undefined;
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
  readonly #examined: Precondition;
  /** Requests, checks and sealing are computed one a turn, however many answers come together. */
  readonly #turns = new TurnQueue();

  constructor(ports: Ports, world: World, pool: IssuerPool, examined: Precondition) {
    this.#ports = ports;
    this.#world = world;
    this.#pool = pool;
    this.#examined = examined;
  }

  /**
   * Issues one certificate to the end. `onAttempt` hears of the attempt as soon as it is known, so that
   * whoever handles an error can close its record.
   */
  async issue(
    target: CertificateCase,
    issuer: IssuerCase,
    because: IssueReason,
    clearedState: ((state: StateDocument) => StateDocument) | undefined,
    onAttempt: (attempted: Attempted) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { sealer } = this.#ports;
    await sealer.prove(this.#secretPath(target));
    const adapter = await this.#pool.adapter(issuer);
    const resumed = await this.#resume(target, issuer);
    const attempted = resumed ?? (await this.#start(target, issuer, because, adapter, signal));
    onAttempt(attempted);
    const { request, order } = attempted;
    const chain =
      attempted.chain ?? (order === undefined ? undefined : await adapter.complete(request, order, signal));
    if (chain === undefined)
      throw new CertopsError('reconcile.no-chain', { what: 'the issuer answered nothing' });
    const change = await this.#turns.run(() =>
      this.#conclude(target, issuer, because, attempted, chain, clearedState),
    );
    await this.#ports.store.commit(change, signal);
  }

  /** The open request of this very specification, with its key; undefined where there is none to go on with. */
  async #resume(target: CertificateCase, issuer: IssuerCase): Promise<Attempted | undefined> {
    const { openRequest, certificate } = target;
    if (openRequest === undefined || openRequest.requestHash !== target.requestHash) return undefined;
    const keyBlob = this.#world.recorded.requestKeyBlob(certificate.name, openRequest.revision);
    if (keyBlob === undefined) return undefined;
    const { store, sealer, pki } = this.#ports;
    const path = this.#world.paths.request(certificate.name, openRequest.revision);
    const keyPath = this.#world.paths.requestKey(certificate.name, openRequest.revision);
    const record = parseRequestRecord(text(await store.readBlob(openRequest.blob, REQUEST_MAX_BYTES)), path);
    if (record.order === undefined || record.issuerHash !== issuer.declared.specHash) return undefined;
    const sealed = text(await store.readBlob(keyBlob, SEALED_MAX_BYTES));
    const name = requestName(certificate.name, openRequest.revision);
    const opened = await sealer.open(sealed, keyPath, name);
    const key = pki.decodePrivateKey(privateKeyOf(opened.data, keyPath));
    const { order } = record;
    return {
      record,
      request: this.#signingRequest(target, pemToDer(record.csrPem), key),
      recordBlob: openRequest.blob,
      order: {
        orderUrl: order.url,
        finalizeUrl: order.finalizeUrl,
        state: order.state,
        authorizations: order.authorizations,
      },
    };
  }

  async #start(
    target: CertificateCase,
    issuer: IssuerCase,
    because: IssueReason,
    adapter: IssuerAdapter,
    signal: AbortSignal,
  ): Promise<Attempted> {
    const { pki, faults, clock, sealer, secrets, store } = this.#ports;
    const { certificate } = target;
    const key = await this.#privateKey(target);
    faults.reach('key-made');
    const csr = await this.#turns.run(() => pki.createSigningRequest(certificate.spec, key));
    const request = this.#signingRequest(target, csr, key);
    const began = await adapter.begin(request, signal);
    const record = newRequestRecord(
      target,
      issuer,
      because,
      csr,
      began.kind === 'pending' ? began.record : undefined,
      clock.now(),
    );
    if (began.kind === 'issued') return { record, request, recordBlob: null, chain: began.chain };

    const change = await this.#turns.run(async () => {
      const name = requestName(certificate.name, record.revision);
      const pem = pki.encodePrivateKey(key, certificate.spec.privateKey.encoding);
      const document = secrets.keySecret(name, 'next-private-key', pem);
      const sealed = await sealer.seal(this.#secretPath(target), document, clock.now());
      const context = this.#context(target, issuer, [this.#requestFileStands(target, record.revision)]);
      return startChange(context, because, record, sealed);
    });
    await store.commit(change, signal);
    return { record, request, recordBlob: gitBlobId(renderRequestRecord(record)), order: began.record };
  }

  /** The commit that ends it well, once what came back has been checked. */
  async #conclude(
    target: CertificateCase,
    issuer: IssuerCase,
    because: IssueReason,
    attempted: Attempted,
    chain: IssuedChain,
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
    const document = secrets.certificateSecret(certificate, {
      'tls.crt': chainPem,
      'tls.key': pki.encodePrivateKey(attempted.request.key, spec.privateKey.encoding),
      ...(chain.caPem === undefined ? {} : { 'ca.crt': chain.caPem }),
    });
    const now = clock.now();
    const sealed = await sealer.seal(this.#secretPath(target), document, now);
    const record = closeIssued(attempted.record, chain, now);
    const renewal = renewalTime({ ...facts, ...spec });
    const issued: IssuedFacts = {
      revision: record.revision,
      serialNumber: facts.serialNumber,
      fingerprintSHA256: facts.fingerprintSHA256,
      issuerRef: spec.issuerRef,
      dnsNames: facts.dnsNames,
      notBefore: facts.notBefore,
      notAfter: facts.notAfter,
      renewalTime: renewal,
      secretName: spec.secretName,
      secretBlob: gitBlobId(sealed),
      requestHash: target.requestHash,
      issuedAt: now,
    };
    const stands =
      attempted.recordBlob === null
        ? this.#requestFileStands(target, record.revision)
        : blobIs(this.#world.paths.request(certificate.name, record.revision), attempted.recordBlob);
    const context = this.#context(target, issuer, [stands], clearedState, attempted.recordBlob !== null);
    return issueChange(context, because, record, issued, sealed, renewal);
  }

  /** With `rotationPolicy: Never` the key in the Secret is used again while it fits. */
  async #privateKey(target: CertificateCase): Promise<KeyObject> {
    const { pki, store, sealer } = this.#ports;
    const { spec } = target.certificate;
    if (spec.privateKey.rotationPolicy === 'Never' && target.observed.issued !== undefined) {
      const path = this.#secretPath(target);
      const bytes = await store.readBlob(target.secretBlob ?? '', SEALED_MAX_BYTES);
      const opened = await sealer.open(text(bytes), path, this.#secretName(target));
      const key = pki.decodePrivateKey(privateKeyOf(opened.data, path));
      if (pki.describePrivateKeyMismatch(key, spec.privateKey) === undefined) return key;
    }
    return pki.generatePrivateKey(spec.privateKey);
  }

  #signingRequest(target: CertificateCase, csr: Uint8Array, key: KeyObject): SigningRequest {
    const { certificate } = target;
    return { certificate: certificate.name, labels: certificate.labels, spec: certificate.spec, csr, key };
  }

  /** The file of this revision's request is what the index says: an abandoned one, or none. */
  #requestFileStands(target: CertificateCase, revision: number): Precondition {
    const before = this.#world.recorded.requests(target.key).find((request) => request.revision === revision);
    return blobIs(this.#world.paths.request(target.certificate.name, revision), before?.blob ?? null);
  }

  #context(
    target: CertificateCase,
    issuer: IssuerCase,
    preconditions: readonly Precondition[],
    state?: (state: StateDocument) => StateDocument,
    isStarted = false,
  ): ChangeContext {
    return {
      target,
      world: this.#world,
      now: this.#ports.clock.now(),
      state,
      preconditions: [
        this.#examined,
        manifestStands(target.declared, this.#world, this.#ports.readManifests, certificateHash),
        ...(isStarted ? [] : this.#issuerStands(issuer)),
        blobIs(this.#secretPath(target), target.secretBlob ?? null),
        ...preconditions,
      ],
    };
  }

  #issuerStands(issuer: IssuerCase): readonly Precondition[] {
    const { declared, credential } = issuer;
    return [
      manifestStands(declared, this.#world, this.#ports.readManifests, issuerHash),
      ...(credential === undefined ? [] : [blobIs(credential.path, credential.blob)]),
    ];
  }

  #secretName({ certificate }: CertificateCase): ObjectName {
    return { namespace: certificate.name.namespace, name: certificate.spec.secretName };
  }

  #secretPath(target: CertificateCase): string {
    return this.#world.paths.secret(this.#secretName(target));
  }
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}

function privateKeyOf(data: Sensitive<ReadonlyMap<string, Buffer>>, path: string): Sensitive<string> {
  const key = data.reveal().get('tls.key');
  if (key === undefined) {
    throw new CertopsError(
      'reconcile.key-missing',
      { what: `${path} holds no tls.key`, next: 'Remove the file: the certificate is then issued anew' },
      { retry: { when: 'never' } },
    );
  }
  return new Sensitive(key.toString('utf8'));
}
