import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Cause, FailureContext } from '../../../src/diagnosis/cause.ts';
import type { Failure } from '../../../src/diagnosis/failure.ts';
import { CONTEXT, diagnose, failure, invalid, named, problem, saw } from './failures.ts';

const SOLVER = {
  type: 'dns-01',
  provider: 'rfc2136',
  server: 'ns1.a.test:53',
  credential: { name: 'tsig', key: 'secret' },
} as const;

const SHOP: FailureContext = { ...CONTEXT, certificate: { namespace: 'shop', name: 'api' } };
const STAGING: FailureContext = { ...CONTEXT, issuer: { ...CONTEXT.issuer, name: 'staging' } };

function tsig(code: string, solver: Partial<Failure['solver']> = {}): Failure {
  return failure(code, { solver: { ...SOLVER, ...solver } });
}

type Attempt = readonly [failure: Failure, context?: FailureContext];

function diagnosed([one, context]: Attempt): Cause {
  return diagnose(one, context);
}

describe('it is the same cause', () => {
  const validation = invalid([named('b.test', 'dns'), named('a.test', 'dns')]);
  const cases: readonly { readonly name: string; readonly one: Attempt; readonly other: Attempt }[] = [
    {
      name: 'when the CA words it otherwise, from another address, at another time',
      one: [validation],
      other: [
        {
          ...validation,
          explanation: { what: 'else' },
          notBefore: new Date('2026-01-01T00:00:00Z'),
          problem: problem('compound', { detail: '192.0.2.7: else' }),
          identifiers: [
            { ...named('a.test', 'dns'), problem: problem('dns', { detail: '2001:db8::7: SERVFAIL' }) },
            named('B.test', 'dns'),
          ],
        },
      ],
    },
    {
      name: 'when our own look was not to be had this time',
      one: [validation],
      other: [{ ...validation, observations: [saw('address', 'no-such-domain')] }],
    },
    {
      name: 'when the CA finds another fault with the same names',
      one: [validation],
      other: [invalid([named('a.test', 'connection'), named('b.test', 'dns')])],
    },
    {
      name: 'when five hundred Certificates fail for one refused key',
      one: [tsig('solvers.tsig-unknown-key')],
      other: [tsig('solvers.tsig-unknown-key', { zone: 'b.test' }), SHOP],
    },
    {
      name: 'when the server words its refusal of a key otherwise',
      one: [tsig('solvers.tsig-unknown-key')],
      other: [tsig('solvers.tsig-bad-signature')],
    },
    {
      name: 'when the CA is away for everybody',
      one: [failure('acme.unreachable')],
      other: [failure('acme.timed-out'), SHOP],
    },
    {
      name: 'when no rule of .sops.yaml matches for one or another',
      one: [failure('sops.no-rule')],
      other: [failure('sops.no-rule'), { ...SHOP, ...STAGING }],
    },
  ];
  for (const { name, one, other } of cases) {
    test(name, () => {
      assert.equal(diagnosed(one).key, diagnosed(other).key);
      assert.match(diagnosed(one).key, /^[0-9a-f]{64}$/);
    });
  }

  test('on every machine and in every release', () => {
    assert.equal(
      diagnosed([validation]).key,
      '5acd1f0cf8404e42fdee5f68ca74a41f5c7ff437e973f2a7a62471cb4a8708f7',
    );
    assert.equal(
      diagnosed([tsig('solvers.tsig-unknown-key')]).key,
      '8427a2fced059787d964829d29d574c319b3789145a9b648dfb1e0ff8f72ac7a',
    );
  });
});

describe('it is another cause', () => {
  const validation = invalid([named('a.test', 'dns')]);
  const refused = tsig('solvers.dns-update-refused', { zone: 'a.test' });
  const cases: readonly { readonly name: string; readonly one: Attempt; readonly other: Attempt }[] = [
    {
      name: 'when another name fails, too',
      one: [validation],
      other: [invalid([named('a.test', 'dns'), named('b.test', 'dns')])],
    },
    {
      name: 'when a wildcard fails and not the name below it',
      one: [validation],
      other: [invalid([named('*.a.test', 'dns')])],
    },
    { name: 'when another Certificate fails', one: [validation], other: [validation, SHOP] },
    {
      name: 'when another issuer is away',
      one: [failure('acme.unreachable')],
      other: [failure('acme.unreachable'), STAGING],
    },
    {
      name: 'when another server refuses the key',
      one: [tsig('solvers.tsig-refused')],
      other: [tsig('solvers.tsig-refused', { server: 'ns1.b.test:53' })],
    },
    {
      name: 'when another key is refused',
      one: [tsig('solvers.tsig-refused')],
      other: [tsig('solvers.tsig-refused', { credential: { name: 'tsig', key: 'other' } })],
    },
    {
      name: 'when the key may not change another zone',
      one: [refused],
      other: [tsig('solvers.dns-update-refused', { zone: 'b.test' })],
    },
    {
      name: 'when the server is away and does not refuse',
      one: [tsig('solvers.dns-no-answer')],
      other: [tsig('solvers.tsig-refused')],
    },
    {
      name: 'when another Secret is missing',
      one: [failure('reconcile.credential-missing', { secret: 'web/a' })],
      other: [failure('reconcile.credential-missing', { secret: 'web/b' })],
    },
  ];
  for (const { name, one, other } of cases) {
    test(name, () => {
      assert.notEqual(diagnosed(one).key, diagnosed(other).key);
    });
  }
});

test('only a cause of one zone names a zone', () => {
  assert.equal(diagnosed([tsig('solvers.dns-update-refused', { zone: 'A.test.' })]).zone, 'a.test');
  // Others of the solver fail, whatever their zone.
  assert.equal(diagnosed([tsig('solvers.tsig-refused', { zone: 'a.test' })]).zone, undefined);
});

test('which solver it is stands in the explanation', () => {
  const { explanation } = diagnosed([tsig('solvers.dns-update-refused', { zone: 'a.test' })]);

  assert.equal(
    explanation.what,
    'The DNS server refuses the update: rfc2136 at ns1.a.test:53, zone a.test, key secret of Secret tsig',
  );
});

test('what strangers wrote is bounded, and stands in no sentence of ours', () => {
  const hostile = '@team [x](https://evil.test) `<!-- -->`';
  const names = Array.from({ length: 100 }, (_, index) => ({
    ...named(`${'n'.repeat(60)}.${'m'.repeat(60)}.n${index}.test`, 'dns'),
    problem: problem('dns', { detail: hostile.repeat(12).slice(0, 500) }),
  }));
  const seen = names.map(({ identifier }) =>
    saw('address', 'no-such-domain', identifier, { found: hostile.repeat(8).slice(0, 300) }),
  );

  const cause = diagnose(invalid([{ ...named(hostile, 'dns') }, ...names], seen));

  assert.ok(JSON.stringify(cause).length <= 14 * 1024);
  assert.equal(cause.identifiers.length, 20);
  assert.doesNotMatch(JSON.stringify([cause.title, cause.explanation, cause.otherCures]), /@team|evil/);

  const solver = { server: hostile, zone: hostile, credential: { name: hostile, key: hostile } };
  const secret = failure('reconcile.credential-missing', { secret: 'https://evil.test' });
  for (const one of [tsig('solvers.dns-update-refused', solver), secret])
    assert.doesNotMatch(JSON.stringify(diagnosed([one]).explanation), /@team|evil/);
});
