import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { silentLog } from '../../../src/lib/log.ts';
import { Http01Listener } from '../../../src/solvers/http01.ts';

const PREFIX = '/.well-known/acme-challenge/';
const CHALLENGE = {
  type: 'http-01' as const,
  identifier: 'www.example.test',
  token: 'tok-en_1',
  keyAuthorization: 'tok-en_1.thumb',
};

async function startListener(t: TestContext, maxTokens?: number): Promise<Http01Listener> {
  const listener = await Http01Listener.start({ port: 0, host: '127.0.0.1', log: silentLog, maxTokens });
  t.after(() => listener.close());
  return listener;
}

async function ask(port: number, path: string, method = 'GET'): Promise<{ status: number; body: string }> {
  const sent = request({ port, host: '127.0.0.1', path, method, agent: false }).end();
  const [response] = await once(sent, 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return { status: response.statusCode, body: Buffer.concat(chunks).toString() };
}

test('a presented challenge is answered by GET and HEAD until it is removed', async (t) => {
  const listener = await startListener(t);

  const presentation = await listener.present(CHALLENGE);
  const shown = await ask(listener.port, `${PREFIX}tok-en_1`);
  const head = await ask(listener.port, `${PREFIX}tok-en_1`, 'HEAD');
  await presentation.remove();
  const removed = await ask(listener.port, `${PREFIX}tok-en_1`);

  assert.deepEqual(shown, { status: 200, body: 'tok-en_1.thumb' });
  assert.deepEqual(head, { status: 200, body: '' });
  assert.equal(removed.status, 404);
});

test('a challenge presented twice goes away with the last removal, however often one is removed', async (t) => {
  const listener = await startListener(t);
  const first = await listener.present(CHALLENGE);
  const second = await listener.present(CHALLENGE);

  await first.remove();
  await first.remove();
  const between = await ask(listener.port, `${PREFIX}tok-en_1`);
  await second.remove();

  assert.equal(between.status, 200);
  assert.equal(listener.shownTokens, 0);
});

test('nothing but the exact path of a presented token is answered', async (t) => {
  const listener = await startListener(t);
  await listener.present(CHALLENGE);

  const statuses = await Promise.all(
    [
      '/',
      PREFIX,
      `${PREFIX}tok-en_2`,
      `${PREFIX}tok-en_1/`,
      `${PREFIX}tok-en_1?x`,
      `${PREFIX}../acme-challenge/tok-en_1`,
      `${PREFIX}tok%2Den_1`,
      `/x${PREFIX}tok-en_1`,
      `http://elsewhere${PREFIX}tok-en_1`,
    ].map(async (path) => (await ask(listener.port, path)).status),
  );
  const posted = await ask(listener.port, `${PREFIX}tok-en_1`, 'POST');

  assert.deepEqual(new Set(statuses), new Set([404]));
  assert.equal(posted.status, 404);
});

test('a token that could leave its folder, a stolen token and one too many are refused', async (t) => {
  const listener = await startListener(t, 1);
  await listener.present(CHALLENGE);

  const bad = listener.present({ ...CHALLENGE, token: '../x' });
  const conflict = listener.present({ ...CHALLENGE, keyAuthorization: 'tok-en_1.other' });
  const tooMany = listener.present({ ...CHALLENGE, token: 'another' });

  await assert.rejects(bad, { code: 'solvers.bad-token' });
  await assert.rejects(conflict, { code: 'solvers.token-conflict' });
  await assert.rejects(tooMany, { code: 'solvers.too-many-tokens' });
});

test('headers beyond the limit end the connection', async (t) => {
  const listener = await startListener(t);
  const socket = connect(listener.port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk.toString();
  });
  // The reset that follows is the point of the test.
  socket.on('error', () => {});

  socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX-Big: ${'a'.repeat(20_000)}\r\n\r\n`);
  await once(socket, 'close');

  assert.doesNotMatch(answer, /^HTTP\/1.1 (200|404)/);
});

test('a port that is taken is told in words', async (t) => {
  const listener = await startListener(t);

  const second = Http01Listener.start({ port: listener.port, host: '127.0.0.1', log: silentLog });

  await assert.rejects(second, { code: 'solvers.cannot-listen' });
});
