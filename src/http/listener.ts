import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { CertopsError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { formatListenAddress, type ListenAddress } from './listen-address.ts';
import { type BodyFault, type BodyLimits, BodyReader } from './request-body.ts';
import type { Reply, Route } from './route.ts';

/** Bounds of the listener; each has a default. */
export interface ListenerLimits extends BodyLimits {
  /** For the head of a request. */
  readonly headersTimeoutMs: number;
  readonly maxConnections: number;
  /** How long requests under way may take to end when it closes. */
  readonly closeTimeoutMs: number;
}

const DEFAULT_LIMITS: ListenerLimits = {
  // GitHub sends up to 25 MB, of pushes with thousands of commits; whoever polls loses nothing by refusing those.
  maxBodyBytes: 1024 * 1024,
  bodyTimeoutMs: 10_000,
  maxBufferedBytes: 32 * 1024 * 1024,
  headersTimeoutMs: 5_000,
  maxConnections: 512,
  closeTimeoutMs: 2_000,
};
const MAX_HEADER_BYTES = 16_384;
const MAX_HEADERS = 100;
const KEEP_ALIVE_MS = 5_000;
const MAX_REQUESTS_PER_CONNECTION = 100;
/** How long what was refused may still send, so that it gets to read the answer. */
const LINGER_MS = 1_000;

export interface ListenerOptions {
  readonly address: ListenAddress;
  /** No two of one path. */
  readonly routes: readonly Route[];
  readonly log: Log;
  readonly limits?: Partial<ListenerLimits> | undefined;
}

/** The daemon's listener while it listens. */
export interface Listener {
  /** With the port that it got. */
  readonly address: ListenAddress;
  /** Takes no more connections; requests under way have 2 s. */
  close(): Promise<void>;
}

/**
 * Listens for the routes and answers everything else with 404, another method of a route with 405. It may face the
 * internet: every request is bounded in size and time, connections in number, and no answer is worth framing, caching or
 * sniffing. Throws `http.cannot-listen`.
 */
export async function startListener(options: ListenerOptions): Promise<Listener> {
  const limits: ListenerLimits = { ...DEFAULT_LIMITS, ...options.limits };
  const routes = new Map(options.routes.map((route) => [route.path, route]));
  const bodies = new BodyReader(limits);
  const server = createServer(
    {
      headersTimeout: limits.headersTimeoutMs,
      // The bodies' own time-out comes first; this one is for what it does not see.
      requestTimeout: limits.headersTimeoutMs + limits.bodyTimeoutMs,
      connectionsCheckingInterval: Math.min(1_000, limits.headersTimeoutMs / 2),
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
    },
    (request, response) => {
      answer(request, response, routes, bodies, options.log).catch((thrown: unknown) => {
        options.log.error(
          { error: thrown instanceof Error ? thrown.message : 'unknown' },
          'a request to the listener could not be answered',
        );
        request.socket.destroy();
      });
    },
  );
  server.maxHeadersCount = MAX_HEADERS;
  server.maxConnections = limits.maxConnections;
  server.maxRequestsPerSocket = MAX_REQUESTS_PER_CONNECTION;
  server.on('clientError', refuseMalformed);
  await listen(server, options);
  // A listening TCP server's address is never a pipe's name or null.
  const { port } = server.address() as AddressInfo;
  const address = { host: options.address.host, port };
  options.log.info({ address: formatListenAddress(address) }, 'listening');
  return { address, close: () => close(server, limits.closeTimeoutMs) };
}

async function listen(server: Server, { address, log }: ListenerOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(cannotListen(address, cause)));
    server.listen(
      { port: address.port, ...(address.host === undefined ? {} : { host: address.host }) },
      resolve,
    );
  });
  server.removeAllListeners('error');
  server.on('error', (error) => log.error({ error: error.message }, 'the listener failed'));
}

async function close(server: Server, timeoutMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), timeoutMs);
  await closed;
  clearTimeout(timer);
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  routes: ReadonlyMap<string, Route>,
  bodies: BodyReader,
  log: Log,
): Promise<void> {
  const route = routes.get(request.url ?? '');
  if (route === undefined) {
    refuse(request, response, { status: 404, text: 'not found' });
    return;
  }
  const allowed = route.method === 'GET' ? ['GET', 'HEAD'] : [route.method];
  if (!allowed.includes(request.method ?? '')) {
    refuse(request, response, {
      status: 405,
      text: 'method not allowed',
      headers: { allow: allowed.join(', ') },
    });
    return;
  }
  const body = await bodies.read(request);
  if (typeof body === 'string') {
    if (body !== 'gone') refuse(request, response, BODY_FAULTS[body]);
    return;
  }
  try {
    send(response, await route.handle({ headers: request.headers, body }));
  } catch (thrown) {
    log.error(
      { path: route.path, error: thrown instanceof Error ? thrown.message : 'unknown' },
      'a route of the listener failed',
    );
    send(response, { status: 500, text: 'internal error' });
  }
}

const BODY_FAULTS: Readonly<Record<Exclude<BodyFault, 'gone'>, Reply>> = {
  'too-large': { status: 413, text: 'too large' },
  'too-slow': { status: 408, text: 'too slow' },
  'too-many': { status: 503, text: 'too much at once', headers: { 'retry-after': '1' } },
};

/** Answers before the body was read, and ends the connection: what is still on the way is no request. */
function refuse(request: IncomingMessage, response: ServerResponse, reply: Reply): void {
  if (request.complete || isWithoutBody(request)) {
    send(response, reply);
    return;
  }
  send(response, { ...reply, headers: { ...reply.headers, connection: 'close' } });
  request.on('error', () => {});
  request.resume();
  destroySoon(request.socket);
}

/** Ends a connection that the other side does not. */
function destroySoon(socket: Socket): void {
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
}

function isWithoutBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] === undefined && Number(headers['content-length'] ?? 0) === 0;
}

function send(response: ServerResponse, { status, text, headers = {} }: Reply): void {
  const body = Buffer.from(`${text}\n`);
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': body.length,
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    ...headers,
  });
  // Node leaves it out for HEAD.
  response.end(body);
}

/** What is no HTTP, or whose head did not come in time, gets a word where that is still possible. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket | NodeJS.WritableStream): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    if ('destroy' in socket) socket.destroy();
    return;
  }
  const status =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? '408 Request Timeout'
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? '431 Request Header Fields Too Large'
        : '400 Bad Request';
  socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  // Node looks after it no more: whoever never hangs up would keep a connection for good.
  if ('destroy' in socket) destroySoon(socket);
}

function cannotListen(address: ListenAddress, cause: NodeJS.ErrnoException): CertopsError {
  return new CertopsError(
    'http.cannot-listen',
    {
      what: `certops cannot listen on ${formatListenAddress(address)}`,
      why: cause.code === 'EADDRINUSE' ? 'Another program listens there' : (cause.code ?? cause.message),
      next: 'Choose another address with --listen, or say --listen off',
    },
    { retry: { when: 'never' }, data: { address: formatListenAddress(address) }, cause },
  );
}
