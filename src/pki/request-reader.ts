import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { CertopsError } from '../lib/errors.ts';
import { DER_TAG, type DerElement, expectElement, readChildren, readDer, readOid } from './der-reader.ts';
import { type DistinguishedName, readName } from './distinguished-name.ts';
import { type ExtensionFacts, readExtensions } from './extension-reader.ts';

/** What a PKCS#10 request asks for. */
export interface RequestFacts {
  readonly subject: DistinguishedName;
  /** The subject as it is encoded. */
  readonly subjectDer: Uint8Array;
  readonly extensions: ExtensionFacts;
  /** DER of the AlgorithmIdentifier that it is signed by. */
  readonly signatureAlgorithm: Uint8Array;
  /** The key that is asked for, without any proof. Throws `pki.unreadable-request`. */
  publicKey(): KeyObject;
  /**
   * The key that is asked for, after its signature on the request has been checked (proof of possession, RFC 2986,
   * section 3). Throws `pki.unreadable-request`.
   */
  provenPublicKey(): KeyObject;
}

/** PKCS#9 extensionRequest (RFC 2985, 5.4.2). */
export const EXTENSION_REQUEST_OID = '1.2.840.113549.1.9.14';

const MAX_REQUEST_BYTES = 256 * 1024;

/** Hash by signature algorithm OID; undefined where the algorithm brings its own. */
const SIGNATURE_HASHES: ReadonlyMap<string, string | undefined> = new Map([
  ['1.2.840.113549.1.1.11', 'sha256'],
  ['1.2.840.113549.1.1.12', 'sha384'],
  ['1.2.840.113549.1.1.13', 'sha512'],
  ['1.2.840.10045.4.3.2', 'sha256'],
  ['1.2.840.10045.4.3.3', 'sha384'],
  ['1.2.840.10045.4.3.4', 'sha512'],
  ['1.3.101.112', undefined],
]);

/** Reads a DER PKCS#10 request (RFC 2986). Throws `pki.unreadable-request`. */
export function readRequest(der: Uint8Array): RequestFacts {
  if (der.length > MAX_REQUEST_BYTES) throw unreadable('It is too long');
  try {
    return parseRequest(der);
  } catch (cause) {
    throw unreadable('It is not a PKCS#10 request in DER form', cause);
  }
}

function parseRequest(der: Uint8Array): RequestFacts {
  const [info, algorithm, signature] = threeParts(readDer(der, DER_TAG.sequence));
  const fields = readChildren(info);
  const spki = expectElement(fields, 2, DER_TAG.sequence);
  const signatureOid = readOid(expectElement(readChildren(algorithm), 0));
  return {
    subject: readName(expectElement(fields, 1)),
    subjectDer: expectElement(fields, 1).raw,
    signatureAlgorithm: algorithm.raw,
    extensions: readExtensions(requestedExtensions(fields[3])),
    publicKey: () => importPublicKey(spki.raw),
    provenPublicKey: () => {
      const publicKey = importPublicKey(spki.raw);
      const isSigned =
        SIGNATURE_HASHES.has(signatureOid) &&
        verify(SIGNATURE_HASHES.get(signatureOid), info.raw, publicKey, signature.content.subarray(1));
      if (!isSigned) throw unreadable('It is not signed by its own key');
      return publicKey;
    },
  };
}

function importPublicKey(spki: Uint8Array): KeyObject {
  try {
    return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  } catch (cause) {
    throw unreadable('Its public key is of an unknown kind', cause);
  }
}

function unreadable(why: string, cause?: unknown): CertopsError {
  return new CertopsError(
    'pki.unreadable-request',
    { what: 'The signing request cannot be read', why },
    { retry: { when: 'never' }, cause },
  );
}

function threeParts(request: DerElement): [DerElement, DerElement, DerElement] {
  const parts = readChildren(request);
  return [
    expectElement(parts, 0, DER_TAG.sequence),
    expectElement(parts, 1, DER_TAG.sequence),
    expectElement(parts, 2, DER_TAG.bitString),
  ];
}

function requestedExtensions(attributes: DerElement | undefined): DerElement | undefined {
  for (const attribute of attributes === undefined ? [] : readChildren(attributes)) {
    const parts = readChildren(attribute);
    if (readOid(expectElement(parts, 0)) !== EXTENSION_REQUEST_OID) continue;
    return expectElement(readChildren(expectElement(parts, 1, DER_TAG.set)), 0, DER_TAG.sequence);
  }
  return undefined;
}
