import type { KeyObject } from 'node:crypto';
import type { SigningRequest } from '../issuers/issuer.ts';
import { CertopsError } from '../lib/errors.ts';
import { Sensitive } from '../lib/sensitive.ts';
import { parseRequestRecord, requestName } from '../status/request-document.ts';
import { type CertificateCase, pemToDer } from './certificate-case.ts';
import { secretNameOf } from './desired-state.ts';
import type { Attempted } from './issuance.ts';
import type { IssuerCase } from './issuer-case.ts';
import type { Ports } from './ports.ts';
import type { RecordedState } from './recorded-state.ts';
import type { World } from './world.ts';

const SEALED_MAX_BYTES = 1 << 20;
const REQUEST_MAX_BYTES = 4 << 20;

/** Which private key a request is made with: that of an open request, the Secret's own, or a new one. */
export class RequestKeys {
  readonly #ports: Ports;
  readonly #world: World;

  constructor(ports: Ports, world: World) {
    this.#ports = ports;
    this.#world = world;
  }

  /** The open request of this very order, with its key; undefined where there is none to go on with. */
  async resume(target: CertificateCase, issuer: IssuerCase): Promise<Attempted | undefined> {
    const { openRequest, certificate } = target;
    if (openRequest === undefined || openRequest.requestHash !== target.orderHash) return undefined;
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
    // Somebody has lost access since: the key that they have seen is not used.
    const named = sealer.rules.namedRecipients(secretPath(this.#world, target)) ?? opened.recipients;
    if (!opened.recipients.every((recipient) => named.includes(recipient))) return undefined;
    const key = pki.decodePrivateKey(privateKeyOf(opened.data, keyPath));
    const { order } = record;
    return {
      record,
      request: signingRequest(target, pemToDer(record.csrPem), key, this.#world.recorded),
      recordBlob: openRequest.blob,
      secretBlob: target.secretBlob,
      keyReaders: opened.recipients,
      order: {
        orderUrl: order.url,
        finalizeUrl: order.finalizeUrl,
        state: order.state,
        authorizations: order.authorizations,
      },
    };
  }

  /** With `rotationPolicy: Never` the key in the Secret is used again while it fits and nobody lost access to it. */
  async choose(target: CertificateCase): Promise<KeyObject> {
    const { pki, store, sealer } = this.#ports;
    const { spec } = target.certificate;
    const isUnseen = target.observed.issued?.lostRecipients.length === 0;
    if (spec.privateKey.rotationPolicy === 'Never' && isUnseen) {
      const path = secretPath(this.#world, target);
      const bytes = await store.readBlob(target.secretBlob ?? '', SEALED_MAX_BYTES);
      const opened = await sealer.open(text(bytes), path, secretNameOf(target.certificate));
      const key = pki.decodePrivateKey(privateKeyOf(opened.data, path));
      if (pki.describePrivateKeyMismatch(key, spec.privateKey) === undefined) return key;
    }
    return pki.generatePrivateKey(spec.privateKey);
  }
}

/** What an issuer is asked for by this Certificate. */
export function signingRequest(
  target: CertificateCase,
  csr: Uint8Array,
  key: KeyObject,
  recorded: Pick<RecordedState, 'certificates'>,
): SigningRequest {
  const { certificate } = target;
  const issued = target.observed.secret.kind === 'issued' ? target.recorded?.status.issued : undefined;
  return {
    ...{ certificate: certificate.name, labels: certificate.labels, spec: certificate.spec, csr, key },
    profile: certificate.directives.profile,
    inForce: issued && { ...issued, isOnRecord: (fingerprint) => isOnRecord(fingerprint, recorded) },
  };
}

/** Looked for among all of them, for it is asked only where an attempt failed and something strange is served. */
function isOnRecord(fingerprint: string, recorded: Pick<RecordedState, 'certificates'>): boolean {
  for (const [, { status }] of recorded.certificates()) {
    if (status.issued?.fingerprintSHA256 === fingerprint) return true;
  }
  return false;
}

function secretPath(world: World, target: CertificateCase): string {
  return world.paths.secret(secretNameOf(target.certificate));
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
