import { createPublicKey, type KeyObject, sign } from 'node:crypto';
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

/** How strong a hash an RSA key signs with. */
export type RsaHashRule =
  /** By its size, as cert-manager signs requests: SHA-384 from 3072 bits, SHA-512 from 4096. */
  | 'by-size'
  /** Always SHA-256, as Go signs certificates. */
  | 'sha256';

const RSA_OIDS = {
  sha256: '1.2.840.113549.1.1.11',
  sha384: '1.2.840.113549.1.1.12',
  sha512: '1.2.840.113549.1.1.13',
} as const;

/** How `key` signs a request or a certificate. Throws `pki.unsupported-key`. */
export function signatureScheme(key: KeyObject, rsaHash: RsaHashRule): SignatureScheme {
  if (key.asymmetricKeyType === 'ed25519')
    return { hash: null, algorithm: derSequence(derOid('1.3.101.112')) };
  if (key.asymmetricKeyType === 'rsa') {
    const hash = rsaHash === 'sha256' ? 'sha256' : hashBySize(rsaBits(key));
    return { hash, algorithm: derSequence(derOid(RSA_OIDS[hash]), derElement(DER_TAG.null)) };
  }
  switch (curveBits(key)) {
    case 256:
      return { hash: 'sha256', algorithm: derSequence(derOid('1.2.840.10045.4.3.2')) };
    case 384:
      return { hash: 'sha384', algorithm: derSequence(derOid('1.2.840.10045.4.3.3')) };
    case 521:
      return { hash: 'sha512', algorithm: derSequence(derOid('1.2.840.10045.4.3.4')) };
    default:
      throw new CertopsError(
        'pki.unsupported-key',
        { what: 'The key cannot sign', next: 'Use RSA, ECDSA (P-256, P-384, P-521) or Ed25519' },
        { retry: { when: 'never' }, data: { keyType: key.asymmetricKeyType } },
      );
  }
}

function hashBySize(bits: number): 'sha256' | 'sha384' | 'sha512' {
  if (bits >= 4096) return 'sha512';
  return bits >= 3072 ? 'sha384' : 'sha256';
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
