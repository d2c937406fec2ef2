import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import type { AcmeIdentifier, AcmeOrder } from '../acme/resources.ts';
import { AcmeSession } from '../acme/session.ts';
import type { AcmeIssuerSpec } from '../api/issuer.ts';
import { formatObjectName } from '../api/names.ts';
import type { Clock } from '../lib/clock.ts';
import { CertopsError } from '../lib/errors.ts';
import type { FaultPoints } from '../lib/faults.ts';
import type { HostPolicy } from '../lib/host-policy.ts';
import type { Log } from '../lib/log.ts';
import { acmeIdentifiers } from '../pki/signing-request.ts';
import { chooseSolver } from '../solvers/choose-solver.ts';
import type { ChallengePresenter } from '../solvers/presenter.ts';
import { issuanceFailure } from './acme-failure.ts';
import { OrderCompletion } from './acme-order.ts';
import {
  IssuanceError,
  type IssuerAdapter,
  type IssuerReadiness,
  type OrderRecord,
  type OrderRecordAuthorization,
  type SigningRequest,
} from './issuer.ts';
import { LingeringPresentations } from './lingering-presentations.ts';
import { OpenOrders } from './open-orders.ts';

export interface AcmeIssuerOptions {
  readonly spec: AcmeIssuerSpec;
  /** RSA, or EC on P-256, P-384 or P-521. */
  readonly accountKey: KeyObject;
  /** `status.acme.uri` on record for this very key and e-mail; where it is given, nothing is registered. */
  readonly accountUrl?: string | undefined;
  /** Undefined where the daemon has no HTTP-01 presenter. */
  readonly presenter: ChallengePresenter | undefined;
  readonly clock: Clock;
  readonly faults: FaultPoints;
  readonly log: Log;
  /** Version of certops, for the User-Agent (RFC 8555, section 6.1). */
  readonly version: string;
  /** Whether an order URL is on record for an open request of another Certificate. */
  readonly isOrderTaken: (orderUrl: string, request: SigningRequest) => boolean;
  /** How many connections to the CA may be open; defaults to 16. */
  readonly maxConnections?: number | undefined;
  /** Which hosts and addresses may be reached; link-local and metadata addresses never are. */
  readonly hostPolicy?: HostPolicy | undefined;
  /** Plain HTTP to a loopback address is refused unless this is true. */
  readonly allowPlainLoopback?: boolean | undefined;
  /** For each request to the CA; defaults to 30 s. */
  readonly requestTimeoutMs?: number | undefined;
  /** How long `complete` watches an order before it leaves it open for later; defaults to 5 min. */
  readonly orderTimeoutMs?: number | undefined;
}

/** How long after `begin` its own word about an order is as good as a fresh look. */
const FRESH_MS = 60_000;
const MAX_FRESH_ORDERS = 10_000;
/** How long challenges of an order that was left open stay in place: its CA may be about to look. */
const LINGER_MS = 5 * 60_000;

/**
 * An ACME issuer (RFC 8555) with HTTP-01.
 *
 * `setUp` throws `IssuanceError` `issuers.registration-failed` (with cert-manager's reason in `data.reason`).
 * `begin` and `complete` throw `IssuanceError`:
 * `issuers.no-solver`, `issuers.no-presenter`, `issuers.no-identifiers` before anything is asked of the CA;
 * `issuers.order-taken`, `issuers.no-challenge`, `issuers.ca-busy`, `issuers.ca-unavailable`,
 * `issuers.account-gone`, `issuers.request-refused`, `issuers.validation-failed`,
 * `issuers.validation-interrupted`, `issuers.order-gone`, `issuers.order-slow`.
 * Options that cannot be right throw `acme.url-refused` at once.
 */
export function createAcmeIssuer(options: AcmeIssuerOptions): IssuerAdapter {
  return new AcmeIssuer(options);
}

class AcmeIssuer implements IssuerAdapter {
  readonly #options: AcmeIssuerOptions;
  readonly #session: AcmeSession;
  readonly #open: OpenOrders;
  /** When orders that this process made were seen last, so that `complete` need not ask what it just heard. */
  readonly #madeAtMs = new Map<string, number>();
  readonly #lingering = new LingeringPresentations(LINGER_MS);
  #registration: Promise<string> | undefined;

  constructor(options: AcmeIssuerOptions) {
    this.#options = options;
    this.#open = new OpenOrders(options.clock.monotonicMs);
    this.#session = new AcmeSession({
      directoryUrl: options.spec.server,
      accountKey: options.accountKey,
      accountUrl: options.accountUrl,
      caBundle: options.spec.caBundle,
      userAgent: `certops/${options.version}`,
      clock: options.clock,
      log: options.log,
      maxConnections: options.maxConnections,
      requestTimeoutMs: options.requestTimeoutMs,
      hostPolicy: options.hostPolicy,
      allowPlainLoopback: options.allowPlainLoopback,
    });
    if (options.accountUrl !== undefined) this.#registration = Promise.resolve(options.accountUrl);
  }

  async setUp(signal: AbortSignal): Promise<IssuerReadiness> {
    const { spec, accountKey } = this.#options;
    const uri = await this.#register(signal);
    return {
      ready: true,
      reason: 'ACMEAccountRegistered',
      message: 'The ACME account was registered with the ACME server',
      acme: {
        uri,
        ...(spec.email === undefined ? {} : { lastRegisteredEmail: spec.email }),
        lastPrivateKeyHash: accountKeyHash(accountKey),
      },
    };
  }

  async begin(request: SigningRequest, signal: AbortSignal) {
    const identifiers = acmeIdentifiers(request.spec);
    this.#requireSolvers(request, identifiers);
    const owner = formatObjectName(request.certificate);
    if (!this.#open.claim(identifiers, owner)) throw orderTaken();
    try {
      const record = await this.#order(request, identifiers, signal);
      return { kind: 'pending' as const, record };
    } catch (thrown) {
      const failure = issuanceFailure(thrown, 'new order');
      // An order that was made but not described yet is taken up by the next `begin`.
      const isOver = failure instanceof IssuanceError && failure.failsRequest;
      if (isOver || this.#open.orderOf(identifiers, owner) === undefined)
        this.#open.release(identifiers, owner);
      throw failure;
    }
  }

  async complete(request: SigningRequest, record: OrderRecord, signal: AbortSignal) {
    const { clock, faults, log, presenter, orderTimeoutMs } = this.#options;
    // Its record is in the remote now; until then a `begin` again takes the same order up.
    this.#open.keep(acmeIdentifiers(request.spec), formatObjectName(request.certificate), undefined);
    const madeAtMs = this.#madeAtMs.get(record.orderUrl);
    this.#madeAtMs.delete(record.orderUrl);
    const completion = new OrderCompletion({
      session: this.#session,
      presenter,
      clock,
      faults,
      log,
      timeoutMs: orderTimeoutMs ?? 5 * 60_000,
      isFresh: madeAtMs !== undefined && clock.monotonicMs() - madeAtMs < FRESH_MS,
    });
    let isLeftOpen = false;
    try {
      const chainPem = await completion.run(request, record, signal);
      this.#release(request);
      return { chainPem };
    } catch (thrown) {
      const failure = issuanceFailure(thrown, 'order');
      isLeftOpen = failure instanceof IssuanceError && !failure.failsRequest;
      if (!isLeftOpen && failure instanceof IssuanceError) this.#release(request);
      throw failure;
    } finally {
      await this.#lingering.settle(record.orderUrl, completion.presentations, isLeftOpen);
    }
  }

  close(): void {
    void this.#lingering.clear();
    this.#session.close();
  }

  /** One registration at a time, whoever asks; after a failure the next call tries again. */
  async #register(signal: AbortSignal): Promise<string> {
    if (this.#registration === undefined) {
      const { spec, faults } = this.#options;
      const registration = this.#session.registerAccount({ email: spec.email }, signal).then(({ uri }) => {
        faults.reach('account-registered');
        return uri;
      });
      this.#registration = registration;
      registration.catch(() => {
        this.#registration = undefined;
      });
    }
    try {
      return await this.#registration;
    } catch (thrown) {
      if (!(thrown instanceof CertopsError)) throw thrown;
      throw new IssuanceError(
        'issuers.registration-failed',
        {
          what: 'Failed to register ACME account',
          why: thrown.explain(),
          next: thrown.explanation.next ?? 'Check spec.acme; it is tried again by itself where that can help',
        },
        {
          failsRequest: false,
          retry: thrown.retry,
          cause: thrown,
          data: { reason: 'ErrRegisterACMEAccount', ...thrown.data, cause: thrown.code },
        },
      );
    }
  }

  /** Whether every name can be validated is known before anything is ordered. */
  #requireSolvers(request: SigningRequest, identifiers: readonly AcmeIdentifier[]): void {
    const { spec, presenter } = this.#options;
    const owner = formatObjectName(request.certificate);
    if (identifiers.length === 0) {
      throw new IssuanceError(
        'issuers.no-identifiers',
        {
          what: `Certificate ${owner} asks an ACME issuer for no DNS name and no IP address`,
          next: 'Add spec.dnsNames or spec.ipAddresses',
        },
        { failsRequest: true, retry: { when: 'never' } },
      );
    }
    const unsolved = identifiers.filter(
      (identifier) => chooseSolver(spec.solvers, identifier, request.labels) === undefined,
    );
    if (unsolved.length > 0) {
      throw new IssuanceError(
        'issuers.no-solver',
        {
          what: `No solver of the issuer fits ${unsolved.map(({ value }) => value).join(', ')}`,
          why: 'A solver must match by its selector, and HTTP-01 cannot validate wildcards',
          next: 'Add a fitting solver to spec.acme.solvers of the issuer',
        },
        {
          failsRequest: true,
          retry: { when: 'never' },
          data: { identifiers: unsolved.map(({ value }) => value) },
        },
      );
    }
    if (presenter === undefined) {
      throw new IssuanceError(
        'issuers.no-presenter',
        {
          what: 'The issuer needs HTTP-01, and this daemon has no HTTP-01 presenter',
          next: 'Start certops with --http01-port',
        },
        { failsRequest: true, retry: { when: 'never' } },
      );
    }
  }

  async #order(
    request: SigningRequest,
    identifiers: readonly AcmeIdentifier[],
    signal: AbortSignal,
  ): Promise<OrderRecord> {
    await this.#register(signal);
    const owner = formatObjectName(request.certificate);
    const undescribed = this.#open.orderOf(identifiers, owner);
    const order = undescribed ?? (await this.#session.newOrder(identifiers, signal));
    if (undescribed === undefined) this.#options.faults.reach('order-created');
    if (this.#options.isOrderTaken(order.url, request)) throw orderTaken(order.url);
    this.#open.keep(identifiers, owner, order);
    const authorizations = await this.#authorizations(order, identifiers, signal);
    this.#remember(order.url);
    return { orderUrl: order.url, finalizeUrl: order.finalizeUrl, state: order.status, authorizations };
  }

  async #authorizations(
    order: AcmeOrder,
    identifiers: readonly AcmeIdentifier[],
    signal: AbortSignal,
  ): Promise<readonly OrderRecordAuthorization[]> {
    const [onlyUrl, ...otherUrls] = order.authorizationUrls;
    const [onlyName, ...otherNames] = identifiers;
    // All is validated already, and with one name there is nothing to learn by asking.
    if (order.status === 'ready' && onlyUrl !== undefined && onlyName !== undefined) {
      if (otherUrls.length === 0 && otherNames.length === 0) {
        return [
          {
            url: onlyUrl,
            identifier: onlyName.value,
            identifierType: onlyName.type,
            wildcard: false,
            initialState: 'valid',
          },
        ];
      }
    }
    return Promise.all(order.authorizationUrls.map((url) => this.#authorization(url, signal)));
  }

  async #authorization(url: string, signal: AbortSignal): Promise<OrderRecordAuthorization> {
    const authorization = await this.#session.getAuthorization(url, signal);
    const { identifier, status, wildcard } = authorization;
    const shared = {
      url,
      identifier: identifier.value,
      identifierType: identifier.type,
      wildcard,
      initialState: status,
    };
    if (status !== 'pending') return shared;
    const challenge = authorization.challenges.find(({ type }) => type === 'http-01');
    if (challenge?.token === undefined) {
      throw new IssuanceError(
        'issuers.no-challenge',
        {
          what: `The CA offers no HTTP-01 challenge for ${identifier.value}`,
          next: 'Use an issuer whose CA validates this name by HTTP-01',
        },
        { failsRequest: true, retry: { when: 'never' }, data: { identifiers: [identifier.value] } },
      );
    }
    return { ...shared, challenge: { url: challenge.url, type: 'http-01', token: challenge.token } };
  }

  #remember(orderUrl: string): void {
    const [oldest] = this.#madeAtMs.keys();
    if (oldest !== undefined && this.#madeAtMs.size >= MAX_FRESH_ORDERS) this.#madeAtMs.delete(oldest);
    this.#madeAtMs.set(orderUrl, this.#options.clock.monotonicMs());
  }

  #release(request: SigningRequest): void {
    this.#open.release(acmeIdentifiers(request.spec), formatObjectName(request.certificate));
  }
}

/** `status.acme.lastPrivateKeyHash`: base64 of SHA-256 over the public key's SubjectPublicKeyInfo (DER). */
export function accountKeyHash(accountKey: KeyObject): string {
  const spki = createPublicKey(accountKey).export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(spki).digest('base64');
}

function orderTaken(orderUrl?: string): IssuanceError {
  return new IssuanceError(
    'issuers.order-taken',
    {
      what: 'Another Certificate with the same names has an open order',
      why: 'A CA gives the same order to both, so they take turns',
      next: 'It goes on by itself when the other is done',
    },
    { failsRequest: false, retry: { when: 'backoff' }, data: { orderUrl } },
  );
}
