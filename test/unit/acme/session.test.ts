import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import { AcmeSession, type AcmeSessionOptions } from '../../../src/acme/session.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import {
  problem,
  type ScriptedAnswer,
  type ScriptedCa,
  type ScriptedHandler,
  startScriptedCa,
} from '../../support/scripted-ca.ts';

const SIGNAL = new AbortController().signal;

function ecKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

async function open(
  t: TestContext,
  options: Partial<AcmeSessionOptions> = {},
): Promise<{ readonly ca: ScriptedCa; readonly session: AcmeSession }> {
  const ca = await startScriptedCa();
  const session = new AcmeSession({
    directoryUrl: ca.directoryUrl,
    accountKey: ecKey(),
    accountUrl: `${ca.origin}/account/1`,
    userAgent: 'certops/0.0.0',
    clock: systemClock(),
    log: silentLog,
    allowPlainLoopback: true,
    requestTimeoutMs: 300,
    ...options,
  });
  t.after(async () => {
    session.close();
    await ca.close();
  });
  return { ca, session };
}

function order(ca: ScriptedCa, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    status: 'pending',
    authorizations: [`${ca.origin}/authz`],
    finalize: `${ca.origin}/finalize`,
    ...more,
  };
}

function authorization(ca: ScriptedCa, challenge: Readonly<Record<string, unknown>>): ScriptedAnswer {
  return {
    body: {
      status: 'pending',
      identifier: { type: 'dns', value: 'a.test' },
      challenges: [
        { type: 'http-01', status: 'pending', url: `${ca.origin}/ch`, token: 'abc', ...challenge },
      ],
    },
  };
}

describe('an order that a hostile CA answers with', () => {
  const cases: readonly {
    name: string;
    answer: (ca: ScriptedCa) => ReturnType<ScriptedHandler>;
    code: string;
  }[] = [
    { name: 'HTML', answer: () => ({ body: '<html>' }), code: 'acme.bad-answer' },
    { name: 'an endless body', answer: () => 'endless', code: 'acme.answer-too-large' },
    { name: 'silence', answer: () => 'hang', code: 'acme.timed-out' },
    { name: 'half a body', answer: () => 'cut', code: 'acme.unreachable' },
    {
      name: 'a redirect',
      answer: () => ({ status: 302, headers: { Location: 'http://169.254.169.254/' } }),
      code: 'acme.redirected',
    },
    {
      name: 'an unknown status',
      answer: (ca) => ({ body: order(ca, { status: 'maybe' }) }),
      code: 'acme.bad-answer',
    },
    {
      name: 'a finalize URL on another host',
      answer: (ca) => ({ body: order(ca, { finalize: 'https://other.test/f' }) }),
      code: 'acme.bad-answer',
    },
    {
      name: 'an authorization on another port',
      answer: (ca) => ({ body: order(ca, { authorizations: ['http://127.0.0.1:1/a'] }) }),
      code: 'acme.bad-answer',
    },
    {
      name: 'thousands of authorizations',
      answer: (ca) => ({ body: order(ca, { authorizations: Array(5000).fill(`${ca.origin}/authz`) }) }),
      code: 'acme.bad-answer',
    },
    { name: 'a 404', answer: () => ({ status: 404, body: '' }), code: 'acme.order-unknown' },
    {
      name: 'somebody else owning it',
      answer: () => problem('unauthorized', 403),
      code: 'acme.order-unknown',
    },
    {
      name: 'something before the CA, which knows no orders',
      answer: () => ({ status: 403, body: '<h1>Forbidden</h1>' }),
      code: 'acme.refused',
    },
    {
      name: 'an account that is paused',
      answer: () => problem('unauthorized', 403, { detail: 'See https://portal.test/unpause to go on' }),
      code: 'acme.unauthorized',
    },
    {
      name: 'a forgotten account',
      answer: () => problem('accountDoesNotExist', 400),
      code: 'acme.account-does-not-exist',
    },
  ];
  for (const { name, answer, code } of cases) {
    test(`is refused: ${name}`, async (t) => {
      const { ca, session } = await open(t);
      ca.on('/order/1', () => answer(ca));

      const look = session.getOrder(`${ca.origin}/order/1`, SIGNAL);

      await assert.rejects(look, { code });
    });
  }
});

describe('a challenge token', () => {
  for (const token of ['../../etc/passwd', 'a/b', 'ü', '', 'a'.repeat(129), 7, 'a=b']) {
    test(`is refused when it is ${JSON.stringify(token).slice(0, 20)}`, async (t) => {
      const { ca, session } = await open(t);
      ca.on('/authz', authorization(ca, { token }));

      const look = session.getAuthorization(`${ca.origin}/authz`, SIGNAL);

      await assert.rejects(look, { code: 'acme.bad-answer' });
    });
  }
});

test('an answer that got lost is asked for again when that changes nothing', async (t) => {
  const { ca, session } = await open(t);
  ca.on('/order/1', ({ times }) => (times === 1 ? 'hang' : { body: order(ca) }));

  const seen = await session.getOrder(`${ca.origin}/order/1`, SIGNAL);

  assert.equal(seen.status, 'pending');
});

test('an order is never asked for twice', async (t) => {
  const { ca, session } = await open(t);
  ca.on('/order', () => 'hang');

  await assert.rejects(session.newOrder([{ type: 'dns', value: 'a.test' }], SIGNAL), {
    code: 'acme.timed-out',
  });

  assert.equal(ca.requests.filter((line) => line === 'POST /order').length, 1);
});

test('the directory is read once and nonces come with answers, however many ask at once', async (t) => {
  const { ca, session } = await open(t, { maxConnections: 4 });
  ca.on('/order/1', () => ({ body: order(ca) }));

  await Promise.all(Array.from({ length: 40 }, () => session.getOrder(`${ca.origin}/order/1`, SIGNAL)));

  const count = (line: string) => ca.requests.filter((request) => request === line).length;
  assert.equal(count('GET /dir'), 1);
  assert.ok(count('GET /nonce') <= 4, `${count('GET /nonce')} nonces`);
  assert.ok(ca.connections <= 5, `${ca.connections} connections`);
});

test('a nonce is used once, and a badNonce reply brings the next one', async (t) => {
  const { ca, session } = await open(t);
  const used: unknown[] = [];
  ca.on('/order/1', ({ header, times }) => {
    used.push(header?.nonce);
    return times % 2 === 1 ? problem('badNonce', 400) : { body: order(ca) };
  });

  for (let look = 0; look < 4; look += 1) await session.getOrder(`${ca.origin}/order/1`, SIGNAL);

  assert.equal(used.length, 8);
  assert.equal(new Set(used).size, 8);
});

test('a CA that refuses every nonce is left alone after three rounds', async (t) => {
  const { ca, session } = await open(t);
  ca.on('/order/1', problem('badNonce', 400));

  await assert.rejects(session.getOrder(`${ca.origin}/order/1`, SIGNAL), { code: 'acme.bad-nonce' });

  assert.equal(ca.requests.filter((line) => line === 'POST /order/1').length, 18);
});

test('an aborted call ends at once and leaves the rest alone', async (t) => {
  const { ca, session } = await open(t, { requestTimeoutMs: 20_000, maxConnections: 1 });
  const controller = new AbortController();
  ca.on('/order/1', () => 'hang');
  ca.on('/order/2', () => ({ body: order(ca) }));

  const hanging = session.getOrder(`${ca.origin}/order/1`, controller.signal);
  const queued = session.getOrder(`${ca.origin}/order/2`, SIGNAL);
  setImmediate(() => controller.abort(new Error('enough')));

  await assert.rejects(hanging, /enough/);
  assert.equal((await queued).status, 'pending');
});

test('an account that exists is found, with the contact that the CA has', async (t) => {
  const { ca, session } = await open(t, { accountUrl: undefined });
  ca.on('/account', {
    status: 200,
    headers: { Location: `${ca.origin}/account/7` },
    body: { status: 'valid', contact: ['mailto:old@a.test', 7] },
  });

  const account = await session.registerAccount({ email: 'new@a.test' }, SIGNAL);

  assert.deepEqual(account, {
    uri: `${ca.origin}/account/7`,
    isNew: false,
    contacts: ['mailto:old@a.test'],
  });
});

test('an Ed25519 account key is refused in words', async (t) => {
  const { ca, session } = await open(t, { accountKey: generateKeyPairSync('ed25519').privateKey });

  const look = session.getOrder(`${ca.origin}/order/1`, SIGNAL);

  await assert.rejects(look, { code: 'acme.unsupported-account-key' });
});
