import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import type { SignatureAlgorithm } from '../api/certificate.ts';
import { CertopsError } from '../lib/errors.ts';
import { DER_TAG } from './der-reader.ts';
import { derBitString, derElement, derOid, derSequence } from './der-writer.ts';
import { curveBits, rsaBits } from './private-key.ts';

/** How a key signs. */
export interface SignatureScheme {
  /** Node's name; null where the algorithm brings its own. */
  readonly hash: 'sha256' | 'sha384' | 'sha512' | null;
  /** DER of the AlgorithmIdentifier (RFC 4055, section 5; RFC 5758, 3.2; RFC 8410, section 3). */
  readonly algorithm: Uint8Array;
}

const ALGORITHMS: Readonly<
  Record<SignatureAlgorithm, { keyType: string; hash: SignatureScheme['hash']; oid: string }>
> = {
  SHA256WithRSA: { keyType: 'rsa', hash: 'sha256', oid: '1.2.840.113549.1.1.11' },
  SHA384WithRSA: { keyType: 'rsa', hash: 'sha384', oid: '1.2.840.113549.1.1.12' },
  SHA512WithRSA: { keyType: 'rsa', hash: 'sha512', oid: '1.2.840.113549.1.1.13' },
  ECDSAWithSHA256: { keyType: 'ec', hash: 'sha256', oid: '1.2.840.10045.4.3.2' },
  ECDSAWithSHA384: { keyType: 'ec', hash: 'sha384', oid: '1.2.840.10045.4.3.3' },
  ECDSAWithSHA512: { keyType: 'ec', hash: 'sha512', oid: '1.2.840.10045.4.3.4' },
  PureEd25519: { keyType: 'ed25519', hash: null, oid: '1.3.101.112' },
};

/**
 * How `key` signs a request or a certificate: by `algorithm` where one is given (`spec.signatureAlgorithm`), else by
 * its kind and size, as cert-manager does (`pki.signatureAlgorithmFromPublicKey`).
 * Throws `pki.unsupported-key`, and `pki.wrong-signature-algorithm` for one that the key cannot make.
 */
export function signatureScheme(key: KeyObject, algorithm?: SignatureAlgorithm): SignatureScheme {
  const name = algorithm ?? defaultAlgorithm(key);
  const { keyType, hash, oid } = ALGORITHMS[name];
  if (!canSignBy(key, name)) {
    throw new CertopsError(
      'pki.wrong-signature-algorithm',
      {
        what: `The private key cannot sign by ${name}`,
        next: 'Make spec.signatureAlgorithm fit spec.privateKey.algorithm, or leave it out',
      },
      { retry: { when: 'never' }, data: { keyType: key.asymmetricKeyType, signatureAlgorithm: name } },
    );
  }
  // RFC 4055, section 5: RSA has NULL parameters; the others have none (RFC 5758, 3.2; RFC 8410, section 3).
  return {
    hash,
    algorithm: derSequence(derOid(oid), ...(keyType === 'rsa' ? [derElement(DER_TAG.null)] : [])),
  };
}

/** Whether a key (either half) is of the kind that `algorithm` is made for. */
export function canSignBy(key: KeyObject, algorithm: SignatureAlgorithm): boolean {
  return key.asymmetricKeyType === ALGORITHMS[algorithm].keyType;
}

function defaultAlgorithm(key: KeyObject): SignatureAlgorithm {
  if (key.asymmetricKeyType === 'ed25519') return 'PureEd25519';
  if (key.asymmetricKeyType === 'rsa') return rsaAlgorithm(rsaBits(key));
  switch (curveBits(key)) {
    case 256:
      return 'ECDSAWithSHA256';
    case 384:
      return 'ECDSAWithSHA384';
    case 521:
      return 'ECDSAWithSHA512';
    default:
      throw new CertopsError(
        'pki.unsupported-key',
        { what: 'The key cannot sign', next: 'Use RSA, ECDSA (P-256, P-384, P-521) or Ed25519' },
        { retry: { when: 'never' }, data: { keyType: key.asymmetricKeyType } },
      );
  }
}

function rsaAlgorithm(bits: number): SignatureAlgorithm {
  if (bits >= 4096) return 'SHA512WithRSA';
  return bits >= 3072 ? 'SHA384WithRSA' : 'SHA256WithRSA';
}

/**
 * The signed structure that requests and certificates share (RFC 2986, 4.2; RFC 5280, 4.1): what is signed, how,
 * and the signature. Signing runs in the thread pool.
 */
export async function signStructure(
  signed: Uint8Array,
  key: KeyObject,
  scheme: SignatureScheme,
): Promise<Uint8Array> {
  const signature = await new Promise<Uint8Array>((resolve, reject) => {
    sign(scheme.hash, signed, key, (error, bytes) => (error === null ? resolve(bytes) : reject(error)));
  });
  return new Uint8Array(derSequence(signed, scheme.algorithm, derBitString(signature)));
}

/** DER of the SubjectPublicKeyInfo of a private or public key. */
export function publicKeyDer(key: KeyObject): Uint8Array {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
}
