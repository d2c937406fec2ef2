import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type HttpEyes, lookByHttp } from '../../../src/evidence/http-look.ts';
import { createCleaner } from '../../../src/evidence/redaction.ts';

const SIGNAL = new AbortController().signal;

/** A server at 127.0.0.1 that redirects its first path to `inner.test`, and eyes to which 127.0.0.2 lies inside. */
async function open(
  t: TestContext,
  inner: readonly string[],
  location = 'http://inner.test/admin?all',
): Promise<{ readonly eyes: HttpEyes; readonly paths: string[] }> {
  const paths: string[] = [];
  const server = createServer(({ url = '' }, response) => {
    paths.push(url);
    if (url.startsWith('/.well-known')) response.writeHead(302, { Location: location });
    response.end('the inner page');
  });
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  const eyes: HttpEyes = {
    httpPort: address === null || typeof address === 'string' ? 0 : address.port,
    tlsPort: 9,
    addressesOf: async () => inner,
    isAllowed: () => true,
    isInside: (one) => one === '127.0.0.2',
    clean: createCleaner([]),
  };
  return { eyes, paths };
}

function lookAt(eyes: HttpEyes, address: string, signal = SIGNAL) {
  const target = { host: 'www.test', address, token: 'token', keyAuthorization: undefined };
  return lookByHttp(target, eyes, signal);
}

test('a redirect from the outside to the inside is not followed', async (t) => {
  const { eyes, paths } = await open(t, ['127.0.0.2']);

  const { found } = await lookAt(eyes, '127.0.0.1');

  assert.match(found, /not asked: 127\.0\.0\.2 lies in a network/);
  assert.deepEqual(paths, ['/.well-known/acme-challenge/token']);
});

test('what an inner server says at another path than that of the challenge is not told', async (t) => {
  const { eyes, paths } = await open(t, ['127.0.0.2']);

  const { found } = await lookAt(eyes, '127.0.0.2');

  assert.equal(paths.length, 2);
  assert.match(found, /^HTTP 302 to http:\/\/inner\.test\/admin\?…; HTTP 200; what an inner/);
});

test('a redirect to another public server is followed and its page is told', async (t) => {
  const { eyes } = await open(t, ['127.0.0.3']);

  const { found } = await lookAt(eyes, '127.0.0.1');

  assert.match(found, /^HTTP 302 to http:\/\/inner\.test\/admin\?all; HTTP 200: "the inner page"$/);
});

test('a redirect from one inner server to another is not followed', async (t) => {
  const { eyes, paths } = await open(t, ['127.0.0.4']);

  const { found, finding } = await lookAt({ ...eyes, isInside: () => true }, '127.0.0.2');

  assert.deepEqual([finding, /not asked: 127\.0\.0\.4 lies in/.test(found)], ['unknown', true]);
  assert.equal(paths.length, 1);
});

test('a redirect to the port of https by http is followed there', async (t) => {
  const seen: string[] = [];
  const other = createServer(({ url = '' }, response) => {
    seen.push(url);
    response.end('there');
  });
  other.listen(0, '127.0.0.3');
  await once(other, 'listening');
  t.after(() => other.close());
  // A listening TCP server's address is neither a string nor null.
  const { port } = other.address() as AddressInfo;
  const { eyes } = await open(t, ['127.0.0.3'], `http://inner.test:${port}/x`);

  const { found } = await lookAt({ ...eyes, tlsPort: port }, '127.0.0.1');

  assert.match(found, /HTTP 200: "there"$/);
  assert.deepEqual(seen, ['/x']);
});

test('that a redirect leads to a name of slow servers is told when the time is up', async (t) => {
  const { eyes } = await open(t, []);
  const stop = new AbortController();
  const addressesOf = (): Promise<never> => {
    stop.abort(new DOMException('Its time was up', 'TimeoutError'));
    return new Promise(() => {});
  };

  const { found, finding } = await lookAt({ ...eyes, addressesOf }, '127.0.0.1', stop.signal);

  assert.deepEqual([finding, /^HTTP 302 .*; whose address could/.test(found)], ['unknown', true]);
});

test('a look that is called off says nothing', async (t) => {
  const { eyes } = await open(t, []);
  const stop = new AbortController();
  const addressesOf = (): Promise<never> => {
    stop.abort();
    return new Promise(() => {});
  };

  await assert.rejects(lookAt({ ...eyes, addressesOf }, '127.0.0.1', stop.signal), { name: 'AbortError' });
});
