import { spawn } from 'node:child_process';
import { timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { dirname, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** What the server does wrong, changed at any time while it runs. */
export interface GitServerFaults {
  /** Answers every request with this status. */
  status?: number | undefined;
  /** Takes requests and never answers. */
  isHanging?: boolean | undefined;
  /** Waits before it answers. */
  delayMs?: number | undefined;
  /** Called right before each push is given to Git; what it awaits happens first. */
  beforePush?: (() => Promise<void>) | undefined;
  /** Lets the next push through and then cuts the connection instead of answering. */
  cutsAfterNextPush?: boolean | undefined;
}

export interface GitServer {
  /** URL of the repository, without credentials. */
  readonly url: string;
  /** The same with user and password, for a person's clone. */
  readonly urlWithCredentials: string;
  readonly username: string;
  readonly password: string;
  readonly faults: GitServerFaults;
  /** `METHOD path` of every request so far. */
  readonly requests: readonly string[];
  /** Answers a request that came to another server, for one that has Git beside other things. */
  answer(request: IncomingMessage, response: ServerResponse, admit: GitGate): void;
  close(): Promise<void>;
}

/** The status of a refusal for what a request shows as its `Authorization`; undefined: it may go on. */
export type GitGate = (authorization: string, isPush: boolean) => 401 | 403 | undefined;

/**
 * A real Git server: `git http-backend` behind node:http with basic authentication, over one bare repository. Its path is
 * the one below `root`.
 */
export async function startGitServer(repository: string, root = dirname(repository)): Promise<GitServer> {
  const username = 'robot';
  const password = 'canary-git-password';
  const faults: GitServerFaults = {};
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const expected = Buffer.from(`Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`);
  const answerAt = (request: IncomingMessage, response: ServerResponse, admit: GitGate): void => {
    requests.push(`${request.method} ${request.url}`);
    answer(root, admit, faults, request, response).catch(() => response.destroy());
  };
  const byPassword: GitGate = (authorization) => {
    const given = Buffer.from(authorization);
    return given.length === expected.length && timingSafeEqual(given, expected) ? undefined : 401;
  };
  const server: Server = createServer((request, response) => answerAt(request, response, byPassword));
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // An address of a TCP server is never a string.
  const { port } = server.address() as AddressInfo;
  const path = `/${relative(root, repository)}`;
  return {
    url: `http://127.0.0.1:${port}${path}`,
    urlWithCredentials: `http://${username}:${password}@127.0.0.1:${port}${path}`,
    username,
    password,
    faults,
    requests,
    answer: answerAt,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(
  root: string,
  admit: GitGate,
  faults: GitServerFaults,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (faults.isHanging) return;
  if (faults.delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, faults.delayMs));
  if (faults.status !== undefined) {
    response.writeHead(faults.status).end();
    return;
  }
  const refusal = admit(request.headers.authorization ?? '', /git-receive-pack$/.test(request.url ?? ''));
  if (refusal !== undefined) {
    response.writeHead(refusal, refusal === 401 ? { 'WWW-Authenticate': 'Basic realm="git"' } : {}).end();
    return;
  }
  const isPush = request.method === 'POST' && /\/git-receive-pack$/.test(request.url ?? '');
  // Git asks with an empty request whether it is authorised before it sends a large pack.
  const isProbe = request.headers['content-length'] === '4';
  if (isPush && !isProbe) await faults.beforePush?.();
  const isCut = isPush && !isProbe && faults.cutsAfterNextPush === true;
  if (isCut) faults.cutsAfterNextPush = false;
  await runBackend(root, request, response, isCut);
}

async function runBackend(
  root: string,
  request: IncomingMessage,
  response: ServerResponse,
  isCut: boolean,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const header = (name: string): string => String(request.headers[name] ?? '');
  const backend = spawn('git', ['http-backend'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: {
      PATH: process.env.PATH ?? '',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      REMOTE_USER: 'robot',
      REQUEST_METHOD: request.method ?? 'GET',
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      CONTENT_TYPE: header('content-type'),
      ...(request.headers['content-length'] === undefined
        ? {}
        : { CONTENT_LENGTH: header('content-length') }),
      HTTP_CONTENT_ENCODING: header('content-encoding'),
      HTTP_GIT_PROTOCOL: header('git-protocol'),
    },
  });
  const ended = new Promise((resolve) => backend.on('close', resolve));
  backend.stdin.on('error', () => {});
  const sent = pipeline(request, backend.stdin).catch(() => {});
  let isHeader = true;
  let head = Buffer.alloc(0);
  backend.stdout.on('data', (chunk: Buffer) => {
    if (isCut) return;
    if (!isHeader) {
      response.write(chunk);
      return;
    }
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    isHeader = false;
    writeHead(response, head.toString('latin1', 0, end));
    response.write(head.subarray(end + 4));
  });
  await Promise.all([sent, ended]);
  if (isCut) response.destroy();
  else response.end();
}

/** CGI's header lines (RFC 3875, section 6.3), `Status:` among them. */
function writeHead(response: ServerResponse, head: string): void {
  response.statusCode = 200;
  for (const line of head.split('\r\n')) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).trim();
    if (name.toLowerCase() === 'status') response.statusCode = Number.parseInt(value, 10);
    else response.setHeader(name, value);
  }
}
