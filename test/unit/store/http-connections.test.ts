import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { HttpConnections } from '../../../src/store/http-connections.ts';

/** A server that cuts a connection when it is used for the `last`th time, and counts connections. */
async function serve(t: TestContext, last: number) {
  const uses = new Map<Socket, number>();
  const server = createServer((request, response) => {
    const used = (uses.get(request.socket) ?? 0) + 1;
    uses.set(request.socket, used);
    if (used === last) request.socket.resetAndDestroy();
    else response.end('an answer');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const connections = new HttpConnections();
  t.after(() => {
    connections.close();
    server.closeAllConnections();
    server.close();
  });
  // An address of a TCP server is never a string.
  const { port } = server.address() as AddressInfo;
  const ask = () =>
    connections.client(t.signal).request({ url: `http://127.0.0.1:${port}/`, method: 'POST', headers: {} });
  return { ask, uses };
}

test('a kept connection that the server has given up is replaced by another', async (t) => {
  const { ask, uses } = await serve(t, 2);
  await ask();

  const { statusCode } = await ask();

  assert.equal(statusCode, 200);
  assert.deepEqual([...uses.values()], [2, 1]);
});

test('a new connection that the server cuts is no reason to try another', async (t) => {
  const { ask, uses } = await serve(t, 1);

  await assert.rejects(ask(), { code: 'ECONNRESET' });

  assert.equal(uses.size, 1);
});
