import { createCipheriv, createHash, createHmac, type KeyObject, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import type { Pkcs12Profile } from '../api/certificate.ts';
import { Sensitive } from '../lib/sensitive.ts';
import { TurnQueue } from '../lib/turn-queue.ts';
import { parseCertificate, readParsed } from './certificate-facts.ts';
import { DER_TAG } from './der-reader.ts';
import { derElement, derOid, derSequence, derUnsignedInteger } from './der-writer.ts';
import { pkcs12Key, pkcs12Password } from './pkcs12-key.ts';
import { encryptRc2Cbc } from './rc2.ts';

/** How things are encrypted: by one of PKCS#12's own schemes (RFC 7292, appendix C), or by PBES2 (RFC 8018, 6.2). */
type Scheme = 'rc2-40' | '3des' | 'pbes2';

interface Profile {
  readonly certificates: Scheme;
  readonly key: Scheme;
  readonly mac: 'sha1' | 'sha256' | 'pbmac1';
  readonly macIterations: number;
  readonly saltBytes: number;
}

/** The encoders of go-pkcs12 0.7, which cert-manager's profiles are. */
const PROFILES: Readonly<Record<Pkcs12Profile, Profile>> = {
  LegacyRC2: { certificates: 'rc2-40', key: '3des', mac: 'sha1', macIterations: 1, saltBytes: 8 },
  LegacyDES: { certificates: '3des', key: '3des', mac: 'sha1', macIterations: 1, saltBytes: 8 },
  Modern2023: { certificates: 'pbes2', key: 'pbes2', mac: 'sha256', macIterations: 2048, saltBytes: 16 },
  Modern2026: { certificates: 'pbes2', key: 'pbes2', mac: 'pbmac1', macIterations: 2048, saltBytes: 16 },
};

const ENCRYPTION_ITERATIONS = 2048;

const OIDS = {
  data: '1.2.840.113549.1.7.1',
  encryptedData: '1.2.840.113549.1.7.6',
  friendlyName: '1.2.840.113549.1.9.20',
  localKeyId: '1.2.840.113549.1.9.21',
  x509Certificate: '1.2.840.113549.1.9.22.1',
  shroudedKeyBag: '1.2.840.113549.1.12.10.1.2',
  certificateBag: '1.2.840.113549.1.12.10.1.3',
  '3des': '1.2.840.113549.1.12.1.3',
  'rc2-40': '1.2.840.113549.1.12.1.6',
  pbkdf2: '1.2.840.113549.1.5.12',
  pbes2: '1.2.840.113549.1.5.13',
  pbmac1: '1.2.840.113549.1.5.14',
  hmacWithSha256: '1.2.840.113549.2.9',
  aes256Cbc: '2.16.840.1.101.3.4.1.42',
  sha1: '1.3.14.3.2.26',
  sha256: '2.16.840.1.101.3.4.2.1',
  /** Oracle's: Java trusts what has it. */
  javaTrusted: '2.16.840.1.113894.746875.1.1',
  anyExtendedKeyUsage: '2.5.29.37.0',
} as const;

const deriveByPbkdf2 = promisify(pbkdf2);
const NULL = derElement(DER_TAG.null);

/** What goes into a key store. */
export interface Pkcs12Content {
  readonly profile: Pkcs12Profile;
  readonly password: Sensitive<string>;
  readonly key: KeyObject;
  /** PEM: the key's certificate first, then its chain and the known CAs. */
  readonly certificates: readonly string[];
}

/**
 * A PKCS#12 file (RFC 7292) with a key and its certificates, made as cert-manager makes `keystore.p12`: the
 * certificates encrypted, the key shrouded, both marked by the certificate's SHA-1. Keys are derived in the thread
 * pool or in pieces of a few milliseconds. Throws `pki.unreadable-certificate`.
 */
export async function encodePkcs12KeyStore(content: Pkcs12Content): Promise<Sensitive<Uint8Array>> {
  const { key, certificates } = content;
  const ders = certificates.map((pem) => parseCertificate(pem).raw);
  const sealer = new Sealer(content.profile, content.password);
  const mark = attribute(
    OIDS.localKeyId,
    derElement(
      DER_TAG.octetString,
      createHash('sha1')
        .update(ders[0] ?? '')
        .digest(),
    ),
  );
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' });
  const shrouded = await sealer.encrypt(PROFILES[content.profile].key, pkcs8);
  const keyBag = safeBag(
    OIDS.shroudedKeyBag,
    derSequence(shrouded.algorithm, derElement(DER_TAG.octetString, shrouded.encrypted)),
    [mark],
  );
  const bags = ders.map((der, index) => certificateBag(der, index === 0 ? [mark] : []));
  return await sealer.seal([
    await sealer.encryptedSafe(bags),
    derSequence(derOid(OIDS.data), explicit(0, derElement(DER_TAG.octetString, derSequence(keyBag)))),
  ]);
}

/** What goes into a trust store. */
export interface Pkcs12TrustContent {
  readonly profile: Pkcs12Profile;
  readonly password: Sensitive<string>;
  /** PEM. */
  readonly certificates: readonly string[];
}

/**
 * A PKCS#12 file with CAs that Java trusts, each named by its subject, as cert-manager makes `truststore.p12`.
 * Throws `pki.unreadable-certificate`.
 */
export async function encodePkcs12TrustStore(content: Pkcs12TrustContent): Promise<Sensitive<Uint8Array>> {
  const sealer = new Sealer(content.profile, content.password);
  const trusted = attribute(OIDS.javaTrusted, derOid(OIDS.anyExtendedKeyUsage));
  const bags = content.certificates.map((pem) => {
    const certificate = parseCertificate(pem);
    const name = Buffer.from(readParsed(certificate).subject, 'utf16le').swap16();
    return certificateBag(certificate.raw, [
      trusted,
      attribute(OIDS.friendlyName, derElement(DER_TAG.bmpString, name)),
    ]);
  });
  return await sealer.seal([await sealer.encryptedSafe(bags)]);
}

interface Encrypted {
  readonly algorithm: Uint8Array;
  readonly encrypted: Uint8Array;
}

/** Encrypts and authenticates by one password in one profile. */
class Sealer {
  readonly #profile: Profile;
  readonly #password: Sensitive<string>;
  /** Each derivation on the event loop has a turn of its own. */
  readonly #turns = new TurnQueue();

  constructor(profile: Pkcs12Profile, password: Sensitive<string>) {
    this.#profile = PROFILES[profile];
    this.#password = password;
  }

  async encryptedSafe(bags: readonly Uint8Array[]): Promise<Buffer> {
    const { algorithm, encrypted } = await this.encrypt(this.#profile.certificates, derSequence(...bags));
    const content = derSequence(derOid(OIDS.data), algorithm, derElement(0x80, encrypted));
    return derSequence(derOid(OIDS.encryptedData), explicit(0, derSequence(integer(0), content)));
  }

  async encrypt(scheme: Scheme, plain: Uint8Array): Promise<Encrypted> {
    const salt = randomBytes(this.#profile.saltBytes);
    if (scheme === 'pbes2') return await this.#encryptPbes2(salt, plain);
    const key = await this.#derive('sha1', 'key', salt, ENCRYPTION_ITERATIONS, scheme === '3des' ? 24 : 5);
    const iv = await this.#derive('sha1', 'iv', salt, ENCRYPTION_ITERATIONS, 8);
    const parameters = derSequence(derElement(DER_TAG.octetString, salt), integer(ENCRYPTION_ITERATIONS));
    return {
      algorithm: derSequence(derOid(OIDS[scheme]), parameters),
      encrypted:
        scheme === '3des' ? encryptCbc('des-ede3-cbc', key, iv, plain) : encryptRc2Cbc(key, iv, plain),
    };
  }

  async #encryptPbes2(salt: Uint8Array, plain: Uint8Array): Promise<Encrypted> {
    const iv = randomBytes(16);
    const key = await this.#pbkdf2(salt, ENCRYPTION_ITERATIONS);
    const derivation = pbkdf2Algorithm(salt, ENCRYPTION_ITERATIONS);
    const cipher = derSequence(derOid(OIDS.aes256Cbc), derElement(DER_TAG.octetString, iv));
    return {
      algorithm: derSequence(derOid(OIDS.pbes2), derSequence(derivation, cipher)),
      encrypted: encryptCbc('aes-256-cbc', key, iv, plain),
    };
  }

  /** The whole file: what is safe, and the MAC over it. */
  async seal(safes: readonly Uint8Array[]): Promise<Sensitive<Uint8Array>> {
    const authenticated = derSequence(...safes);
    const { mac, macIterations, saltBytes } = this.#profile;
    const salt = randomBytes(saltBytes);
    const hash = mac === 'pbmac1' ? 'sha256' : mac;
    const key =
      mac === 'pbmac1'
        ? await this.#pbkdf2(salt, macIterations)
        : await this.#derive(mac, 'mac', salt, macIterations, mac === 'sha1' ? 20 : 32);
    const digest = createHmac(hash, key).update(authenticated).digest();
    const algorithm =
      mac === 'pbmac1' ? pbmac1Algorithm(salt, macIterations) : derSequence(derOid(OIDS[mac]), NULL);
    const macData = derSequence(
      derSequence(algorithm, derElement(DER_TAG.octetString, digest)),
      derElement(DER_TAG.octetString, salt),
      // 1 is the default, which DER leaves out.
      ...(macIterations === 1 ? [] : [integer(macIterations)]),
    );
    const content = derSequence(
      derOid(OIDS.data),
      explicit(0, derElement(DER_TAG.octetString, authenticated)),
    );
    return new Sensitive<Uint8Array>(derSequence(integer(3), content, macData));
  }

  async #derive(
    hash: 'sha1' | 'sha256',
    purpose: 'key' | 'iv' | 'mac',
    salt: Uint8Array,
    iterations: number,
    length: number,
  ): Promise<Buffer> {
    const password = pkcs12Password(this.#password.reveal());
    return await this.#turns.run(() => pkcs12Key({ hash, purpose, password, salt, iterations, length }));
  }

  /** PBES2 and PBMAC1 take the password as UTF-8 (RFC 8018, section 3). */
  async #pbkdf2(salt: Uint8Array, iterations: number): Promise<Buffer> {
    return await deriveByPbkdf2(Buffer.from(this.#password.reveal()), salt, iterations, 32, 'sha256');
  }
}

function pbkdf2Algorithm(salt: Uint8Array, iterations: number, ...keyLength: readonly Uint8Array[]): Buffer {
  const parameters = derSequence(
    derElement(DER_TAG.octetString, salt),
    integer(iterations),
    ...keyLength,
    derSequence(derOid(OIDS.hmacWithSha256), NULL),
  );
  return derSequence(derOid(OIDS.pbkdf2), parameters);
}

/** RFC 9579: the key length must be said. */
function pbmac1Algorithm(salt: Uint8Array, iterations: number): Buffer {
  const derivation = pbkdf2Algorithm(salt, iterations, integer(32));
  return derSequence(
    derOid(OIDS.pbmac1),
    derSequence(derivation, derSequence(derOid(OIDS.hmacWithSha256), NULL)),
  );
}

function encryptCbc(cipher: string, key: Uint8Array, iv: Uint8Array, plain: Uint8Array): Buffer {
  const encryption = createCipheriv(cipher, key, iv);
  return Buffer.concat([encryption.update(plain), encryption.final()]);
}

function certificateBag(der: Uint8Array, attributes: readonly Uint8Array[]): Buffer {
  const value = explicit(0, derElement(DER_TAG.octetString, der));
  return safeBag(OIDS.certificateBag, derSequence(derOid(OIDS.x509Certificate), value), attributes);
}

function safeBag(oid: string, value: Uint8Array, attributes: readonly Uint8Array[]): Buffer {
  const set =
    attributes.length === 0 ? [] : [derElement(DER_TAG.set, ...[...attributes].sort(Buffer.compare))];
  return derSequence(derOid(oid), explicit(0, value), ...set);
}

function attribute(oid: string, value: Uint8Array): Buffer {
  return derSequence(derOid(oid), derElement(DER_TAG.set, value));
}

function explicit(number: number, value: Uint8Array): Buffer {
  return derElement(0xa0 | number, value);
}

function integer(value: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeUInt32BE(value);
  return derUnsignedInteger(octets);
}
