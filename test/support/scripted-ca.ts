import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the CA says at one path. A string body is sent as it is, anything else as JSON. */
export interface ScriptedAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export type ScriptedHandler = (request: ScriptedRequest) => ScriptedAnswer | 'hang' | 'endless' | 'cut';

export interface ScriptedRequest {
  readonly method: string;
  readonly path: string;
  /** The decoded payload of the JWS; undefined for POST-as-GET and GET. */
  readonly payload: unknown;
  /** The decoded protected header of the JWS. */
  readonly header: Readonly<Record<string, unknown>> | undefined;
  /** How often this path was asked, this time included. */
  readonly times: number;
}

export interface ScriptedCa {
  readonly origin: string;
  readonly directoryUrl: string;
  /** `METHOD /path` of everything that arrived. */
  readonly requests: readonly string[];
  readonly connections: number;
  on(path: string, handler: ScriptedHandler | ScriptedAnswer): void;
  close(): Promise<void>;
}

/**
 * An ACME server that says what a test tells it to, over plain HTTP on loopback. It checks no signatures and
 * enforces nothing; where behaviour matters, Pebble is asked instead. Directory, nonces and newAccount work.
 */
export async function startScriptedCa(): Promise<ScriptedCa> {
  const handlers = new Map<string, ScriptedHandler>();
  const requests: string[] = [];
  const timesByPath = new Map<string, number>();
  let nonces = 0;
  let connections = 0;

  const server = createServer((request, response) => {
    readBody(request).then((text) => {
      const path = request.url ?? '';
      const times = (timesByPath.get(path) ?? 0) + 1;
      timesByPath.set(path, times);
      requests.push(`${request.method} ${path}`);
      const handler = handlers.get(path);
      nonces += 1;
      response.setHeader('Replay-Nonce', `nonce${nonces}`);
      const answer = handler?.({ method: request.method ?? '', path, times, ...readJws(text) });
      send(response, answer ?? { status: 404, body: '' });
    });
  });
  server.on('connection', () => {
    connections += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // A listening TCP server's address is neither a string nor null.
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const on = (path: string, handler: ScriptedHandler | ScriptedAnswer) =>
    void handlers.set(path, typeof handler === 'function' ? handler : () => handler);
  on('/dir', {
    body: { newNonce: `${origin}/nonce`, newAccount: `${origin}/account`, newOrder: `${origin}/order` },
  });
  on('/nonce', { status: 204 });
  on('/account', { status: 201, headers: { Location: `${origin}/account/1` }, body: { status: 'valid' } });
  return {
    origin,
    directoryUrl: `${origin}/dir`,
    requests,
    get connections() {
      return connections;
    },
    on,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A problem document (RFC 7807) of an ACME type (RFC 8555, section 6.7). */
export function problem(
  type: string,
  status: number,
  more: Readonly<Record<string, unknown>> = {},
): ScriptedAnswer {
  return {
    status,
    headers: { 'Content-Type': 'application/problem+json' },
    body: { type: `urn:ietf:params:acme:error:${type}`, detail: `${type} it is`, ...more },
  };
}

function send(response: ServerResponse, answer: ReturnType<ScriptedHandler>): void {
  if (answer === 'hang') return;
  if (answer === 'cut') {
    response.writeHead(200, { 'Content-Length': 1000 });
    response.write('half', () => response.destroy());
    return;
  }
  if (answer === 'endless') {
    const more = (): void => {
      if (!response.destroyed) response.write('x'.repeat(65_536), more);
    };
    more();
    return;
  }
  const isText = typeof answer.body === 'string';
  response.writeHead(answer.status ?? 200, {
    'Content-Type': isText ? 'text/html' : 'application/json',
    ...answer.headers,
  });
  response.end(isText || answer.body === undefined ? answer.body : JSON.stringify(answer.body));
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function readJws(text: string): Pick<ScriptedRequest, 'payload' | 'header'> {
  if (text === '') return { payload: undefined, header: undefined };
  const jws = JSON.parse(text);
  const decode = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
  return { payload: jws.payload === '' ? undefined : decode(jws.payload), header: decode(jws.protected) };
}
