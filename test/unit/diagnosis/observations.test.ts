import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { IdentifierFailure } from '../../../src/diagnosis/failure.ts';
import { diagnose, failure, invalid, named, saw } from './failures.ts';

describe('our own look makes what the CA says more exact where both fit together', () => {
  const cases: readonly {
    readonly type: string;
    readonly challenge: NonNullable<IdentifierFailure['challengeType']>;
    readonly saw: readonly Parameters<typeof saw>[];
    readonly code: string;
  }[] = [
    { type: 'dns', challenge: 'http-01', saw: [['address', 'no-such-domain']], code: 'name-not-found' },
    { type: 'dns', challenge: 'http-01', saw: [['address', 'no-address']], code: 'name-without-address' },
    { type: 'dns', challenge: 'http-01', saw: [['address', 'unreachable']], code: 'dns-trouble' },
    { type: 'dns', challenge: 'dns-01', saw: [['txt', 'missing']], code: 'dns-record-missing' },
    { type: 'dns', challenge: 'dns-01', saw: [['txt', 'unreachable']], code: 'dns-trouble' },
    // For DNS-01 a name needs no address, and need not exist.
    { type: 'dns', challenge: 'dns-01', saw: [['address', 'no-such-domain']], code: 'dns-trouble' },
    { type: 'connection', challenge: 'http-01', saw: [['http', 'unreachable']], code: 'connection-failed' },
    {
      type: 'connection',
      challenge: 'http-01',
      saw: [['address', 'no-such-domain']],
      code: 'name-not-found',
    },
    // One name server of several is out of date.
    {
      type: 'connection',
      challenge: 'http-01',
      saw: [
        ['address', 'as-expected'],
        ['address', 'no-such-domain'],
      ],
      code: 'connection-failed',
    },
    // The others may know the name.
    {
      type: 'connection',
      challenge: 'http-01',
      saw: [
        ['address', 'no-such-domain'],
        ['address', 'unreachable'],
      ],
      code: 'connection-failed',
    },
    {
      type: 'connection',
      challenge: 'http-01',
      saw: [['address', 'no-address']],
      code: 'name-without-address',
    },
    { type: 'unauthorized', challenge: 'http-01', saw: [['http', 'something-else']], code: 'wrong-answer' },
    { type: 'incorrectResponse', challenge: 'http-01', saw: [['http', 'missing']], code: 'wrong-answer' },
    { type: 'unauthorized', challenge: 'tls-alpn-01', saw: [], code: 'wrong-answer' },
    { type: 'unauthorized', challenge: 'dns-01', saw: [], code: 'dns-record-missing' },
    { type: 'unauthorized', challenge: 'dns-01', saw: [['txt', 'missing']], code: 'dns-record-missing' },
    {
      type: 'unauthorized',
      challenge: 'dns-01',
      saw: [['txt', 'something-else']],
      code: 'dns-record-missing',
    },
    {
      type: 'unauthorized',
      challenge: 'dns-01',
      saw: [
        ['txt', 'as-expected'],
        ['txt', 'missing'],
      ],
      code: 'dns-servers-disagree',
    },
    // An address that is there says nothing about the record.
    {
      type: 'unauthorized',
      challenge: 'dns-01',
      saw: [
        ['address', 'as-expected'],
        ['txt', 'missing'],
      ],
      code: 'dns-record-missing',
    },
    { type: 'caa', challenge: 'http-01', saw: [['caa', 'caa-forbids']], code: 'caa-forbids' },
    { type: 'neverHeardOf', challenge: 'http-01', saw: [['http', 'unreachable']], code: 'connection-failed' },
    {
      type: 'neverHeardOf',
      challenge: 'http-01',
      saw: [['address', 'no-such-domain']],
      code: 'name-not-found',
    },
    { type: 'neverHeardOf', challenge: 'dns-01', saw: [['txt', 'missing']], code: 'dns-record-missing' },
    { type: 'connection', challenge: 'http-01', saw: [['address', 'unknown']], code: 'connection-failed' },
    { type: 'tls', challenge: 'http-01', saw: [['served', 'served-elsewhere']], code: 'tls-trouble' },
  ];
  for (const { type, challenge, saw: seen, code } of cases) {
    test(`${type} of ${challenge}, and ${seen.map((one) => one.join(' ')).join(', ') || 'nothing seen'}: ${code}`, () => {
      const cause = diagnose(
        invalid(
          [named('a.test', type, challenge)],
          seen.map((one) => saw(...one)),
        ),
      );

      assert.equal(cause.code, code);
      assert.doesNotMatch(cause.explanation.why ?? '', /certops itself/);
      assert.equal(cause.observations.length, seen.length);
    });
  }
});

describe("the CA's word decides when ours contradicts it, and both are told", () => {
  const cases = [
    {
      type: 'unauthorized',
      challenge: 'dns-01',
      seen: saw('txt', 'as-expected'),
      code: 'dns-record-missing',
    },
    { type: 'unauthorized', challenge: 'http-01', seen: saw('http', 'as-expected'), code: 'wrong-answer' },
    {
      type: 'unauthorized',
      challenge: 'http-01',
      seen: saw('address', 'no-such-domain'),
      code: 'wrong-answer',
    },
    { type: 'connection', challenge: 'http-01', seen: saw('http', 'as-expected'), code: 'connection-failed' },
    { type: 'dns', challenge: 'http-01', seen: saw('address', 'as-expected'), code: 'dns-trouble' },
    { type: 'caa', challenge: 'http-01', seen: saw('caa', 'caa-allows'), code: 'caa-forbids' },
  ] as const;
  for (const { type, challenge, seen, code } of cases) {
    test(`${type} of ${challenge}, and ${seen.asked.split(' ')[0]} ${seen.finding}`, () => {
      const { code: found, explanation } = diagnose(invalid([named('a.test', type, challenge)], [seen]));

      assert.equal(found, code);
      assert.match(explanation.why ?? '', /certops itself .*; but the CA's word decides\.$/);
    });
  }
});

test("one name's evidence says nothing about another name", () => {
  const cause = diagnose(
    invalid([named('a.test', 'connection')], [saw('address', 'no-such-domain', 'b.test')]),
  );

  assert.equal(cause.code, 'connection-failed');
});

test('of several names the one that only people can help stands first', () => {
  const names = [named('a.test', 'connection'), named('b.test', 'connection'), named('c.test', 'caa')];

  const cause = diagnose(invalid(names, [saw('address', 'no-such-domain', 'b.test')]));

  assert.equal(cause.code, 'caa-forbids');
  assert.deepEqual(
    cause.identifiers.map(({ identifier }) => identifier),
    ['c.test', 'a.test', 'b.test'],
  );
  assert.match(
    cause.explanation.why ?? '',
    /Otherwise with b\.test: the name does not exist in DNS\. Otherwise with a\.test: the CA cannot connect/,
  );
});

describe('CAA records of a domain above are the zone’s', () => {
  const forbids = (identifier: string, at?: string) =>
    saw('caa', 'caa-forbids', identifier, { asked: `CAA ${at ?? identifier}`, ...(at ? { at } : {}) });
  const cases = [
    {
      name: 'above the name',
      names: ['www.a.test'],
      seen: [forbids('www.a.test', 'a.test')],
      zone: 'a.test',
    },
    {
      name: 'above all of the names',
      names: ['www.a.test', '*.b.a.test'],
      seen: [forbids('www.a.test', 'a.test'), forbids('*.b.a.test', 'A.test.')],
      zone: 'a.test',
    },
    { name: 'at the name itself', names: ['www.a.test'], seen: [forbids('www.a.test', 'www.a.test')] },
    { name: 'at the name below the asterisk', names: ['*.a.test'], seen: [forbids('*.a.test', 'a.test')] },
    { name: 'above another name', names: ['www.a.test'], seen: [forbids('www.a.test', 'b.test')] },
    { name: 'of a top-level domain', names: ['a.test'], seen: [forbids('a.test', 'test')] },
    {
      name: 'for one of two names',
      names: ['www.a.test', 'b.test'],
      seen: [forbids('www.a.test', 'a.test')],
    },
    { name: 'unseen', names: ['www.a.test'], seen: [] },
  ];
  for (const { name, names, seen, zone } of cases) {
    test(`${name}: ${zone ?? 'not of a zone'}`, () => {
      const cause = diagnose(
        invalid(
          names.map((one) => named(one, 'caa')),
          seen,
        ),
      );

      assert.deepEqual([cause.code, cause.zone], ['caa-forbids', zone]);
      assert.equal(cause.scope, zone === undefined ? 'certificate' : 'zone');
      assert.equal(cause.subject.kind, zone === undefined ? 'Certificate' : 'ClusterIssuer');
    });
  }
});

describe('a TXT record that was not seen everywhere', () => {
  const cases = [
    { seen: [saw('txt', 'missing')], code: 'dns-record-missing' },
    { seen: [saw('txt', 'missing'), saw('txt', 'as-expected')], code: 'dns-servers-disagree' },
    { seen: [], code: 'dns-record-missing' },
  ];
  for (const { seen, code } of cases) {
    test(`${seen.map(({ finding }) => finding).join(', ') || 'nothing seen'}: ${code}`, () => {
      assert.equal(diagnose(failure('solvers.dns-not-visible', { observations: seen })).code, code);
    });
  }
});

describe('of more than there is room for', () => {
  const long = { found: 'x'.repeat(450) };

  test('a name keeps all of what was seen of it, or none', () => {
    const names = ['a.test', 'b.test', 'c.test', 'd.test'];
    const seen = names.flatMap((name) => [
      saw('address', 'no-such-domain', name, long),
      saw('address', 'as-expected', name, long),
      saw('caa', 'caa-allows', name, long),
      saw('served', 'served-here', name),
    ]);

    const { observations } = diagnose(
      invalid(
        names.map((name) => named(name, 'connection')),
        seen,
      ),
    );

    assert.deepEqual(
      observations,
      seen.filter(({ identifier }) => ['a.test', 'b.test'].includes(identifier)),
    );
  });

  test('a later name has the room that an earlier one cannot use', () => {
    const seen = [
      saw('http', 'unreachable', 'a.test'),
      ...Array.from({ length: 20 }, () => saw('address', 'unreachable', 'b.test')),
      saw('http', 'unreachable', 'c.test'),
    ];

    const { observations } = diagnose(invalid([named('a.test', 'connection')], seen));

    assert.deepEqual(
      observations.map(({ identifier }) => identifier),
      ['a.test', 'c.test'],
    );
  });

  test('a name alone keeps every finding, with fewer words', () => {
    const seen = Array.from({ length: 16 }, (_, index) =>
      saw('address', index === 15 ? 'as-expected' : 'no-such-domain', 'a.test', long),
    );

    const { observations } = diagnose(invalid([named('a.test', 'connection')], seen));

    const words = observations
      .map(({ identifier, asked, found }) => `${identifier}${asked}${found}`)
      .join('');
    assert.equal(observations.length, 16);
    assert.equal(observations.at(-1)?.finding, 'as-expected');
    assert.ok(words.length <= 4_000, `${words.length}`);
  });
});
