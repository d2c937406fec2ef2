import { X509Certificate } from 'node:crypto';
import type { Certificate } from '../api/certificate.ts';
import { fingerprint, requestFingerprint } from '../api/fingerprint.ts';
import { CERT_MANAGER_GROUP, formatIssuerRef, type IssuerRef } from '../api/names.ts';
import { asCertopsError } from '../lib/errors.ts';
import type { ObservedCertificate, ObservedIssued, ObservedSecret } from '../plan/observed.ts';
import type { AcceptedSource } from '../status/accepted-source.ts';
import type { CertificateStatus, IssuedFacts, SuggestedWindow } from '../status/certificate-status.ts';
import { parseRequestRecord } from '../status/request-document.ts';
import type { Refusal } from './acceptance.ts';
import { type Declared, secretKey } from './desired-state.ts';
import { isStoreError } from './error-kinds.ts';
import { type CertificateKey, certificateKey, type IssuerKey, issuerKeyOf } from './keys.ts';
import type { Ports } from './ports.ts';
import type { Recorded, RecordedRequest } from './recorded-state.ts';
import { drawFrom } from './renewal-information.ts';
import type { SecretInspection } from './secret-inspection.ts';
import type { World } from './world.ts';

const REQUEST_MAX_BYTES = 4 << 20;

/** One Certificate with everything that is known of it at one commit. */
export interface CertificateCase {
  readonly key: CertificateKey;
  readonly certificate: Certificate;
  readonly declared: Declared<Certificate>;
  /** Why a newer revision of the manifest is not in force. */
  readonly refusal?: Refusal | undefined;
  readonly issuer: IssuerKey;
  /** Fingerprint of the part of the specification that requests are made from. */
  readonly requestHash: string;
  /** Fingerprint of all that an order is made from: where it is another one, a failure or an order is of another. */
  readonly orderHash: string;
  readonly recorded?: Recorded<CertificateStatus> | undefined;
  /** Object id at the Secret's path, whoever wrote it. */
  readonly secretBlob?: string | undefined;
  readonly openRequest?: RecordedRequest | undefined;
  readonly observed: ObservedCertificate;
  /** Where the desired state that is acted on stands. */
  readonly source: AcceptedSource;
}

/** Gathers cases. Reads more than the index only where something is not as it was at the last issue. */
export class CertificateCases {
  readonly #ports: Ports;
  readonly #world: World;
  readonly #inspection: SecretInspection;

  constructor(ports: Ports, world: World, inspection: SecretInspection) {
    this.#ports = ports;
    this.#world = world;
    this.#inspection = inspection;
  }

  /**
   * `issuerIdentity` tells the issuer's server from another one (undefined while there is no issuer);
   * `suggestedWindow` is the CA's newest word, where it is newer than the record.
   */
  async gather(
    declared: Declared<Certificate>,
    refusal: Refusal | undefined,
    known: {
      readonly issuerIdentity: string | undefined;
      readonly suggestedWindow: SuggestedWindow | undefined;
    },
  ): Promise<CertificateCase> {
    const { object: certificate } = declared;
    const { name, spec } = certificate;
    const key = certificateKey(name);
    const { recorded: record, commit } = this.#world;
    const recorded = record.certificate(key);
    const secretBlob = record.secretBlob({ namespace: name.namespace, name: spec.secretName });
    const issued = recorded?.status.issued;
    const isOnRecord =
      issued !== undefined && issued.secretName === spec.secretName && issued.secretBlob === secretBlob;
    const secret: ObservedSecret = isOnRecord
      ? { kind: 'issued' }
      : secretBlob === undefined
        ? { kind: 'absent' }
        : await this.#inspection.inspect(certificate, secretBlob);
    return {
      key,
      certificate,
      declared,
      refusal,
      issuer: issuerKeyOf(spec.issuerRef, name.namespace),
      requestHash: requestFingerprint(spec),
      orderHash: orderFingerprint(certificate),
      recorded,
      secretBlob,
      openRequest: record.openRequest(key),
      observed: {
        secret,
        wantedIssuer: describeIssuer(spec.issuerRef),
        wantedIssuerIdentity: known.issuerIdentity,
        issued: isOnRecord
          ? await this.observeIssued(
              certificate,
              issued,
              known.suggestedWindow ?? recorded?.status.suggestedWindow,
            )
          : undefined,
      },
      source: { commit, blob: declared.blob, path: declared.path, specHash: declared.specHash },
    };
  }

  /** What is to be judged about a certificate on record, beside the specification as it is now. */
  async observeIssued(
    certificate: Certificate,
    issued: IssuedFacts,
    window: SuggestedWindow | undefined,
    requestBlob?: string,
  ): Promise<ObservedIssued> {
    const { spec } = certificate;
    const { renewBeforeMs, renewBeforePercentage, renewal } = spec;
    const isSameRequest = issued.requestHash === requestFingerprint(spec);
    return {
      ...{ renewBeforeMs, renewBeforePercentage, renewal },
      issuer: describeIssuer(issued.issuerRef),
      issuerIdentity: issued.issuerIdentity,
      notBefore: issued.notBefore,
      notAfter: issued.notAfter,
      issuedAt: issued.issuedAt,
      renewalInformation: drawFrom(window, issued),
      renewRequestedAt: issued.renewRequestedAt,
      lostRecipients: this.#lostRecipients(certificate, issued),
      ...(isSameRequest
        ? { differences: [] }
        : await this.#compareWithRequest(certificate, issued.revision, requestBlob)),
    };
  }

  #lostRecipients({ name, spec }: Certificate, { recipients }: IssuedFacts): readonly string[] {
    if (recipients.length === 0) return [];
    const path = this.#world.paths.secret({ namespace: name.namespace, name: spec.secretName });
    const named = this.#ports.sealer.rules.namedRecipients(path);
    // Where nothing can be sealed now, nobody has been taken away: that is another trouble.
    return named === undefined ? [] : recipients.filter((recipient) => !named.includes(recipient));
  }

  /** What the certificate in force does not fulfil, judged by its own request. */
  async #compareWithRequest(
    certificate: Certificate,
    revision: number,
    requestBlob: string | undefined,
  ): Promise<Pick<ObservedIssued, 'keyMismatch' | 'differences' | 'hasUnreadableRequest'>> {
    const { store, pki } = this.#ports;
    const blob =
      requestBlob ??
      this.#world.recorded
        .requests(certificateKey(certificate.name))
        .find((candidate) => candidate.revision === revision)?.blob;
    // Without the record nothing can be compared; the fingerprint alone says that something changed.
    if (blob === undefined) return { differences: ['spec'] };
    try {
      const path = this.#world.paths.request(certificate.name, revision);
      const text = Buffer.from(await store.readBlob(blob, REQUEST_MAX_BYTES)).toString('utf8');
      const record = parseRequestRecord(text, path);
      const differences = [
        ...(await pki.compareRequestWithSpec(pemToDer(record.csrPem), certificate.spec, {
          // An order stands in the record of an ACME request, and in no other.
          isAcme: record.order !== undefined,
        })),
        ...(record.durationMs === certificate.spec.durationMs ? [] : ['spec.duration']),
      ];
      const leaf = record.chainPem === undefined ? undefined : new X509Certificate(record.chainPem);
      return {
        differences,
        keyMismatch: leaf && pki.describePrivateKeyMismatch(leaf.publicKey, certificate.spec.privateKey),
      };
    } catch (thrown) {
      if (isStoreError(thrown)) throw thrown;
      this.#ports.log.error(
        { certificate: certificateKey(certificate.name), ...asCertopsError(thrown).logFields() },
        'the request on record cannot be read',
      );
      return { differences: [], hasUnreadableRequest: true };
    }
  }
}

/** The specification with what else decides about an order: the profile, and the labels that solvers are chosen by. */
function orderFingerprint({ spec, labels, directives: { profile } }: Certificate): string {
  const requestHash = requestFingerprint(spec);
  const isPlain = profile === undefined && Object.keys(labels).length === 0;
  return isPlain ? requestHash : fingerprint({ requestHash, profile, labels });
}

/** Whether the file at the Secret's path was written by somebody else: it is not ours to replace. */
export function isForeignSecret(target: CertificateCase, world: World): boolean {
  if (target.secretBlob === undefined) return false;
  return world.recorded.secretOwner(secretKey(target.certificate)) === undefined;
}

export function describeIssuer(ref: IssuerRef): string {
  return ref.group === CERT_MANAGER_GROUP ? formatIssuerRef(ref) : `${formatIssuerRef(ref)}.${ref.group}`;
}

export function pemToDer(pem: string): Uint8Array {
  return Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');
}
