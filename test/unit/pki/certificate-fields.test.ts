import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type CertificateSpec, KEY_USAGES, type NameConstraintItem } from '../../../src/api/certificate.ts';
import { readCertificate } from '../../../src/pki/certificate-facts.ts';
import { specifiedNames } from '../../../src/pki/certificate-names.ts';
import { checkIssuedChain } from '../../../src/pki/check-issued.ts';
import { generatePrivateKey } from '../../../src/pki/private-key.ts';
import { selfSign } from '../../../src/pki/sign-certificate.ts';
import { compareRequestWithSpec, createSigningRequest } from '../../../src/pki/signing-request.ts';
import { temporaryCertificate } from '../../../src/pki/temporary-certificate.ts';
import {
  certificateText,
  HOUR_MS,
  keySpec,
  makeRoot,
  makeSigned,
  openssl,
  specWith,
  type TestCertificate,
  verifyChain,
} from './fixtures.ts';

const NO_NAMES: NameConstraintItem = { dnsDomains: [], ipRanges: [], emailAddresses: [], uriDomains: [] };
const UPN = { oid: '1.3.6.1.4.1.311.20.2.3', utf8Value: 'zoë@example.com' };

interface FieldCase {
  readonly name: string;
  readonly spec: Partial<CertificateSpec>;
  /** What `openssl … -text` must say, for requests and certificates alike. */
  readonly says: readonly RegExp[];
}

const FIELDS: readonly FieldCase[] = [
  {
    name: 'a literal subject',
    spec: { literalSubject: 'CN=www,OU=b,OU=a,1.2.3.4=x' },
    says: [/Subject: CN=www,OU=b,OU=a,1\.2\.3\.4=(?:#0C0178|#130178|x)$/m],
  },
  {
    name: 'other names and nothing else',
    spec: { dnsNames: [], otherNames: [UPN, { oid: '1.2.3.4.5', utf8Value: 'x' }] },
    says: [/Alternative Name: critical\n\s*othername: UPN::zoë@example\.com, othername: 1\.2\.3\.4\.5::x$/m],
  },
  {
    name: 'names of every kind, in order',
    spec: {
      commonName: 'www',
      ipAddresses: ['10.0.0.1', '::ffff:10.0.0.2'],
      uris: ['spiffe://x/y'],
      emailAddresses: ['a@example.com'],
      otherNames: [UPN],
    },
    says: [
      /Alternative Name:\s*\n\s*DNS:www\.example\.com, email:a@example\.com, IP Address:10\.0\.0\.1, IP Address:10\.0\.0\.2, URI:spiffe:\/\/x\/y, othername: UPN::zoë@example\.com$/m,
    ],
  },
  {
    name: 'name constraints of every kind, critical',
    spec: {
      isCA: true,
      nameConstraints: {
        critical: true,
        permitted: {
          dnsDomains: ['example.com'],
          ipRanges: ['10.1.2.3/8', '2001:db8::1/32'],
          emailAddresses: ['example.com'],
          uriDomains: ['.example.com'],
        },
        excluded: { ...NO_NAMES, dnsDomains: ['bad.example.com'], ipRanges: ['10.9.0.0/17'] },
      },
    },
    says: [
      /Name Constraints: critical\n\s*Permitted:\n\s*DNS:example\.com\n\s*IP:10\.0\.0\.0\/255\.0\.0\.0\n\s*IP:2001:DB8:0:0:0:0:0:0\/FFFF:FFFF:0:0:0:0:0:0\n\s*email:example\.com\n\s*URI:\.example\.com\n\s*Excluded:\n\s*DNS:bad\.example\.com\n\s*IP:10\.9\.0\.0\/255\.255\.128\.0$/m,
    ],
  },
  {
    name: 'name constraints that are not critical',
    spec: {
      isCA: true,
      nameConstraints: { critical: false, excluded: { ...NO_NAMES, ipRanges: ['0.0.0.0/0'] } },
    },
    says: [/Name Constraints:\s*\n\s*Excluded:\n\s*IP:0\.0\.0\.0\/0\.0\.0\.0$/m],
  },
  {
    name: 'every usage',
    spec: { usages: KEY_USAGES },
    says: [
      /Key Usage: critical\n\s*Digital Signature, Non Repudiation, Key Encipherment, Data Encipherment, Key Agreement, Certificate Sign, CRL Sign, Encipher Only, Decipher Only$/m,
      /Extended Key Usage:\s*\n\s*Any Extended Key Usage, TLS Web Server Authentication, TLS Web Client Authentication, Code Signing, E-mail Protection, IPSec End System, IPSec Tunnel, IPSec User, Time Stamping, OCSP Signing, Microsoft Server Gated Crypto, Netscape Server Gated Crypto$/m,
    ],
  },
  {
    name: 'a CA, without a limit to the length of its paths',
    spec: { isCA: true, usages: [] },
    says: [
      /Basic Constraints: critical\n\s*CA:TRUE$/m,
      /Key Usage: critical\n\s*Digital Signature, Key Encipherment, Certificate Sign$/m,
    ],
  },
];

async function requestText(csr: Uint8Array): Promise<string> {
  return await openssl(
    ['req', '-inform', 'DER', '-noout', '-verify', '-text', '-nameopt', 'RFC2253,-esc_msb,utf8'],
    csr,
  );
}

async function selfSigned(spec: CertificateSpec): Promise<TestCertificate & { readonly csr: Uint8Array }> {
  const key = await generatePrivateKey(spec.privateKey);
  const csr = await createSigningRequest(spec, key);
  const pem = await selfSign({
    spec,
    csr,
    key,
    notBefore: new Date(),
    lifetimeMs: HOUR_MS,
    crlDistributionPoints: [],
  });
  return { pem, key, spec, csr };
}

describe('fields of a Certificate', () => {
  for (const { name, spec: change, says } of FIELDS) {
    it(`${name}: in the request, the self-signed certificate and a CA's`, async () => {
      const spec = specWith(change);
      const root = await makeRoot();

      const self = await selfSigned(spec);
      const signed = await makeSigned(root, spec);

      const texts = [
        await requestText(self.csr),
        (await certificateText(self.pem)).join('\n'),
        (await certificateText(signed.pem)).join('\n'),
      ];
      for (const text of texts) for (const line of says) assert.match(text, line);
      assert.deepEqual(await compareRequestWithSpec(self.csr, spec), []);
      const check = { spec, expectedNames: specifiedNames(spec), now: new Date(), allowCa: true };
      await checkIssuedChain({ ...check, chainPem: [self.pem], key: self.key });
      await checkIssuedChain({ ...check, chainPem: [signed.pem], key: signed.key });
    });
  }

  const FULL = specWith({
    isCA: true,
    otherNames: [UPN],
    nameConstraints: {
      critical: true,
      permitted: { ...NO_NAMES, dnsDomains: ['a', 'b'], ipRanges: ['10.0.0.0/8'] },
    },
  });
  const constraints = FULL.nameConstraints;
  const CHANGES: readonly { name: string; change: Partial<CertificateSpec>; fields: readonly string[] }[] = [
    {
      name: 'another otherName',
      change: { otherNames: [{ ...UPN, utf8Value: 'x' }] },
      fields: ['spec.otherNames'],
    },
    {
      name: 'an otherName of another type',
      change: { otherNames: [{ ...UPN, oid: '1.2.3' }] },
      fields: ['spec.otherNames'],
    },
    { name: 'no otherName', change: { otherNames: [] }, fields: ['spec.otherNames'] },
    { name: 'an otherName twice', change: { otherNames: [UPN, UPN] }, fields: [] },
    { name: 'no name constraints', change: { nameConstraints: undefined }, fields: ['spec.nameConstraints'] },
    {
      name: 'constraints that are not critical',
      change: { nameConstraints: { ...constraints, critical: false } },
      fields: ['spec.nameConstraints'],
    },
    {
      name: 'what was permitted excluded',
      change: { nameConstraints: { critical: true, excluded: constraints?.permitted } },
      fields: ['spec.nameConstraints'],
    },
    {
      name: 'the same constraints in another order and spelling',
      change: {
        nameConstraints: {
          critical: true,
          permitted: { ...NO_NAMES, dnsDomains: ['b', 'a', 'b'], ipRanges: ['10.7.7.7/8'] },
          excluded: NO_NAMES,
        },
      },
      fields: [],
    },
    {
      name: 'a signature algorithm that is not the default',
      change: { signatureAlgorithm: 'ECDSAWithSHA512' },
      fields: ['spec.signatureAlgorithm'],
    },
    {
      name: 'the signature algorithm that is the default',
      change: { signatureAlgorithm: 'ECDSAWithSHA256' },
      fields: [],
    },
    {
      name: 'a signature algorithm of another key',
      change: { signatureAlgorithm: 'PureEd25519' },
      fields: ['spec.signatureAlgorithm'],
    },
  ];
  for (const { name, change, fields } of CHANGES) {
    it(`${name}: ${fields.length === 0 ? 'the request still fulfils it' : `the request lacks ${fields}`}`, async () => {
      const csr = await createSigningRequest(FULL, await generatePrivateKey(FULL.privateKey));

      assert.deepEqual(await compareRequestWithSpec(csr, { ...FULL, ...change }), fields);
    });
  }

  for (const range of ['10.0.0.0', '10.0.0.0/33', 'x/8', '2001:db8::/129', '10.0.0.0/']) {
    it(`the range ${range} is no name constraint`, async () => {
      const spec = specWith({
        nameConstraints: { critical: false, permitted: { ...NO_NAMES, ipRanges: [range] } },
      });

      await assert.rejects(createSigningRequest(spec, await generatePrivateKey(spec.privateKey)), {
        code: 'pki.unencodable-name',
      });
    });
  }

  it('an otherName that nobody asked for is refused, and one asked for is missed', async () => {
    const root = await makeRoot();
    const asked = specWith({ otherNames: [UPN] });
    const more = await makeSigned(root, specWith({ otherNames: [UPN, { oid: '1.2.3', utf8Value: 'x' }] }));
    const less = await makeSigned(root, specWith());
    const check = { spec: asked, expectedNames: specifiedNames(asked), now: new Date(), allowCa: true };

    await assert.rejects(checkIssuedChain({ ...check, chainPem: [more.pem], key: more.key }), {
      code: 'pki.wrong-names',
    });
    await assert.rejects(checkIssuedChain({ ...check, chainPem: [less.pem], key: less.key }), {
      code: 'pki.wrong-names',
    });
  });
});

describe('signature algorithms', () => {
  const RSA = keySpec({ algorithm: 'RSA', size: 2048 });
  const ALGORITHMS = [
    { signatureAlgorithm: 'SHA256WithRSA', privateKey: RSA, said: 'sha256WithRSAEncryption' },
    { signatureAlgorithm: 'SHA384WithRSA', privateKey: RSA, said: 'sha384WithRSAEncryption' },
    { signatureAlgorithm: 'SHA512WithRSA', privateKey: RSA, said: 'sha512WithRSAEncryption' },
    { signatureAlgorithm: 'ECDSAWithSHA256', privateKey: keySpec({ size: 521 }), said: 'ecdsa-with-SHA256' },
    { signatureAlgorithm: 'ECDSAWithSHA384', privateKey: keySpec(), said: 'ecdsa-with-SHA384' },
    { signatureAlgorithm: 'ECDSAWithSHA512', privateKey: keySpec(), said: 'ecdsa-with-SHA512' },
    {
      signatureAlgorithm: 'PureEd25519',
      privateKey: keySpec({ algorithm: 'Ed25519', size: 0 }),
      said: 'ED25519',
    },
  ] as const;
  for (const { signatureAlgorithm, privateKey, said } of ALGORITHMS) {
    it(`${signatureAlgorithm} signs the request and the self-signed certificate; a CA signs by its own key`, async () => {
      const spec = specWith({ isCA: true, commonName: 'x', signatureAlgorithm, privateKey });
      const root = await makeRoot();

      const self = await selfSigned(spec);
      const signed = await makeSigned(root, spec);

      assert.match(await requestText(self.csr), new RegExp(`Signature Algorithm: ${said}$`, 'm'));
      assert.ok((await certificateText(self.pem)).includes(`Signature Algorithm: ${said}`));
      assert.ok((await verifyChain(self.pem, self.pem)).isValid);
      assert.ok((await certificateText(signed.pem)).includes('Signature Algorithm: ecdsa-with-SHA256'));
      assert.deepEqual(await compareRequestWithSpec(self.csr, spec), []);
    });
  }

  it('that the key cannot make are refused', async () => {
    const spec = specWith({ signatureAlgorithm: 'SHA256WithRSA' });

    await assert.rejects(createSigningRequest(spec, await generatePrivateKey(spec.privateKey)), {
      code: 'pki.wrong-signature-algorithm',
    });
  });
});

describe('temporary certificates', () => {
  it('say what the specification says, for the real key, by a CA that nobody keeps', async () => {
    const spec = specWith({
      commonName: 'www.example.com',
      durationMs: 2 * HOUR_MS,
      privateKey: keySpec({ algorithm: 'RSA', size: 2048 }),
      signatureAlgorithm: 'SHA384WithRSA',
    });
    const key = await generatePrivateKey(spec.privateKey);
    const now = new Date('2026-11-22T06:00:00Z');

    const facts = readCertificate(await temporaryCertificate(spec, key, now));

    assert.ok(facts.publicKeyMatches(key));
    assert.deepEqual(facts.dnsNames, spec.dnsNames);
    assert.equal(facts.subject, 'CN=www.example.com');
    assert.equal(facts.issuer, 'CN=cert-manager.local');
    assert.equal(facts.isCA, false);
    assert.equal(facts.notBefore.getTime(), now.getTime());
    assert.equal(facts.notAfter.getTime(), now.getTime() + 2 * HOUR_MS);
  });

  it('are made for a CA, too', async () => {
    const spec = specWith({ commonName: 'CA', dnsNames: [], isCA: true });
    const key = await generatePrivateKey(spec.privateKey);

    const facts = readCertificate(await temporaryCertificate(spec, key, new Date()));

    assert.ok(facts.isCA && !facts.isSelfSigned);
  });
});
