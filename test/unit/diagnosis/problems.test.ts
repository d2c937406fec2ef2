import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { KNOWN_PROBLEM_TYPES } from '../../../src/acme/problem.ts';
import { RULED_PROBLEM_TYPES } from '../../../src/diagnosis/problem-rules.ts';
import { CONTEXT, diagnose, failure, gist, invalid, named, problem, SETUP } from './failures.ts';

const REFUSED = 'request-refused specification certificate Certificate';
const BUSY = 'ca-unavailable time issuer ClusterIssuer';
const ACCOUNT = 'account-unusable account issuer ClusterIssuer';
const BINDING = 'account-binding-required account issuer ClusterIssuer';
const CONTACT = 'issuer-misconfigured specification issuer ClusterIssuer';
const REJECTED = 'identifier-rejected specification certificate Certificate';
const ACTION = 'action-required account issuer ClusterIssuer';
const FAILED = 'validation-failed environment certificate Certificate';

function ofName(code: string): string {
  return `${code} environment certificate Certificate`;
}

/**
 * RFC 8555, section 6.7, in its order; then what came after it. `order`: an order is refused; `name`: the challenge of
 * a name fails with it; `setUp`: an account is refused.
 */
const CASES = [
  { type: 'accountDoesNotExist', order: ACCOUNT, name: FAILED, setUp: ACCOUNT },
  { type: 'alreadyRevoked', order: REFUSED, name: FAILED, setUp: ACCOUNT },
  { type: 'badCSR', order: REFUSED, name: FAILED, setUp: ACCOUNT },
  { type: 'badNonce', order: BUSY, name: FAILED, setUp: BUSY },
  { type: 'badPublicKey', order: REFUSED, name: FAILED, setUp: ACCOUNT },
  { type: 'badRevocationReason', order: REFUSED, name: FAILED, setUp: ACCOUNT },
  { type: 'badSignatureAlgorithm', order: REFUSED, name: FAILED, setUp: ACCOUNT },
  { type: 'caa', order: ofName('caa-forbids'), name: ofName('caa-forbids'), setUp: ACCOUNT },
  { type: 'compound', order: REFUSED, name: FAILED, setUp: ACCOUNT },
  {
    type: 'connection',
    order: ofName('connection-failed'),
    name: ofName('connection-failed'),
    setUp: ACCOUNT,
  },
  { type: 'dns', order: ofName('dns-trouble'), name: ofName('dns-trouble'), setUp: ACCOUNT },
  { type: 'externalAccountRequired', order: BINDING, name: FAILED, setUp: BINDING },
  { type: 'incorrectResponse', order: ofName('wrong-answer'), name: ofName('wrong-answer'), setUp: ACCOUNT },
  { type: 'invalidContact', order: CONTACT, name: FAILED, setUp: CONTACT },
  { type: 'malformed', order: REFUSED, name: FAILED, setUp: ACCOUNT },
  {
    type: 'orderNotReady',
    order: 'ca-unavailable time certificate Certificate',
    name: FAILED,
    setUp: BUSY,
  },
  {
    type: 'rateLimited',
    order: 'rate-limited time certificate Certificate',
    name: FAILED,
    setUp: 'rate-limited time issuer ClusterIssuer',
  },
  { type: 'rejectedIdentifier', order: REJECTED, name: REJECTED, setUp: ACCOUNT },
  { type: 'serverInternal', order: BUSY, name: FAILED, setUp: BUSY },
  { type: 'tls', order: ofName('tls-trouble'), name: ofName('tls-trouble'), setUp: ACCOUNT },
  { type: 'unauthorized', order: REFUSED, name: ofName('wrong-answer'), setUp: ACCOUNT },
  { type: 'unsupportedContact', order: CONTACT, name: FAILED, setUp: CONTACT },
  { type: 'unsupportedIdentifier', order: REJECTED, name: REJECTED, setUp: ACCOUNT },
  { type: 'userActionRequired', order: ACTION, name: FAILED, setUp: ACTION },
  { type: 'alreadyReplaced', order: REFUSED, name: FAILED, setUp: ACCOUNT },
  { type: 'conflict', order: 'ca-unavailable time certificate Certificate', name: FAILED, setUp: BUSY },
  {
    type: 'invalidProfile',
    order: 'profile-unknown specification certificate Certificate',
    name: FAILED,
    setUp: ACCOUNT,
  },
  { type: 'autoRenewalCanceled', order: REFUSED, name: FAILED, setUp: ACCOUNT },
  { type: 'autoRenewalExpired', order: REFUSED, name: FAILED, setUp: ACCOUNT },
  { type: 'autoRenewalCancellationInvalid', order: REFUSED, name: FAILED, setUp: ACCOUNT },
  { type: 'autoRenewalRevocationNotSupported', order: REFUSED, name: FAILED, setUp: ACCOUNT },
  { type: 'unknownDelegation', order: REFUSED, name: FAILED, setUp: ACCOUNT },
  { type: 'onionCAARequired', order: REFUSED, name: FAILED, setUp: ACCOUNT },
] as const;

describe('what a problem of the CA is', () => {
  for (const { type, order, name, setUp } of CASES) {
    test(`${type}, to an order`, () => {
      const one = failure('issuers.request-refused', { step: 'new order', problem: problem(type) });

      const cause = diagnose(one);

      assert.equal(gist(cause), order);
      assert.deepEqual(cause.problem, one.problem);
    });

    test(`${type}, of one name`, () => {
      const cause = diagnose(invalid([named('a.test', type)]));

      assert.equal(gist(cause), name);
    });

    test(`${type}, when the account is registered`, () => {
      const one = failure('issuers.registration-failed', { step: 'registration', problem: problem(type) });

      // A Certificate may be what the account is registered for.
      for (const context of [SETUP, CONTEXT]) assert.equal(gist(diagnose(one, context)), setUp);
    });
  }

  test('every type that has a rule, or that certops sorts, stands in this table', () => {
    const listed: readonly string[] = CASES.map(({ type }) => type);

    assert.deepEqual([...RULED_PROBLEM_TYPES].sort(), [...listed].sort());
    assert.deepEqual(
      KNOWN_PROBLEM_TYPES.filter((type) => !listed.includes(type)),
      [],
    );
  });

  const others = [
    {
      name: 'a type that nobody knows, for good',
      told: problem('neverHeardOf'),
      isForGood: true,
      expected: REFUSED,
    },
    {
      name: 'a type that nobody knows, from a server that fails',
      told: problem('x', { status: 500 }),
      expected: BUSY,
    },
    { name: 'no type at all', told: problem('', { status: 404 }), expected: BUSY },
    { name: 'a property of every object', told: problem('constructor'), isForGood: true, expected: REFUSED },
    { name: 'any type with HTTP 503', told: problem('rateLimited', { status: 503 }), expected: BUSY },
    {
      name: 'a pause',
      told: problem('rateLimited', { isPaused: true, link: 'https://portal.test/unpause' }),
      isForGood: true,
      expected: 'paused account certificate Certificate',
    },
  ];
  for (const { name, told, isForGood = false, expected } of others) {
    test(name, () => {
      const one = failure('issuers.request-refused', { step: 'new order', problem: told, isForGood });

      assert.equal(gist(diagnose(one)), expected);
    });
  }
});

describe('a CA that refuses single names of an order', () => {
  const cases = [
    { types: ['dns', 'caa'], expected: ofName('caa-forbids'), first: 'n1.test' },
    { types: ['dns', 'rejectedIdentifier'], expected: REJECTED, first: 'n1.test' },
    { types: ['unsupportedIdentifier'], expected: REJECTED, first: 'n0.test' },
    { types: ['malformed'], expected: REFUSED, first: 'n0.test' },
  ];
  for (const { types, expected, first } of cases) {
    test(`is diagnosed by the worst of them: ${types.join(', ')}`, () => {
      const identifiers = types.map((type, index) => ({
        identifier: `n${index}.test`,
        problem: problem(type),
      }));
      const one = failure('issuers.request-refused', { problem: problem('compound'), identifiers });

      const cause = diagnose(one);

      assert.equal(gist(cause), expected);
      assert.equal(cause.identifiers[0]?.identifier, first);
      assert.equal(cause.identifiers.length, types.length);
    });
  }
});

describe('an order that the CA made invalid without blaming a name', () => {
  const cases = [
    { type: 'badCSR', expected: REFUSED },
    { type: 'serverInternal', expected: BUSY },
    { type: 'caa', expected: ofName('caa-forbids') },
    { type: 'neverHeardOf', expected: BUSY },
  ];
  for (const { type, expected } of cases) {
    test(`is diagnosed by its error: ${type}`, () => {
      const cause = diagnose({ ...invalid([]), problem: problem(type) });

      assert.equal(gist(cause), expected);
    });
  }
});

test('where nothing is tried again by itself, nobody waits for the world outside', () => {
  const cause = diagnose({
    ...invalid([named('a.test', 'dns'), named('b.test', 'malformed')]),
    isForGood: true,
  });

  assert.equal(gist(cause), 'dns-trouble specification certificate Certificate');
});

test('an account that is registered again by itself needs time alone', () => {
  const one = failure('issuers.account-gone', { problem: problem('accountDoesNotExist') });

  assert.equal(diagnose(one).class, 'time');
  assert.equal(diagnose({ ...one, isForGood: true }).class, 'account');
});
