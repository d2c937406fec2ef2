import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A host that answers challenges with what it should not say. */
export interface HostileHost {
  /** `127.0.0.1:port`, where a CA is sent. */
  readonly address: string;
  /** Challenge tokens that it has repeated so far. */
  readonly tokens: readonly string[];
  /** Key authorizations that it has repeated so far. */
  readonly keyAuthorizations: readonly string[];
  close(): Promise<void>;
}

/**
 * Starts a host that asks certops' own listener for the key authorization and answers with that and `words`, so that a
 * CA quotes both: a token and a key authorization as real CAs quote them, and whatever a stranger wants to be read.
 */
export async function startHostileHost(httpPort: number, words: string): Promise<HostileHost> {
  const tokens: string[] = [];
  const keyAuthorizations: string[] = [];
  const server = createServer(async (request, response) => {
    const path = request.url ?? '/';
    try {
      const presented = await fetch(`http://127.0.0.1:${httpPort}${path}`, {
        headers: { host: request.headers.host ?? '' },
        signal: AbortSignal.timeout(5_000),
      });
      const keyAuthorization = (await presented.text()).trim();
      const token = path.slice(path.lastIndexOf('/') + 1);
      if (presented.ok) {
        tokens.push(token);
        keyAuthorizations.push(keyAuthorization);
      }
      response.writeHead(200).end(`${keyAuthorization} ${token}${words}`);
    } catch {
      response.destroy();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A listening TCP server's address is neither a string nor null.
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    tokens,
    keyAuthorizations,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
