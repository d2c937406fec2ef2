import assert from 'node:assert/strict';
import { createHmac, createPublicKey, type KeyObject, pbkdf2Sync } from 'node:crypto';
import { before, describe, it } from 'node:test';
import type { Pkcs12Profile } from '../../../src/api/certificate.ts';
import { Sensitive } from '../../../src/lib/sensitive.ts';
import { expectElement, readChildren, readDer, readOid } from '../../../src/pki/der-reader.ts';
import { encodePkcs12KeyStore, encodePkcs12TrustStore } from '../../../src/pki/pkcs12.ts';
import { pkcs12Key, pkcs12Password } from '../../../src/pki/pkcs12-key.ts';
import { runProcess, runSuccessfully } from '../../support/process.ts';
import { makeScratch } from '../../support/scratch.ts';
import { keySpec, makeRoot, makeSigned, specWith, type TestCertificate } from './fixtures.ts';

const PASSWORD = 'ch än-geit €';
const ALGORITHMS = [
  { name: 'RSA', privateKey: keySpec({ algorithm: 'RSA', size: 2048 }) },
  { name: 'ECDSA', privateKey: keySpec() },
  { name: 'Ed25519', privateKey: keySpec({ algorithm: 'Ed25519', size: 0 }) },
];
const PROFILES: readonly { profile: Pkcs12Profile; info: readonly RegExp[] }[] = [
  {
    profile: 'LegacyRC2',
    info: [
      /MAC: sha1, Iteration 1$/m,
      /pbeWithSHA1And40BitRC2-CBC, Iteration 2048/,
      /Shrouded Keybag: pbeWithSHA1And3-KeyTripleDES-CBC, Iteration 2048/,
    ],
  },
  {
    profile: 'LegacyDES',
    info: [
      /MAC: sha1, Iteration 1$/m,
      /PKCS7 Encrypted data: pbeWithSHA1And3-KeyTripleDES-CBC, Iteration 2048/,
      /Shrouded Keybag: pbeWithSHA1And3-KeyTripleDES-CBC/,
    ],
  },
  {
    profile: 'Modern2023',
    info: [
      /MAC: sha256, Iteration 2048$/m,
      /PKCS7 Encrypted data: PBES2, PBKDF2, AES-256-CBC, Iteration 2048, PRF hmacWithSHA256/,
      /Shrouded Keybag: PBES2, PBKDF2, AES-256-CBC/,
    ],
  },
];

let root: TestCertificate;
let middle: TestCertificate;
const leaves = new Map<string, TestCertificate>();

before(async () => {
  root = await makeRoot();
  middle = await makeSigned(root, specWith({ dnsNames: [], commonName: 'Middle', isCA: true }));
  for (const { name, privateKey } of ALGORITHMS)
    leaves.set(name, await makeSigned(middle, specWith({ privateKey })));
});

function leafOf(name: string): TestCertificate {
  const leaf = leaves.get(name);
  assert.ok(leaf);
  return leaf;
}

async function keyStore(
  leaf: TestCertificate,
  profile: Pkcs12Profile,
  password = PASSWORD,
): Promise<Uint8Array> {
  const certificates = [leaf.pem, middle.pem, root.pem];
  const store = await encodePkcs12KeyStore({
    profile,
    password: new Sensitive(password),
    key: leaf.key,
    certificates,
  });
  return store.reveal();
}

function publicPem(key: KeyObject): string {
  return createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString();
}

async function openPkcs12(
  store: Uint8Array,
  ...args: readonly string[]
): Promise<{ stdout: string; stderr: string }> {
  using scratch = makeScratch('pkcs12');
  const file = scratch.write('store.p12', store);
  const result = await runProcess('openssl', [
    'pkcs12',
    '-in',
    file,
    '-passin',
    `pass:${PASSWORD}`,
    '-legacy',
    ...args,
  ]);
  assert.equal(result.code, 0, result.stderr);
  return result;
}

describe('PKCS#12 key stores', () => {
  for (const { profile, info } of PROFILES) {
    for (const { name } of ALGORITHMS) {
      it(`of profile ${profile} with an ${name} key are what openssl reads`, async () => {
        const leaf = leafOf(name);

        const store = await keyStore(leaf, profile);

        const { stderr } = await openPkcs12(store, '-info', '-noout');
        for (const line of info) assert.match(stderr, line);
        const { stdout: key } = await openPkcs12(store, '-nodes', '-nocerts');
        const pem = key.slice(key.indexOf('-----BEGIN'));
        assert.equal(
          await runSuccessfully('openssl', ['pkey', '-pubout'], { input: pem }),
          publicPem(leaf.key),
        );
        const { stdout: own } = await openPkcs12(store, '-nokeys', '-clcerts');
        assert.ok(own.includes(leaf.pem.trim()), 'the certificate is marked as the key’s');
        assert.equal(own.match(/BEGIN CERTIFICATE/g)?.length, 1);
        const { stdout: others } = await openPkcs12(store, '-nokeys', '-cacerts');
        assert.ok(others.includes(middle.pem.trim()) && others.includes(root.pem.trim()));
      });
    }
  }

  it('do not open with another password', async () => {
    using scratch = makeScratch('pkcs12');
    const file = scratch.write('store.p12', await keyStore(leafOf('ECDSA'), 'Modern2023'));

    const result = await runProcess('openssl', ['pkcs12', '-in', file, '-passin', 'pass:other', '-noout']);

    assert.match(result.stderr, /invalid password/);
  });

  it('of profile Modern2026 carry a PBMAC1 over their content (RFC 9579), the rest as Modern2023', async () => {
    const store = await keyStore(leafOf('RSA'), 'Modern2026');

    const parts = readChildren(readDer(store));
    const safe = expectElement(readChildren(expectElement(readChildren(expectElement(parts, 1)), 1)), 0);
    const [algorithm, digest] = readChildren(expectElement(readChildren(expectElement(parts, 2)), 0));
    assert.ok(algorithm && digest);
    const [oid, parameters] = readChildren(algorithm);
    assert.ok(oid && parameters);
    assert.equal(readOid(oid), '1.2.840.113549.1.5.14');
    const [derivation] = readChildren(parameters);
    assert.ok(derivation);
    const [salt, iterations, length] = readChildren(expectElement(readChildren(derivation), 1));
    assert.ok(salt && iterations && length);
    assert.deepEqual([...iterations.content, ...length.content], [0x08, 0x00, 32]);
    const key = pbkdf2Sync(PASSWORD, salt.content, 2048, 32, 'sha256');
    assert.deepEqual(Buffer.from(digest.content), createHmac('sha256', key).update(safe.content).digest());
    // OpenSSL before 3.4 cannot check the MAC; what is under it, it can read.
    const { stdout } = await openPkcs12(store, '-nomacver', '-nodes');
    assert.ok(stdout.includes(root.pem.trim()) && stdout.includes('BEGIN PRIVATE KEY'));
  });

  it('let the event loop turn between all derivations of keys', async () => {
    let turns = 0;
    let immediate = setImmediate(function turn() {
      turns += 1;
      immediate = setImmediate(turn);
    });

    await keyStore(leafOf('RSA'), 'LegacyRC2');

    clearImmediate(immediate);
    assert.ok(turns >= 4, `${turns} turns`);
  });
});

describe('PKCS#12 trust stores', () => {
  for (const { profile } of PROFILES) {
    it(`of profile ${profile} hold CAs that Java trusts, by their subjects`, async () => {
      const certificates = [root.pem, middle.pem];

      const store = await encodePkcs12TrustStore({
        profile,
        password: new Sensitive(PASSWORD),
        certificates,
      });

      const { stdout } = await openPkcs12(store.reveal(), '-nokeys', '-cacerts');
      assert.ok(certificates.every((pem) => stdout.includes(pem.trim())));
      assert.match(
        stdout,
        /friendlyName: CN=Root\n[^-]*2\.16\.840\.1\.113894\.746875\.1\.1: Any Extended Key Usage|2\.16\.840\.1\.113894\.746875\.1\.1: [^\n]*\n[^-]*friendlyName: CN=Root\n/,
      );
    });
  }
});

describe('keys derived for PKCS#12', () => {
  // The MAC key of go-pkcs12's own test: HMAC-SHA-1 over 0b0c0d0e0f must come out.
  it('are those of RFC 7292, appendix B', () => {
    const key = pkcs12Key({
      ...{ hash: 'sha1', purpose: 'mac', password: pkcs12Password('Sesame open') },
      ...{ salt: Buffer.from([1, 2, 3, 4, 5, 6, 7, 8]), iterations: 2048, length: 20 },
    });

    const mac = createHmac('sha1', key)
      .update(Buffer.from([11, 12, 13, 14, 15]))
      .digest('hex');
    assert.equal(mac, '18203dff1e16f492f2afc891a9bad6ca9dee5193');
  });
});
