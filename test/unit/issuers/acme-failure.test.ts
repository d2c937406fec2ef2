import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { KNOWN_PROBLEM_TYPES, problemOfAnswer } from '../../../src/acme/problem.ts';
import type { AcmeAuthorization } from '../../../src/acme/resources.ts';
import { issuanceFailure, validationFailed } from '../../../src/issuers/acme-failure.ts';
import { IssuanceError } from '../../../src/issuers/issuer.ts';

const NOW = new Date('2026-01-01T00:00:00Z');
const CLOCK = { now: () => NOW, realNow: () => NOW };
const PREFIX = 'urn:ietf:params:acme:error:';

interface Refused {
  readonly status: number;
  readonly type: string;
  readonly retryAfter?: string;
  readonly more?: Readonly<Record<string, unknown>>;
}

function failureOf({ status, type, retryAfter, more }: Refused, disableAccountKeyGeneration = false) {
  const data = { type: `${PREFIX}${type}`, detail: `${type} it is`, ...more };
  const headers = retryAfter === undefined ? {} : { 'retry-after': retryAfter };
  const problem = problemOfAnswer({ status, headers, data, url: 'https://ca.test/new-order' }, CLOCK);
  const failure = issuanceFailure(problem, 'new order', { disableAccountKeyGeneration });
  assert.ok(failure instanceof IssuanceError);
  return failure;
}

describe('what the CA refuses a request with decides what becomes of it', () => {
  const REFUSED = { code: 'issuers.request-refused', fails: true, retry: 'never' } as const;
  const ENVIRONMENT = { code: 'issuers.request-refused', fails: true, retry: 'backoff' } as const;
  const BUSY = { code: 'issuers.ca-busy', fails: false, retry: 'backoff' } as const;
  const LIMITED = { ...BUSY, retry: 'not-before' } as const;
  const cases = [
    { type: 'accountDoesNotExist', status: 400, code: 'issuers.account-gone', fails: true, retry: 'backoff' },
    { type: 'alreadyReplaced', status: 409, ...REFUSED },
    { type: 'alreadyRevoked', status: 400, ...REFUSED },
    { type: 'badCSR', status: 400, ...REFUSED },
    { type: 'badNonce', status: 400, ...BUSY },
    { type: 'badPublicKey', status: 400, ...REFUSED },
    { type: 'badRevocationReason', status: 400, ...REFUSED },
    { type: 'badSignatureAlgorithm', status: 400, ...REFUSED },
    { type: 'caa', status: 403, ...ENVIRONMENT },
    { type: 'compound', status: 400, ...REFUSED },
    { type: 'conflict', status: 409, ...BUSY },
    { type: 'connection', status: 400, ...ENVIRONMENT },
    { type: 'dns', status: 400, ...ENVIRONMENT },
    { type: 'externalAccountRequired', status: 403, ...REFUSED },
    { type: 'incorrectResponse', status: 403, ...ENVIRONMENT },
    { type: 'invalidContact', status: 400, ...REFUSED },
    { type: 'invalidProfile', status: 400, ...REFUSED },
    { type: 'malformed', status: 400, ...REFUSED },
    { type: 'orderNotReady', status: 403, ...BUSY },
    { type: 'rateLimited', status: 429, ...LIMITED },
    { type: 'rejectedIdentifier', status: 400, ...REFUSED },
    { type: 'serverInternal', status: 500, ...BUSY },
    { type: 'tls', status: 400, ...ENVIRONMENT },
    { type: 'unauthorized', status: 403, ...ENVIRONMENT },
    { type: 'unsupportedContact', status: 400, ...REFUSED },
    { type: 'unsupportedIdentifier', status: 400, ...REFUSED },
    { type: 'userActionRequired', status: 403, ...REFUSED },
  ] as const;
  const SUBPROBLEMS = [
    { type: `${PREFIX}dns`, detail: 'no address', identifier: { type: 'dns', value: 'a.test' } },
    { type: `${PREFIX}caa`, detail: 'forbidden', identifier: { type: 'dns', value: 'b.test' } },
  ];

  for (const { type, status, code, fails, retry } of cases) {
    test(type, () => {
      const failure = failureOf({ type, status });

      assert.deepEqual([failure.code, failure.failsRequest, failure.retry.when], [code, fails, retry]);
      assert.equal(failure.data.problemType, type);
      assert.match(failure.explain(), new RegExp(`${type} it is`));
    });

    test(`${type} with subproblems: each name is told`, () => {
      const failure = failureOf({ type, status, more: { subproblems: SUBPROBLEMS } });

      // Of a compound problem the parts decide: both of these are for the environment to heal.
      const expected = type === 'compound' ? 'backoff' : retry;
      assert.deepEqual([failure.code, failure.failsRequest, failure.retry.when], [code, fails, expected]);
      assert.deepEqual(failure.data.identifiers, ['a.test', 'b.test']);
      assert.match(failure.explain(), /a\.test: no address; b\.test: forbidden/);
    });
  }

  test('every type that is known stands in this table', () => {
    assert.deepEqual([...KNOWN_PROBLEM_TYPES].sort(), cases.map(({ type }) => type as string).sort());
  });
});

describe('the time that the CA names is kept', () => {
  const cases = [
    { name: 'seconds', type: 'rateLimited', status: 429, retryAfter: '7200', at: '2026-01-01T02:00:00Z' },
    {
      name: 'an HTTP-date',
      type: 'rateLimited',
      status: 429,
      retryAfter: 'Thu, 01 Jan 2026 05:00:00 GMT',
      at: '2026-01-01T05:00:00Z',
    },
    { name: 'with a 503', type: 'malformed', status: 503, retryAfter: '30', at: '2026-01-01T00:00:30Z' },
    {
      name: 'with a failed environment',
      type: 'caa',
      status: 403,
      retryAfter: '60',
      at: '2026-01-01T00:01:00Z',
    },
    {
      name: 'years, cut to a week',
      type: 'rateLimited',
      status: 429,
      retryAfter: '99999999',
      at: '2026-01-08T00:00:00Z',
    },
  ];
  for (const { name, at, ...refused } of cases) {
    test(name, () => {
      const { retry, data } = failureOf(refused);

      assert.deepEqual(retry, { when: 'not-before', at: new Date(at) });
      assert.equal(data.retryAfterTold, refused.retryAfter);
    });
  }
});

test('a paused account is for a person to unpause at the portal, and no timer tries again', () => {
  const portal = 'https://portal.ca.test/sfe/v1/unpause?jwt=a.b.c';
  const detail = `Your account is temporarily prevented from requesting certificates for a.test and possibly others. Please visit: ${portal}`;

  const failure = failureOf({ type: 'rateLimited', status: 429, more: { detail } });

  assert.deepEqual([failure.code, failure.retry], ['issuers.paused', { when: 'never' }]);
  assert.equal(failure.data.link, portal);
  assert.ok(failure.explanation.next?.includes(portal));
});

test('where a user must act, the page of the CA is told', () => {
  const failure = failureOf({
    type: 'userActionRequired',
    status: 403,
    more: { instance: 'https://ca.test/terms' },
  });

  assert.match(failure.explain(), /Open https:\/\/ca\.test\/terms/);
});

test('a forgotten account is not registered again where its key must be given', () => {
  const failure = failureOf({ type: 'accountDoesNotExist', status: 400 }, true);

  assert.deepEqual([failure.code, failure.retry], ['issuers.account-gone', { when: 'never' }]);
});

describe('a failed validation is judged by its worst name', () => {
  const cases = [
    { types: ['dns', 'connection'], retry: 'backoff', type: 'dns' },
    { types: ['unauthorized', 'caa'], retry: 'backoff', type: 'unauthorized' },
    { types: ['dns', 'rejectedIdentifier'], retry: 'never', type: 'rejectedIdentifier' },
  ];
  for (const { types, retry, type } of cases) {
    test(`${types.join(' and ')}: ${retry}`, () => {
      const authorizations = types.map(
        (one, index): AcmeAuthorization => ({
          url: 'https://ca.test/a',
          status: 'invalid',
          identifier: { type: 'dns', value: `n${index}.test` },
          wildcard: false,
          challenges: [
            {
              url: 'https://ca.test/c',
              type: 'http-01',
              status: 'invalid',
              error: { type: one, detail: `${one} it is`, isPaused: false, subproblems: [] },
            },
          ],
        }),
      );

      const failure = validationFailed(authorizations, undefined);

      assert.deepEqual([failure.retry.when, failure.data.problemType], [retry, type]);
      assert.deepEqual(failure.data.identifiers, ['n0.test', 'n1.test']);
    });
  }
});

describe('an order that the CA made invalid by itself is judged by its error', () => {
  const cases = [
    { type: 'badCSR', subproblems: [], retry: 'never' },
    { type: 'serverInternal', subproblems: [], retry: 'backoff' },
    { type: 'neverHeardOf', subproblems: [], retry: 'backoff' },
    { type: 'compound', subproblems: ['dns', 'badCSR'], retry: 'never' },
    { type: 'compound', subproblems: ['dns', 'caa'], retry: 'backoff' },
  ];
  for (const { type, subproblems, retry } of cases) {
    test(`${[type, ...subproblems].join(' ')}: ${retry}`, () => {
      const part = (one: string) => ({ type: one, detail: one, isPaused: false, subproblems: [] });

      const failure = validationFailed([], { ...part(type), subproblems: subproblems.map(part) });

      assert.deepEqual([failure.retry.when, failure.data.problemType], [retry, type]);
    });
  }
});
