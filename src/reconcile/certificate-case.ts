import { X509Certificate } from 'node:crypto';
import type { Certificate } from '../api/certificate.ts';
import { requestFingerprint } from '../api/fingerprint.ts';
import { CERT_MANAGER_GROUP, formatIssuerRef, type IssuerRef } from '../api/names.ts';
import { renewalTime } from '../pki/renewal-time.ts';
import type { ObservedCertificate } from '../plan/assess.ts';
import type { AcceptedSource } from '../status/accepted-source.ts';
import type { CertificateStatus, IssuedFacts } from '../status/certificate-status.ts';
import { parseRequestRecord } from '../status/request-document.ts';
import type { Refusal } from './acceptance.ts';
import { type Declared, secretKey } from './desired-state.ts';
import { type CertificateKey, certificateKey, type IssuerKey, issuerKeyOf } from './keys.ts';
import type { Pki, RepositoryReader } from './ports.ts';
import type { Recorded, RecordedRequest } from './recorded-state.ts';
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
  readonly recorded?: Recorded<CertificateStatus> | undefined;
  /** Object id at the Secret's path, whoever wrote it. */
  readonly secretBlob?: string | undefined;
  readonly openRequest?: RecordedRequest | undefined;
  readonly observed: ObservedCertificate;
  /** Where the desired state that is acted on stands. */
  readonly source: AcceptedSource;
}

/** Gathers a case. Reads more than the index only where the specification changed since the last issue. */
export async function gatherCase(
  world: World,
  reader: RepositoryReader,
  pki: Pki,
  declared: Declared<Certificate>,
  refusal: Refusal | undefined,
): Promise<CertificateCase> {
  const { object: certificate } = declared;
  const key = certificateKey(certificate.name);
  const { namespace } = certificate.name;
  const recorded = world.recorded.certificate(key);
  const secretBlob = world.recorded.secretBlob({ namespace, name: certificate.spec.secretName });
  const requestHash = requestFingerprint(certificate.spec);
  const issued = recorded?.status.issued;
  const isIssued =
    issued !== undefined &&
    secretBlob !== undefined &&
    issued.secretName === certificate.spec.secretName &&
    issued.secretBlob === secretBlob;
  const difference =
    isIssued && issued.requestHash !== requestHash
      ? await compareWithRequest(world, reader, pki, certificate, issued.revision)
      : { differences: [] };
  return {
    key,
    certificate,
    declared,
    refusal,
    issuer: issuerKeyOf(certificate.spec.issuerRef, namespace),
    requestHash,
    recorded,
    secretBlob,
    openRequest: world.recorded.openRequest(key),
    observed: {
      secret: isIssued ? 'issued' : 'absent',
      wantedIssuer: describeIssuer(certificate.spec.issuerRef),
      issued: isIssued ? observeIssued(certificate, issued, difference) : undefined,
    },
    source: { commit: world.commit, blob: declared.blob, path: declared.path, specHash: declared.specHash },
  };
}

/** Whether the file at the Secret's path was written by somebody else: it is not ours to replace. */
export function isForeignSecret(target: CertificateCase, world: World): boolean {
  if (target.secretBlob === undefined) return false;
  return world.recorded.secretOwner(secretKey(target.certificate)) === undefined;
}

export function describeIssuer(ref: IssuerRef): string {
  return ref.group === CERT_MANAGER_GROUP ? formatIssuerRef(ref) : `${formatIssuerRef(ref)}.${ref.group}`;
}

interface Difference {
  readonly keyMismatch?: string | undefined;
  readonly differences: readonly string[];
}

function observeIssued(certificate: Certificate, issued: IssuedFacts, difference: Difference) {
  const { renewBeforeMs, renewBeforePercentage } = certificate.spec;
  return {
    issuer: describeIssuer(issued.issuerRef),
    notBefore: issued.notBefore,
    notAfter: issued.notAfter,
    renewalTime: renewalTime({
      notBefore: issued.notBefore,
      notAfter: issued.notAfter,
      renewBeforeMs,
      renewBeforePercentage,
    }),
    issuedAt: issued.issuedAt,
    ...difference,
  };
}

/** What the certificate in force does not fulfil, judged by its own request. */
async function compareWithRequest(
  world: World,
  reader: RepositoryReader,
  pki: Pki,
  certificate: Certificate,
  revision: number,
): Promise<Difference> {
  const request = world.recorded
    .requests(certificateKey(certificate.name))
    .find((candidate) => candidate.revision === revision);
  // Without the record nothing can be compared; the fingerprint alone says that something changed.
  if (request === undefined) return { differences: ['spec'] };
  const path = world.paths.request(certificate.name, revision);
  const text = Buffer.from(await reader.readBlob(request.blob, REQUEST_MAX_BYTES)).toString('utf8');
  const record = parseRequestRecord(text, path);
  const differences = [
    ...(await pki.compareRequestWithSpec(pemToDer(record.csrPem), certificate.spec)),
    ...(record.durationMs === certificate.spec.durationMs ? [] : ['spec.duration']),
  ];
  const leaf = record.chainPem === undefined ? undefined : new X509Certificate(record.chainPem);
  return {
    differences,
    keyMismatch: leaf && pki.describePrivateKeyMismatch(leaf.publicKey, certificate.spec.privateKey),
  };
}

export function pemToDer(pem: string): Uint8Array {
  return Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');
}
