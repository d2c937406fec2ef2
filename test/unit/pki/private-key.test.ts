import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import type { PrivateKeySpec } from '../../../src/api/certificate.ts';
import { Sensitive } from '../../../src/lib/sensitive.ts';
import {
  decodePrivateKey,
  describePrivateKeyMismatch,
  encodePrivateKey,
  generatePrivateKey,
  privateKeyMatchesSpec,
} from '../../../src/pki/private-key.ts';
import { keySpec, openssl } from './fixtures.ts';

interface EncodingCase {
  readonly name: string;
  readonly spec: PrivateKeySpec;
  readonly label: string;
  readonly opensslSays: RegExp;
}

const ENCODINGS: readonly EncodingCase[] = [
  ['RSA', 2048, 'PKCS1', 'RSA PRIVATE KEY', /Private-Key: \(2048 bit/],
  ['RSA', 2048, 'PKCS8', 'PRIVATE KEY', /Private-Key: \(2048 bit/],
  ['ECDSA', 256, 'PKCS1', 'EC PRIVATE KEY', /ASN1 OID: prime256v1/],
  ['ECDSA', 256, 'PKCS8', 'PRIVATE KEY', /ASN1 OID: prime256v1/],
  ['ECDSA', 384, 'PKCS1', 'EC PRIVATE KEY', /ASN1 OID: secp384r1/],
  ['ECDSA', 521, 'PKCS8', 'PRIVATE KEY', /ASN1 OID: secp521r1/],
  ['Ed25519', 0, 'PKCS1', 'PRIVATE KEY', /ED25519 Private-Key/],
  ['Ed25519', 0, 'PKCS8', 'PRIVATE KEY', /ED25519 Private-Key/],
].map(([algorithm, size, encoding, label, opensslSays]) => ({
  name: `${algorithm} ${size} in ${encoding}`,
  spec: keySpec({ algorithm, size, encoding } as Partial<PrivateKeySpec>),
  label,
  opensslSays,
})) as readonly EncodingCase[];

describe('private keys', () => {
  for (const { name, spec, label, opensslSays } of ENCODINGS) {
    it(`generates and encodes ${name} so that openssl and we read it back`, async () => {
      const key = await generatePrivateKey(spec);

      const pem = encodePrivateKey(key, spec.encoding);
      const text = await openssl(['pkey', '-noout', '-text'], pem.reveal());

      assert.match(text, opensslSays);
      assert.equal(pem.reveal().split('\n')[0], `-----BEGIN ${label}-----`);
      assert.ok(decodePrivateKey(pem).equals(key));
      assert.ok(privateKeyMatchesSpec(key, spec));
    });
  }

  it('makes RSA keys while the event loop goes on', async () => {
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 1);

    await generatePrivateKey(keySpec({ algorithm: 'RSA', size: 2048 }));
    clearInterval(timer);

    assert.ok(turns > 3, `${turns} turns of the event loop`);
  });

  it('never shows an encoded key', async () => {
    const pem = encodePrivateKey(await generatePrivateKey(keySpec()), 'PKCS8');

    assert.doesNotMatch(`${pem}${inspect(pem)}${JSON.stringify(pem)}`, /PRIVATE/);
  });

  const mismatches = [
    {
      name: 'another algorithm',
      spec: keySpec({ algorithm: 'RSA', size: 2048 }),
      field: 'spec.privateKey.algorithm',
    },
    { name: 'another curve', spec: keySpec({ size: 384 }), field: 'spec.privateKey.size' },
    { name: 'Ed25519', spec: keySpec({ algorithm: 'Ed25519', size: 0 }), field: 'spec.privateKey.algorithm' },
  ];
  for (const { name, spec, field } of mismatches) {
    it(`describes a P-256 key under a spec that asks for ${name}`, async () => {
      const key = await generatePrivateKey(keySpec());

      assert.equal(
        describePrivateKeyMismatch(key, spec),
        `Existing private key is not up to date for spec: [${field}]`,
      );
      assert.equal(privateKeyMatchesSpec(key, spec), false);
    });
  }

  it('describes an RSA key of another size', async () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });

    assert.match(
      describePrivateKeyMismatch(privateKey, keySpec({ algorithm: 'RSA', size: 2048 })) ?? '',
      /\[spec\.privateKey\.size\]/,
    );
  });

  const canary = 'MHcCAQEEIcanarycanary';
  const unreadable = [
    { name: 'nothing', pem: '' },
    { name: 'damaged base64', pem: `-----BEGIN PRIVATE KEY-----\n${canary}\n-----END PRIVATE KEY-----\n` },
    { name: 'a public key', pem: publicPem() },
    { name: 'a key with a password', pem: encryptedPem() },
    { name: 'a curve that cert-manager does not know', pem: secp256k1Pem() },
    { name: 'a megabyte', pem: 'A'.repeat(1024 * 1024) },
  ];
  for (const { name, pem } of unreadable) {
    it(`refuses ${name} without quoting it`, () => {
      assert.throws(
        () => decodePrivateKey(new Sensitive(pem)),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, 'pki.unreadable-key');
          assert.doesNotMatch(inspect(error, { depth: 9 }), new RegExp(canary));
          return true;
        },
      );
    });
  }
});

function publicPem(): string {
  return generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }).toString();
}

function encryptedPem(): string {
  const { privateKey } = generateKeyPairSync('ed25519');
  return privateKey
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' })
    .toString();
}

function secp256k1Pem(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}
