import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { ForgeError } from '../../src/forge/errors.ts';
import { createForgeFetch, type ForgeFetch, type ForgeFetchOptions } from '../../src/forge/forge-fetch.ts';
import { systemClock } from '../../src/lib/clock.ts';

interface Met {
  readonly url: string;
  readonly fetch: ForgeFetch;
  /** `METHOD path` and headers of what arrived. */
  readonly heard: { readonly line: string; readonly headers: NodeJS.Dict<string | string[]> }[];
}

async function meet(
  t: TestContext,
  listener: RequestListener,
  options: Partial<ForgeFetchOptions> = {},
): Promise<Met> {
  const heard: Met['heard'] = [];
  const server = createServer((request, response) => {
    heard.push({ line: `${request.method} ${request.url}`, headers: request.headers });
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  // An address of a TCP server is never a string.
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const fetch = createForgeFetch({ apiUrl: url, clock: systemClock(), allowPlainLoopback: true, ...options });
  return { url, fetch, heard };
}

const json: RequestListener = (_, response) =>
  void response.writeHead(200, { 'content-type': 'application/json' }).end('{"a":1}');

async function codeOf(action: Promise<unknown>): Promise<string> {
  const thrown = await action.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return thrown instanceof ForgeError ? thrown.code : inspect(thrown);
}

test('an answer arrives as it is, and the request says whose it is', async (t) => {
  const { url, fetch, heard } = await meet(t, json);

  const answer = await fetch(`${url}/api`, { headers: { 'user-agent': 'other', authorization: 'token x' } });

  assert.deepEqual(await answer.json(), { a: 1 });
  assert.match(String(heard[0]?.headers['user-agent']), /^certops\/\d+\.\d+/);
  assert.equal(heard[0]?.headers.authorization, 'token x');
});

test('a forge that does not answer in time is unreachable', async (t) => {
  const { url, fetch } = await meet(t, () => {}, { requestTimeoutMs: 50 });

  assert.equal(await codeOf(fetch(url)), 'forge.unreachable');
});

test('a forge that stops in the middle of its answer is unreachable', async (t) => {
  const { url, fetch } = await meet(
    t,
    (_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).write('{"a":'),
    { requestTimeoutMs: 100 },
  );

  assert.equal(await codeOf(fetch(url)), 'forge.unreachable');
});

test('whoever gives up gets the reason that was given, in the middle of an answer too', async (t) => {
  const reason = new Error('the daemon stops');
  const controller = new AbortController();
  const { url, fetch } = await meet(t, (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).write('{');
    controller.abort(reason);
  });

  await assert.rejects(fetch(url, { signal: controller.signal }), (thrown) => thrown === reason);
});

test('a packed answer that unfolds without end is not read to its end', async (t) => {
  const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024, ' '));
  const { url, fetch } = await meet(t, (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(bomb);
  });

  assert.equal(await codeOf(fetch(url)), 'forge.bad-answer');
});

test('another origin is never asked, whoever names it', async (t) => {
  const other = await meet(t, json);
  const { fetch } = await meet(t, json);

  assert.equal(await codeOf(fetch(`${other.url}/api`)), 'forge.bad-answer');
  assert.deepEqual(other.heard, []);
});

test('a redirect inside the origin is followed for reading', async (t) => {
  const { url, fetch } = await meet(t, (request, response) => {
    if (request.url === '/old') response.writeHead(301, { location: '/new' }).end();
    else json(request, response);
  });

  const answer = await fetch(`${url}/old`);

  assert.deepEqual(await answer.json(), { a: 1 });
});

test('a change is not turned into something else by a redirect', async (t) => {
  const { url, fetch, heard } = await meet(t, (_, response) => {
    response.writeHead(301, { location: '/new' }).end();
  });

  assert.equal(await codeOf(fetch(`${url}/old`, { method: 'POST', body: '{}' })), 'forge.refused');
  assert.deepEqual(
    heard.map(({ line }) => line),
    ['POST /old'],
  );
});

test('a change is repeated as it was where the redirect says so', async (t) => {
  const { url, fetch, heard } = await meet(t, (request, response) => {
    if (request.url === '/old') response.writeHead(307, { location: '/new' }).end();
    else json(request, response);
  });

  await fetch(`${url}/old`, { method: 'POST', body: '{}' });

  assert.deepEqual(
    heard.map(({ line }) => line),
    ['POST /old', 'POST /new'],
  );
});

test('redirects in a circle end', async (t) => {
  const { url, fetch, heard } = await meet(t, (request, response) => {
    response.writeHead(302, { location: `${request.url}x` }).end();
  });

  assert.equal(await codeOf(fetch(url)), 'forge.bad-answer');
  assert.ok(heard.length <= 4);
});

test('a token that cannot be sent is not quoted', async (t) => {
  const { url, fetch } = await meet(t, json);

  const thrown = await fetch(url, { headers: { authorization: 'token canary\n-token' } }).then(
    () => undefined,
    (reason: unknown) => reason,
  );

  assert.equal((thrown as { readonly code?: string }).code, 'forge.bad-configuration');
  assert.equal(inspect(thrown, { depth: 10 }).includes('canary'), false);
});

test('nothing hangs on a long-lived signal after a hundred requests', async (t) => {
  const { url, fetch } = await meet(t, json);
  const { signal } = new AbortController();
  const warnings: string[] = [];
  const onWarning = ({ name }: Error): void => void warnings.push(name);
  process.on('warning', onWarning);
  t.after(() => process.off('warning', onWarning));

  for (let count = 0; count < 100; count++) await fetch(url, { signal });

  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(warnings, []);
});

const urls = ['http://git.example', 'http://127.0.0.1.example', 'ftp://git.example', 'git.example', ''];
for (const apiUrl of urls) {
  test(`a forge that a token must not go to is refused at once: ${JSON.stringify(apiUrl)}`, () => {
    const make = (): unknown => createForgeFetch({ apiUrl, clock: systemClock(), allowPlainLoopback: true });

    assert.throws(
      make,
      (thrown) => thrown instanceof ForgeError && thrown.code === 'forge.bad-configuration',
    );
  });
}
