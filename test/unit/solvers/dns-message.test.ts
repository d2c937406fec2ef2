import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decode, encode } from 'dns-packet';
import { encodeQuery, parseDnsMessage } from '../../../src/solvers/dns/message.ts';
import { encodeName, isWithin, parseDnsName, readName } from '../../../src/solvers/dns/name.ts';
import { encodeTxtUpdate } from '../../../src/solvers/dns/update.ts';

/** RFC 1035, section 4.1.4: F.ISI.ARPA, FOO.F.ISI.ARPA, ARPA and the root at offset 20. */
const RFC_1035_NAMES = Buffer.concat([
  Buffer.alloc(20),
  Buffer.from('0146034953490441525041' + '00' + '03464f4fc014' + 'c01a' + '00', 'hex'),
]);

describe('names in wire format', () => {
  const cases = [
    { offset: 20, name: 'f.isi.arpa', end: 32 },
    { offset: 32, name: 'foo.f.isi.arpa', end: 38 },
    { offset: 38, name: 'arpa', end: 40 },
    { offset: 40, name: '', end: 41 },
  ];
  for (const { offset, ...expected } of cases) {
    test(`RFC 1035's example at ${offset} is "${expected.name}"`, () => {
      assert.deepEqual(readName(RFC_1035_NAMES, offset), expected);
    });
  }

  test('a dot inside a label stays apart from a border between labels', () => {
    const { name } = readName(Buffer.from('03612e6204746573740000', 'hex'), 0);

    assert.equal(name, 'a\\046b.test');
    assert.equal(isWithin(name, 'b.test'), false);
    assert.deepEqual(encodeName(name), Buffer.from('03612e62047465737400', 'hex'));
  });

  test('what DNS cannot hold is refused', () => {
    for (const text of [
      'a..b',
      '.a',
      `${'a'.repeat(64)}.test`,
      `${'a.'.repeat(127)}abc`,
      'a b.test',
      'ä.test',
    ]) {
      assert.throws(() => parseDnsName(text), { code: 'solvers.dns-bad-name' }, text);
    }
    assert.equal(parseDnsName('_acme-challenge.WWW.Example.test.'), '_acme-challenge.www.example.test');
  });
});

test('an answer of another implementation is read', () => {
  const bytes = encode({
    type: 'response',
    id: 7,
    flags: 0x0400 | 3,
    questions: [{ type: 'TXT', name: 'a.test' }],
    answers: [
      { type: 'TXT', name: 'A.test', data: ['one', 'two'] },
      { type: 'AAAA', name: 'a.test', data: '2001:db8::1' },
      { type: 'A', name: 'a.test', data: '192.0.2.1' },
      { type: 'CNAME', name: 'a.test', data: 'B.test' },
      { type: 'MX', name: 'a.test', data: { exchange: 'mx.test', preference: 1 } },
    ],
    authorities: [{ type: 'NS', name: 'test', data: 'ns.test' }],
  });

  const message = parseDnsMessage(bytes);

  assert.deepEqual(
    [message.id, message.rcode, message.isAuthoritative, message.isTruncated],
    [7, 'NXDOMAIN', true, false],
  );
  assert.deepEqual(message.answers, [
    { name: 'a.test', type: 'TXT', value: 'onetwo' },
    { name: 'a.test', type: 'AAAA', value: '2001:db8:0:0:0:0:0:1' },
    { name: 'a.test', type: 'A', value: '192.0.2.1' },
    { name: 'a.test', type: 'CNAME', value: 'b.test' },
  ]);
  assert.deepEqual(message.authorities, [{ name: 'test', type: 'NS', value: 'ns.test' }]);
});

test('a query is what another implementation reads', () => {
  const bytes = encodeQuery({ id: 9, name: '_acme-challenge.a.test', type: 'TXT', isRecursive: true });

  const { id, flag_rd, questions, additionals } = decode(bytes);

  assert.deepEqual([id, flag_rd], [9, true]);
  assert.deepEqual(questions, [{ name: '_acme-challenge.a.test', type: 'TXT', class: 'IN' }]);
  assert.equal(additionals?.[0]?.type, 'OPT');
});

describe('an update (RFC 2136)', () => {
  const change = { id: 0x1234, zone: 'a.test', name: 'x.a.test', value: 'v', ttlSeconds: 60 };

  test('adds a value where no CNAME stands', () => {
    assert.equal(
      encodeTxtUpdate({ ...change, action: 'add' }).toString('hex'),
      // Header (opcode 5; zone, prerequisite and update of one each), zone SOA IN, CNAME NONE, TXT IN.
      '123428000001000100010000' +
        '0161047465737400' +
        '00060001' +
        '01780161047465737400' +
        '000500fe00000000' +
        '0000' +
        '01780161047465737400' +
        '001000010000003c' +
        '0002' +
        '0176',
    );
  });

  test('removes exactly one value (section 2.5.4)', () => {
    assert.equal(
      encodeTxtUpdate({ ...change, action: 'remove' }).toString('hex'),
      '123428000001000000010000' +
        '0161047465737400' +
        '00060001' +
        '01780161047465737400' +
        '001000fe00000000' +
        '0002' +
        '0176',
    );
  });
});

describe('a hostile message is refused in time', () => {
  const header = (counts: string): string => `0007840000${'01'}${counts}`;
  const question = '0161047465737400' + '00100001';
  const cases: readonly { readonly name: string; readonly hex: string }[] = [
    { name: 'nothing', hex: '' },
    { name: 'half a header', hex: '000784' },
    { name: 'a header that promises what is not there', hex: header('ffff00000000') },
    { name: 'two questions', hex: `000784000002000000000000${question}${question}` },
    { name: 'a name without an end', hex: `${header('000000000000')}3f61` },
    { name: 'a name that points at itself', hex: `${header('000000000000')}c00c00100001` },
    { name: 'a name that points forward', hex: `${header('000000000000')}c0ff00100001` },
    { name: 'a label of an unknown form', hex: `${header('000000000000')}80000000` },
    {
      name: 'a record longer than its message',
      hex: `${header('000100000000')}${question}c00c00100001000000000fff00`,
    },
    {
      name: 'a TXT string longer than its record',
      hex: `${header('000100000000')}${question}c00c0010000100000000000205ff`,
    },
    {
      name: 'an address of three bytes',
      hex: `${header('000100000000')}${question}c00c000100010000000000030a0000`,
    },
    {
      name: 'a name longer than its record',
      hex: `${header('000100000000')}${question}c00c000200010000000000010161`,
    },
    {
      name: 'a TSIG record cut short',
      hex: `${header('000000000001')}${question}0000fa00ff000000000004000000ff`,
    },
  ];
  for (const { name, hex } of cases) {
    test(name, () => {
      assert.throws(() => parseDnsMessage(Buffer.from(hex, 'hex')), { code: 'solvers.dns-bad-answer' });
    });
  }

  for (const { pointers, isRead } of [
    { pointers: 126, isRead: true },
    { pointers: 5000, isRead: false },
  ]) {
    test(`a bomb of 2,000 names that each lead through ${pointers} pointers`, () => {
      const bytes = pointerBomb(pointers);
      const startMs = performance.now();

      if (isRead) parseDnsMessage(bytes);
      else assert.throws(() => parseDnsMessage(bytes), { code: 'solvers.dns-bad-answer' });

      assert.ok(performance.now() - startMs < 250);
    });
  }

  test('any one byte changed, or any part cut off, of a good answer breaks nothing', () => {
    const good = encode({
      type: 'response',
      id: 7,
      flags: 0x0400,
      questions: [{ type: 'TXT', name: 'a.test' }],
      answers: [
        { type: 'CNAME', name: 'a.test', data: 'b.test' },
        { type: 'TXT', name: 'b.test', data: 'value' },
        { type: 'AAAA', name: 'b.test', data: '::1' },
      ],
    });
    const survives = (bytes: Buffer): void => {
      try {
        parseDnsMessage(bytes);
      } catch (error) {
        assert.equal((error as { readonly code?: string }).code, 'solvers.dns-bad-answer');
      }
    };

    for (let at = 0; at < good.length; at += 1) {
      survives(good.subarray(0, at));
      for (const value of [0x00, 0x3f, 0x40, 0xc0, 0xff]) {
        const changed = Buffer.from(good);
        changed[at] = value;
        survives(changed);
      }
    }
  });
});

/** The first record's data are a chain of pointers, each to the one before; the names of the others begin at its end. */
function pointerBomb(pointers: number): Buffer {
  const header = Buffer.from('000784000000' + '07d0' + '00000000', 'hex');
  const chainOffset = header.length + 11;
  const chain = Buffer.alloc(2 * pointers + 2);
  for (let index = 1; index <= pointers; index += 1) {
    chain.writeUInt16BE(0xc000 | (chainOffset + 2 * (index - 1)), 2 * index);
  }
  const first = Buffer.from('00' + '0063' + '0001' + '00000000' + '0000', 'hex');
  first.writeUInt16BE(chain.length, 9);
  const other = Buffer.from('0000' + '0010' + '0001' + '00000000' + '0000', 'hex');
  other.writeUInt16BE(0xc000 | (chainOffset + 2 * pointers), 0);
  return Buffer.concat([header, first, chain, ...Array.from({ length: 1999 }, () => other)]);
}
