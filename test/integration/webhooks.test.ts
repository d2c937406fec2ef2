import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import { type ListeningParts, startListening } from '../../src/daemon/listening.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { CertopsError } from '../../src/lib/errors.ts';
import { type Log, silentLog } from '../../src/lib/log.ts';
import { Sensitive } from '../../src/lib/sensitive.ts';
import { rawConnection } from '../support/raw-http.ts';

const SECRET = 'canary-webhook-secret-one';
const NEXT_SECRET = 'canary-webhook-secret-two';
const PUSH = { ref: 'refs/heads/main', repository: { full_name: 'team/certificates' } };

type Config = Parameters<typeof startListening>[0];

function configOf(change: Partial<Config> = {}): Config {
  return {
    repo: 'https://git.example.com/team/certificates.git',
    listen: { address: { host: '127.0.0.1', port: 0 }, isAsked: true },
    webhookSecrets: [new Sensitive(SECRET), new Sensitive(NEXT_SECRET)],
    forge: { kind: 'gitea', url: undefined, token: undefined, app: undefined },
    ...change,
  };
}

/** The daemon's listener by itself; `looks` counts how often it is told to look. */
async function daemonListener(
  t: TestContext,
  change: Partial<Config> = {},
  parts: Partial<ListeningParts> = {},
) {
  const looks: number[] = [];
  const lines: string[] = [];
  const keep = (fields: Record<string, unknown>, message: string): void => {
    lines.push(`${message} ${JSON.stringify(fields)}`);
  };
  const log: Log = { ...silentLog, warn: keep, error: keep, info: keep };
  const listener = await startListening(configOf(change), {
    lookNow: () => looks.push(looks.length),
    readiness: () => ({ isReady: true }),
    clock: systemClock(),
    log,
    ...parts,
  });
  assert.ok(listener);
  t.after(() => listener.close());
  const { port } = listener.address;
  let deliveries = 0;
  /** A webhook as Gitea sends it; `headers` come over its own, undefined takes one away. */
  const deliver = async (
    change: {
      readonly path?: string;
      readonly secret?: string;
      readonly payload?: unknown;
      readonly headers?: Readonly<Record<string, string | undefined>>;
    } = {},
  ): Promise<Response> => {
    deliveries += 1;
    const body = JSON.stringify(change.payload ?? PUSH);
    const headers = {
      'content-type': 'application/json',
      'x-gitea-event': 'push',
      'x-gitea-delivery': `delivery-${deliveries}`,
      'x-gitea-signature': createHmac('sha256', change.secret ?? SECRET)
        .update(body)
        .digest('hex'),
      ...change.headers,
    };
    const given = Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const],
    );
    return fetch(`http://127.0.0.1:${port}${change.path ?? '/webhook/gitea'}`, {
      method: 'POST',
      body,
      headers: Object.fromEntries(given),
    });
  };
  return { listener, port, looks, lines, deliver };
}

describe('webhooks of the daemon', () => {
  test('a push is taken and makes it look at once', async (t) => {
    const { deliver, looks } = await daemonListener(t);

    const answer = await deliver();

    assert.deepEqual([answer.status, looks.length], [202, 1]);
  });

  test('while one secret takes the place of the other, both are taken', async (t) => {
    const { deliver } = await daemonListener(t);

    const answers = [await deliver({ secret: SECRET }), await deliver({ secret: NEXT_SECRET })];

    assert.deepEqual(
      answers.map(({ status }) => status),
      [202, 202],
    );
  });

  const REFUSED: readonly {
    readonly name: string;
    readonly status: number;
    readonly delivery: Parameters<Awaited<ReturnType<typeof daemonListener>>['deliver']>[0];
  }[] = [
    { name: 'another secret', status: 401, delivery: { secret: 'canary-of-a-stranger' } },
    { name: 'no signature', status: 401, delivery: { headers: { 'x-gitea-signature': undefined } } },
    { name: 'an empty signature', status: 401, delivery: { headers: { 'x-gitea-signature': '' } } },
    {
      name: 'another repository',
      status: 403,
      delivery: { payload: { ...PUSH, repository: { full_name: 'team/other' } } },
    },
    { name: 'another forge’s path', status: 404, delivery: { path: '/webhook/github' } },
    {
      name: 'another forge’s headers',
      status: 401,
      delivery: { headers: { 'x-gitlab-event': 'Push Hook' } },
    },
    {
      name: 'a form',
      status: 415,
      delivery: { headers: { 'content-type': 'application/x-www-form-urlencoded' } },
    },
    { name: 'another shape', status: 400, delivery: { payload: { ref: 7 } } },
  ];
  for (const { name, status, delivery } of REFUSED) {
    test(`${name}: refused without a reason, and nothing is looked at`, async (t) => {
      const { deliver, looks } = await daemonListener(t);

      const answer = await deliver(delivery);
      const words = await answer.text();

      assert.equal(answer.status, status);
      assert.doesNotMatch(words, /signature|secret|repository|canary|team/);
      assert.deepEqual(looks, []);
    });
  }

  test('a delivery that was taken is not taken again', async (t) => {
    const { deliver, looks } = await daemonListener(t);
    const headers = { 'x-gitea-delivery': 'the-same' };

    const answers = [await deliver({ headers }), await deliver({ headers })];

    assert.deepEqual(
      answers.map(({ status }) => status),
      [202, 409],
    );
    assert.equal(looks.length, 1);
  });

  test('what certops does not look at is taken, and does nothing', async (t) => {
    const { deliver, looks } = await daemonListener(t);

    const star = await deliver({ headers: { 'x-gitea-event': 'star' } });

    assert.deepEqual([star.status, looks.length], [202, 0]);
  });

  test('a hundred pushes at once are one look now', async (t) => {
    const { deliver, looks } = await daemonListener(t);

    const answers = await Promise.all(Array.from({ length: 100 }, () => deliver()));

    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([202]));
    assert.ok(looks.length >= 1 && looks.length <= 1 + answers.length / 10, `${looks.length} looks`);
  });

  test('forgeries by the hundred are one line of the log, and no secret is in it', async (t) => {
    const { deliver, lines } = await daemonListener(t);

    await Promise.all(Array.from({ length: 100 }, () => deliver({ secret: 'canary-of-a-stranger' })));

    assert.equal(lines.filter((line) => line.includes('a webhook was refused')).length, 1);
    assert.doesNotMatch(lines.join(), /canary/);
  });

  test('200 connections that hold their bodies back keep no webhook out', async (t) => {
    const { port, deliver } = await daemonListener(t);
    const flood = await Promise.all(Array.from({ length: 200 }, () => rawConnection(port)));
    t.after(() => {
      for (const { socket } of flood) socket.destroy();
    });
    for (const { send } of flood) {
      send('POST /webhook/gitea HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{');
    }

    const answer = await deliver();

    assert.equal(answer.status, 202);
  });

  test('a generic one needs a token, and no body', async (t) => {
    const { port, looks } = await daemonListener(t, { repo: '/srv/certificates.git' });
    const ring = (authorization: string) =>
      fetch(`http://127.0.0.1:${port}/webhook/generic`, { method: 'POST', headers: { authorization } });

    const wrong = await ring('Bearer canary-of-a-stranger');
    const right = await ring(`Bearer ${NEXT_SECRET}`);

    assert.deepEqual([wrong.status, right.status, looks.length], [401, 202, 1]);
  });

  test('GitLab names its subgroups, below the path of its server', async (t) => {
    const { port, looks } = await daemonListener(t, {
      repo: 'https://example.com/git/platform/pki/certificates.git',
      forge: { kind: 'gitlab', url: 'https://example.com/git', token: undefined, app: undefined },
    });
    const push = (path_with_namespace: string, id: string) =>
      fetch(`http://127.0.0.1:${port}/webhook/gitlab`, {
        method: 'POST',
        body: JSON.stringify({ ref: 'refs/heads/main', project: { path_with_namespace } }),
        headers: {
          ...{ 'content-type': 'application/json', 'x-gitlab-event': 'Push Hook' },
          ...{ 'x-gitlab-token': SECRET, 'x-gitlab-event-uuid': id },
        },
      });

    const other = await push('pki/certificates', '1');
    const ours = await push('platform/pki/certificates', '2');

    assert.deepEqual([other.status, ours.status, looks.length], [403, 202, 1]);
  });

  test('without a secret there are no webhooks', async (t) => {
    const { deliver, port } = await daemonListener(t, { webhookSecrets: [] });

    const answer = await deliver();
    const health = await fetch(`http://127.0.0.1:${port}/healthz`);

    assert.deepEqual([answer.status, health.status], [404, 200]);
  });

  test('where it is not known which forge it is, the webhooks of each are taken', async (t) => {
    const { deliver } = await daemonListener(t, {
      forge: { kind: 'auto', url: undefined, token: undefined, app: undefined },
    });

    assert.equal((await deliver()).status, 202);
  });

  test('the default port may be taken; one that somebody asked for may not', async (t) => {
    const { listener, lines } = await daemonListener(t);
    const parts = { lookNow: () => {}, readiness: () => ({ isReady: true }) as const, clock: systemClock() };
    const log: Log = { ...silentLog, warn: (fields) => lines.push(String(fields.code)) };

    const unasked = await startListening(
      configOf({ listen: { address: listener.address, isAsked: false } }),
      {
        ...parts,
        log,
      },
    );
    const asked = await startListening(configOf({ listen: { address: listener.address, isAsked: true } }), {
      ...parts,
      log,
    }).catch((thrown: unknown) => thrown);

    assert.equal(unasked, undefined);
    assert.ok(lines.includes('http.cannot-listen'));
    assert.ok(asked instanceof CertopsError);
    assert.equal(asked.code, 'http.cannot-listen');
  });
});
