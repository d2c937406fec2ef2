import { type KeyObject, KeyObject as NodeKey, randomBytes, webcrypto } from 'node:crypto';
import type { X509Certificate } from '@peculiar/x509';
import { loadX509, type X509Library } from '../../../src/pki/x509-library.ts';
import type { WrongCertificate } from './behaviour.ts';
import type { Identifier } from './context.ts';

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;
/** RFC 5280, 4.2.1.12. */
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const LONG_CHAIN = 5_000;
const HIGH_CHAIN = 1_000;

interface CaKeys {
  readonly keys: webcrypto.CryptoKeyPair;
  readonly certificate: X509Certificate;
}

/** What a finalized order asks for. */
export interface IssueRequest {
  /** DER of the subject's public key (SubjectPublicKeyInfo). */
  readonly publicKey: Uint8Array;
  readonly identifiers: readonly Identifier[];
  readonly commonName?: string | undefined;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly wrong?: WrongCertificate | undefined;
}

export interface IssuedCertificate {
  /** Leaf, PEM. */
  readonly leafPem: string;
  readonly leafDer: Buffer;
  readonly key: KeyObject;
  /** Hex in lower case. */
  readonly serial: string;
  /** RFC 9773, section 4.1. */
  readonly certificateId: string;
  /** PEM chains as they are handed out: the default one, then the alternate. */
  readonly chains: readonly string[];
}

/** The CA's own certificates: two roots, an intermediate under each with one key, and its HTTPS server's. */
export class Authority {
  readonly #library: X509Library;
  readonly #intermediate: CaKeys;
  readonly #crossed: X509Certificate;
  readonly caPem: string;
  readonly server: { readonly certPem: string; readonly keyPem: string };
  readonly rootPem: string;
  readonly alternateRootPem: string;

  private constructor(parts: {
    readonly library: X509Library;
    readonly roots: readonly [CaKeys, CaKeys];
    readonly intermediate: CaKeys;
    readonly crossed: X509Certificate;
    readonly web: CaKeys;
    readonly server: Authority['server'];
  }) {
    this.#library = parts.library;
    this.#intermediate = parts.intermediate;
    this.#crossed = parts.crossed;
    this.rootPem = pem(parts.roots[0].certificate);
    this.alternateRootPem = pem(parts.roots[1].certificate);
    this.caPem = pem(parts.web.certificate);
    this.server = parts.server;
  }

  static async create(): Promise<Authority> {
    const library = await loadX509();
    const [first, second, web] = await Promise.all(
      ['Simulated Root X1', 'Simulated Root X2', 'Simulator Web CA'].map((name) => makeRoot(library, name)),
    );
    const keys = await newKeys();
    if (first === undefined || second === undefined || web === undefined) throw new Error('three were made');
    const under = (root: CaKeys) =>
      signCa(library, { name: 'Simulated Intermediate E1', publicKey: keys.publicKey, issuer: root });
    return new Authority({
      library,
      web,
      roots: [first, second],
      intermediate: { keys, certificate: await under(first) },
      crossed: await under(second),
      server: await makeServer(library, web),
    });
  }

  /** Signs what is asked for, or the wrong thing. */
  async issue(request: IssueRequest): Promise<IssuedCertificate> {
    const { X509CertificateGenerator } = this.#library;
    const { wrong } = request;
    const [notBefore, notAfter] = validity(request);
    const publicKey =
      wrong === 'other-key' ? (await newKeys()).publicKey : new Uint8Array(request.publicKey).buffer;
    const leaf = await X509CertificateGenerator.create({
      // 0x00 in front would be needed for a number whose first bit is set.
      serialNumber: Buffer.concat([Buffer.of(0x2c), randomBytes(15)]).toString('hex'),
      subject: request.commonName === undefined ? '' : `CN=${request.commonName}`,
      issuer: this.#intermediate.certificate.subjectName,
      notBefore,
      notAfter,
      publicKey,
      signingKey: this.#intermediate.keys.privateKey,
      signingAlgorithm: EC,
      extensions: await this.#leafExtensions(request, publicKey),
    });
    const leafPem = pem(leaf);
    const aki = await this.#intermediate.certificate.publicKey.getKeyIdentifier();
    return {
      leafPem,
      leafDer: Buffer.from(leaf.rawData),
      key: NodeKey.from(await leaf.publicKey.export()),
      serial: leaf.serialNumber,
      certificateId: `${base64url(Buffer.from(aki))}.${base64url(Buffer.from(leaf.serialNumber, 'hex'))}`,
      chains: [
        await this.#chain(leafPem, pem(this.#intermediate.certificate), wrong),
        await this.#chain(leafPem, pem(this.#crossed), wrong),
      ],
    };
  }

  async #leafExtensions({ identifiers, wrong }: IssueRequest, publicKey: webcrypto.CryptoKey | ArrayBuffer) {
    const library = this.#library;
    const flags = library.KeyUsageFlags;
    const isCa = wrong === 'is-a-ca';
    const names = [
      ...(wrong === 'missing-name' ? identifiers.slice(0, -1) : identifiers),
      ...(wrong === 'extra-name' ? [{ type: 'dns' as const, value: 'extra.example.net' }] : []),
      // A certificate without any name would be another mistake.
      ...(wrong === 'missing-name' && identifiers.length === 1
        ? [{ type: 'dns' as const, value: 'somebody-else.example.net' }]
        : []),
    ];
    return [
      new library.BasicConstraintsExtension(isCa, undefined, true),
      new library.KeyUsagesExtension(isCa ? flags.keyCertSign : flags.digitalSignature, true),
      new library.ExtendedKeyUsageExtension([SERVER_AUTH]),
      new library.SubjectAlternativeNameExtension(names.map(({ type, value }) => ({ type, value }))),
      await library.AuthorityKeyIdentifierExtension.create(this.#intermediate.keys.publicKey),
      await library.SubjectKeyIdentifierExtension.create(publicKey),
    ];
  }

  async #chain(leaf: string, above: string, wrong: WrongCertificate | undefined): Promise<string> {
    switch (wrong) {
      case 'empty':
        return '';
      case 'garbage':
        return '-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n';
      case 'chain-reversed':
        return above + leaf;
      case 'chain-of-strangers':
        return leaf + pem((await makeRoot(this.#library, 'Somebody Else')).certificate);
      case 'chain-of-1000':
        return leaf + above.repeat(HIGH_CHAIN - 1);
      case 'chain-of-5000':
        return leaf + above.repeat(LONG_CHAIN - 1);
      default:
        return leaf + above;
    }
  }
}

function validity({ notBefore, notAfter, wrong }: IssueRequest): readonly [Date, Date] {
  const shift = (days: number): readonly [Date, Date] => [
    new Date(notBefore.getTime() + days * DAY_MS),
    new Date(notAfter.getTime() + days * DAY_MS),
  ];
  if (wrong === 'future') return shift(30);
  if (wrong === 'expired') return [shift(-400)[0], new Date(notBefore.getTime() - DAY_MS)];
  return [notBefore, notAfter];
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify']);
}

async function makeRoot(library: X509Library, name: string): Promise<CaKeys> {
  const keys = await newKeys();
  const certificate = await signCa(library, { name, publicKey: keys.publicKey, issuer: { keys } });
  return { keys, certificate };
}

async function signCa(
  library: X509Library,
  wanted: {
    readonly name: string;
    readonly publicKey: webcrypto.CryptoKey;
    readonly issuer: { readonly keys: webcrypto.CryptoKeyPair; readonly certificate?: X509Certificate };
  },
): Promise<X509Certificate> {
  const { issuer, name, publicKey } = wanted;
  const flags = library.KeyUsageFlags;
  return await library.X509CertificateGenerator.create({
    subject: `CN=${name}`,
    issuer: issuer.certificate?.subjectName ?? `CN=${name}`,
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + 3650 * DAY_MS),
    publicKey,
    signingKey: issuer.keys.privateKey,
    signingAlgorithm: EC,
    extensions: [
      new library.BasicConstraintsExtension(true, undefined, true),
      new library.KeyUsagesExtension(flags.keyCertSign | flags.cRLSign, true),
      await library.SubjectKeyIdentifierExtension.create(publicKey),
      await library.AuthorityKeyIdentifierExtension.create(issuer.keys.publicKey),
    ],
  });
}

async function makeServer(library: X509Library, web: CaKeys): Promise<Authority['server']> {
  const keys = await newKeys();
  const certificate = await library.X509CertificateGenerator.create({
    subject: 'CN=localhost',
    issuer: web.certificate.subjectName,
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + 365 * DAY_MS),
    publicKey: keys.publicKey,
    signingKey: web.keys.privateKey,
    signingAlgorithm: EC,
    extensions: [
      new library.SubjectAlternativeNameExtension([
        { type: 'dns', value: 'localhost' },
        { type: 'ip', value: '127.0.0.1' },
      ]),
      await library.AuthorityKeyIdentifierExtension.create(web.keys.publicKey),
    ],
  });
  const keyPem = NodeKey.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString();
  return { certPem: pem(certificate), keyPem };
}

function pem(certificate: X509Certificate): string {
  return `${certificate.toString('pem').trimEnd()}\n`;
}

function base64url(bytes: Buffer): string {
  return bytes.toString('base64url');
}
