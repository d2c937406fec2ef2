import { createPrivateKey, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import type { PrivateKeyEncoding, PrivateKeySpec } from '../api/certificate.ts';
import { CertopsError } from '../lib/errors.ts';
import { Sensitive } from '../lib/sensitive.ts';

const generate = promisify(generateKeyPair);

/** OpenSSL's names of the NIST curves by `spec.privateKey.size`. */
const CURVES: Readonly<Record<number, string>> = { 256: 'prime256v1', 384: 'secp384r1', 521: 'secp521r1' };

const DEFAULT_RSA_BITS = 2048;
const DEFAULT_CURVE_BITS = 256;

/** An RSA-8192 key in PEM is 6.4 kB; whatever is much longer is no key. */
const MAX_KEY_CHARS = 64 * 1024;

/**
 * A new private key as `spec.privateKey` asks for. The work is done off the event loop.
 * Throws `pki.unsupported-key` for a curve that cert-manager does not know.
 */
export async function generatePrivateKey(spec: PrivateKeySpec): Promise<KeyObject> {
  switch (spec.algorithm) {
    case 'RSA':
      return (await generate('rsa', { modulusLength: spec.size || DEFAULT_RSA_BITS })).privateKey;
    case 'ECDSA':
      return (await generate('ec', { namedCurve: curveOf(spec) })).privateKey;
    case 'Ed25519':
      return (await generate('ed25519')).privateKey;
  }
}

/**
 * The key as PEM text, in the encoding of `spec.privateKey.encoding`. As cert-manager understands it, PKCS1
 * means PKCS#1 for RSA (RFC 8017), SEC 1 for ECDSA (RFC 5915), and PKCS#8 for Ed25519, which knows no other.
 */
export function encodePrivateKey(key: KeyObject, encoding: PrivateKeyEncoding): Sensitive<string> {
  return new Sensitive(exportPem(key, encoding).toString());
}

function exportPem(key: KeyObject, encoding: PrivateKeyEncoding): string | Buffer {
  if (encoding === 'PKCS1' && key.asymmetricKeyType === 'rsa')
    return key.export({ type: 'pkcs1', format: 'pem' });
  if (encoding === 'PKCS1' && key.asymmetricKeyType === 'ec')
    return key.export({ type: 'sec1', format: 'pem' });
  return key.export({ type: 'pkcs8', format: 'pem' });
}

/**
 * Reads an unencrypted PEM private key (PKCS#1, SEC 1 or PKCS#8; RSA, ECDSA on P-256, P-384 or P-521, Ed25519).
 * Throws `pki.unreadable-key`, which never quotes the text.
 */
export function decodePrivateKey(pem: Sensitive<string>): KeyObject {
  const key = parsePrivateKey(pem.reveal());
  if (key.asymmetricKeyType === 'rsa' || key.asymmetricKeyType === 'ed25519') return key;
  if (key.asymmetricKeyType === 'ec' && curveBits(key) !== undefined) return key;
  throw unreadableKey('It is of a kind that certificates here cannot use');
}

function parsePrivateKey(text: string): KeyObject {
  if (text.length > MAX_KEY_CHARS) throw unreadableKey('It is far too long for a private key');
  try {
    return createPrivateKey({ key: text, format: 'pem' });
  } catch {
    // The library's own error is dropped: nothing near key material may reach a log by way of a cause.
    throw unreadableKey('It is not an unencrypted PEM private key');
  }
}

function unreadableKey(why: string): CertopsError {
  return new CertopsError(
    'pki.unreadable-key',
    {
      what: 'The private key cannot be read',
      why,
      next: 'Use RSA, ECDSA (P-256, P-384, P-521) or Ed25519 in PEM, without a password',
    },
    { retry: { when: 'never' } },
  );
}

/** Whether a private key is of the algorithm and size that `spec.privateKey` asks for. */
export function privateKeyMatchesSpec(key: KeyObject, spec: PrivateKeySpec): boolean {
  return privateKeyViolation(key, spec) === undefined;
}

/**
 * In what a private key differs from `spec.privateKey`, in the words of cert-manager's `SecretMismatch`;
 * undefined when it does not. Encoding and rotation do not count, as they do not there.
 */
export function describePrivateKeyMismatch(key: KeyObject, spec: PrivateKeySpec): string | undefined {
  const field = privateKeyViolation(key, spec);
  return field === undefined ? undefined : `Existing private key is not up to date for spec: [${field}]`;
}

function privateKeyViolation(key: KeyObject, spec: PrivateKeySpec): string | undefined {
  switch (spec.algorithm) {
    case 'RSA':
      if (key.asymmetricKeyType !== 'rsa') return 'spec.privateKey.algorithm';
      return rsaBits(key) === (spec.size || DEFAULT_RSA_BITS) ? undefined : 'spec.privateKey.size';
    case 'ECDSA':
      if (key.asymmetricKeyType !== 'ec') return 'spec.privateKey.algorithm';
      return curveBits(key) === (spec.size || DEFAULT_CURVE_BITS) ? undefined : 'spec.privateKey.size';
    case 'Ed25519':
      return key.asymmetricKeyType === 'ed25519' ? undefined : 'spec.privateKey.algorithm';
  }
}

function curveOf(spec: PrivateKeySpec): string {
  const curve = CURVES[spec.size || DEFAULT_CURVE_BITS];
  if (curve !== undefined) return curve;
  throw new CertopsError(
    'pki.unsupported-key',
    { what: `There is no ECDSA key of ${spec.size} bits`, next: 'Use 256, 384 or 521' },
    { retry: { when: 'never' }, data: { size: spec.size } },
  );
}

/** Bits of an RSA key's modulus, 0 for other keys. */
export function rsaBits(key: KeyObject): number {
  return key.asymmetricKeyDetails?.modulusLength ?? 0;
}

/** Bits of an EC key's NIST curve; undefined for other keys and other curves. */
export function curveBits(key: KeyObject): 256 | 384 | 521 | undefined {
  switch (key.asymmetricKeyDetails?.namedCurve) {
    case 'prime256v1':
      return 256;
    case 'secp384r1':
      return 384;
    case 'secp521r1':
      return 521;
    default:
      return undefined;
  }
}
