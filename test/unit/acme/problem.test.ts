import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { classify, describeProblem, problemOfAnswer, readProblem } from '../../../src/acme/problem.ts';
import { retryAfterMs } from '../../../src/acme/retry-after.ts';

const NOW = new Date('2026-01-01T00:00:00Z');
const PREFIX = 'urn:ietf:params:acme:error:';

describe('the class of a problem', () => {
  const cases = [
    { type: 'badNonce', status: 400, expected: 'bad-nonce' },
    { type: 'rateLimited', status: 429, expected: 'wait' },
    { type: 'malformed', status: 429, expected: 'wait' },
    { type: '', status: 503, expected: 'wait' },
    { type: 'serverInternal', status: 500, expected: 'wait' },
    { type: '', status: 502, expected: 'wait' },
    { type: 'orderNotReady', status: 403, expected: 'poll' },
    { type: 'caa', status: 403, expected: 'environment' },
    { type: 'rejectedIdentifier', status: 400, expected: 'terminal' },
    { type: 'accountDoesNotExist', status: 400, expected: 'account' },
    { type: 'neverHeardOf', status: 400, expected: 'terminal' },
    { type: 'constructor', status: 400, expected: 'terminal' },
  ] as const;
  for (const { type, status, expected } of cases) {
    test(`${type || 'no type'} with HTTP ${status} is ${expected}`, () => {
      assert.equal(classify(type, status), expected);
    });
  }
});

describe('Retry-After', () => {
  const date = 'Thu, 01 Jan 2026 12:00:00 GMT';
  const cases = [
    { name: 'seconds', headers: { 'retry-after': '120' }, expected: 120_000 },
    {
      name: "an HTTP-date counts from the answer's own date",
      headers: { 'retry-after': 'Thu, 01 Jan 2026 12:01:00 GMT', date },
      expected: 60_000,
    },
    {
      name: 'an HTTP-date without Date counts from now',
      headers: { 'retry-after': 'Thu, 01 Jan 2026 00:00:10 GMT' },
      expected: 10_000,
    },
    {
      name: 'a past date is now',
      headers: { 'retry-after': 'Thu, 01 Jan 2026 11:00:00 GMT', date },
      expected: 0,
    },
    {
      name: 'years are clamped to a week',
      headers: { 'retry-after': '999999999999' },
      expected: 604_800_000,
    },
    { name: 'nonsense says nothing', headers: { 'retry-after': 'soon' }, expected: undefined },
    { name: 'absent says nothing', headers: {}, expected: undefined },
  ];
  for (const { name, headers, expected } of cases) {
    test(name, () => {
      assert.equal(retryAfterMs(headers, NOW), expected);
    });
  }
});

test('a problem keeps type, detail and each subproblem with its name', () => {
  const problem = readProblem({
    type: `${PREFIX}compound`,
    detail: 'two names are bad',
    subproblems: [
      { type: `${PREFIX}rejectedIdentifier`, detail: 'no', identifier: { type: 'dns', value: 'a.test' } },
      { type: `${PREFIX}caa`, detail: 'forbidden', identifier: { type: 'dns', value: 'b.test' } },
    ],
  });

  assert.ok(problem);
  assert.equal(problem.type, 'compound');
  assert.deepEqual(
    problem.subproblems.map(({ type, identifier }) => [type, identifier]),
    [
      ['rejectedIdentifier', 'a.test'],
      ['caa', 'b.test'],
    ],
  );
  assert.equal(describeProblem(problem), 'two names are bad; a.test: no; b.test: forbidden');
});

test('a hostile detail becomes one bounded line without control or bidirectional characters', () => {
  const problem = readProblem({ type: 'x', detail: `a\u001b[31m\r\nb\u202ec\u0000${'d'.repeat(100_000)}` });

  assert.ok(problem);
  assert.ok(problem.detail.length <= 500);
  assert.doesNotMatch(problem.detail, /\p{C}/u);
  assert.match(problem.detail, /^a \[31m b c d/);
});

test('the wait that the CA names is in the advice', () => {
  const error = problemOfAnswer(
    {
      status: 429,
      headers: { 'retry-after': '90' },
      data: { type: `${PREFIX}rateLimited`, detail: 'too many' },
      url: 'https://ca.test/new-order',
    },
    NOW,
  );

  assert.equal(error.code, 'acme.rate-limited');
  assert.deepEqual(error.retry, { when: 'not-before', at: new Date('2026-01-01T00:01:30Z') });
});

test('an answer that is no problem document is judged by its status', () => {
  const error = problemOfAnswer({ status: 502, headers: {}, data: '<html>', url: 'https://ca.test/x' }, NOW);

  assert.equal(error.code, 'acme.refused');
  assert.equal(error.problemClass, 'wait');
  assert.deepEqual(error.retry, { when: 'backoff' });
});
