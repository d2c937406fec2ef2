import {
  createHash,
  createHmac,
  createPublicKey,
  type KeyObject,
  timingSafeEqual,
  verify,
} from 'node:crypto';
import { Refusal, refuse } from './problem.ts';

/** A flattened JSON JWS (RFC 7515, section 7.2.2), decoded and not yet verified. */
export interface Jws {
  readonly header: Readonly<Record<string, unknown>>;
  /** Undefined: the empty payload of a POST-as-GET. */
  readonly payload: unknown;
  readonly signingInput: string;
  readonly signature: Buffer;
}

interface Algorithm {
  readonly keyType: string;
  readonly curve?: string;
  readonly hash: string;
}

const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  RS256: { keyType: 'rsa', hash: 'sha256' },
  ES256: { keyType: 'ec', curve: 'prime256v1', hash: 'sha256' },
  ES384: { keyType: 'ec', curve: 'secp384r1', hash: 'sha384' },
  ES512: { keyType: 'ec', curve: 'secp521r1', hash: 'sha512' },
};
const BASE64URL = /^[A-Za-z0-9_-]*$/;
const MIN_RSA_BITS = 2048;

/** Reads a JWS as RFC 8555, section 6.2 restricts it. Refuses with `malformed`. */
export function parseJws(value: unknown): Jws {
  const fields = record(value, 'the body is no JSON object');
  if ('header' in fields || 'signatures' in fields) {
    refuse('malformed', 'a JWS has neither an unprotected header nor several signatures (RFC 8555, 6.2)');
  }
  const [protectedPart, payload, signature] = [fields.protected, fields.payload, fields.signature].map(
    (part) =>
      typeof part === 'string' && BASE64URL.test(part) ? part : refuse('malformed', 'bad base64url'),
  ) as [string, string, string]; // three in, three out
  return {
    header: record(parseJson(protectedPart), 'the protected header is no JSON object'),
    payload: payload === '' ? undefined : parseJson(payload),
    signingInput: `${protectedPart}.${payload}`,
    signature: Buffer.from(signature, 'base64url'),
  };
}

/** Verifies with a public key. Refuses with `badSignatureAlgorithm` (RFC 8555, section 6.2) or `malformed`. */
export function verifyJws(jws: Jws, key: KeyObject): void {
  const { alg } = jws.header;
  const algorithm = typeof alg === 'string' && Object.hasOwn(ALGORITHMS, alg) ? ALGORITHMS[alg] : undefined;
  if (algorithm === undefined) {
    throw new Refusal({
      type: 'badSignatureAlgorithm',
      detail: `alg ${String(alg)} is not supported`,
      fields: { algorithms: Object.keys(ALGORITHMS) },
    });
  }
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (key.asymmetricKeyType !== algorithm.keyType || curve !== algorithm.curve) {
    refuse('malformed', `alg ${String(alg)} does not fit the key`);
  }
  const data = Buffer.from(jws.signingInput);
  // RFC 7518, section 3.4: R and S side by side, not DER.
  const isGood = verify(algorithm.hash, data, { key, dsaEncoding: 'ieee-p1363' }, jws.signature);
  if (!isGood) refuse('malformed', 'the JWS signature does not verify', 400);
}

/** Verifies the MAC of an external account binding (RFC 8555, section 7.3.4); HS256 alone is taken. */
export function verifyMac(jws: Jws, macKey: Buffer): boolean {
  const mac = createHmac('sha256', macKey).update(jws.signingInput).digest();
  return jws.signature.length === mac.length && timingSafeEqual(mac, jws.signature);
}

/** The public key of a `jwk`. Refuses with `badPublicKey`. */
export function keyOfJwk(jwk: unknown): KeyObject {
  const fields = record(jwk, 'jwk is no JSON object');
  if ('d' in fields || 'k' in fields) refuse('malformed', 'jwk holds a private or symmetric key');
  let key: KeyObject;
  try {
    // Whatever is no JWK at all throws.
    key = createPublicKey({ key: { ...fields }, format: 'jwk' });
  } catch {
    return refuse('badPublicKey', 'jwk cannot be read');
  }
  if (key.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) < MIN_RSA_BITS) {
    refuse('badPublicKey', `RSA keys have ${MIN_RSA_BITS} bits or more`);
  }
  return key;
}

/** RFC 7638 with SHA-256, base64url. */
export function thumbprint(key: KeyObject): string {
  const { kty, n, e, crv, x, y } = key.export({ format: 'jwk' });
  const members = kty === 'RSA' ? { e, kty, n } : { crv, kty, x, y };
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url');
}

/** An object from JSON; refuses with `malformed` and the complaint. */
export function record(value: unknown, complaint: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse('malformed', complaint);
  return value as Readonly<Record<string, unknown>>; // checked right above
}

function parseJson(base64url: string): unknown {
  try {
    return JSON.parse(Buffer.from(base64url, 'base64url').toString('utf8'));
  } catch {
    return refuse('malformed', 'a part of the JWS is not JSON');
  }
}
