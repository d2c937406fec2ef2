import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Sensitive } from '../../../src/lib/sensitive.ts';
import { encodeQuery, parseDnsMessage } from '../../../src/solvers/dns/message.ts';
import { signMessage, type TsigKey, verifyMessage } from '../../../src/solvers/dns/tsig.ts';

const TIME_SIGNED = 1_594_855_491;

/** An UPDATE signed by another implementation, in which the record's TSIG is the last (from miekg/dns' tests). */
const SIGNED = Buffer.from(
  'c60028000001000000010001076578616d706c6503636f6d00000600010161c00c0001000100000e100004c0000201077465' +
    '73746b65790000fa00ff00000000003d0b686d61632d73686132353600' +
    '00005f0f9043' +
    '012c00208cf23e0081d915478a182edcea7ff48ad102948e6c7ef8e887536957d1fa5616c60000000000',
  'hex',
);
const KEY: TsigKey = {
  name: 'testkey',
  algorithm: 'HMACSHA256',
  secret: new Sensitive(Buffer.from('NoTCJU+DMqFWywaPyxSijrDEA/eC3nK0xi3AMEZuPVk=', 'base64')),
};

describe('a message signed by another implementation', () => {
  const cases = [
    { name: 'is valid at its time', verdict: 'valid' },
    { name: 'is valid until its fudge is over', now: TIME_SIGNED + 300, verdict: 'valid' },
    { name: 'is too old afterwards', now: TIME_SIGNED + 301, verdict: 'wrong-time' },
    { name: 'is from the future before', now: TIME_SIGNED - 301, verdict: 'wrong-time' },
    {
      name: 'is not valid with another secret',
      key: { ...KEY, secret: new Sensitive(Buffer.from('x')) },
      verdict: 'wrong-mac',
    },
    { name: 'is not valid with a key of another name', key: { ...KEY, name: 'other' }, verdict: 'other-key' },
    {
      name: 'is not valid with another algorithm',
      key: { ...KEY, algorithm: 'HMACSHA512' as const },
      verdict: 'other-key',
    },
    { name: 'is not valid with one bit changed', change: 40, verdict: 'wrong-mac' },
    {
      name: 'is valid when a forwarder gave it another id (RFC 8945, section 5.3.1)',
      change: 1,
      verdict: 'valid',
    },
  ];
  for (const { name, now = TIME_SIGNED, key = KEY, change, verdict } of cases) {
    test(name, () => {
      const bytes = Buffer.from(SIGNED);
      if (change !== undefined) bytes[change] = (bytes[change] ?? 0) ^ 1;

      assert.equal(verifyMessage(bytes, parseDnsMessage(bytes).tsig, key, undefined, now), verdict);
    });
  }

  test('is no message when class or lifetime of its signature are others', () => {
    const record = SIGNED.indexOf(Buffer.from('00fa00ff00000000', 'hex'));

    for (const at of [2, 3, 4, 7]) {
      const bytes = Buffer.from(SIGNED);
      bytes[record + at] = (bytes[record + at] ?? 0) ^ 1;
      assert.throws(() => parseDnsMessage(bytes), { code: 'solvers.dns-bad-answer' }, String(at));
    }
  });

  test('comes out byte for byte when its parts are signed again', () => {
    const { tsig } = parseDnsMessage(SIGNED);
    const unsigned = Buffer.from(SIGNED.subarray(0, tsig?.offset));
    unsigned.writeUInt16BE(0, 10);

    const { bytes } = signMessage(unsigned, KEY, TIME_SIGNED);

    assert.equal(bytes.toString('hex'), SIGNED.toString('hex'));
  });
});

for (const algorithm of ['HMACMD5', 'HMACSHA1', 'HMACSHA256', 'HMACSHA512'] as const) {
  test(`what is signed with ${algorithm} verifies, and an answer only builds on its own request`, () => {
    const key = { ...KEY, algorithm };
    const query = encodeQuery({ id: 1, name: 'a.test', type: 'SOA', isRecursive: false });

    const { bytes } = signMessage(query, key, TIME_SIGNED);
    const { tsig } = parseDnsMessage(bytes);

    assert.equal(verifyMessage(bytes, tsig, key, undefined, TIME_SIGNED), 'valid');
    assert.equal(verifyMessage(bytes, tsig, key, Buffer.from('another request'), TIME_SIGNED), 'wrong-mac');
    assert.equal(verifyMessage(query, undefined, key, undefined, TIME_SIGNED), 'unsigned');
  });
}
