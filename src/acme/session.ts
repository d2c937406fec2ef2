import type { KeyObject } from 'node:crypto';
import { CertopsError } from '../lib/errors.ts';
import type { Sensitive } from '../lib/sensitive.ts';
import { splitChain } from '../pki/certificate-facts.ts';
import { AlternatingGate } from './alternating-gate.ts';
import { alternateUrls, choosePreferred, isPreferred } from './chain-choice.ts';
import { AcmeConnectionError, badAnswer } from './connection-error.ts';
import { AcmeProblemError, problemOfAnswer } from './problem.ts';
import { certificateId, type RenewalAnswer, readRenewalInfo } from './renewal-info.ts';
import {
  type AcmeAccount,
  type AcmeAuthorization,
  type AcmeChallenge,
  type AcmeDirectory,
  type AcmeIdentifier,
  type AcmeOrder,
  readAccount,
  readAuthorization,
  readChallenge,
  readOrder,
} from './resources.ts';
import { SignedRequests, type SignedRequestsOptions } from './signed-requests.ts';
import { type ClientAnswer, loadClient } from './signer.ts';

export interface AcmeSessionOptions extends SignedRequestsOptions {
  /** Issuer CN of the top-most certificate of the chain that is wanted, if the CA has it. */
  readonly preferredChain?: string | undefined;
}

/** RFC 8555, section 7.3.4. */
export interface AccountBinding {
  readonly keyId: string;
  /** The MAC key, decoded. */
  readonly macKey: Sensitive<Buffer>;
}

/** What an order may say besides its names. */
export interface OrderTerms {
  readonly profile?: string | undefined;
  /** RFC 9773, section 5. */
  readonly replaces?: string | undefined;
  readonly notAfter?: Date | undefined;
}

/**
 * One account at one CA (RFC 8555). Safe for many calls at once.
 *
 * Every method throws `AcmeProblemError` for what the CA says, `AcmeConnectionError` where no usable
 * answer came, and the signal's reason.
 */
export class AcmeSession {
  readonly #options: AcmeSessionOptions;
  readonly #requests: SignedRequests;
  /**
   * No order is asked for while an authorization is being read: Pebble (2.4 to 2.10) locks up for good where
   * the two meet (docs/decisions/0002-unanswered-requests.md).
   */
  readonly #gate = new AlternatingGate<'new-order' | 'authorization'>();

  constructor(options: AcmeSessionOptions) {
    this.#options = options;
    this.#requests = new SignedRequests(options);
  }

  /** What the CA offers; at most a day old, or `maxAgeMs` where that is given. */
  directory(signal: AbortSignal, maxAgeMs?: number): Promise<AcmeDirectory> {
    return this.#requests.directory(signal, maxAgeMs);
  }

  /**
   * Registers the account, or finds the one that this key already has (RFC 8555, section 7.3), and agrees to
   * the terms of service. `contacts` are what the CA has on record.
   */
  async registerAccount(
    wanted: { readonly email?: string | undefined; readonly binding?: AccountBinding | undefined },
    signal: AbortSignal,
  ): Promise<{ readonly uri: string; readonly isNew: boolean; readonly contacts: readonly string[] }> {
    const client = await this.#requests.client();
    const { binding } = wanted;
    // acme-client makes the binding itself, and leaves it out where there is none.
    client.http.externalAccountBinding = binding && {
      kid: binding.keyId,
      hmacKey: binding.macKey.reveal().toString('base64url'),
    };
    const answer = await this.#requests.call(signal, (api) =>
      api.createAccount({ termsOfServiceAgreed: true, contact: contactsOf(wanted.email) }),
    );
    const uri = this.#requests.location(answer, 'newAccount');
    client.api.accountUrl = uri;
    const { contacts } = readAccount(answer.data, uri);
    return { uri, isNew: answer.status === 201, contacts };
  }

  /** The account that this key already has; undefined where it has none. Registers nothing. */
  async findAccount(signal: AbortSignal): Promise<string | undefined> {
    try {
      const answer = await this.#requests.call(signal, (api) =>
        api.createAccount({ onlyReturnExisting: true }),
      );
      const uri = this.#requests.location(answer, 'newAccount');
      (await this.#requests.client()).api.accountUrl = uri;
      return uri;
    } catch (thrown) {
      if (thrown instanceof AcmeProblemError && thrown.problemClass === 'account') return undefined;
      throw thrown;
    }
  }

  /** Tells the CA another contact (RFC 8555, section 7.3.2). */
  async updateContact(email: string | undefined, signal: AbortSignal): Promise<void> {
    await this.#requests.call(signal, (api) => api.updateAccount({ contact: contactsOf(email) }));
  }

  /** The account as the CA has it (RFC 8555, section 7.1.2). */
  async getAccount(signal: AbortSignal): Promise<AcmeAccount> {
    const url = (await this.#requests.client()).api.getAccountUrl();
    const answer = await this.#requests.read(signal, (api) => api.apiRequest(url, null, [200]));
    return readAccount(answer.data, url);
  }

  /**
   * Gives the account another key and keeps its URI (RFC 8555, section 7.3.5); the session signs with the new
   * one from then on. Also throws `acme.no-key-change`.
   */
  async changeKey(newKey: KeyObject, signal: AbortSignal): Promise<void> {
    const { directoryUrl } = this.#options;
    const { keyChange } = await this.directory(signal);
    if (keyChange === undefined) {
      throw new AcmeConnectionError('acme.no-key-change', {
        what: 'The ACME server offers no way to change the key of an account (keyChange)',
      });
    }
    const old = await this.#requests.client();
    const account = old.api.getAccountUrl();
    const next = await loadClient(directoryUrl, newKey, account);
    const inner = next.http.createSignedBody(keyChange, { account, oldKey: old.http.getJwk() });
    await this.#requests.call(signal, (api) => api.apiRequest(keyChange, inner, [200]));
    this.#requests.replaceClient(next);
  }

  /** Asks for an order (RFC 8555, section 7.4). A CA may answer with one it gave out before. */
  async newOrder(
    identifiers: readonly AcmeIdentifier[],
    signal: AbortSignal,
    { profile, replaces, notAfter }: OrderTerms = {},
  ): Promise<AcmeOrder> {
    const payload = {
      identifiers,
      ...(profile === undefined ? {} : { profile }),
      ...(replaces === undefined ? {} : { replaces }),
      ...(notAfter === undefined ? {} : { notAfter: notAfter.toISOString() }),
    };
    const answer = await this.#gate.run('new-order', signal, () =>
      this.#requests.call(signal, (api) => api.createOrder(payload)),
    );
    return this.#order(answer, this.#requests.location(answer, 'newOrder'));
  }

  /** Throws `acme.order-unknown` when the CA does not know the order, or not as this account's. */
  async getOrder(url: string, signal: AbortSignal): Promise<AcmeOrder> {
    try {
      return this.#order(await this.#requests.read(signal, (api) => api.getOrder(url)), url);
    } catch (thrown) {
      if (thrown instanceof AcmeProblemError && isUnknown(thrown)) {
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
      this.#requests.read(signal, (api) => api.getAuthorization(url)),
    );
    return readAuthorization(answer.data, url, this.#requests.isOwnUrl);
  }

  /** Tells the CA to validate (RFC 8555, section 7.5.1). */
  async acceptChallenge(url: string, signal: AbortSignal): Promise<AcmeChallenge> {
    const answer = await this.#requests.call(signal, (api) => api.completeChallenge(url, {}));
    return {
      ...readChallenge(answer.data, url, this.#requests.isOwnUrl),
      ...this.#requests.retryAfter(answer),
    };
  }

  /** Hands in the signing request (RFC 8555, section 7.4); `orderUrl` is where the order is looked at. */
  async finalize(
    order: { readonly orderUrl: string; readonly finalizeUrl: string },
    csr: Uint8Array,
    signal: AbortSignal,
  ): Promise<AcmeOrder> {
    const payload = { csr: Buffer.from(csr).toString('base64url') };
    const answer = await this.#requests.call(signal, (api) => api.finalizeOrder(order.finalizeUrl, payload));
    return this.#order(answer, order.orderUrl);
  }

  /**
   * The certificate and its chain (RFC 8555, section 7.4.2), PEM each, leaf first. Alternate chains are looked
   * at only where the default one is not the preferred; where none is, or they cannot be had, it is the default.
   */
  async downloadChain(url: string, signal: AbortSignal): Promise<readonly string[]> {
    const { preferredChain, log } = this.#options;
    const answer = await this.#requests.read(signal, (api) => api.apiRequest(url, null, [200]));
    const chain = readChain(answer.data, url);
    if (preferredChain === undefined || isPreferred(chain, preferredChain)) return chain;
    const urls = alternateUrls(answer.headers.link, url, this.#requests.isOwnUrl);
    const preferred = await choosePreferred(urls, preferredChain, async (alternate) => {
      try {
        const { data } = await this.#requests.read(signal, (api) => api.apiRequest(alternate, null, [200]));
        return readChain(data, alternate);
      } catch (thrown) {
        // The certificate is there; a chain that cannot be read is no reason to lose it.
        if (!(thrown instanceof CertopsError)) throw thrown;
        log.warn({ url: alternate, ...thrown.logFields() }, 'an alternate chain could not be read');
        return undefined;
      }
    });
    if (preferred === undefined) {
      log.info(
        { preferredChain, alternates: urls.length },
        'no chain is the preferred one: the default is taken',
      );
    }
    return preferred ?? chain;
  }

  /**
   * When the CA suggests to renew a certificate (RFC 9773, section 4); undefined where it has no such service,
   * or the certificate has no authority key identifier to ask by.
   */
  async renewalInformation(leafPem: string, signal: AbortSignal): Promise<RenewalAnswer | undefined> {
    const { renewalInfo } = await this.directory(signal);
    const id = certificateId(leafPem);
    if (renewalInfo === undefined || id === undefined) return undefined;
    const url = `${renewalInfo.replace(/\/$/, '')}/${id}`;
    const answer = await this.#requests.get(url, signal);
    if (answer.status !== 200) throw problemOfAnswer(answer, this.#options.clock);
    return readRenewalInfo(answer.data, url, id, this.#requests.retryAfter(answer).retryAfterMs);
  }

  /** RFC 8555, section 8.1. */
  async keyAuthorization(token: string): Promise<string> {
    return (await this.#requests.client()).getChallengeKeyAuthorization({ type: 'http-01', token });
  }

  /** Closes the connections. */
  close(): void {
    this.#requests.close();
  }

  #order(answer: ClientAnswer, url: string): AcmeOrder {
    return {
      ...readOrder(answer.data, url, this.#requests.isOwnUrl),
      ...this.#requests.retryAfter(answer),
    };
  }
}

/**
 * Whether a resource is not there, or not this account's. A 404 comes without a type from some CAs; 401 and 403
 * without one come from something before the CA, which knows nothing of orders.
 */
function isUnknown({ status, problem, problemClass }: AcmeProblemError): boolean {
  if (problemClass === 'account' || problemClass === 'paused') return false;
  const isRefused =
    (status === 401 || status === 403) && ['unauthorized', 'malformed'].includes(problem.type);
  return status === 404 || isRefused;
}

function contactsOf(email: string | undefined): readonly string[] {
  return email === undefined ? [] : [`mailto:${email}`];
}

/** RFC 8555, section 9.1. Throws `acme.bad-answer`. */
function readChain(data: unknown, url: string): readonly string[] {
  if (typeof data !== 'string') throw badAnswer(url, 'a certificate is not PEM text');
  try {
    return splitChain(data);
  } catch {
    throw badAnswer(url, 'the certificate is not a PEM chain (section 9.1)');
  }
}
