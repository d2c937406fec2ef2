import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import { type AcmeIssuerOptions, createAcmeIssuer } from '../../../src/issuers/acme.ts';
import type { IssuanceError, IssuerAdapter, OrderRecord } from '../../../src/issuers/issuer.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { noFaults } from '../../../src/lib/faults.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { problem, type ScriptedAnswer, type ScriptedCa, startScriptedCa } from '../../support/scripted-ca.ts';
import { signingRequest } from '../../support/signing-request.ts';

const SIGNAL = new AbortController().signal;
const ANY_NAME = { type: 'http-01', selector: { dnsNames: [], dnsZones: [], matchLabels: {} } } as const;

interface Opened {
  readonly ca: ScriptedCa;
  readonly issuer: IssuerAdapter;
  /** Lengths of the waits that the issuer asked the clock for. */
  readonly sleptMs: readonly number[];
  readonly shown: ReadonlySet<string>;
}

async function open(t: TestContext, more: Partial<AcmeIssuerOptions> = {}): Promise<Opened> {
  const ca = await startScriptedCa();
  const sleptMs: number[] = [];
  const shown = new Set<string>();
  const issuer = createAcmeIssuer({
    spec: {
      type: 'acme',
      server: ca.directoryUrl,
      privateKeySecretRef: { name: 'account', key: 'tls.key' },
      disableAccountKeyGeneration: false,
      skipTLSVerify: false,
      enableDurationFeature: false,
      renewalInformationSource: 'None',
      solvers: [ANY_NAME],
    },
    accountKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
    accountUrl: `${ca.origin}/account/1`,
    presenter: {
      present: async ({ token }) => {
        shown.add(token);
        return { becomeVisible: async () => {}, remove: async () => void shown.delete(token) };
      },
    },
    clock: { ...systemClock(), sleep: async (ms) => void sleptMs.push(ms) },
    faults: noFaults,
    log: silentLog,
    version: '0.0.0',
    isOrderTaken: () => false,
    allowPlainLoopback: true,
    requestTimeoutMs: 2_000,
    ...more,
  });
  t.after(async () => {
    issuer.close();
    await ca.close();
  });
  const order = { status: 'pending', authorizations: [`${ca.origin}/authz`], finalize: `${ca.origin}/fin` };
  ca.on('/order', { status: 201, headers: { Location: `${ca.origin}/order/1` }, body: order });
  ca.on('/authz', authorization(ca, {}));
  ca.on('/ch', { body: challengeOf(ca, { status: 'processing' }) });
  ca.on('/order/1', { body: order });
  return { ca, issuer, sleptMs, shown };
}

function challengeOf(ca: ScriptedCa, more: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return { type: 'http-01', status: 'pending', url: `${ca.origin}/ch`, token: 'abc', ...more };
}

function authorization(ca: ScriptedCa, challenge: Readonly<Record<string, unknown>>): ScriptedAnswer {
  return {
    body: {
      status: challenge.error === undefined ? 'pending' : 'invalid',
      identifier: { type: 'dns', value: 'www.example.test' },
      challenges: [challengeOf(ca, challenge)],
    },
  };
}

/** An order that another process recorded. */
function ofAnEarlierRun(ca: ScriptedCa): OrderRecord {
  return {
    orderUrl: `${ca.origin}/order/1`,
    finalizeUrl: `${ca.origin}/fin`,
    state: 'pending',
    authorizations: [
      {
        url: `${ca.origin}/authz`,
        identifier: 'www.example.test',
        identifierType: 'dns',
        wildcard: false,
        initialState: 'pending',
        challenge: { url: `${ca.origin}/ch`, type: 'http-01', token: 'abc' },
      },
    ],
  };
}

async function record(issuer: IssuerAdapter): Promise<OrderRecord> {
  const result = await issuer.begin(await signingRequest({ name: 'www' }), SIGNAL);
  assert.equal(result.kind, 'pending');
  // Asserted above; node's assert does not narrow.
  return (result as { readonly record: OrderRecord }).record;
}

describe('nothing is asked of the CA', () => {
  test('when no solver fits', async (t) => {
    const { ca, issuer } = await open(t);
    const request = await signingRequest({ name: 'wild', dnsNames: ['*.example.test'] });

    await assert.rejects(issuer.begin(request, SIGNAL), {
      code: 'issuers.no-solver',
      retry: { when: 'never' },
    });

    assert.deepEqual(ca.requests, []);
  });

  test('when there is no presenter', async (t) => {
    const { ca, issuer } = await open(t, { presenter: undefined });
    const request = await signingRequest({ name: 'www' });

    await assert.rejects(issuer.begin(request, SIGNAL), { code: 'issuers.no-presenter' });

    assert.deepEqual(ca.requests, []);
  });

  test('to set up an issuer whose account is on record', async (t) => {
    const { ca, issuer } = await open(t);

    const readiness = await issuer.setUp(SIGNAL);

    assert.deepEqual([readiness.ready, readiness.acme?.uri], [true, `${ca.origin}/account/1`]);
    assert.deepEqual(ca.requests, []);
  });
});

test('what the CA refuses a new order with decides what becomes of the request', async (t) => {
  const { ca, issuer } = await open(t);
  const limited = problem('rateLimited', 429);
  ca.on('/order', { ...limited, headers: { ...limited.headers, 'Retry-After': '3600' } });
  const earliestMs = Date.now() + 3_590_000;

  await assert.rejects(record(issuer), (error: IssuanceError) => {
    assert.deepEqual([error.code, error.failsRequest], ['issuers.ca-busy', false]);
    assert.ok(error.retry.when === 'not-before' && error.retry.at.getTime() >= earliestMs);
    assert.match(error.explain(), /rateLimited it is/);
    return true;
  });
});

test('an order that is on record for another request is taken', async (t) => {
  const { issuer } = await open(t, { isOrderTaken: () => true });

  await assert.rejects(record(issuer), { code: 'issuers.order-taken', failsRequest: false });
});

test('an order that could not be described is taken up by the next begin, not made again', async (t) => {
  const { ca, issuer } = await open(t);
  ca.on('/authz', ({ times }) => (times === 1 ? problem('serverInternal', 500) : authorization(ca, {})));

  await assert.rejects(record(issuer), { code: 'issuers.ca-busy' });
  await record(issuer);

  assert.equal(ca.requests.filter((line) => line === 'POST /order').length, 1);
});

test('looks at an order wait as long as Retry-After says, else 30 ms and half more each time', async (t) => {
  const { ca, issuer, sleptMs, shown } = await open(t);
  ca.on('/order/1', ({ times }) => ({
    ...(times === 3 ? { headers: { 'Retry-After': '7' } } : {}),
    body: {
      status: times < 5 ? 'pending' : 'invalid',
      authorizations: [`${ca.origin}/authz`],
      finalize: `${ca.origin}/fin`,
    },
  }));
  const made = await record(issuer);
  ca.on('/authz', authorization(ca, { status: 'invalid', error: problem('dns', 400).body }));

  await assert.rejects(issuer.complete(await signingRequest({ name: 'www' }), made, SIGNAL), {
    code: 'issuers.validation-failed',
    failsRequest: true,
  });

  assert.deepEqual(sleptMs, [30, 45, 67.5, 7000, 151.875]);
  assert.equal(shown.size, 0);
});

test('an order that takes too long stays open, and its challenges stay presented', async (t) => {
  const { ca, issuer, shown } = await open(t);
  ca.on('/ch', { headers: { 'Retry-After': '86400' }, body: challengeOf(ca, { status: 'processing' }) });
  const made = await record(issuer);

  const completion = issuer.complete(await signingRequest({ name: 'www' }), made, SIGNAL);

  await assert.rejects(completion, (error: IssuanceError) => {
    assert.deepEqual(
      [error.code, error.failsRequest, error.retry.when],
      ['issuers.order-slow', false, 'not-before'],
    );
    return true;
  });
  assert.deepEqual([...shown], ['abc']);
});

test('a validation that failed before this run accepted anything is no verdict on the names', async (t) => {
  const { ca, issuer } = await open(t);
  const error = { type: 'urn:ietf:params:acme:error:connection', detail: 'connection refused' };
  const urls = { authorizations: [`${ca.origin}/authz`], finalize: `${ca.origin}/fin` };
  ca.on('/order/1', { body: { status: 'invalid', ...urls } });
  ca.on('/authz', authorization(ca, { status: 'invalid', error }));

  const completion = issuer.complete(await signingRequest({ name: 'www' }), ofAnEarlierRun(ca), SIGNAL);

  await assert.rejects(completion, (thrown: IssuanceError) => {
    assert.deepEqual(
      [thrown.code, thrown.failsRequest, thrown.retry.when],
      ['issuers.validation-interrupted', true, 'now'],
    );
    return true;
  });
});

test('a validation that failed while this process was there to answer is one, however late the CA says so', async (t) => {
  const { ca, issuer } = await open(t);
  ca.on('/ch', { headers: { 'Retry-After': '86400' }, body: challengeOf(ca, { status: 'processing' }) });
  const made = await record(issuer);
  const request = await signingRequest({ name: 'www' });
  await assert.rejects(issuer.complete(request, made, SIGNAL), { code: 'issuers.order-slow' });
  const error = { type: 'urn:ietf:params:acme:error:connection', detail: 'connection refused' };
  const urls = { authorizations: [`${ca.origin}/authz`], finalize: `${ca.origin}/fin` };
  ca.on('/order/1', { body: { status: 'invalid', ...urls } });
  ca.on('/authz', authorization(ca, { status: 'invalid', error }));

  const again = issuer.complete(request, made, SIGNAL);

  await assert.rejects(again, { code: 'issuers.validation-failed' });
});

describe('what a CA has no more', () => {
  const gone = problem('malformed', 404);

  test('is no reason to give up on an order: an authorization of an invalid one', async (t) => {
    const { ca, issuer } = await open(t);
    const urls = { authorizations: [`${ca.origin}/authz`], finalize: `${ca.origin}/fin` };
    ca.on('/order/1', { body: { status: 'invalid', ...urls } });
    ca.on('/authz', gone);

    const completion = issuer.complete(await signingRequest({ name: 'www' }), ofAnEarlierRun(ca), SIGNAL);

    await assert.rejects(completion, (thrown: IssuanceError) => {
      assert.deepEqual([thrown.code, thrown.retry.when], ['issuers.validation-failed', 'backoff']);
      return true;
    });
  });

  test('means another order: an authorization of a pending one', async (t) => {
    const { ca, issuer, shown } = await open(t);
    ca.on('/authz', gone);

    const completion = issuer.complete(await signingRequest({ name: 'www' }), ofAnEarlierRun(ca), SIGNAL);

    await assert.rejects(completion, { code: 'issuers.order-gone', failsRequest: true });
    assert.equal(shown.size, 0);
  });

  test('is asked for again: the certificate of a valid order, which was issued', async (t) => {
    const { ca, issuer } = await open(t);
    const urls = { authorizations: [`${ca.origin}/authz`], finalize: `${ca.origin}/fin` };
    ca.on('/order/1', { body: { status: 'valid', ...urls, certificate: `${ca.origin}/cert` } });
    ca.on('/cert', gone);

    const completion = issuer.complete(await signingRequest({ name: 'www' }), ofAnEarlierRun(ca), SIGNAL);

    await assert.rejects(completion, (thrown: IssuanceError) => {
      assert.deepEqual(
        [thrown.code, thrown.failsRequest, thrown.retry.when],
        ['issuers.ca-busy', false, 'backoff'],
      );
      return true;
    });
  });
});

test('a CA that stays ready whatever is finalized is asked less and less often', async (t) => {
  let elapsedMs = 0;
  const sleptMs: number[] = [];
  const sleep = async (ms: number) => {
    sleptMs.push(ms);
    elapsedMs += ms;
  };
  const clock = { ...systemClock(), monotonicMs: () => elapsedMs, sleep };
  const { ca, issuer } = await open(t, { clock, orderTimeoutMs: 10_000 });
  const urls = { authorizations: [`${ca.origin}/authz`], finalize: `${ca.origin}/fin` };
  for (const path of ['/order/1', '/fin']) ca.on(path, { body: { status: 'ready', ...urls } });

  const completion = issuer.complete(await signingRequest({ name: 'www' }), ofAnEarlierRun(ca), SIGNAL);

  await assert.rejects(completion, { code: 'issuers.order-slow' });
  assert.equal(sleptMs.at(-1), 2_000);
  assert.ok(ca.requests.filter((line) => line === 'POST /fin').length < 20);
});

describe('a process that is stopped', () => {
  test('leaves in place what the CA was told to look for', async (t) => {
    const stop = new AbortController();
    const clock = {
      ...systemClock(),
      sleep: async () => {
        stop.abort();
        stop.signal.throwIfAborted();
      },
    };
    const { issuer, shown } = await open(t, { clock });
    const made = await record(issuer);

    await assert.rejects(issuer.complete(await signingRequest({ name: 'www' }), made, stop.signal), {
      name: 'AbortError',
    });

    assert.deepEqual([...shown], ['abc']);
  });

  test('takes away what the CA was not told of', async (t) => {
    const stop = new AbortController();
    const shown = new Set<string>();
    const presenter = {
      present: async () => {
        shown.add('it');
        return {
          becomeVisible: async () => {
            stop.abort();
            stop.signal.throwIfAborted();
          },
          remove: async () => void shown.delete('it'),
        };
      },
    };
    const { issuer } = await open(t, { presenter });
    const made = await record(issuer);

    await assert.rejects(issuer.complete(await signingRequest({ name: 'www' }), made, stop.signal), {
      name: 'AbortError',
    });

    assert.equal(shown.size, 0);
  });
});
