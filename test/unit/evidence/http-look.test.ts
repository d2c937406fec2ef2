import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type TestContext, test } from 'node:test';
import { type HttpEyes, lookByHttp } from '../../../src/evidence/http-look.ts';
import { createCleaner } from '../../../src/evidence/redaction.ts';

const SIGNAL = new AbortController().signal;

/** A server at 127.0.0.1 that redirects its first path to `inner.test`, and eyes to which 127.0.0.2 lies inside. */
async function open(
  t: TestContext,
  inner: readonly string[],
): Promise<{ readonly eyes: HttpEyes; readonly paths: string[] }> {
  const paths: string[] = [];
  const server = createServer(({ url = '' }, response) => {
    paths.push(url);
    if (url.startsWith('/.well-known')) response.writeHead(302, { Location: 'http://inner.test/admin?all' });
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

function lookAt(eyes: HttpEyes, address: string) {
  const target = { host: 'www.test', address, token: 'token', keyAuthorization: undefined };
  return lookByHttp(target, eyes, SIGNAL);
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
  assert.equal(found.includes('inner page'), false);
});

test('a redirect to another public server is followed and its page is told', async (t) => {
  const { eyes } = await open(t, ['127.0.0.3']);

  const { found } = await lookAt(eyes, '127.0.0.1');

  assert.match(found, /^HTTP 302 to http:\/\/inner\.test\/admin\?all; HTTP 200: "the inner page"$/);
});
