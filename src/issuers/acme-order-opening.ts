import { badAnswer } from '../acme/connection-error.ts';
import type { RateLedger } from '../acme/rate-ledger.ts';
import type { AcmeIdentifier, AcmeOrder } from '../acme/resources.ts';
import type { AcmeSession } from '../acme/session.ts';
import type { AcmeIssuerSpec } from '../api/issuer.ts';
import { formatObjectName } from '../api/names.ts';
import type { Clock } from '../lib/clock.ts';
import type { FaultPoints } from '../lib/faults.ts';
import type { Log } from '../lib/log.ts';
import { ipAddressBytes } from '../pki/ip-address.ts';
import { budgetSpent, makeOrder, orderTerms } from './acme-new-order.ts';
import type { ChallengeSolving } from './challenge-solving.ts';
import { factsOfStep } from './failure-facts.ts';
import {
  IssuanceError,
  type OrderRecord,
  type OrderRecordAuthorization,
  type SigningRequest,
} from './issuer.ts';
import type { OpenOrders } from './open-orders.ts';

export interface OrderOpeningOptions {
  readonly spec: AcmeIssuerSpec;
  readonly session: AcmeSession;
  readonly solving: ChallengeSolving;
  readonly openOrders: OpenOrders;
  readonly ledger: RateLedger | undefined;
  readonly isOrderTaken: (orderUrl: string, request: SigningRequest) => boolean;
  readonly clock: Clock;
  readonly faults: FaultPoints;
  readonly log: Log;
}

/** Makes orders and describes them; what is recorded of one before anything irrevocable happens. */
export class OrderOpening {
  readonly #options: OrderOpeningOptions;

  constructor(options: OrderOpeningOptions) {
    this.#options = options;
  }

  /**
   * A new order, or the one that was made for these names a moment ago and could not be described.
   * Throws `issuers.profile-unknown`, `issuers.budget-spent`, `issuers.order-taken`, `issuers.no-challenge`, what
   * `AcmeSession` throws, and the signal's reason.
   */
  async open(
    request: SigningRequest,
    account: string,
    identifiers: readonly AcmeIdentifier[],
    signal: AbortSignal,
  ): Promise<OrderRecord> {
    const { openOrders, faults, isOrderTaken } = this.#options;
    const owner = formatObjectName(request.certificate);
    const undescribed = openOrders.orderOf(identifiers, owner);
    const order = undescribed ?? (await this.#newOrder(request, account, identifiers, signal));
    if (undescribed === undefined) faults.reach('order-created');
    if (isOrderTaken(order.url, request)) throw orderTaken(order.url);
    openOrders.keep(identifiers, owner, order);
    const authorizations = await this.#authorizations(order, identifiers, request, signal);
    return { orderUrl: order.url, finalizeUrl: order.finalizeUrl, state: order.status, authorizations };
  }

  async #newOrder(
    request: SigningRequest,
    account: string,
    identifiers: readonly AcmeIdentifier[],
    signal: AbortSignal,
  ): Promise<AcmeOrder> {
    const { spec, session, ledger, clock, log } = this.#options;
    const terms = await orderTerms(spec, request, session, clock, signal);
    const owner = formatObjectName(request.certificate);
    const isReplacement = terms.replaces !== undefined;
    const refusal = ledger?.admit(
      { account, directoryUrl: spec.server, identifiers, owner, isReplacement },
      clock.realNow(),
    );
    if (refusal !== undefined) throw budgetSpent(refusal, clock);
    return await makeOrder(session, identifiers, terms, log, signal);
  }

  async #authorizations(
    order: AcmeOrder,
    identifiers: readonly AcmeIdentifier[],
    request: SigningRequest,
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
    return Promise.all(
      order.authorizationUrls.map((url) => this.#authorization(url, identifiers, request, signal)),
    );
  }

  async #authorization(
    url: string,
    identifiers: readonly AcmeIdentifier[],
    request: SigningRequest,
    signal: AbortSignal,
  ): Promise<OrderRecordAuthorization> {
    const authorization = await this.#options.session.getAuthorization(url, signal);
    const { identifier, status, wildcard } = authorization;
    // Nothing is shown for a name that nobody asked for: it might be in somebody else's zone.
    if (!isAskedFor(identifier, identifiers)) {
      throw badAnswer(url, `the authorization is for "${identifier.value}", which was not ordered`);
    }
    const shared = {
      url,
      identifier: identifier.value,
      identifierType: identifier.type,
      wildcard,
      initialState: status,
    };
    if (status !== 'pending') return shared;
    return { ...shared, challenge: this.#options.solving.chooseChallenge(authorization, request.labels) };
  }
}

/** A wildcard's authorization is for the name below the asterisk (RFC 8555, section 7.1.3). */
function isAskedFor(found: AcmeIdentifier, identifiers: readonly AcmeIdentifier[]): boolean {
  const name = comparable(found);
  return identifiers
    .filter(({ type }) => type === found.type)
    .map(comparable)
    .some((asked) => asked === name || asked === `*.${name}`);
}

/** An address can be written in more than one way, a name in upper and lower case. */
function comparable({ type, value }: AcmeIdentifier): string {
  const bytes = type === 'ip' ? ipAddressBytes(value) : undefined;
  return bytes === undefined ? value.toLowerCase() : Buffer.from(bytes).toString('hex');
}

/** Two Certificates of the same names cannot have an open order each. */
export function orderTaken(orderUrl?: string): IssuanceError {
  return new IssuanceError(
    'issuers.order-taken',
    {
      what: 'Another Certificate with the same names has an open order',
      why: 'A CA gives the same order to both, so they take turns',
      next: 'It goes on by itself when the other is done',
    },
    {
      failsRequest: false,
      retry: { when: 'backoff' },
      data: { orderUrl },
      facts: factsOfStep('new order'),
    },
  );
}
