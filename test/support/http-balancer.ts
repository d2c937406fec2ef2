import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HttpBalancer {
  readonly port: number;
  close(): Promise<void>;
}

/** Answers a GET with the first 200 that any of the ports of loopback gives, else with 404. */
export async function startHttpBalancer(targetPorts: readonly number[]): Promise<HttpBalancer> {
  const server = createServer((incoming, response) => {
    const path = incoming.url ?? '/';
    const host = incoming.headers.host ?? '';
    Promise.any(targetPorts.map((port) => fetchFrom(port, path, host))).then(
      (body) => response.end(body),
      () => response.writeHead(404).end(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    // A listening TCP server's address is neither a string nor null.
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function fetchFrom(port: number, path: string, host: string): Promise<Buffer> {
  const asked = request({ host: '127.0.0.1', port, path, headers: { host }, agent: false }).end();
  const [response] = await once(asked, 'response', { signal: AbortSignal.timeout(5_000) });
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  if (response.statusCode !== 200) throw new Error(`${port} said ${response.statusCode}`);
  return Buffer.concat(chunks);
}
