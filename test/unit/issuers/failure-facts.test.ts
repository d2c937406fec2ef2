import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AcmeConnectionError } from '../../../src/acme/connection-error.ts';
import { problemOfAnswer } from '../../../src/acme/problem.ts';
import type { AcmeAuthorization } from '../../../src/acme/resources.ts';
import type { Failure } from '../../../src/diagnosis/failure.ts';
import {
  issuanceFailure,
  validationFailed,
  validationInterrupted,
} from '../../../src/issuers/acme-failure.ts';
import { IssuanceError } from '../../../src/issuers/issuer.ts';
import { CertopsError } from '../../../src/lib/errors.ts';
import { failureOf } from '../../../src/reconcile/failure-of.ts';
import { DnsError } from '../../../src/solvers/dns/dns-error.ts';

const NOW = new Date('2026-01-01T00:00:00Z');
const CLOCK = { now: () => NOW, realNow: () => NOW };
const PREFIX = 'urn:ietf:params:acme:error:';
const SPEC = { disableAccountKeyGeneration: false };

function refused(
  type: string,
  more: Readonly<Record<string, unknown>> = {},
  names: readonly string[] = [],
): Failure {
  const data = { type: `${PREFIX}${type}`, detail: `${type} it is`, ...more };
  const problem = problemOfAnswer(
    { status: 400, headers: {}, data, url: 'https://ca.test/new-order' },
    CLOCK,
  );
  const error = issuanceFailure(problem, 'new order', SPEC, names);
  assert.ok(error instanceof IssuanceError);
  return failureOf(error);
}

function authorization(name: string, type: string, wildcard = false): AcmeAuthorization {
  const error = { type, detail: `${type} it is`, isPaused: false, subproblems: [] };
  return {
    url: 'https://ca.test/a',
    status: 'invalid',
    identifier: { type: 'dns', value: name },
    wildcard,
    challenges: [
      { url: 'https://ca.test/c', type: 'dns-01', status: 'invalid', error },
      { url: 'https://ca.test/d', type: 'http-01', status: 'pending' },
    ],
  };
}

test('a refused order leaves the problem, and its parts by name', () => {
  const one = refused('compound', {
    subproblems: [
      { type: `${PREFIX}rejectedIdentifier`, detail: 'no', identifier: { type: 'dns', value: '*.a.test' } },
      { type: `${PREFIX}caa`, detail: 'forbidden', identifier: { type: 'dns', value: 'b.test' } },
      { type: `${PREFIX}dns`, detail: 'of nobody' },
    ],
  });

  assert.deepEqual(
    [one.code, one.step, one.problem],
    ['issuers.request-refused', 'new order', { type: 'compound', detail: 'compound it is', status: 400 }],
  );
  assert.deepEqual(one.identifiers, [
    { identifier: '*.a.test', problem: { type: 'rejectedIdentifier', detail: 'no' } },
    { identifier: 'b.test', problem: { type: 'caa', detail: 'forbidden' } },
  ]);
});

describe('where a refusal has no parts, the name is looked for in its words', () => {
  const names = ['a.test', 'www.a.test', '*.b.test'];
  const cases = [
    {
      name: 'Boulder names it',
      type: 'rejectedIdentifier',
      detail: 'Error creating new order :: Cannot issue for "www.a.test": forbidden by policy',
      found: ['www.a.test'],
    },
    { name: 'a wildcard', type: 'caa', detail: 'CAA for *.b.test prevents issuance', found: ['*.b.test'] },
    { name: 'at the end of a sentence', type: 'dns', detail: 'SERVFAIL for a.test.', found: ['a.test'] },
    { name: 'nobody is named', type: 'rejectedIdentifier', detail: 'forbidden by policy', found: [] },
    { name: 'the request is refused, not a name', type: 'badCSR', detail: 'no a.test in it', found: [] },
  ];
  for (const { name, type, detail, found } of cases) {
    test(name, () => {
      const { identifiers } = refused(type, { detail }, names);

      assert.deepEqual(
        identifiers.map(({ identifier }) => identifier),
        found,
      );
    });
  }

  test('the only name there is needs no mention', () => {
    assert.equal(refused('rejectedIdentifier', {}, ['a.test']).identifiers[0]?.identifier, 'a.test');
  });
});

test('a paused account leaves its page', () => {
  const portal = 'https://portal.ca.test/unpause?jwt=a.b.c';
  const one = refused('rateLimited', {
    detail: `Your account is temporarily prevented from requesting certificates. Please visit: ${portal}`,
  });

  assert.deepEqual(
    [one.code, one.isForGood, one.problem?.isPaused, one.problem?.link],
    ['issuers.paused', true, true, portal],
  );
});

test('a failed validation leaves each name as it was asked for, with its challenge', () => {
  const error = validationFailed(
    [authorization('a.test', 'dns', true), authorization('b.test', 'caa')],
    undefined,
  );

  for (const one of [error, validationInterrupted(error)]) {
    assert.deepEqual(failureOf(one).identifiers, [
      { identifier: '*.a.test', challengeType: 'dns-01', problem: { type: 'dns', detail: 'dns it is' } },
      { identifier: 'b.test', challengeType: 'dns-01', problem: { type: 'caa', detail: 'caa it is' } },
    ]);
  }
});

test('an order that blames no authorization leaves its own error', () => {
  const part = { type: 'caa', detail: 'x', identifier: 'a.test', isPaused: false, subproblems: [] };
  const error = { type: 'compound', detail: 'several', isPaused: false, subproblems: [part] };

  const one = failureOf(validationFailed([], error));

  assert.equal(one.problem?.type, 'compound');
  assert.deepEqual(
    one.identifiers.map(({ identifier }) => identifier),
    ['a.test'],
  );
});

describe('the code is that of what came to nothing', () => {
  const away = new AcmeConnectionError('acme.url-refused', { what: 'x' }, { retry: { when: 'never' } });
  const cases = [
    {
      name: 'a CA that cannot be asked',
      error: issuanceFailure(away, 'order', SPEC),
      code: 'acme.url-refused',
    },
    {
      name: 'a registration for want of a Secret',
      error: new IssuanceError(
        'issuers.registration-failed',
        { what: 'x' },
        { failsRequest: false, data: { cause: 'reconcile.credential-missing', secret: 'web/eab' } },
      ),
      code: 'reconcile.credential-missing',
    },
    {
      name: 'a CA key pair with a key that cannot be read',
      error: new IssuanceError(
        'issuers.ca-key-pair',
        { what: 'x' },
        { failsRequest: false, data: { cause: 'pki.unreadable-key' } },
      ),
      code: 'issuers.ca-key-pair',
    },
    {
      name: 'any other error with a cause',
      error: new CertopsError(
        'solvers.cannot-listen',
        { what: 'x' },
        { data: { cause: 'acme.unreachable' } },
      ),
      code: 'solvers.cannot-listen',
    },
  ];
  for (const { name, error, code } of cases) {
    test(name, () => {
      assert.ok(error instanceof CertopsError);

      assert.equal(failureOf(error).code, code);
    });
  }
});

describe('an error of a solver says which solver it is', () => {
  const data = {
    provider: 'rfc2136',
    nameserver: 'ns1.a.test:53',
    zone: 'a.test',
    credentialName: 'tsig',
    credentialKey: 'secret',
  };
  const solver = {
    type: 'dns-01',
    provider: 'rfc2136',
    server: 'ns1.a.test:53',
    zone: 'a.test',
    credential: { name: 'tsig', key: 'secret' },
  };
  const thrown = new DnsError('solvers.dns-update-refused', { what: 'x' }, { data });

  test('before an order', () => {
    assert.deepEqual(failureOf(thrown).solver, solver);
  });

  test('in an order, with the step', () => {
    const error = issuanceFailure(thrown, 'order', SPEC);
    assert.ok(error instanceof IssuanceError);

    assert.deepEqual([failureOf(error).solver, failureOf(error).step], [solver, 'order']);
  });

  test('for HTTP-01', () => {
    const error = new CertopsError('solvers.cannot-listen', { what: 'x' });

    assert.equal(failureOf(error).solver?.type, 'http-01');
  });
});

describe('an error of sealing says which file it is', () => {
  const cases = [
    { code: 'sops.mac-mismatch', data: { where: 'a.yaml' }, secret: 'a.yaml' },
    { code: 'sops.no-identity', data: { where: 'a.yaml', identityCount: 1 }, secret: 'a.yaml' },
    // Without an identity it is no file's trouble.
    { code: 'sops.no-identity', data: { where: 'a.yaml', identityCount: 0 }, secret: undefined },
    { code: 'sops.identity-invalid', data: { where: 'SOPS_AGE_KEY' }, secret: undefined },
    { code: 'sops.identity-unreadable', data: { path: '/home/x/keys.txt' }, secret: undefined },
    { code: 'reconcile.credential-missing', data: { secret: 'web/tsig' }, secret: 'web/tsig' },
  ];
  for (const { code, data, secret } of cases) {
    test(`${code} ${JSON.stringify(data)}`, () => {
      assert.equal(failureOf(new CertopsError(code, { what: 'x' }, { data })).secret, secret);
    });
  }
});

test('when to try again is kept', () => {
  const at = new Date('2026-01-02T00:00:00Z');
  const told = new CertopsError('issuers.ca-busy', { what: 'x' }, { retry: { when: 'not-before', at } });
  const never = new CertopsError('issuers.no-solver', { what: 'x' }, { retry: { when: 'never' } });

  assert.deepEqual([failureOf(told).notBefore, failureOf(told).isForGood], [at, false]);
  assert.deepEqual([failureOf(never).notBefore, failureOf(never).isForGood], [undefined, true]);
});
