import type { KeyObject } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { Clock } from '../lib/clock.ts';
import type { HostPolicy } from '../lib/host-policy.ts';
import type { Log } from '../lib/log.ts';
import { retryAfterMs } from '../lib/retry-after.ts';
import { Slots } from '../lib/slots.ts';
import { AcmeConnectionError, badAnswer } from './connection-error.ts';
import { NoncePool } from './nonce-pool.ts';
import { problemOfAnswer } from './problem.ts';
import { type AcmeDirectory, readDirectory } from './resources.ts';
import {
  type ClientAnswer,
  type ClientApi,
  type ClientHttp,
  type ClientInternals,
  loadClient,
} from './signer.ts';
import { type AcmeAnswer, AcmeTransport } from './transport.ts';

const BAD_NONCE = 'urn:ietf:params:acme:error:badNonce';
/** acme-client tries a request six times at once; so many rounds of that are made, with a pause between. */
const BAD_NONCE_ROUNDS = 3;
const BAD_NONCE_PAUSE_MS = 100;
/** POST-as-GET changes nothing, so a broken or unanswered one is simply asked again. */
const READ_ATTEMPTS = 2;
const DIRECTORY_MAX_AGE_MS = 24 * 3_600_000;

export interface SignedRequestsOptions {
  readonly directoryUrl: string;
  /** RSA or EC. */
  readonly accountKey: KeyObject;
  readonly accountUrl?: string | undefined;
  /** PEM; replaces the system's trust store. */
  readonly caBundle?: string | undefined;
  /** The server's TLS certificate is not verified. */
  readonly skipTlsVerify?: boolean | undefined;
  /** `certops/<version>`. */
  readonly userAgent: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly maxConnections?: number | undefined;
  readonly requestTimeoutMs?: number | undefined;
  readonly hostPolicy?: HostPolicy | undefined;
  readonly allowPlainLoopback?: boolean | undefined;
}

/**
 * Signed requests of one account to one CA (RFC 8555, section 6). acme-client makes and signs them; transport,
 * nonces and errors are certops's own. As many as connections are under way, the rest wait in line.
 *
 * Every method throws `AcmeProblemError` for what the CA says, `AcmeConnectionError` where no usable answer
 * came, and the signal's reason.
 */
export class SignedRequests {
  readonly #options: SignedRequestsOptions;
  readonly #transport: AcmeTransport;
  readonly #nonces: NoncePool;
  /**
   * Requests under way at once. A nonce is taken inside a slot, so this also bounds how many nonces are asked for: the
   * pool is empty only while every slot holds one.
   */
  readonly #slots: Slots;
  #client: Promise<ClientInternals> | undefined;
  #directory: { readonly read: Promise<AcmeDirectory>; readonly atMs: number } | undefined;

  constructor(options: SignedRequestsOptions) {
    this.#options = options;
    this.#transport = new AcmeTransport(options);
    this.#nonces = new NoncePool(options.clock.monotonicMs);
    this.#slots = new Slots(options.maxConnections ?? 16);
  }

  /** acme-client for the account, loaded when it is first needed. */
  client(): Promise<ClientInternals> {
    if (this.#client === undefined) {
      const { directoryUrl, accountKey, accountUrl } = this.#options;
      this.#client = loadClient(directoryUrl, accountKey, accountUrl);
    }
    return this.#client;
  }

  /** From now on requests are signed by another client: the account has another key. */
  replaceClient(client: ClientInternals): void {
    this.#client = Promise.resolve(client);
  }

  /** Whether a URL that the CA handed out lies where its directory does. */
  readonly isOwnUrl = (url: string): boolean => this.#transport.isOwnUrl(url);

  /** Closes the connections. */
  close(): void {
    this.#transport.close();
  }

  /** An answer to GET that nobody signed, whatever its status (RFC 9773, section 4.1). */
  async get(url: string, signal: AbortSignal): Promise<AcmeAnswer> {
    return this.#slots.run(signal, () => this.#transport.request({ url, method: 'GET', signal }));
  }

  /** How long an answer asks to wait, where it does. */
  retryAfter({ headers }: Pick<ClientAnswer, 'headers'>): { readonly retryAfterMs?: number } {
    const waitMs = retryAfterMs(
      { 'retry-after': single(headers['retry-after']), date: single(headers.date) },
      this.#options.clock.realNow(),
    );
    return waitMs === undefined ? {} : { retryAfterMs: waitMs };
  }

  /** The `Location` of an answer, on the directory's origin. */
  location(answer: ClientAnswer, of: string): string {
    const location = single(answer.headers.location);
    if (location === undefined || location.length > 2048 || !this.isOwnUrl(location)) {
      throw badAnswer(this.#options.directoryUrl, `${of} came without a Location on the directory's origin`);
    }
    return location;
  }

  /** POST-as-GET: asked again when the answer got lost. */
  async read(signal: AbortSignal, send: (api: ClientApi) => Promise<ClientAnswer>): Promise<ClientAnswer> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.call(signal, send);
      } catch (thrown) {
        const isBroken = thrown instanceof AcmeConnectionError && thrown.mayHaveBeenDone;
        if (!isBroken || attempt >= READ_ATTEMPTS) throw thrown;
        this.#options.log.debug({ ...thrown.logFields() }, 'asking the ACME server again');
      }
    }
  }

  /**
   * acme-client knows neither signals nor time-outs, and one client serves many calls at once: each call
   * works on a view of its own, whose transport and nonces are ours and listen to the call's signal. Views
   * are made from whatever `http` and `api` the client has now, so replacing those (`updateAccountKey` does)
   * replaces nothing of ours.
   */
  async call(signal: AbortSignal, send: (api: ClientApi) => Promise<ClientAnswer>): Promise<ClientAnswer> {
    // One signal ends everything that is under way, so many listeners are no leak.
    setMaxListeners(0, signal);
    const client = await this.client();
    const http = Object.create(client.http) as ClientHttp; // a view: inherits every method of ClientHttp
    const api = Object.create(client.api) as ClientApi; // likewise
    let isFirstNonce = true;
    api.http = http;
    http.getDirectory = () => this.directory(signal);
    http.request = (url, method, options) => this.#exchange(url, method, options?.data, signal);
    http.getNonce = async () => {
      // A badNonce reply without a nonce of its own brings acme-client here again: ask, do not dip into the pool.
      const pooled = isFirstNonce ? this.#nonces.take() : undefined;
      isFirstNonce = false;
      return pooled ?? this.#newNonce(signal);
    };
    api.apiRequest = async (url, payload = null, validStatusCodes = [], options = {}) => {
      const kid = options.includeJwsKid === false ? null : api.getAccountUrl();
      for (let round = 1; ; round += 1) {
        isFirstNonce = true;
        const answer = await this.#slots.run(signal, () =>
          http.signedRequest(url, payload, {
            kid,
            includeExternalAccountBinding: options.includeExternalAccountBinding ?? false,
          }),
        );
        if (validStatusCodes.length === 0 || validStatusCodes.includes(answer.status)) return answer;
        const problem = problemOfAnswer({ ...answer, url }, this.#options.clock);
        if (problem.problemClass !== 'bad-nonce' || round >= BAD_NONCE_ROUNDS) throw problem;
        await this.#options.clock.sleep(BAD_NONCE_PAUSE_MS * 2 ** (round - 1), signal);
      }
    };
    return send(api);
  }

  async #exchange(url: string, method: string, data: unknown, signal: AbortSignal): Promise<AcmeAnswer> {
    const answer = await this.#transport.request({
      url,
      method: method.toLowerCase() === 'post' ? 'POST' : 'GET',
      ...(data === undefined ? {} : { body: JSON.stringify(data) }),
      signal,
    });
    const nonce = answer.headers['replay-nonce'];
    // acme-client signs its retry with the nonce of a badNonce reply, so that one is spoken for.
    if (isNonce(nonce) && !isBadNonce(answer.data)) this.#nonces.put(nonce);
    return answer;
  }

  /** GET, not HEAD (RFC 8555, section 7.2): after a HEAD without Content-Length Node drops the connection. */
  async #newNonce(signal: AbortSignal): Promise<string> {
    const { newNonce } = await this.directory(signal);
    const answer = await this.#transport.request({ url: newNonce, method: 'GET', signal });
    const nonce = answer.headers['replay-nonce'];
    if (answer.status >= 400) {
      throw problemOfAnswer(answer, this.#options.clock);
    }
    if (!isNonce(nonce)) throw badAnswer(newNonce, 'newNonce came without a Replay-Nonce');
    return nonce;
  }

  /** Read once at a time, and again after a day or a failure. */
  directory(signal: AbortSignal, maxAgeMs = DIRECTORY_MAX_AGE_MS): Promise<AcmeDirectory> {
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#directory === undefined || nowMs - this.#directory.atMs > maxAgeMs) {
      const read = this.#readDirectory();
      const entry = { read, atMs: nowMs };
      this.#directory = entry;
      read.catch(() => {
        if (this.#directory === entry) this.#directory = undefined;
      });
    }
    return abortable(this.#directory.read, signal);
  }

  /** Shared by every caller, so that none of their signals may end it; the transport's time-out does. */
  async #readDirectory(): Promise<AcmeDirectory> {
    const { directoryUrl, clock } = this.#options;
    const answer = await this.#transport.request({
      url: directoryUrl,
      method: 'GET',
      signal: new AbortController().signal,
    });
    if (answer.status !== 200) throw problemOfAnswer(answer, clock);
    return readDirectory(answer.data, directoryUrl, this.isOwnUrl);
  }
}

/** RFC 8555, section 6.5.1: base64url. */
function isNonce(value: string | string[] | undefined): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9_-]{1,512}$/.test(value);
}

function isBadNonce(data: unknown): boolean {
  return typeof data === 'object' && data !== null && 'type' in data && data.type === BAD_NONCE;
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
