import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface CountingProxy {
  readonly port: number;
  /** Connections taken so far. */
  readonly connections: number;
  close(): Promise<void>;
}

/**
 * Passes TCP connections on to a port of loopback and counts them. `port`: where it listens, so that one that was
 * closed can come back; by default a free one.
 */
export async function startCountingProxy(targetPort: number, port = 0): Promise<CountingProxy> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((client) => {
    connections += 1;
    const target = connect(targetPort, '127.0.0.1');
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      sockets.add(from);
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      // The close that follows an error is all that matters here.
      from.on('error', () => {});
      from.pipe(to);
    }
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    // A listening TCP server's address is neither a string nor null.
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
