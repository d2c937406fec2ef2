import type { KeyObject } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { Clock } from '../lib/clock.ts';
import { CertopsError } from '../lib/errors.ts';
import type { HostPolicy } from '../lib/host-policy.ts';
import type { Log } from '../lib/log.ts';
import { splitChain } from '../pki/certificate-facts.ts';
import { AlternatingGate } from './alternating-gate.ts';
import { AcmeConnectionError, badAnswer } from './connection-error.ts';
import { NoncePool } from './nonce-pool.ts';
import { AcmeProblemError, problemOfAnswer } from './problem.ts';
import { RequestSlots } from './request-slots.ts';
import {
  type AcmeAuthorization,
  type AcmeChallenge,
  type AcmeDirectory,
  type AcmeIdentifier,
  type AcmeOrder,
  readAuthorization,
  readChallenge,
  readDirectory,
  readOrder,
} from './resources.ts';
import { retryAfterMs } from './retry-after.ts';
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

export interface AcmeSessionOptions {
  readonly directoryUrl: string;
  /** RSA or EC. */
  readonly accountKey: KeyObject;
  readonly accountUrl?: string | undefined;
  /** PEM; replaces the system's trust store. */
  readonly caBundle?: string | undefined;
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
 * One account at one CA (RFC 8555). acme-client makes and signs the requests; transport, nonces, errors and
 * the checking of answers are certops's own. Safe for many calls at once: as many requests as connections
 * are under way, the rest wait in line.
 *
 * Every method throws `AcmeProblemError` for what the CA says, `AcmeConnectionError` where no usable
 * answer came, and the signal's reason.
 */
export class AcmeSession {
  readonly #options: AcmeSessionOptions;
  readonly #transport: AcmeTransport;
  readonly #nonces: NoncePool;
  readonly #slots: RequestSlots;
  /**
   * No order is asked for while an authorization is being read: Pebble (2.4 to 2.10) locks up for good where
   * the two meet (docs/decisions/0002-unanswered-requests.md).
   */
  readonly #gate = new AlternatingGate<'new-order' | 'authorization'>();
  #client: Promise<ClientInternals> | undefined;
  #directory: { readonly read: Promise<AcmeDirectory>; readonly atMs: number } | undefined;

  constructor(options: AcmeSessionOptions) {
    this.#options = options;
    this.#transport = new AcmeTransport(options);
    this.#nonces = new NoncePool(options.clock.monotonicMs);
    this.#slots = new RequestSlots(options.maxConnections ?? 16);
  }

  /**
   * Registers the account, or finds the one that this key already has (RFC 8555, section 7.3); agrees to the
   * terms of service, and brings the contact up to date.
   */
  async registerAccount(
    contact: { readonly email?: string | undefined },
    signal: AbortSignal,
  ): Promise<{ uri: string }> {
    const contacts = contact.email === undefined ? [] : [`mailto:${contact.email}`];
    const answer = await this.#call(signal, async (api) => {
      const made = await api.createAccount({ termsOfServiceAgreed: true, contact: contacts });
      if (made.status === 200 && !hasContacts(made.data, contacts))
        await api.updateAccount({ contact: contacts });
      return made;
    });
    const uri = this.#location(answer, 'newAccount');
    (await this.#loadedClient()).api.accountUrl = uri;
    return { uri };
  }

  /** Asks for an order (RFC 8555, section 7.4). A CA may answer with one it gave out before. */
  async newOrder(identifiers: readonly AcmeIdentifier[], signal: AbortSignal): Promise<AcmeOrder> {
    const answer = await this.#gate.run('new-order', signal, () =>
      this.#call(signal, (api) => api.createOrder({ identifiers })),
    );
    return this.#order(answer, this.#location(answer, 'newOrder'));
  }

  /** Throws `acme.order-unknown` when the CA does not know the order, or not as this account's. */
  async getOrder(url: string, signal: AbortSignal): Promise<AcmeOrder> {
    try {
      return this.#order(await this.#read(signal, (api) => api.getOrder(url)), url);
    } catch (thrown) {
      if (thrown instanceof AcmeProblemError && [401, 403, 404].includes(thrown.status)) {
        if (thrown.problemClass === 'account') throw thrown;
        throw new CertopsError(
          'acme.order-unknown',
          { what: 'The ACME server does not know the order', why: thrown.explanation.why },
          { retry: { when: 'now' }, cause: thrown, data: { orderUrl: url, status: thrown.status } },
        );
      }
      throw thrown;
    }
  }

  /** RFC 8555, section 7.5. */
  async getAuthorization(url: string, signal: AbortSignal): Promise<AcmeAuthorization> {
    const answer = await this.#gate.run('authorization', signal, () =>
      this.#read(signal, (api) => api.getAuthorization(url)),
    );
    return readAuthorization(answer.data, url, this.#isOwnUrl);
  }

  /** Tells the CA to validate (RFC 8555, section 7.5.1). */
  async acceptChallenge(url: string, signal: AbortSignal): Promise<AcmeChallenge> {
    const answer = await this.#call(signal, (api) => api.completeChallenge(url, {}));
    return { ...readChallenge(answer.data, url, this.#isOwnUrl), ...this.#retryAfter(answer) };
  }

  /** Hands in the signing request (RFC 8555, section 7.4); `orderUrl` is where the order is looked at. */
  async finalize(
    order: { readonly orderUrl: string; readonly finalizeUrl: string },
    csr: Uint8Array,
    signal: AbortSignal,
  ): Promise<AcmeOrder> {
    const payload = { csr: Buffer.from(csr).toString('base64url') };
    const answer = await this.#call(signal, (api) => api.finalizeOrder(order.finalizeUrl, payload));
    return this.#order(answer, order.orderUrl);
  }

  /** The certificate and its chain (RFC 8555, section 7.4.2), PEM each, leaf first. */
  async downloadChain(url: string, signal: AbortSignal): Promise<readonly string[]> {
    const answer = await this.#read(signal, (api) => api.apiRequest(url, null, [200]));
    if (typeof answer.data !== 'string') throw badAnswer(url, 'a certificate is not PEM text');
    let chain: readonly string[];
    try {
      chain = splitChain(answer.data);
    } catch {
      throw badAnswer(url, 'the certificate is not a PEM chain (section 9.1)');
    }
    if (chain.length === 0) throw badAnswer(url, 'there is no certificate in the PEM text');
    return chain;
  }

  /** RFC 8555, section 8.1. */
  async keyAuthorization(token: string): Promise<string> {
    return (await this.#loadedClient()).getChallengeKeyAuthorization({ type: 'http-01', token });
  }

  /** Closes the connections. */
  close(): void {
    this.#transport.close();
  }

  readonly #isOwnUrl = (url: string): boolean => this.#transport.isOwnUrl(url);

  #loadedClient(): Promise<ClientInternals> {
    this.#client ??= loadClient(
      this.#options.directoryUrl,
      this.#options.accountKey,
      this.#options.accountUrl,
    );
    return this.#client;
  }

  async #read(signal: AbortSignal, send: (api: ClientApi) => Promise<ClientAnswer>): Promise<ClientAnswer> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#call(signal, send);
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
  async #call(signal: AbortSignal, send: (api: ClientApi) => Promise<ClientAnswer>): Promise<ClientAnswer> {
    // One signal ends everything that is under way, so many listeners are no leak.
    setMaxListeners(0, signal);
    const client = await this.#loadedClient();
    const http = Object.create(client.http) as ClientHttp; // a view: inherits every method of ClientHttp
    const api = Object.create(client.api) as ClientApi; // likewise
    let isFirstNonce = true;
    api.http = http;
    http.getDirectory = () => this.#currentDirectory(signal);
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
        const problem = problemOfAnswer({ ...answer, url }, this.#options.clock.realNow());
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
    const { newNonce } = await this.#currentDirectory(signal);
    const answer = await this.#transport.request({ url: newNonce, method: 'GET', signal });
    const nonce = answer.headers['replay-nonce'];
    if (answer.status >= 400) {
      throw problemOfAnswer(answer, this.#options.clock.realNow());
    }
    if (!isNonce(nonce)) throw badAnswer(newNonce, 'newNonce came without a Replay-Nonce');
    return nonce;
  }

  /** Read once at a time, and again after a day or a failure. */
  #currentDirectory(signal: AbortSignal): Promise<AcmeDirectory> {
    const nowMs = this.#options.clock.monotonicMs();
    if (this.#directory === undefined || nowMs - this.#directory.atMs > DIRECTORY_MAX_AGE_MS) {
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
    if (answer.status !== 200) throw problemOfAnswer(answer, clock.realNow());
    return readDirectory(answer.data, directoryUrl, this.#isOwnUrl);
  }

  #order(answer: ClientAnswer, url: string): AcmeOrder {
    return { ...readOrder(answer.data, url, this.#isOwnUrl), ...this.#retryAfter(answer) };
  }

  #retryAfter({ headers }: ClientAnswer): { readonly retryAfterMs?: number } {
    const waitMs = retryAfterMs(
      { 'retry-after': single(headers['retry-after']), date: single(headers.date) },
      this.#options.clock.realNow(),
    );
    return waitMs === undefined ? {} : { retryAfterMs: waitMs };
  }

  #location(answer: ClientAnswer, of: string): string {
    const location = single(answer.headers.location);
    if (location === undefined || location.length > 2048 || !this.#isOwnUrl(location)) {
      throw badAnswer(this.#options.directoryUrl, `${of} came without a Location on the directory's origin`);
    }
    return location;
  }
}

function hasContacts(account: unknown, contacts: readonly string[]): boolean {
  if (typeof account !== 'object' || account === null || !('contact' in account))
    return contacts.length === 0;
  return JSON.stringify(account.contact ?? []) === JSON.stringify(contacts);
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
