import { createHash, type KeyObject, randomBytes } from 'node:crypto';
import { Sensitive } from '../lib/sensitive.ts';
import { parseCertificate } from './certificate-facts.ts';
import { DER_TAG } from './der-reader.ts';
import { derElement, derOid, derSequence } from './der-writer.ts';

const MAGIC = 0xfeedfeed;
const VERSION = 2;
const PRIVATE_KEY_ENTRY = 1;
const TRUSTED_CERTIFICATE_ENTRY = 2;
/** Sun's KeyProtector: the key XORed with a stream of SHA-1 digests. */
const KEY_PROTECTOR_OID = '1.3.6.1.4.1.42.2.17.1.1';
/** What Sun stirs into the digest over the whole file. */
const WHITENER = 'Mighty Aphrodite';
const SHA1_BYTES = 20;

/** What goes into a JKS key store. */
export interface JksContent {
  readonly password: Sensitive<string>;
  readonly key: KeyObject;
  /** Java's keystores know aliases in lower case only, so that is how it is written. */
  readonly alias: string;
  /** PEM, the key's certificate first. */
  readonly chain: readonly string[];
  /** PEM of the known CAs: the first has the alias `ca`, the others `ca-1`, `ca-2`, … */
  readonly cas: readonly string[];
  /** When the entries were made. */
  readonly now: Date;
}

/**
 * A Java key store in Sun's own format (JKS, not PKCS#12) with a key, its chain and the known CAs, as cert-manager
 * makes `keystore.jks`. Throws `pki.unreadable-certificate`.
 */
export function encodeJksKeyStore(content: JksContent): Sensitive<Uint8Array> {
  const { key, password, alias, chain, cas, now } = content;
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' });
  const protectedKey = protectKey(pkcs8, password.reveal());
  const entry = Buffer.concat([
    entryHead(PRIVATE_KEY_ENTRY, alias, now),
    ...[uint32(protectedKey.length), protectedKey, uint32(chain.length)],
    ...chain.map(certificate),
  ]);
  return store([entry, ...trustedEntries(cas, now)], password);
}

/** A JKS file with CAs alone, as cert-manager makes `truststore.jks`. Throws `pki.unreadable-certificate`. */
export function encodeJksTrustStore(
  content: Pick<JksContent, 'password' | 'cas' | 'now'>,
): Sensitive<Uint8Array> {
  return store(trustedEntries(content.cas, content.now), content.password);
}

function store(entries: readonly Uint8Array[], password: Sensitive<string>): Sensitive<Uint8Array> {
  const body = Buffer.concat([uint32(MAGIC), uint32(VERSION), uint32(entries.length), ...entries]);
  const digest = sha1(passwordBytes(password.reveal()), Buffer.from(WHITENER), body);
  return new Sensitive<Uint8Array>(Buffer.concat([body, digest]));
}

function trustedEntries(cas: readonly string[], now: Date): Buffer[] {
  return cas.map((pem, index) =>
    Buffer.concat([
      entryHead(TRUSTED_CERTIFICATE_ENTRY, index === 0 ? 'ca' : `ca-${index}`, now),
      certificate(pem),
    ]),
  );
}

function entryHead(kind: number, alias: string, now: Date): Buffer {
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(now.getTime()));
  return Buffer.concat([uint32(kind), modifiedUtf8(alias.toLowerCase()), time]);
}

function certificate(pem: string): Buffer {
  const der = parseCertificate(pem).raw;
  return Buffer.concat([modifiedUtf8('X.509'), uint32(der.length), der]);
}

/** DER of an EncryptedPrivateKeyInfo in the way of Sun's KeyProtector. */
function protectKey(pkcs8: Uint8Array, password: string): Buffer {
  const secret = passwordBytes(password);
  const salt = randomBytes(SHA1_BYTES);
  const hidden = Buffer.from(pkcs8);
  let digest: Uint8Array = salt;
  for (let start = 0; start < hidden.length; start += SHA1_BYTES) {
    digest = sha1(secret, digest);
    const end = Math.min(start + SHA1_BYTES, hidden.length);
    for (let index = start; index < end; index += 1) {
      hidden[index] = (hidden[index] ?? 0) ^ (digest[index - start] ?? 0);
    }
  }
  return derSequence(
    derSequence(derOid(KEY_PROTECTOR_OID), derElement(DER_TAG.null)),
    derElement(DER_TAG.octetString, salt, hidden, sha1(secret, pkcs8)),
  );
}

/** A password as Java's `char[]`, in big-endian octets. */
function passwordBytes(password: string): Buffer {
  return Buffer.from(password, 'utf16le').swap16();
}

function sha1(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha1');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** Java's `writeUTF`: two octets of length, then its UTF-8 of each UTF-16 unit by itself; no NULL octets. */
function modifiedUtf8(text: string): Buffer {
  const octets = Array.from({ length: text.length }, (_, index) => text.charCodeAt(index)).flatMap((unit) => {
    if (unit !== 0 && unit < 0x80) return [unit];
    if (unit < 0x800) return [0xc0 | (unit >> 6), 0x80 | (unit & 0x3f)];
    return [0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f)];
  });
  const length = Buffer.alloc(2);
  length.writeUInt16BE(octets.length);
  return Buffer.concat([length, Buffer.from(octets)]);
}

function uint32(value: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value);
  return octets;
}
