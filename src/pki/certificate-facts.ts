import { createHash, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { NameConstraints, SubjectSpec } from '../api/certificate.ts';
import { CertopsError } from '../lib/errors.ts';
import type { CertificateNames } from './certificate-names.ts';
import { DER_TAG, type DerElement, expectElement, readChildren, readDer, readTime } from './der-reader.ts';
import { formatName, NAME_OID, nameValues, readName, subjectFields } from './distinguished-name.ts';
import { readExtensions } from './extension-reader.ts';
import { splitChain } from './pem.ts';
import type { ResolvedUsages } from './usages.ts';

export { splitChain } from './pem.ts';

/** What one certificate says (RFC 5280, 4.1), read without trusting it. Text is as encoded: escape it. */
export interface CertificateFacts extends CertificateNames {
  /** Lower-case hex of the serial, two digits an octet (`05`, `ab12`), as openssl prints it. */
  readonly serialNumber: string;
  /** SHA-256 of the DER, lower-case hex without colons. */
  readonly fingerprintSHA256: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** The last commonName of the subject, absent when there is none. */
  readonly commonName?: string | undefined;
  /** RFC 4514 text, empty for an empty name. */
  readonly subject: string;
  /** The fields of `spec.subject` that the subject has. */
  readonly subjectFields: SubjectSpec;
  /** RFC 4514 text. */
  readonly issuer: string;
  /** Subject alternative names of kinds that no specification can ask for: how many there are. */
  readonly otherNameCount: number;
  /** Whether basicConstraints say `CA:TRUE`. */
  readonly isCA: boolean;
  readonly nameConstraints?: NameConstraints | undefined;
  readonly usages: ResolvedUsages;
  /** Whether subject and issuer are the same and its own key verifies its signature. */
  readonly isSelfSigned: boolean;
  /** Lower-case hex. */
  readonly subjectKeyId?: string | undefined;
  /** Lower-case hex. */
  readonly authorityKeyId?: string | undefined;
  /** Whether it certifies this key (the private one or its public half). */
  publicKeyMatches(key: KeyObject): boolean;
}

/** A DER certificate is at most this long, in bytes. */
const MAX_CERTIFICATE_BYTES = 256 * 1024;

/**
 * Reads a certificate: DER, or PEM whose first certificate is taken (the leaf of a `tls.crt`).
 * Throws `pki.unreadable-certificate`.
 */
export function readCertificate(pemOrDer: string | Uint8Array): CertificateFacts {
  return readParsed(parseCertificate(pemOrDer));
}

/**
 * The same input as OpenSSL's own object, for signature checks inside this room.
 * Throws `pki.unreadable-certificate`.
 */
export function parseCertificate(pemOrDer: string | Uint8Array): X509Certificate {
  const input = typeof pemOrDer === 'string' ? firstOf(pemOrDer) : pemOrDer;
  if (input.length > MAX_CERTIFICATE_BYTES * 2) throw unreadable('It is too long');
  try {
    const certificate = new X509Certificate(input);
    if (typeof input !== 'string' && certificate.raw.length !== input.length) {
      throw new RangeError('something follows the certificate');
    }
    return certificate;
  } catch (cause) {
    throw unreadable('It is not a certificate in DER or PEM form', cause);
  }
}

function firstOf(pem: string): string {
  const [first] = splitChain(pem, 'ignore');
  if (first === undefined) throw unreadable('There is no certificate in it');
  return first;
}

/** The facts of an already parsed certificate. Throws `pki.unreadable-certificate`. */
export function readParsed(certificate: X509Certificate): CertificateFacts {
  const der = certificate.raw;
  if (der.length > MAX_CERTIFICATE_BYTES) throw unreadable('It is too long');
  try {
    return readFacts(certificate, new Uint8Array(der.buffer, der.byteOffset, der.byteLength));
  } catch (cause) {
    throw unreadable('Its encoding is damaged', cause);
  }
}

function readFacts(certificate: X509Certificate, der: Uint8Array): CertificateFacts {
  const fields = signedFields(der);
  const issuer = expectElement(fields, 2, DER_TAG.sequence);
  const validity = readChildren(expectElement(fields, 3, DER_TAG.sequence));
  const subject = expectElement(fields, 4, DER_TAG.sequence);
  const subjectName = readName(subject);
  const { names, ...rest } = readExtensions(extensionsOf(fields.slice(6)));
  return {
    ...names,
    ...rest,
    serialNumber: certificate.serialNumber.toLowerCase(),
    fingerprintSHA256: createHash('sha256').update(der).digest('hex'),
    notBefore: readTime(expectElement(validity, 0)),
    notAfter: readTime(expectElement(validity, 1)),
    commonName: nameValues(subjectName, NAME_OID.commonName).at(-1),
    subject: formatName(subjectName),
    subjectFields: subjectFields(subjectName),
    issuer: formatName(readName(issuer)),
    isSelfSigned: Buffer.compare(issuer.raw, subject.raw) === 0 && isSignedBy(certificate, certificate),
    publicKeyMatches: (key) => isSamePublicKey(certificate, key),
  };
}

/** The fields of TBSCertificate without the version, which a version 1 certificate leaves out: serial number first. */
function signedFields(der: Uint8Array): DerElement[] {
  const [signed] = readChildren(readDer(der, DER_TAG.sequence));
  const fields = signed === undefined ? [] : readChildren(signed);
  return fields[0]?.tag === 0xa0 ? fields.slice(1) : fields;
}

/** The subject of a certificate as DER, byte for byte: what its leaves must have as their issuer. */
export function encodedSubject(certificate: X509Certificate): Uint8Array {
  return expectElement(signedFields(new Uint8Array(certificate.raw)), 4, DER_TAG.sequence).raw;
}

function extensionsOf(optionalFields: readonly DerElement[]): DerElement | undefined {
  const wrapper = optionalFields.find((field) => field.tag === 0xa3);
  return wrapper === undefined ? undefined : expectElement(readChildren(wrapper), 0, DER_TAG.sequence);
}

/** Whether `issuer`'s key verifies the signature on `certificate`; false also for keys OpenSSL cannot use. */
export function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  try {
    return certificate.verify(issuer.publicKey);
  } catch {
    return false;
  }
}

function isSamePublicKey(certificate: X509Certificate, key: KeyObject): boolean {
  try {
    return certificate.publicKey.equals(key.type === 'private' ? createPublicKey(key) : key);
  } catch {
    return false;
  }
}

function unreadable(why: string, cause?: unknown): CertopsError {
  return new CertopsError(
    'pki.unreadable-certificate',
    { what: 'The certificate cannot be read', why },
    { cause },
  );
}
