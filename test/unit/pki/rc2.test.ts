import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encryptRc2Block, encryptRc2Cbc, expandRc2Key } from '../../../src/pki/rc2.ts';
import { openssl } from './fixtures.ts';

/** RFC 2268, section 5. */
const VECTORS = [
  { key: '0000000000000000', bits: 63, plain: '0000000000000000', cipher: 'ebb773f993278eff' },
  { key: 'ffffffffffffffff', bits: 64, plain: 'ffffffffffffffff', cipher: '278b27e42e2f0d49' },
  { key: '3000000000000000', bits: 64, plain: '1000000000000001', cipher: '30649edf9be7d2c2' },
  { key: '88', bits: 64, plain: '0000000000000000', cipher: '61a8a244adacccf0' },
  { key: '88bca90e90875a', bits: 64, plain: '0000000000000000', cipher: '6ccf4308974c267f' },
  {
    key: '88bca90e90875a7f0f79c384627bafb2',
    bits: 64,
    plain: '0000000000000000',
    cipher: '1a807d272bbe5db1',
  },
  {
    key: '88bca90e90875a7f0f79c384627bafb2',
    bits: 128,
    plain: '0000000000000000',
    cipher: '2269552ab0f85ca6',
  },
  {
    key: '88bca90e90875a7f0f79c384627bafb216f80a6f85920584c42fceb0be255daf1e',
    bits: 129,
    plain: '0000000000000000',
    cipher: '5b78d3a43dfff1f1',
  },
];

describe('RC2', () => {
  for (const { key, bits, plain, cipher } of VECTORS) {
    it(`encrypts as RFC 2268 says with the key ${key} of ${bits} bits`, () => {
      const block = Buffer.from(plain, 'hex');

      encryptRc2Block(expandRc2Key(Buffer.from(key, 'hex'), bits), block);

      assert.equal(block.toString('hex'), cipher);
    });
  }

  for (const length of [0, 1, 7, 8, 9, 1000]) {
    it(`in CBC mode is what openssl decrypts, ${length} octets`, async () => {
      const plain = 'x'.repeat(length);
      const key = Buffer.from('0102030405', 'hex');
      const iv = Buffer.from('1112131415161718', 'hex');

      const encrypted = encryptRc2Cbc(key, iv, Buffer.from(plain));

      const args = ['enc', '-d', '-rc2-40-cbc', '-provider', 'legacy', '-provider', 'default'];
      const keys = ['-K', key.toString('hex'), '-iv', iv.toString('hex')];
      const decrypted = await openssl([...args, ...keys], encrypted);
      assert.equal(decrypted.trimEnd(), plain);
    });
  }
});
