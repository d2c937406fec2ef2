import { lookup as systemLookup } from 'node:dns';
import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { anyHost, createForbiddenAddresses, type HostPolicy } from '../lib/host-policy.ts';
import { AcmeConnectionError } from './connection-error.ts';

export interface TransportOptions {
  /** Every request goes to this URL's origin (RFC 8555, section 10 leaves it open; we do not). */
  readonly directoryUrl: string;
  /** PEM; replaces the system's trust store. */
  readonly caBundle?: string | undefined;
  /** The server's certificate is not verified (`spec.acme.skipTLSVerify`). */
  readonly skipTlsVerify?: boolean | undefined;
  /** Open connections at most; defaults to 16. */
  readonly maxConnections?: number | undefined;
  /** From sending to the last byte of the answer; defaults to 30 s. */
  readonly requestTimeoutMs?: number | undefined;
  /** Defaults to 1 MiB. */
  readonly maxAnswerBytes?: number | undefined;
  readonly userAgent: string;
  /** Plain HTTP to a loopback address; refused unless true. */
  readonly allowPlainLoopback?: boolean | undefined;
  readonly hostPolicy?: HostPolicy | undefined;
  /** Resolves names; a test's own, or the system's. */
  readonly lookup?: LookupFunction | undefined;
}

export interface AcmeRequest {
  readonly url: string;
  readonly method: 'GET' | 'POST';
  /** JSON of a flattened JWS (RFC 8555, section 6.2). */
  readonly body?: string | undefined;
  readonly signal: AbortSignal;
}

export interface AcmeAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Parsed where the content type says JSON, else the text. */
  readonly data: unknown;
  readonly url: string;
}

/**
 * HTTPS to one CA: own keep-alive connections, the issuer's trust anchors, a time-out and a size for every
 * answer, no redirects, no other origin, and no address that must never be reached.
 * Throws `AcmeConnectionError`, or the signal's reason.
 */
export class AcmeTransport {
  readonly #options: TransportOptions;
  readonly #origin: string;
  readonly #agent: http.Agent;
  readonly #isForbidden: (address: string) => boolean;
  readonly #hostPolicy: HostPolicy;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#origin = checkedOrigin(options.directoryUrl, options.allowPlainLoopback === true);
    this.#isForbidden = createForbiddenAddresses();
    this.#hostPolicy = options.hostPolicy ?? anyHost;
    const agentOptions = {
      keepAlive: true,
      maxSockets: options.maxConnections ?? 16,
      // An idle connection that the server is about to close costs a failed request: let go first.
      timeout: 15_000,
      scheduling: 'lifo' as const,
    };
    this.#agent = this.#origin.startsWith('https:')
      ? new https.Agent({
          ...agentOptions,
          ...(options.caBundle === undefined ? {} : { ca: options.caBundle }),
          ...(options.skipTlsVerify === true ? { rejectUnauthorized: false } : {}),
        })
      : new http.Agent(agentOptions);
  }

  /** Whether a URL that the CA handed out lies where its directory does. */
  isOwnUrl(url: string): boolean {
    return URL.canParse(url) && new URL(url).origin === this.#origin;
  }

  async request(request: AcmeRequest): Promise<AcmeAnswer> {
    request.signal.throwIfAborted();
    if (!this.isOwnUrl(request.url)) {
      throw new AcmeConnectionError(
        'acme.url-refused',
        {
          what: 'The ACME server named a URL on another origin than its directory',
          why: `Only ${this.#origin} is asked`,
        },
        { data: { directory: this.#options.directoryUrl } },
      );
    }
    const url = new URL(request.url);
    this.#checkLiteral(url.hostname);
    const { status, headers, body } = await this.#exchange(url, request);
    if (status >= 300 && status < 400) {
      throw new AcmeConnectionError(
        'acme.redirected',
        {
          what: 'The ACME server answered with a redirect, and certops follows none',
          next: 'Write the final URL of the directory into spec.acme.server',
        },
        { data: { url: request.url, status } },
      );
    }
    return { status, headers, data: decode(headers['content-type'], body), url: request.url };
  }

  /**
   * Closes idle connections now and the others when their requests end: the answer to a request for an order must
   * not be lost because an issuer was edited meanwhile.
   */
  close(): void {
    this.#agent.maxFreeSockets = 0;
    for (const sockets of Object.values(this.#agent.freeSockets)) {
      for (const socket of sockets ?? []) socket.destroy();
    }
  }

  #exchange(url: URL, { method, body, signal }: AcmeRequest): Promise<RawAnswer> {
    const timeoutMs = this.#options.requestTimeoutMs ?? 30_000;
    const maxBytes = this.#options.maxAnswerBytes ?? 1024 * 1024;
    return new Promise((resolve, reject) => {
      const options: https.RequestOptions = {
        method,
        agent: this.#agent,
        lookup: this.#lookup,
        headers: {
          'User-Agent': this.#options.userAgent,
          // RFC 8555, section 6.1: clients should say which language errors may be in.
          'Accept-Language': 'en',
          ...(body === undefined
            ? {}
            : { 'Content-Type': 'application/jose+json', 'Content-Length': Buffer.byteLength(body) }),
        },
      };
      const request: ClientRequest = (url.protocol === 'https:' ? https : http).request(url, options);
      const settle = (finish: () => void) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        finish();
      };
      const fail = (error: unknown) => {
        settle(() => reject(error));
        request.destroy();
      };
      const onAbort = () => fail(signal.reason);
      const timer = setTimeout(() => fail(timedOut(url, timeoutMs)), timeoutMs);
      signal.addEventListener('abort', onAbort, { once: true });
      request.on('error', (cause) => fail(unreachable(url, cause)));
      request.on('response', (response) => {
        collect(response, maxBytes).then(
          (text) =>
            settle(() =>
              resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
            ),
          (cause) => fail(cause === TOO_LARGE ? tooLarge(url, maxBytes) : unreachable(url, cause)),
        );
      });
      request.end(body);
    });
  }

  /** Names are judged by what they resolve to at the moment of connecting, so DNS rebinding gains nothing. */
  readonly #lookup: LookupFunction = (hostname, options, callback) => {
    const resolve = this.#options.lookup ?? systemLookup;
    resolve(hostname, options, (error, address, family) => {
      if (error !== null) {
        callback(error, address, family);
        return;
      }
      const addresses = typeof address === 'string' ? [address] : address.map((entry) => entry.address);
      const refused = addresses.find((candidate) => !this.#isAllowed(hostname, candidate));
      if (refused === undefined) callback(null, address, family);
      else callback(hostRefused(hostname, refused), address, family);
    });
  };

  /** Literal addresses never go through a lookup. */
  #checkLiteral(hostname: string): void {
    const literal = hostname.replace(/^\[|\]$/g, '');
    if (isIP(literal) !== 0 && !this.#isAllowed(literal, literal)) throw hostRefused(literal, literal);
  }

  #isAllowed(host: string, address: string): boolean {
    return !this.#isForbidden(address) && this.#hostPolicy.isHostAllowed(host, address);
  }
}

interface RawAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

const TOO_LARGE = Symbol('too large');

function collect(response: IncomingMessage, maxBytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxBytes) reject(TOO_LARGE);
      else chunks.push(chunk);
    });
    response.on('error', reject);
    // Without this a connection cut in the middle of a body would end nowhere.
    response.on('aborted', () => reject(new Error('the connection broke in the middle of the answer')));
    response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
  });
}

function decode(contentType: string | undefined, body: string): unknown {
  // application/json and application/problem+json (RFC 7807).
  if (contentType === undefined || !/^application\/([a-z.+-]+\+)?json\b/i.test(contentType)) return body;
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

function checkedOrigin(directoryUrl: string, allowPlainLoopback: boolean): string {
  const url = URL.canParse(directoryUrl) ? new URL(directoryUrl) : undefined;
  const host = url?.hostname ?? '';
  const isLoopback = host === 'localhost' || host === '[::1]' || /^127(\.\d+){3}$/.test(host);
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback && allowPlainLoopback)) {
    return url.origin;
  }
  throw new AcmeConnectionError(
    'acme.url-refused',
    {
      what: 'The ACME server must be an https:// URL',
      why: 'Plain HTTP is only for loopback addresses, where the operator allows it',
      next: 'Correct spec.acme.server',
    },
    { retry: { when: 'never' } },
  );
}

function unreachable(url: URL, cause: unknown): Error {
  if (cause instanceof AcmeConnectionError) return cause;
  const reason = cause instanceof Error ? cause.message || cause.name : String(cause);
  return new AcmeConnectionError(
    'acme.unreachable',
    {
      what: `The ACME server at ${url.host} cannot be reached`,
      why: reason,
      next: 'Check spec.acme.server, spec.acme.caBundle and the network; it is tried again by itself',
    },
    { cause, data: { host: url.host, path: url.pathname }, mayHaveBeenDone: true },
  );
}

function timedOut(url: URL, timeoutMs: number): AcmeConnectionError {
  return new AcmeConnectionError(
    'acme.timed-out',
    {
      what: `The ACME server at ${url.host} did not answer within ${timeoutMs / 1000} s`,
      next: 'It is tried again by itself',
    },
    { data: { host: url.host, path: url.pathname, timeoutMs }, mayHaveBeenDone: true },
  );
}

function tooLarge(url: URL, maxBytes: number): AcmeConnectionError {
  return new AcmeConnectionError(
    'acme.answer-too-large',
    { what: `The ACME server at ${url.host} sent more than ${maxBytes} bytes in one answer` },
    { data: { host: url.host, path: url.pathname, maxBytes }, mayHaveBeenDone: true },
  );
}

function hostRefused(host: string, address: string): AcmeConnectionError {
  return new AcmeConnectionError(
    'acme.host-refused',
    {
      what: `certops does not connect to ${host === address ? host : `${host} (${address})`}`,
      why: 'Link-local and metadata addresses are never reached, and the operator may forbid others',
      next: 'Correct spec.acme.server, or ask the operator to allow the host',
    },
    { data: { host, address } },
  );
}
