import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { ForgeFaults } from './forge-under-test.ts';

/** A request to a simulated API. */
export interface ApiRequest {
  readonly method: string;
  /** Decoded segments of the path below the API's base: `['repos', 'team', 'certificates', 'pulls']`. */
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Parsed JSON; undefined where there was none. */
  readonly body: unknown;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Sent as JSON; undefined: nothing. */
  readonly body?: unknown;
}

/** How one forge answers, and how it words what every forge does wrong. */
export interface ApiManners {
  /** `/api/v4`; empty: the root. What lies elsewhere is answered with 404. */
  readonly basePath: string;
  answer(request: ApiRequest): Promise<ApiAnswer>;
  limited(retryAfterSeconds: number | undefined): ApiAnswer;
  unauthorized(): ApiAnswer;
  notFound(): ApiAnswer;
  malformed(): ApiAnswer;
  /** Answers what is no business of the API's and gives true; faults of the API do not touch it. */
  beside?(request: IncomingMessage, response: ServerResponse): boolean;
}

export interface ApiFront {
  /** Base URL of the API, without a slash at its end. */
  readonly apiUrl: string;
  readonly faults: ForgeFaults;
  readonly requests: readonly string[];
  readonly received: readonly string[];
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 1024 * 1024;

/** The HTTP half of a simulated forge: listens on loopback, keeps what arrived, does wrong what `faults` says. */
export async function startApiFront(manners: ApiManners): Promise<ApiFront> {
  const faults: ForgeFaults = {};
  const requests: string[] = [];
  const received: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    if (manners.beside?.(request, response) === true) return;
    respond(manners, faults, { requests, received }, request, response).catch((thrown: unknown) => {
      // A defect of the simulator must not look like an outage.
      send(response, { status: 418, body: { message: String(thrown) } });
    });
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // An address of a TCP server is never a string.
  const { port } = server.address() as AddressInfo;
  return {
    apiUrl: `http://127.0.0.1:${port}${manners.basePath}`,
    faults,
    requests,
    received,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function respond(
  manners: ApiManners,
  faults: ForgeFaults,
  log: { readonly requests: string[]; readonly received: string[] },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const method = request.method ?? 'GET';
  log.requests.push(`${method} ${url.pathname}${url.search}`);
  const text = await readText(request);
  log.received.push(text, ...Object.values(request.headers).flatMap((value) => value ?? []));
  if (faults.outage === 'reset') {
    response.destroy();
    return;
  }
  if (faults.outage === 'status') {
    send(response, { status: 503, body: { message: 'Service Unavailable' } });
    return;
  }
  if (faults.hostile !== undefined) {
    sendHostile(response, faults.hostile);
    return;
  }
  const answer = await decide(manners, faults, method, url, request, text);
  const isCreation = method === 'POST' && answer.status >= 200 && answer.status < 300;
  if (isCreation && faults.losesNextAnswer === true) {
    faults.losesNextAnswer = false;
    response.destroy();
    return;
  }
  send(response, answer);
}

async function decide(
  manners: ApiManners,
  faults: ForgeFaults,
  method: string,
  url: URL,
  request: IncomingMessage,
  text: string,
): Promise<ApiAnswer> {
  if (faults.rateLimit !== undefined) return manners.limited(faults.rateLimit.retryAfterSeconds);
  if (faults.isUnauthorized === true) return manners.unauthorized();
  if (!url.pathname.startsWith(`${manners.basePath}/`)) return manners.notFound();
  let body: unknown;
  try {
    body = text === '' ? undefined : JSON.parse(text);
  } catch {
    return manners.malformed();
  }
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : value,
    ]),
  );
  const segments = url.pathname
    .slice(manners.basePath.length + 1)
    .split('/')
    .map((segment) => decodeURIComponent(segment));
  return manners.answer({ method, segments, query: url.searchParams, headers, body });
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  // Without an encoding, a stream of a request gives buffers.
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function send(response: ServerResponse, { status, headers = {}, body }: ApiAnswer): void {
  if (body === undefined) {
    response.writeHead(status, headers).end();
    return;
  }
  response
    .writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers })
    .end(JSON.stringify(body));
}

function sendHostile(response: ServerResponse, hostile: NonNullable<ForgeFaults['hostile']>): void {
  if (typeof hostile === 'object') {
    response.writeHead(302, { location: hostile.redirectTo }).end();
    return;
  }
  if (hostile === 'html') {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><h1>Sign in</h1>');
    return;
  }
  response.writeHead(200, { 'content-type': 'application/json' });
  if (hostile === 'no-json') response.end('{"id": 1,');
  else if (hostile === 'wrong-shape') response.end('[{"number": "seven", "title": null}]');
  else pourOut(response);
}

/** A body that does not end: as fast as the other side reads, until it goes away. */
function pourOut(response: ServerResponse): void {
  const chunk = Buffer.alloc(256 * 1024, '[');
  const pour = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', pour);
  response.on('error', () => {});
  pour();
}
