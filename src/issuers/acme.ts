import type { KeyObject } from 'node:crypto';
import type { RateLedger } from '../acme/rate-ledger.ts';
import type { AcmeIdentifier } from '../acme/resources.ts';
import { AcmeSession } from '../acme/session.ts';
import type { AcmeIssuerSpec } from '../api/issuer.ts';
import { formatObjectName } from '../api/names.ts';
import type { Clock } from '../lib/clock.ts';
import { CertopsError } from '../lib/errors.ts';
import type { FaultPoints } from '../lib/faults.ts';
import type { HostPolicy } from '../lib/host-policy.ts';
import type { Log } from '../lib/log.ts';
import { acmeIdentifiers } from '../pki/signing-request.ts';
import type { Dns01 } from '../solvers/dns01/dns01.ts';
import type { ChallengePresenter } from '../solvers/presenter.ts';
import { accountKeyHash } from './account-key-hash.ts';
import { type AccountRollover, AcmeAccount, type OpenCredential } from './acme-account.ts';
import { issuanceFailure } from './acme-failure.ts';
import { OrderCompletion } from './acme-order.ts';
import { OrderOpening, orderTaken } from './acme-order-opening.ts';
import { ChallengeSolving } from './challenge-solving.ts';
import { type FailureObserver, withObservations } from './failure-observer.ts';
import {
  IssuanceError,
  type IssuerAdapter,
  type IssuerReadiness,
  type OrderRecord,
  type RenewalInformation,
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
  /** The account on record has another key than `accountKey`, and is moved to this one. */
  readonly rollover?: AccountRollover | undefined;
  /** `status.acme.lastRegisteredEmail` on record. */
  readonly lastRegisteredEmail?: string | undefined;
  /** Opens the Secret of an external account binding or of a TSIG key. */
  readonly credential?: OpenCredential | undefined;
  /** Keeps the limits of CAs; without it none but the CA itself does. */
  readonly ledger?: RateLedger | undefined;
  /** Undefined where the daemon has no HTTP-01 presenter. */
  readonly presenter: ChallengePresenter | undefined;
  /** Undefined where the daemon does no DNS-01. */
  readonly dns01?: Dns01 | undefined;
  /** Looks for itself when a validation fails, while the challenges are still shown. */
  readonly observer?: FailureObserver | undefined;
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
 * An ACME issuer (RFC 8555) with HTTP-01 and DNS-01.
 *
 * `setUp` throws what `AcmeAccount.ensure` does (with cert-manager's reason in `data.reason`).
 * `begin` and `complete` throw `IssuanceError`:
 * `issuers.no-solver`, `issuers.no-presenter`, `issuers.no-identifiers`, `issuers.profile-unknown`,
 * `issuers.budget-spent` before anything is ordered; `issuers.paused`, `issuers.account-deactivated`,
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
  readonly #account: AcmeAccount;
  readonly #solving: ChallengeSolving;
  readonly #opening: OrderOpening;
  #accountUri: string | undefined;

  constructor(options: AcmeIssuerOptions) {
    this.#options = options;
    this.#open = new OpenOrders(options.clock.monotonicMs);
    const sessionWith = (accountKey: KeyObject, accountUrl: string | undefined) =>
      new AcmeSession({
        ...options,
        directoryUrl: options.spec.server,
        accountKey,
        accountUrl,
        caBundle: options.spec.caBundle,
        skipTlsVerify: options.spec.skipTLSVerify,
        preferredChain: options.spec.preferredChain,
        userAgent: `certops/${options.version}`,
      });
    this.#session = sessionWith(options.accountKey, options.accountUrl);
    const { spec, presenter, dns01, credential, clock } = options;
    this.#solving = new ChallengeSolving({
      ...{ solvers: spec.solvers, http01: presenter, dns01, credential, clock },
    });
    this.#opening = new OrderOpening({
      ...{ spec, session: this.#session, solving: this.#solving, openOrders: this.#open, clock },
      ledger: options.ledger,
      isOrderTaken: options.isOrderTaken,
      faults: options.faults,
      log: options.log,
    });
    this.#account = new AcmeAccount({
      spec: options.spec,
      accountKey: options.accountKey,
      session: this.#session,
      sessionWith,
      accountUrl: options.accountUrl,
      rollover: options.rollover,
      lastRegisteredEmail: options.lastRegisteredEmail,
      credential: options.credential,
      faults: options.faults,
      log: options.log,
    });
  }

  async setUp(signal: AbortSignal): Promise<IssuerReadiness> {
    const { spec, accountKey } = this.#options;
    const uri = await this.#ensureAccount(signal);
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

  async renewalInformation(leafPem: string, signal: AbortSignal): Promise<RenewalInformation | undefined> {
    if (this.#options.spec.renewalInformationSource === 'None') return undefined;
    try {
      return await this.#session.renewalInformation(leafPem, signal);
    } catch (thrown) {
      throw issuanceFailure(thrown, 'renewal information');
    }
  }

  async begin(request: SigningRequest, signal: AbortSignal) {
    const identifiers = acmeIdentifiers(request.spec);
    await this.#solving.require(request, identifiers);
    const owner = formatObjectName(request.certificate);
    if (!this.#open.claim(identifiers, owner)) throw orderTaken();
    try {
      const account = await this.#ensureAccount(signal);
      const record = await this.#opening.open(request, account, identifiers, signal);
      this.#remember(record.orderUrl);
      return { kind: 'pending' as const, record };
    } catch (thrown) {
      const failure = await this.#failure(thrown, 'new order', identifiers, signal);
      // An order that was made but not described yet is taken up by the next `begin`.
      const isOver = failure instanceof IssuanceError && failure.failsRequest;
      if (isOver || this.#open.orderOf(identifiers, owner) === undefined) this.#release(request);
      throw failure;
    }
  }

  async complete(request: SigningRequest, record: OrderRecord, signal: AbortSignal) {
    const { clock, faults, log, orderTimeoutMs, ledger, spec } = this.#options;
    // Its record is in the remote now; until then a `begin` again takes the same order up.
    this.#open.keep(acmeIdentifiers(request.spec), formatObjectName(request.certificate), undefined);
    const madeAtMs = this.#madeAtMs.get(record.orderUrl);
    this.#madeAtMs.delete(record.orderUrl);
    const completion = new OrderCompletion({
      session: this.#session,
      solving: this.#solving,
      clock,
      faults,
      log,
      timeoutMs: orderTimeoutMs ?? 5 * 60_000,
      isFresh: madeAtMs !== undefined && clock.monotonicMs() - madeAtMs < FRESH_MS,
      isStillShown: this.#lingering.has(record.orderUrl),
    });
    let isLeftOpen = false;
    let isOver = false;
    try {
      const account = await this.#ensureAccount(signal);
      const identifiers = acmeIdentifiers(request.spec);
      ledger?.beginOrder(account, identifiers, formatObjectName(request.certificate), clock.realNow());
      const chainPem = await completion.run(request, record, signal);
      ledger?.noteCertificate({ account, directoryUrl: spec.server, identifiers }, clock.realNow());
      this.#release(request);
      isOver = true;
      return { chainPem };
    } catch (thrown) {
      const failure = await this.#failure(thrown, 'order', acmeIdentifiers(request.spec), signal);
      this.#noteFailure(failure);
      isOver = failure instanceof IssuanceError && failure.failsRequest;
      isLeftOpen = failure instanceof CertopsError && !isOver;
      if (isOver) this.#release(request);
      throw await this.#lookInto(failure, request, record, completion, signal);
    } finally {
      // A process that is stopped leaves in place what the CA may be looking for; the next one takes it away.
      const isLeftBehind = signal.aborted && !isOver && completion.hasAccepted;
      if (!isLeftBehind) {
        await this.#lingering.settle(record.orderUrl, completion.presentations, isLeftOpen);
      }
      if (isOver) await completion.withdrawLeftovers(request, record);
    }
  }

  close(): void {
    void this.#lingering.clear();
    this.#session.close();
  }

  async #ensureAccount(signal: AbortSignal): Promise<string> {
    this.#accountUri = await this.#account.ensure(signal);
    return this.#accountUri;
  }

  #remember(orderUrl: string): void {
    const [oldest] = this.#madeAtMs.keys();
    if (oldest !== undefined && this.#madeAtMs.size >= MAX_FRESH_ORDERS) this.#madeAtMs.delete(oldest);
    this.#madeAtMs.set(orderUrl, this.#options.clock.monotonicMs());
  }

  #release(request: SigningRequest): void {
    const identifiers = acmeIdentifiers(request.spec);
    const owner = formatObjectName(request.certificate);
    this.#open.release(identifiers, owner);
    if (this.#accountUri !== undefined) this.#options.ledger?.endOrder(this.#accountUri, identifiers, owner);
  }

  /** What was thrown in the words of this room; an account that was deactivated is told as such. */
  async #failure(
    thrown: unknown,
    step: string,
    identifiers: readonly AcmeIdentifier[],
    signal: AbortSignal,
  ): Promise<unknown> {
    const deactivation = await this.#account.deactivation(thrown, signal);
    const names = identifiers.map(({ value }) => value);
    return deactivation ?? issuanceFailure(thrown, step, this.#options.spec, names);
  }

  /** What failed, with what is seen of it from here. Holds up nothing but this attempt. */
  #lookInto(
    failure: unknown,
    request: SigningRequest,
    record: OrderRecord,
    { unseen }: OrderCompletion,
    signal: AbortSignal,
  ): Promise<unknown> {
    const { observer, log } = this.#options;
    const ours = { session: this.#session, accountUri: this.#accountUri, log };
    return withObservations(failure, { request, record, unseen, ...ours }, observer, signal);
  }

  /** Whatever the CA tried and could not validate counts, though nobody was there to answer. */
  #noteFailure(failure: unknown): void {
    const { ledger, clock } = this.#options;
    const isValidation =
      failure instanceof IssuanceError &&
      ['issuers.validation-failed', 'issuers.validation-interrupted'].includes(failure.code);
    const names = isValidation ? failure.data.identifiers : undefined;
    if (!Array.isArray(names) || this.#accountUri === undefined) return;
    ledger?.noteFailures(this.#accountUri, names, clock.realNow());
  }
}
