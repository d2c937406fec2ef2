import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  classify,
  describeProblem,
  KNOWN_PROBLEM_TYPES,
  problemOfAnswer,
  readProblem,
} from '../../../src/acme/problem.ts';
import { retryAfterMs } from '../../../src/lib/retry-after.ts';

const NOW = new Date('2026-01-01T00:00:00Z');
/** `now` is the moved clock, `realNow` the machine's. */
const CLOCK = { now: () => NOW, realNow: () => NOW };
const PREFIX = 'urn:ietf:params:acme:error:';

describe('the class of a problem', () => {
  /** RFC 8555, section 6.7, in its order; then Boulder's; then what only the HTTP status says. */
  const cases = [
    { type: 'accountDoesNotExist', status: 400, expected: 'account' },
    { type: 'alreadyRevoked', status: 400, expected: 'terminal' },
    { type: 'badCSR', status: 400, expected: 'terminal' },
    { type: 'badNonce', status: 400, expected: 'bad-nonce' },
    { type: 'badPublicKey', status: 400, expected: 'terminal' },
    { type: 'badRevocationReason', status: 400, expected: 'terminal' },
    { type: 'badSignatureAlgorithm', status: 400, expected: 'terminal' },
    { type: 'caa', status: 403, expected: 'environment' },
    { type: 'compound', status: 400, expected: 'terminal' },
    { type: 'connection', status: 400, expected: 'environment' },
    { type: 'dns', status: 400, expected: 'environment' },
    { type: 'externalAccountRequired', status: 403, expected: 'terminal' },
    { type: 'incorrectResponse', status: 403, expected: 'environment' },
    { type: 'invalidContact', status: 400, expected: 'terminal' },
    { type: 'malformed', status: 400, expected: 'terminal' },
    { type: 'orderNotReady', status: 403, expected: 'poll' },
    { type: 'rateLimited', status: 429, expected: 'wait' },
    { type: 'rejectedIdentifier', status: 400, expected: 'terminal' },
    { type: 'serverInternal', status: 500, expected: 'wait' },
    { type: 'tls', status: 400, expected: 'environment' },
    { type: 'unauthorized', status: 403, expected: 'environment' },
    { type: 'unsupportedContact', status: 400, expected: 'terminal' },
    { type: 'unsupportedIdentifier', status: 400, expected: 'terminal' },
    { type: 'userActionRequired', status: 403, expected: 'terminal' },
    { type: 'alreadyReplaced', status: 409, expected: 'terminal' },
    { type: 'conflict', status: 409, expected: 'wait' },
    { type: 'invalidProfile', status: 400, expected: 'terminal' },
    { type: 'malformed', status: 429, expected: 'wait' },
    { type: 'malformed', status: 503, expected: 'wait' },
    { type: '', status: 503, expected: 'wait' },
    { type: '', status: 502, expected: 'wait' },
    { type: '', status: 404, expected: 'wait' },
    { type: 'neverHeardOf', status: 400, expected: 'terminal' },
    { type: 'neverHeardOf', status: 500, expected: 'wait' },
    { type: 'constructor', status: 400, expected: 'terminal' },
  ] as const;
  for (const { type, status, expected } of cases) {
    test(`${type || 'no type'} with HTTP ${status} is ${expected}`, () => {
      assert.equal(classify(type, status), expected);
    });
  }

  test('is known for each of the 27 types', () => {
    const listed = new Set<string>(cases.map(({ type }) => type));

    assert.equal(KNOWN_PROBLEM_TYPES.length, 27);
    assert.deepEqual(
      KNOWN_PROBLEM_TYPES.filter((type) => !listed.has(type)),
      [],
    );
  });
});

describe('a compound problem is as bad as the worst of its parts', () => {
  const cases = [
    { parts: ['dns', 'connection'], expected: 'environment' },
    { parts: ['dns', 'rejectedIdentifier'], expected: 'terminal' },
    { parts: ['serverInternal', 'caa'], expected: 'environment' },
    { parts: ['rateLimited', 'serverInternal'], expected: 'wait' },
    { parts: [], expected: 'terminal' },
  ] as const;
  for (const { parts, expected } of cases) {
    test(`${parts.join(' and ') || 'none'}: ${expected}`, () => {
      const subproblems = parts.map((type) => ({ type: `${PREFIX}${type}`, detail: 'x' }));
      const data = { type: `${PREFIX}compound`, detail: 'several', subproblems };

      const error = problemOfAnswer({ status: 400, headers: {}, data, url: 'https://ca.test/x' }, CLOCK);

      assert.equal(error.problemClass, expected);
    });
  }
});

describe('a paused account', () => {
  const portal = 'https://portal.ca.test/sfe/v1/unpause?jwt=a.b.c';
  const detail = `Your account is temporarily prevented from requesting certificates for a.test and possibly others. Please visit: ${portal}`;
  const cases = [
    { name: 'is told with its portal', type: 'rateLimited', detail, link: portal },
    { name: 'is told by its portal alone', type: 'rateLimited', detail: `See (${portal}).`, link: portal },
    {
      name: 'is told without a link that is not https',
      type: 'rateLimited',
      detail: detail.replace('https:', 'http:'),
      link: undefined,
    },
    {
      name: 'is told without a link that has a password',
      type: 'rateLimited',
      detail: detail.replace('https://', 'https://a:b@'),
      link: undefined,
    },
    {
      name: 'keeps a link that is longer than what is quoted',
      type: 'unauthorized',
      detail: `${detail}${'x'.repeat(900)}`,
      link: `${portal}${'x'.repeat(900)}`,
    },
  ];
  for (const { name, type, detail: text, link } of cases) {
    test(name, () => {
      const data = { type: `${PREFIX}${type}`, detail: text };

      const error = problemOfAnswer({ status: 429, headers: {}, data, url: 'https://ca.test/x' }, CLOCK);

      assert.deepEqual(
        [error.problemClass, error.retry, error.data.link],
        ['paused', { when: 'never' }, link],
      );
    });
  }

  test('is not what a plain rate limit means', () => {
    const data = { type: `${PREFIX}rateLimited`, detail: 'too many new orders, see https://ca.test/limits' };

    const error = problemOfAnswer({ status: 429, headers: {}, data, url: 'https://ca.test/x' }, CLOCK);

    assert.deepEqual([error.problemClass, error.data.link], ['wait', undefined]);
  });
});

test('where a user must act, the page is told if it is https', () => {
  const told = (instance: unknown) =>
    readProblem({ type: `${PREFIX}userActionRequired`, detail: 'new terms', instance })?.link;

  assert.equal(told('https://ca.test/terms'), 'https://ca.test/terms');
  assert.equal(told('javascript:alert(1)'), undefined);
  assert.equal(told('http://ca.test/terms'), undefined);
  assert.equal(told(`https://ca.test/${'a'.repeat(5000)}`), undefined);
});

describe('the wait after a rate limit', () => {
  const cases = [
    { name: 'is what the CA says', header: '90', waitMs: 90_000, told: '90' },
    { name: 'is a minute where it says nothing', header: undefined, waitMs: 60_000, told: undefined },
    { name: 'is a minute where it says nonsense', header: 'soon', waitMs: 60_000, told: 'soon' },
    {
      name: 'is a week at most, and what was asked for is told',
      header: '315360000',
      waitMs: 604_800_000,
      told: '315360000',
    },
  ];
  for (const { name, header, waitMs, told } of cases) {
    test(name, () => {
      const moved = { now: () => new Date('2030-01-01T00:00:00Z'), realNow: () => NOW };
      const headers = header === undefined ? {} : { 'retry-after': header };
      const data = { type: `${PREFIX}rateLimited`, detail: 'too many' };

      const error = problemOfAnswer({ status: 429, headers, data, url: 'https://ca.test/x' }, moved);

      assert.deepEqual(error.retry, { when: 'not-before', at: new Date(moved.now().getTime() + waitMs) });
      assert.equal(error.data.retryAfterTold, told);
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

describe('what a CA quotes of a challenge', () => {
  const token = 'evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA';
  const thumbprint = 'LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ';
  const quotes = [
    `Expected "${token}.${thumbprint}" (got "${'x'.repeat(600)}")`,
    `${'Fetching again. '.repeat(511)}got ${token}.${thumbprint}`,
    `Get "http://a.test/.well-known/acme-challenge/${token}": EOF`,
    `Expected "${token}\u200b.${thumbprint}"`,
  ];

  for (const [index, detail] of quotes.entries()) {
    test(`proves nothing any more when it is told (${index + 1})`, () => {
      const data = { type: `${PREFIX}${token}`, detail, subproblems: [{ type: 'x', detail }] };

      const error = problemOfAnswer({ status: 403, headers: {}, data, url: 'https://ca.test/x' }, CLOCK);

      const told = JSON.stringify([error.problem, error.logFields(), error.explain()]);
      for (const secret of [token, thumbprint])
        for (let from = 0; from + 12 <= secret.length; from += 1)
          assert.ok(!told.includes(secret.slice(from, from + 12)));
    });
  }
});

test('a hundred subproblems become one bounded text', () => {
  const sub = { type: 'x', detail: 'd'.repeat(500), identifier: { type: 'dns', value: 'a.test' } };
  const problem = readProblem({ type: 'x', detail: 'no', subproblems: Array(1000).fill(sub) });

  assert.ok(problem);
  assert.equal(problem.subproblems.length, 100);
  assert.equal(describeProblem(problem).length, 2000);
});

test('no character is cut in two where a detail is cut', () => {
  for (const length of [497, 498, 499, 500]) {
    const detail = readProblem({ type: 'x', detail: `${'a'.repeat(length)}😀😀😀` })?.detail ?? '';

    assert.equal(Buffer.from(detail).toString(), detail);
    assert.ok(detail.length <= 500);
  }
});

test('the wait that the CA names is in the advice', () => {
  const error = problemOfAnswer(
    {
      status: 429,
      headers: { 'retry-after': '90' },
      data: { type: `${PREFIX}rateLimited`, detail: 'too many' },
      url: 'https://ca.test/new-order',
    },
    CLOCK,
  );

  assert.equal(error.code, 'acme.rate-limited');
  assert.deepEqual(error.retry, { when: 'not-before', at: new Date('2026-01-01T00:01:30Z') });
});

test('an answer that is no problem document is judged by its status', () => {
  const error = problemOfAnswer(
    { status: 502, headers: {}, data: '<html>', url: 'https://ca.test/x' },
    CLOCK,
  );

  assert.equal(error.code, 'acme.refused');
  assert.equal(error.problemClass, 'wait');
  assert.deepEqual(error.retry, { when: 'backoff' });
});
