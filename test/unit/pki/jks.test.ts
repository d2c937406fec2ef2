import assert from 'node:assert/strict';
import { createHash, createPrivateKey } from 'node:crypto';
import { before, describe, it } from 'node:test';
import { Sensitive } from '../../../src/lib/sensitive.ts';
import { DER_TAG, expectElement, readChildren, readDer } from '../../../src/pki/der-reader.ts';
import { encodeJksKeyStore, encodeJksTrustStore } from '../../../src/pki/jks.ts';
import { keySpec, makeRoot, makeSigned, specWith, type TestCertificate } from './fixtures.ts';

const PASSWORD = 'schlüssel';
const NOW = new Date('2026-11-22T06:00:00.123Z');

interface JksEntry {
  readonly kind: 'key' | 'trusted';
  readonly alias: string;
  readonly createdAt: Date;
  /** PKCS#8. */
  readonly key?: Buffer;
  /** DER. */
  readonly certificates: readonly Buffer[];
}

/** Reads a JKS file as Sun's `JavaKeyStore.JKS.engineLoad` and `KeyProtector.recover` do. */
function readJks(bytes: Uint8Array, password: string): JksEntry[] {
  const secret = Buffer.from(password, 'utf16le').swap16();
  const sha1 = (...parts: readonly Uint8Array[]) => createHash('sha1').update(Buffer.concat(parts)).digest();
  const body = Buffer.from(bytes.subarray(0, -20));
  const digest = sha1(secret, Buffer.from('Mighty Aphrodite'), body);
  assert.deepEqual(Buffer.from(bytes.subarray(-20)), digest, 'the digest of the whole file');
  let at = 0;
  const take = (length: number) => {
    at += length;
    return body.subarray(at - length, at);
  };
  const number = () => take(4).readUInt32BE();
  const text = () => take(take(2).readUInt16BE()).toString('utf8');
  const certificate = () => {
    assert.equal(text(), 'X.509');
    return take(number());
  };
  const recover = (sealed: Uint8Array) => {
    const hidden = expectElement(readChildren(readDer(sealed)), 1, DER_TAG.octetString).content;
    const plain = Buffer.from(hidden.subarray(20, -20));
    let block: Uint8Array = hidden.subarray(0, 20);
    for (let start = 0; start < plain.length; start += 20) {
      block = sha1(secret, block);
      for (let i = start; i < Math.min(start + 20, plain.length); i++)
        plain[i] = (plain[i] ?? 0) ^ (block[i - start] ?? 0);
    }
    assert.deepEqual(Buffer.from(hidden.subarray(-20)), sha1(secret, plain), 'the digest of the key');
    return plain;
  };
  assert.deepEqual([number(), number()], [0xfeedfeed, 2]);
  const entries = Array.from({ length: number() }, (): JksEntry => {
    const isKey = number() === 1;
    const head = { alias: text(), createdAt: new Date(Number(take(8).readBigUInt64BE())) };
    if (!isKey) return { kind: 'trusted', ...head, certificates: [certificate()] };
    const key = recover(take(number()));
    return { kind: 'key', ...head, key, certificates: Array.from({ length: number() }, certificate) };
  });
  assert.equal(at, body.length);
  return entries;
}

function derOf({ pem }: TestCertificate): Buffer {
  return Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');
}

describe('Java key stores', () => {
  let root: TestCertificate;
  let other: TestCertificate;
  before(async () => {
    root = await makeRoot();
    other = await makeRoot('Other');
  });

  const keys = [
    keySpec({ algorithm: 'RSA', size: 2048 }),
    keySpec(),
    keySpec({ algorithm: 'Ed25519', size: 0 }),
  ];
  for (const privateKey of keys) {
    it(`hold an ${privateKey.algorithm} key with its chain, and the CAs`, async () => {
      const leaf = await makeSigned(root, specWith({ privateKey }));

      const store = encodeJksKeyStore({
        ...{ password: new Sensitive(PASSWORD), key: leaf.key, alias: 'My-Älias', now: NOW },
        ...{ chain: [leaf.pem, root.pem], cas: [root.pem, other.pem] },
      });

      const [own, ...trusted] = readJks(store.reveal(), PASSWORD);
      const key = createPrivateKey({ key: own?.key ?? Buffer.alloc(0), format: 'der', type: 'pkcs8' });
      assert.ok(key.equals(leaf.key));
      assert.deepEqual(
        { ...own, key: undefined },
        {
          ...{ kind: 'key', alias: 'my-älias', createdAt: NOW, key: undefined },
          certificates: [derOf(leaf), derOf(root)],
        },
      );
      assert.deepEqual(trusted, [
        { kind: 'trusted', alias: 'ca', createdAt: NOW, certificates: [derOf(root)] },
        { kind: 'trusted', alias: 'ca-1', createdAt: NOW, certificates: [derOf(other)] },
      ]);
    });
  }

  it('of CAs alone are trust stores', () => {
    const store = encodeJksTrustStore({ password: new Sensitive(PASSWORD), cas: [root.pem], now: NOW });

    assert.deepEqual(readJks(store.reveal(), PASSWORD), [
      { kind: 'trusted', alias: 'ca', createdAt: NOW, certificates: [derOf(root)] },
    ]);
  });
});
