import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { before, describe, it } from 'node:test';
import type { Pkcs12Profile } from '../../src/api/certificate.ts';
import { Sensitive } from '../../src/lib/sensitive.ts';
import { encodeJksKeyStore, encodeJksTrustStore } from '../../src/pki/jks.ts';
import { encodePkcs12KeyStore, encodePkcs12TrustStore } from '../../src/pki/pkcs12.ts';
import { runProcess, runSuccessfully } from '../support/process.ts';
import { makeScratch } from '../support/scratch.ts';
import { keySpec, makeRoot, makeSigned, specWith, type TestCertificate } from '../unit/pki/fixtures.ts';

const PASSWORD = new Sensitive('changeit');
const PASS = ['-storepass', 'changeit'];
const KEYTOOL = process.env.CERTOPS_TEST_KEYTOOL ?? 'keytool';
const NOW = new Date();
// What Java 17 reads; it knows the MAC of Modern2026 from version 26 on.
const PROFILES: readonly Pkcs12Profile[] = ['LegacyRC2', 'LegacyDES', 'Modern2023'];
const KEYS = [
  keySpec({ algorithm: 'RSA', size: 2048 }),
  keySpec(),
  keySpec({ algorithm: 'Ed25519', size: 0 }),
];

const hasKeytool = await runProcess(KEYTOOL, ['-help']).then(
  ({ code }) => code === 0,
  () => false,
);

describe('keystores that Java reads', { concurrency: 2 }, () => {
  if (!hasKeytool) {
    it('are not tried: keytool is missing (Debian: default-jre-headless)', (context) => {
      context.diagnostic('no Java here; our own reader and openssl check the same files in the unit tests');
    });
    return;
  }

  let root: TestCertificate;
  let leaves: readonly TestCertificate[];
  before(async () => {
    root = await makeRoot();
    leaves = await Promise.all(KEYS.map((privateKey) => makeSigned(root, specWith({ privateKey }))));
  });

  function leafAt(index: number): TestCertificate {
    const leaf = leaves[index];
    assert.ok(leaf);
    return leaf;
  }

  for (const [index, { algorithm }] of KEYS.entries()) {
    it(`JKS with an ${algorithm} key: it comes out again with its certificate`, async () => {
      using scratch = makeScratch('keytool');
      const leaf = leafAt(index);
      const content = {
        password: PASSWORD,
        key: leaf.key,
        alias: 'certificate',
        chain: [leaf.pem, root.pem],
      };
      const store = encodeJksKeyStore({ ...content, cas: [root.pem], now: NOW });
      const file = scratch.write('keystore.jks', store.reveal());

      const copy = scratch.path('copy.p12');
      await runSuccessfully(KEYTOOL, [
        ...['-importkeystore', '-srckeystore', file, '-srcstorepass', 'changeit', '-srcalias', 'certificate'],
        ...['-destkeystore', copy, '-deststoretype', 'PKCS12', '-deststorepass', 'changeit'],
      ]);

      assert.equal(await publicKeyIn(copy), publicKeyOf(leaf));
    });
  }

  it('JKS: its key and its CA are listed', async () => {
    using scratch = makeScratch('keytool');
    const leaf = leafAt(0);
    const content = { password: PASSWORD, key: leaf.key, alias: 'My-Alias', chain: [leaf.pem, root.pem] };
    const store = encodeJksKeyStore({ ...content, cas: [root.pem], now: NOW });

    const listed = await list(scratch.write('keystore.jks', store.reveal()), '-v');

    assert.match(listed, /Keystore type: JKS\n/);
    assert.match(
      listed,
      /Alias name: my-alias\n(?:.*\n)*?Entry type: PrivateKeyEntry\nCertificate chain length: 2\n/,
    );
    assert.match(listed, /Alias name: ca\n(?:.*\n)*?Entry type: trustedCertEntry\n/);
  });

  for (const [index, profile] of PROFILES.entries()) {
    it(`PKCS#12 ${profile}: one entry with its chain`, async () => {
      using scratch = makeScratch('keytool');
      // Each profile with a key of another kind: what is in it is one thing, how it is sealed another.
      const { key, pem } = leafAt(index);
      const certificates = [pem, root.pem];
      const store = await encodePkcs12KeyStore({ profile, password: PASSWORD, key, certificates });

      const listed = await list(scratch.write('keystore.p12', store.reveal()), '-v');

      assert.match(listed, /Keystore type: PKCS12\n/);
      assert.match(listed, /Entry type: PrivateKeyEntry\nCertificate chain length: 2\n/);
    });
  }

  it('JKS trust store: its CA is trusted', async () => {
    using scratch = makeScratch('keytool');
    const store = encodeJksTrustStore({ password: PASSWORD, cas: [root.pem], now: NOW });

    const listed = await list(scratch.write('truststore.jks', store.reveal()));

    assert.match(listed, /^ca, .*trustedCertEntry/m);
  });

  for (const profile of ['LegacyRC2', 'Modern2023'] as const) {
    it(`PKCS#12 ${profile} trust store: its CA is trusted, by its subject`, async () => {
      using scratch = makeScratch('keytool');
      const store = await encodePkcs12TrustStore({ profile, password: PASSWORD, certificates: [root.pem] });

      const listed = await list(scratch.write('truststore.p12', store.reveal()));

      assert.match(listed, /^cn=root, .*trustedCertEntry/m);
    });
  }

  it('another password opens none of them', async () => {
    using scratch = makeScratch('keytool');
    const store = encodeJksTrustStore({ password: PASSWORD, cas: [root.pem], now: NOW });
    const file = scratch.write('truststore.jks', store.reveal());

    const result = await runProcess(KEYTOOL, ['-list', '-keystore', file, '-storepass', 'changed']);

    assert.match(result.stdout, /password was incorrect/);
  });
});

async function list(file: string, ...args: readonly string[]): Promise<string> {
  return await runSuccessfully(KEYTOOL, ['-list', '-keystore', file, ...PASS, ...args]);
}

async function publicKeyIn(store: string): Promise<string> {
  const pem = await runSuccessfully('openssl', [
    'pkcs12',
    '-in',
    store,
    '-passin',
    'pass:changeit',
    '-nokeys',
    '-clcerts',
  ]);
  return new X509Certificate(pem.slice(pem.indexOf('-----BEGIN'))).publicKey
    .export({ type: 'spki', format: 'pem' })
    .toString();
}

function publicKeyOf({ pem }: TestCertificate): string {
  return new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'pem' }).toString();
}
