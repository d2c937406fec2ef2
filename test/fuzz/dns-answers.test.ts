import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CertopsError } from '../../src/lib/errors.ts';
import { Sensitive } from '../../src/lib/sensitive.ts';
import { encodeQuery, parseDnsMessage } from '../../src/solvers/dns/message.ts';
import { encodeName, parseDnsName, readName } from '../../src/solvers/dns/name.ts';
import { readAnswer } from '../../src/solvers/dns/transport.ts';
import { signMessage, type TsigKey, verifyMessage } from '../../src/solvers/dns/tsig.ts';
import { encodeTxtUpdate } from '../../src/solvers/dns/update.ts';
import { CANARY, fuzz, outcome } from './fuzz.ts';

const KEY: TsigKey = {
  name: 'certops',
  algorithm: 'HMACSHA256',
  secret: new Sensitive(Buffer.from(CANARY)),
};
const NOW_S = 1_795_000_000;
const QUERY = encodeQuery({
  id: 7,
  name: '_acme-challenge.www.example.com',
  type: 'TXT',
  isRecursive: false,
});
const UPDATE = encodeTxtUpdate({
  id: 7,
  zone: 'example.com',
  name: '_acme-challenge.www.example.com',
  value: 'x'.repeat(43),
  action: 'add',
  ttlSeconds: 60,
});
const SIGNED = signMessage(UPDATE, KEY, NOW_S);

interface ByteChange {
  readonly at: number;
  readonly byte: number;
  readonly kind: 'set' | 'cut' | 'insert';
}

const changes: fc.Arbitrary<readonly ByteChange[]> = fc.array(
  fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
    byte: fc.oneof(fc.constantFrom(0, 0xc0, 0xff, 12, 63, 64), fc.integer({ min: 0, max: 255 })),
    kind: fc.constantFrom('set', 'cut', 'insert'),
  }),
  { minLength: 1, maxLength: 8 },
);

function changed(bytes: Uint8Array, all: readonly ByteChange[]): Buffer {
  const octets = [...bytes];
  for (const { at, byte, kind } of all) {
    const index = Math.floor(at * octets.length);
    octets.splice(index, kind === 'insert' ? 0 : 1, ...(kind === 'cut' ? [] : [byte]));
  }
  return Buffer.from(octets);
}

/** A header that says a little, and whatever bytes behind it. */
const message = fc
  .tuple(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.tuple(
      fc.constantFrom(0, 1, 2),
      fc.constantFrom(0, 1, 3, 400),
      fc.constantFrom(0, 1),
      fc.constantFrom(0, 1),
    ),
    fc.array(fc.oneof(fc.constantFrom(0xc0, 0x0c, 0, 1, 3, 16, 0xfa), fc.integer({ min: 0, max: 255 })), {
      maxLength: 120,
    }),
  )
  .map(([head, counts, rest]) =>
    Buffer.from([...head, ...counts.flatMap((count) => [count >> 8, count & 0xff]), ...rest]),
  );

fuzz(
  'bytes of any kind are a message or refused',
  fc.oneof(fc.uint8Array({ maxLength: 200 }), message),
  async (bytes) => {
    const read = await outcome(() => parseDnsMessage(bytes));
    if (read instanceof CertopsError) assert.equal(read.code, 'solvers.dns-bad-answer');
    const answer = await outcome(() => readAnswer(QUERY, Buffer.from(bytes)));
    if (answer instanceof CertopsError) assert.equal(answer.code, 'solvers.dns-bad-answer');
  },
  1000,
);

fuzz(
  'a signed message with changed bytes is refused, or is not valid',
  changes,
  async (all) => {
    const bytes = changed(SIGNED.bytes, all);
    const read = await outcome(() => parseDnsMessage(bytes));
    if (read instanceof CertopsError) return;
    const verdict = verifyMessage(bytes, read.tsig, KEY, undefined, NOW_S);
    // The names of key and algorithm are compared without regard to case, and the rest is signed.
    const isSame = bytes.toString('latin1').toLowerCase() === SIGNED.bytes.toString('latin1').toLowerCase();
    assert.ok(verdict !== 'valid' || isSame || isSigned(bytes), 'a changed message is taken for signed');
  },
  1000,
);

/** The id of the message is restored from the signature, so it may be another; bytes behind it are no part of it. */
function isSigned(bytes: Buffer): boolean {
  return bytes.subarray(2, SIGNED.bytes.length).equals(SIGNED.bytes.subarray(2));
}

fuzz(
  'the untouched message is valid',
  fc.constant(SIGNED.bytes),
  (bytes) => {
    const read = parseDnsMessage(bytes);
    assert.equal(verifyMessage(bytes, read.tsig, KEY, undefined, NOW_S), 'valid');
  },
  1,
);

fuzz(
  'names lead nowhere but backwards, and end',
  fc.tuple(fc.uint8Array({ maxLength: 600 }), fc.nat(599)),
  async ([bytes, offset]) => {
    const read = await outcome(() => readName(Buffer.from(bytes), offset));
    if (read instanceof CertopsError) return;
    assert.ok(read.end <= bytes.length && read.end > offset);
    // What was read can be written, and means itself.
    assert.equal(readName(encodeName(read.name), 0).name, read.name);
    assert.equal(parseDnsName(read.name), read.name);
  },
  1000,
);
