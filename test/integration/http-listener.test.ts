import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { healthRoutes, type Readiness } from '../../src/http/health-routes.ts';
import { type ListenerLimits, startListener } from '../../src/http/listener.ts';
import type { Route } from '../../src/http/route.ts';
import { silentLog } from '../../src/lib/log.ts';
import { rawConnection } from '../support/raw-http.ts';

const LOOPBACK = { host: '127.0.0.1', port: 0 };

/** A listener with the routes of health and `POST /webhook/generic`, which keeps what arrives. */
async function listening(
  t: TestContext,
  options: {
    readonly limits?: Partial<ListenerLimits>;
    readonly readiness?: () => Readiness;
    readonly routes?: readonly Route[];
  } = {},
) {
  const bodies: string[] = [];
  const hook: Route = {
    path: '/webhook/generic',
    method: 'POST',
    handle: ({ body }) => {
      bodies.push(Buffer.from(body).toString('utf8'));
      return { status: 202, text: 'accepted' };
    },
  };
  const readiness = options.readiness ?? (() => ({ isReady: true }));
  const listener = await startListener({
    address: LOOPBACK,
    routes: [...healthRoutes(readiness), hook, ...(options.routes ?? [])],
    log: silentLog,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  });
  t.after(() => listener.close());
  const { port } = listener.address;
  return { listener, port, bodies, url: (path: string) => `http://127.0.0.1:${port}${path}` };
}

describe('the daemon’s listener', () => {
  test('says that it lives, and whether it is ready', async (t) => {
    let readiness: Readiness = { isReady: false, why: 'the branch was not read yet' };
    const { url } = await listening(t, { readiness: () => readiness });

    const health = await fetch(url('/healthz'));
    const early = await fetch(url('/readyz'));
    const words = await early.text();
    readiness = { isReady: true };
    const late = await fetch(url('/readyz'));

    assert.deepEqual([health.status, early.status, late.status], [200, 503, 200]);
    assert.match(words, /not ready: the branch was not read yet/);
  });

  const NOWHERE = [
    ...[
      '/',
      '/metrics',
      '/healthz/',
      '/healthz?x=1',
      '//healthz',
      '/HEALTHZ',
      '/x/../healthz',
      '/healthz%20',
    ],
    ...['/webhook', '/webhook/', '/webhook/generic/', '/webhook/generic?x=1', '/webhook/nobody', '*'],
  ];
  for (const path of NOWHERE) {
    test(`there is nothing at ${path}`, async (t) => {
      const { port } = await listening(t);
      const connection = await rawConnection(port);

      connection.send(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
      const answer = await connection.ended;

      assert.match(answer, /^HTTP\/1\.1 404 /);
      assert.doesNotMatch(answer, /webhook|healthz/i);
    });
  }

  const METHODS = [
    { method: 'POST', path: '/healthz', allow: 'GET, HEAD' },
    { method: 'DELETE', path: '/readyz', allow: 'GET, HEAD' },
    { method: 'GET', path: '/webhook/generic', allow: 'POST' },
    { method: 'PUT', path: '/webhook/generic', allow: 'POST' },
    { method: 'OPTIONS', path: '/webhook/generic', allow: 'POST' },
  ];
  for (const { method, path, allow } of METHODS) {
    test(`${method} ${path} is told what is allowed`, async (t) => {
      const { url, bodies } = await listening(t);

      const answer = await fetch(url(path), { method });

      assert.deepEqual([answer.status, answer.headers.get('allow'), bodies], [405, allow, []]);
    });
  }

  test('HEAD has the head of GET', async (t) => {
    const { url } = await listening(t);

    const answer = await fetch(url('/healthz'), { method: 'HEAD' });

    assert.deepEqual([answer.status, await answer.text()], [200, '']);
  });

  for (const path of ['/healthz', '/nowhere', '/webhook/generic']) {
    test(`no answer is worth framing, caching or sniffing: ${path}`, async (t) => {
      const { url } = await listening(t);

      const { headers } = await fetch(url(path));

      assert.equal(headers.get('content-security-policy'), "default-src 'none'; frame-ancestors 'none'");
      assert.equal(headers.get('x-content-type-options'), 'nosniff');
      assert.equal(headers.get('cache-control'), 'no-store');
      assert.equal(headers.get('content-type'), 'text/plain; charset=utf-8');
      assert.equal(headers.get('x-powered-by'), null);
    });
  }

  test('a body arrives as it was sent', async (t) => {
    const { url, bodies } = await listening(t);
    const body = `{"a": "ä\u0000 \\u00e4"}\n${'x'.repeat(1024 * 1024 - 100)}`;

    const answer = await fetch(url('/webhook/generic'), { method: 'POST', body });

    assert.equal(answer.status, 202);
    assert.deepEqual(bodies, [body]);
  });

  test('a body that promises more than 1 MiB is refused before it is sent', async (t) => {
    const { port, bodies } = await listening(t);
    const connection = await rawConnection(port);

    connection.send('POST /webhook/generic HTTP/1.1\r\nHost: x\r\nContent-Length: 10485760\r\n\r\n');
    const answer = await connection.until(/\r\n\r\n/);

    assert.match(answer, /^HTTP\/1\.1 413 /);
    assert.match(answer, /connection: close/i);
    assert.deepEqual(bodies, []);
  });

  test('a body that grows beyond 1 MiB without having said so is refused', async (t) => {
    const { port, bodies } = await listening(t);
    const connection = await rawConnection(port);
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;

    connection.send('POST /webhook/generic HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (let index = 0; index < 20; index++) connection.send(chunk);
    const answer = await connection.until(/\r\n\r\n/);

    assert.match(answer, /^HTTP\/1\.1 413 /);
    assert.deepEqual(bodies, []);
  });

  test('a body that does not come is waited for no longer than it may take', async (t) => {
    const { port, bodies } = await listening(t, { limits: { bodyTimeoutMs: 100 } });
    const connection = await rawConnection(port);

    connection.send('POST /webhook/generic HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc');
    const answer = await connection.ended;

    assert.match(answer, /^HTTP\/1\.1 408 /);
    assert.deepEqual(bodies, []);
  });

  test('a body that drips is cut off all the same', async (t) => {
    const { port } = await listening(t, { limits: { bodyTimeoutMs: 200 } });
    const connection = await rawConnection(port);
    connection.send('POST /webhook/generic HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n');
    const drip = setInterval(() => connection.send('x'), 20);
    t.after(() => clearInterval(drip));

    const answer = await connection.ended;

    assert.match(answer, /^HTTP\/1\.1 408 /);
  });

  test('a head that does not end is cut off', async (t) => {
    const { port } = await listening(t, { limits: { headersTimeoutMs: 100 } });
    const connection = await rawConnection(port);

    connection.send('GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ');
    const answer = await connection.ended;

    assert.match(answer, /^(HTTP\/1\.1 408 .*)?$/s);
  });

  const MALFORMED = [
    { name: 'no HTTP at all', text: 'SSH-2.0-OpenSSH_9.2\r\n\r\n', status: /^HTTP\/1\.1 400 / },
    {
      name: 'a head of 20 kB',
      text: `GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ${'a'.repeat(20_000)}\r\n\r\n`,
      status: /^HTTP\/1\.1 431 /,
    },
    {
      name: 'two lengths',
      text: 'POST /webhook/generic HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc',
      status: /^HTTP\/1\.1 400 /,
    },
  ];
  for (const { name, text, status } of MALFORMED) {
    test(`${name} is turned away, and the next one is served`, async (t) => {
      const { port, url } = await listening(t);
      const connection = await rawConnection(port);

      connection.send(text);
      const answer = await connection.ended;

      assert.match(answer, status);
      assert.equal((await fetch(url('/healthz'))).status, 200);
    });
  }

  test('two hundred connections that say nothing keep nobody out', async (t) => {
    const { port, url } = await listening(t);
    const flood = await Promise.all(Array.from({ length: 200 }, () => rawConnection(port)));
    t.after(() => {
      for (const { socket } of flood) socket.destroy();
    });
    for (const connection of flood) connection.send('POST /webhook/generic HTTP/1.1\r\n');

    const answers = await Promise.all(Array.from({ length: 20 }, () => fetch(url('/healthz'))));

    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  });

  test('more connections than are served are turned away, and it serves again when they are gone', async (t) => {
    const { port, url } = await listening(t, { limits: { maxConnections: 50 } });
    const flood = await Promise.all(Array.from({ length: 200 }, () => rawConnection(port)));
    const turnedAway = flood.slice(50);
    await Promise.all(turnedAway.map(({ ended }) => ended));

    for (const { socket } of flood) socket.destroy();
    await Promise.all(flood.map(({ ended }) => ended));
    const answer = await retried(() => fetch(url('/healthz')));

    assert.equal(answer.status, 200);
  });

  test('bodies that are read at one time are bounded together', async (t) => {
    const { port, url, bodies } = await listening(t, { limits: { maxBufferedBytes: 100_000 } });
    const slow = await rawConnection(port);
    t.after(() => slow.socket.destroy());
    slow.send('POST /webhook/generic HTTP/1.1\r\nHost: x\r\nContent-Length: 90001\r\n\r\n');
    slow.send('x'.repeat(90_000));
    // Only when the first one is taken in does the second meet the bound; until then it is let through.
    const answer = await untilStatus(503, () =>
      fetch(url('/webhook/generic'), { method: 'POST', body: 'y'.repeat(50_000) }),
    );
    slow.send('x');
    const first = await slow.until(/^HTTP\/1\.1 202 /);
    const again = await fetch(url('/webhook/generic'), { method: 'POST', body: 'z' });

    assert.equal(answer.headers.get('retry-after'), '1');
    assert.match(first, /202/);
    assert.equal(again.status, 202);
    assert.equal(bodies.at(-1), 'z');
  });

  test('a route that fails says nothing of why', async (t) => {
    const routes: readonly Route[] = [
      {
        path: '/fails',
        method: 'GET',
        handle: () => {
          throw new Error('canary: the reason');
        },
      },
    ];
    const { url } = await listening(t, { routes });

    const answer = await fetch(url('/fails'));

    assert.equal(answer.status, 500);
    assert.doesNotMatch(await answer.text(), /canary/);
  });

  test('closing ends what is idle at once and what is under way after its time', async (t) => {
    const { listener, port } = await listening(t, { limits: { closeTimeoutMs: 50 } });
    const idle = await rawConnection(port);
    const busy = await rawConnection(port);
    busy.send('POST /webhook/generic HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc');
    idle.send('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    await idle.until(/ok/);

    await listener.close();
    await Promise.all([idle.ended, busy.ended]);

    await assert.rejects(rawConnection(port), { code: 'ECONNREFUSED' });
  });

  test('a port that is taken is an error that says what to do', async (t) => {
    const { port } = await listening(t);

    const second = startListener({ address: { host: '127.0.0.1', port }, routes: [], log: silentLog });

    await assert.rejects(second, {
      code: 'http.cannot-listen',
      message: `certops cannot listen on 127.0.0.1:${port}`,
    });
  });

  const NEVER_CLOSED = [
    { what: 'no HTTP', text: 'garbage\r\n\r\n' },
    { what: 'a head that is too long', text: `GET / HTTP/1.1\r\nX: ${'a'.repeat(20_000)}\r\n\r\n` },
    { what: 'a head that never ends', text: 'GET / HTTP/1.1\r\nHost' },
    { what: 'a head and no more', text: 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' },
  ];
  for (const { what, text } of NEVER_CLOSED) {
    test(`whoever sends ${what} and never hangs up takes nobody's place`, { timeout: 10_000 }, async (t) => {
      const { port, url } = await listening(t, { limits: { maxConnections: 1, headersTimeoutMs: 200 } });
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
      t.after(() => socket.destroy());
      socket.on('error', () => {});
      socket.write(text);
      socket.resume();
      await Promise.race([once(socket, 'end'), once(socket, 'close')]);

      let status: number | undefined;
      while (status === undefined) {
        t.signal.throwIfAborted();
        status = await fetch(url('/healthz')).then(
          (answer) => answer.status,
          () => undefined,
        );
      }

      assert.equal(status, 200);
    });
  }
});

/** Sockets that a peer has closed are counted until the other side has seen it. */
async function retried(action: () => Promise<Response>): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await action();
    } catch (thrown) {
      if (attempt === 100) throw thrown;
    }
  }
}

async function untilStatus(status: number, action: () => Promise<Response>): Promise<Response> {
  for (let attempt = 1; attempt <= 100; attempt++) {
    const answer = await action();
    if (answer.status === status) return answer;
  }
  throw new Error(`never ${status}`);
}
