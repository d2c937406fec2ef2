import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import type { Certificate, CertificateSpec, KeystoresSpec } from '../../../src/api/certificate.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { CertopsError } from '../../../src/lib/errors.ts';
import { Sensitive } from '../../../src/lib/sensitive.ts';
import { encodeJksStores, encodePkcs12Stores } from '../../../src/pki/keystores.ts';
import { encodePrivateKey } from '../../../src/pki/private-key.ts';
import { NOTHING_EXTRA, SecretContent } from '../../../src/reconcile/secret-content.ts';
import { keySpec, makeRoot, makeSigned, specWith } from '../pki/fixtures.ts';

const REF = { kind: 'secret', ref: { name: 'stores', key: 'password' } } as const;
const LITERAL = { kind: 'literal', value: new Sensitive('changeit'), digest: 'aa' } as const;
const PKCS12: KeystoresSpec = { pkcs12: { profile: 'Modern2023', password: REF } };

function certificateWith(change: Partial<CertificateSpec>): Certificate {
  return {
    ...{ kind: 'Certificate', name: { namespace: 'web', name: 'www' } },
    ...{ labels: {}, annotations: {}, unserved: [] },
    directives: { fallbackIssuers: [], wantsTemporaryCertificate: false },
    spec: specWith(change),
  };
}

/** Content in a repository where people wrote these files of Secret `web/stores`: path to its data. */
function contentWith(files: Readonly<Record<string, Readonly<Record<string, string>>>>): SecretContent {
  const declared = Object.keys(files).map((path) => ({ path, blob: `blob of ${path}` }));
  const desired = {
    secrets: (namespace: string, name: string) => (namespace === 'web' && name === 'stores' ? declared : []),
  };
  const store = { readBlob: async (oid: string) => Buffer.from(oid.replace('blob of ', '')) };
  const sealer = {
    openCredential: async (path: string) => ({
      data: new Sensitive(
        new Map(Object.entries(files[path] ?? {}).map(([key, value]) => [key, Buffer.from(value)])),
      ),
    }),
  };
  const pki = { encodePkcs12Stores, encodeJksStores };
  // Only what it uses of its ports and of the world is there.
  const ports = { store, sealer, pki, clock: systemClock() } as unknown as ConstructorParameters<
    typeof SecretContent
  >[0];
  const world = { desired } as unknown as ConstructorParameters<typeof SecretContent>[1];
  return new SecretContent(ports, world);
}

describe('the content of a Secret', () => {
  const FAULTS = [
    { name: 'is missing', files: {}, code: 'reconcile.keystore-password-missing' },
    {
      name: 'stands in two files',
      files: { 'a.yaml': { password: 'x' }, 'b.yaml': { password: 'x' } },
      code: 'reconcile.keystore-password-ambiguous',
    },
    {
      name: 'lacks the key',
      files: { 'a.yaml': { other: 'x' } },
      code: 'reconcile.keystore-password-incomplete',
    },
    {
      name: 'is empty',
      files: { 'a.yaml': { password: '' } },
      code: 'reconcile.keystore-password-incomplete',
    },
  ];
  for (const { name, files, code } of FAULTS) {
    it(`cannot be made while a password ${name}`, async () => {
      const content = contentWith(files);

      await assert.rejects(content.material(certificateWith({ keystores: PKCS12 })), (error) => {
        assert.ok(error instanceof CertopsError);
        assert.deepEqual([error.code, error.retry.when], [code, 'never']);
        return true;
      });
    });
  }

  it('takes passwords from the Secret and from the manifest', async () => {
    const content = contentWith({ 'a.yaml': { password: 'sécret\n' } });
    const keystores = { ...PKCS12, jks: { alias: 'a', password: LITERAL } };

    const { passwords } = await content.material(certificateWith({ keystores }));

    assert.deepEqual([passwords.pkcs12?.reveal(), passwords.jks?.reveal()], ['sécret\n', 'changeit']);
  });

  const [one, two] = [{ 'a.yaml': { password: 'x' } }, { 'b.yaml': { password: 'x' } }];
  const WISHES: readonly {
    name: string;
    spec: Partial<CertificateSpec>;
    files: typeof one | typeof two | object;
  }[] = [
    { name: 'a keystore', spec: { keystores: PKCS12 }, files: one },
    { name: 'its password in another file', spec: { keystores: PKCS12 }, files: two },
    { name: 'its password gone', spec: { keystores: PKCS12 }, files: {} },
    {
      name: 'another profile',
      spec: { keystores: { pkcs12: { profile: 'LegacyDES', password: REF } } },
      files: one,
    },
    {
      name: 'a keystore of the other kind',
      spec: { keystores: { jks: { alias: 'a', password: REF } } },
      files: one,
    },
    { name: 'another alias', spec: { keystores: { jks: { alias: 'b', password: REF } } }, files: one },
    {
      name: 'a literal password',
      spec: { keystores: { jks: { alias: 'b', password: LITERAL } } },
      files: one,
    },
    {
      name: 'another literal password',
      spec: { keystores: { jks: { alias: 'b', password: { ...LITERAL, digest: 'bb' } } } },
      files: one,
    },
    { name: 'a format', spec: { additionalOutputFormats: ['DER'] }, files: one },
    { name: 'two formats', spec: { additionalOutputFormats: ['DER', 'CombinedPEM'] }, files: one },
  ];

  it('is known by what it is made from, and by nothing else', () => {
    const hashes = WISHES.map(({ spec, files }) =>
      contentWith({ ...files }).contentHash(certificateWith(spec)),
    );
    const content = contentWith(one);
    const twoFormats = { additionalOutputFormats: ['CombinedPEM', 'DER'] } as const;

    assert.equal(new Set([...hashes, NOTHING_EXTRA]).size, WISHES.length + 1);
    assert.equal(content.contentHash(certificateWith({ dnsNames: ['b'] })), NOTHING_EXTRA);
    assert.equal(content.contentHash(certificateWith(twoFormats)), hashes.at(-1));
    assert.ok(
      content.isUpToDate(certificateWith({}), undefined),
      'records need not say that there is nothing',
    );
    assert.ok(content.isUpToDate(certificateWith({}), NOTHING_EXTRA));
    assert.ok(!content.isUpToDate(certificateWith(twoFormats), undefined));
  });

  for (const privateKey of [keySpec({ encoding: 'PKCS1' }), keySpec({ algorithm: 'Ed25519', size: 0 })]) {
    it(`has every key that cert-manager writes, with an ${privateKey.algorithm} key`, async () => {
      const root = await makeRoot();
      const spec = {
        keystores: {
          jks: { alias: 'a', password: LITERAL },
          pkcs12: { profile: 'LegacyDES', password: LITERAL },
        },
        additionalOutputFormats: ['DER', 'CombinedPEM'],
        privateKey,
      } as const;
      const leaf = await makeSigned(root, specWith({ privateKey }));
      const keyPem = encodePrivateKey(leaf.key, privateKey.encoding);
      const certificate = certificateWith(spec);
      const content = contentWith({});
      const material = await content.material(certificate);

      const issued = { key: leaf.key, keyPem, chainPem: leaf.pem };
      const withCa = await content.data(certificate, { ...issued, caPem: root.pem }, material);
      const withoutCa = await content.data(certificate, issued, material);

      const own = ['key.der', 'keystore.jks', 'keystore.p12', 'tls-combined.pem', 'tls.crt', 'tls.key'];
      assert.deepEqual(Object.keys(withoutCa).sort(), own);
      assert.deepEqual(Object.keys(withCa).sort(), ['ca.crt', ...own, 'truststore.jks', 'truststore.p12']);
      const der = withCa['key.der'];
      assert.ok(der instanceof Sensitive);
      const body = keyPem.reveal().replace(/-----[^-]+-----|\n/g, '');
      assert.equal(Buffer.from(der.reveal()).toString('base64'), body);
      const combined = withCa['tls-combined.pem'];
      assert.ok(combined instanceof Sensitive);
      assert.equal(combined.reveal(), `${keyPem.reveal()}\n${leaf.pem}`);
      assert.ok(new X509Certificate(String(withCa['tls.crt'])).checkPrivateKey(leaf.key));
    });
  }
});
