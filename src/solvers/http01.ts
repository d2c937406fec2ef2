import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CertopsError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { requireToken, tokenConflict } from './challenge-token.ts';
import type { Challenge, ChallengePresenter, Presentation } from './presenter.ts';

const CHALLENGE_PREFIX = '/.well-known/acme-challenge/';

const HEADERS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_HEADER_BYTES = 8_192;
const MAX_HEADERS = 64;
const MAX_CONNECTIONS = 512;

export interface Http01ListenerOptions {
  /** 0 takes any free port; `Http01Listener.port` says which. */
  readonly port: number;
  /** Defaults to every interface. */
  readonly host?: string | undefined;
  readonly log: Log;
  /** How many different tokens may be shown at once; defaults to 10,000. */
  readonly maxTokens?: number | undefined;
}

interface ShownToken {
  readonly keyAuthorization: string;
  readonly identifier: string;
  uses: number;
}

/**
 * The HTTP-01 listener (RFC 8555, section 8.3): answers GET and HEAD of exactly the tokens presented and
 * 404 to everything else. It faces the internet, so every connection is limited in size, time and number,
 * and is closed after one answer.
 */
export class Http01Listener implements ChallengePresenter {
  readonly port: number;
  readonly #server: Server;
  readonly #log: Log;
  readonly #maxTokens: number;
  readonly #shown: Map<string, ShownToken>;

  private constructor(server: Server, shown: Map<string, ShownToken>, options: Http01ListenerOptions) {
    this.#server = server;
    this.#shown = shown;
    this.#log = options.log;
    this.#maxTokens = options.maxTokens ?? 10_000;
    // A listening TCP server's address is never a pipe's name or null.
    this.port = (server.address() as AddressInfo).port;
  }

  /** Listens; throws `solvers.cannot-listen` when the port cannot be had. */
  static async start(options: Http01ListenerOptions): Promise<Http01Listener> {
    const shown = new Map<string, ShownToken>();
    const server = createServer(
      {
        headersTimeout: HEADERS_TIMEOUT_MS,
        requestTimeout: REQUEST_TIMEOUT_MS,
        connectionsCheckingInterval: 1_000,
        maxHeaderSize: MAX_HEADER_BYTES,
      },
      (request, response) => answer(request, response, shown, options.log),
    );
    server.maxHeadersCount = MAX_HEADERS;
    server.maxConnections = MAX_CONNECTIONS;
    server.on('clientError', (_error, socket) => socket.destroy());
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => reject(cannotListen(options, cause)));
      server.listen(
        { port: options.port, ...(options.host === undefined ? {} : { host: options.host }) },
        resolve,
      );
    });
    server.removeAllListeners('error');
    server.on('error', (error) => options.log.error({ error: error.message }, 'the HTTP-01 listener failed'));
    return new Http01Listener(server, shown, options);
  }

  /** Throws `solvers.bad-token`, `solvers.token-conflict` or `solvers.too-many-tokens`. */
  async present({ identifier, token, keyAuthorization }: Challenge): Promise<Presentation> {
    requireToken({ token, identifier });
    const known = this.#shown.get(token);
    if (known !== undefined && known.keyAuthorization !== keyAuthorization) {
      throw tokenConflict(identifier);
    }
    if (known === undefined && this.#shown.size >= this.#maxTokens) {
      throw new CertopsError(
        'solvers.too-many-tokens',
        {
          what: `${this.#maxTokens} challenges are being shown already`,
          next: 'It is tried again by itself',
        },
        { data: { identifier, maxTokens: this.#maxTokens } },
      );
    }
    const entry = known ?? { keyAuthorization, identifier, uses: 0 };
    entry.uses += 1;
    this.#shown.set(token, entry);
    this.#log.debug({ identifier }, 'challenge presented');

    let isRemoved = false;
    return {
      // The listener answers as soon as the token is known to it.
      becomeVisible: async () => {},
      remove: async () => {
        if (isRemoved) return;
        isRemoved = true;
        entry.uses -= 1;
        if (entry.uses === 0) this.#shown.delete(token);
      },
    };
  }

  /** How many different tokens are shown now. */
  get shownTokens(): number {
    return this.#shown.size;
  }

  /** Stops listening and drops open connections. */
  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  shown: ReadonlyMap<string, ShownToken>,
  log: Log,
): void {
  const path = request.url ?? '';
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  const entry =
    isRead && path.startsWith(CHALLENGE_PREFIX) ? shown.get(path.slice(CHALLENGE_PREFIX.length)) : undefined;
  const body = entry?.keyAuthorization ?? 'not found\n';
  response.writeHead(entry === undefined ? 404 : 200, {
    // RFC 8555, section 8.3 suggests octet-stream; nosniff because anybody may ask.
    'Content-Type': entry === undefined ? 'text/plain' : 'application/octet-stream',
    'Content-Length': Buffer.byteLength(body),
    'X-Content-Type-Options': 'nosniff',
    Connection: 'close',
  });
  response.end(request.method === 'HEAD' ? undefined : body);
  if (entry !== undefined) log.debug({ identifier: entry.identifier }, 'challenge fetched');
}

function cannotListen(options: Http01ListenerOptions, cause: Error): CertopsError {
  const address = `${options.host ?? '*'}:${options.port}`;
  return new CertopsError(
    'solvers.cannot-listen',
    {
      what: `The HTTP-01 listener cannot listen on ${address}`,
      why: cause.message,
      next: 'Free the port or choose another one with --http01-port',
    },
    { cause, data: { address } },
  );
}
