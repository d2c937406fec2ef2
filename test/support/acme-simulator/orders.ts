import { createPublicKey } from 'node:crypto';
import { loadX509 } from '../../../src/pki/x509-library.ts';
import { mine } from './accounts.ts';
import type { Authorization, Authorizations } from './authorizations.ts';
import type { Certificates } from './certificates.ts';
import type { Account, CaContext, Identifier, Reply, SignedRequest } from './context.ts';
import { canonicalAddress, readIdentifiers } from './identifiers.ts';
import { nameSet } from './journal.ts';
import { record, thumbprint } from './jws.ts';
import { problemDocument, refuse, type SimulatedProblem } from './problem.ts';

const DEFAULT_LIFETIME_MS = 7 * 86_400_000;
const DEFAULT_CERTIFICATE_LIFETIME_MS = 90 * 86_400_000;
const DEFAULT_MAX_NAMES = 100;
const PROCESSING_RETRY_AFTER = '1';

type OrderStatus = 'pending' | 'ready' | 'processing' | 'valid' | 'invalid';

/** RFC 8555, section 7.1.3. */
export interface Order {
  readonly id: string;
  readonly account: Account;
  readonly identifiers: readonly Identifier[];
  readonly authorizations: readonly Authorization[];
  readonly profile: string | undefined;
  readonly replaces: string | undefined;
  readonly notBefore: Date | undefined;
  readonly notAfter: Date | undefined;
  expires: Date;
  /** What does not follow from the authorizations. */
  settled?: 'processing' | 'valid' | 'invalid';
  error?: SimulatedProblem;
  certificateUrl?: string;
  /** Looks that still find it `processing`. */
  looksLeft: number;
}

interface SigningRequest {
  readonly publicKey: Uint8Array;
  readonly commonName: string | undefined;
}

/** The orders of the CA (RFC 8555, section 7.4). */
export class Orders {
  readonly #context: CaContext;
  readonly #authorizations: Authorizations;
  readonly #certificates: Certificates;
  readonly #byId = new Map<string, Order>();

  constructor(context: CaContext, authorizations: Authorizations, certificates: Certificates) {
    this.#context = context;
    this.#authorizations = authorizations;
    this.#certificates = certificates;
  }

  byId(id: string): Order | undefined {
    return this.#byId.get(id);
  }

  /** The newest order that has this authorization. */
  byAuthorization(authorization: Authorization | undefined): Order | undefined {
    return [...this.#byId.values()]
      .reverse()
      .find(({ authorizations }) => authorization !== undefined && authorizations.includes(authorization));
  }

  forget(id: string): void {
    this.#byId.delete(id);
  }

  forgetAll(): void {
    this.#byId.clear();
  }

  newOrder(request: SignedRequest): Reply {
    const account = mine(request);
    const wanted = record(request.payload, 'newOrder wants a JSON object');
    const identifiers = readIdentifiers(wanted.identifiers);
    const profile = this.#profile(wanted.profile, identifiers);
    const { notBefore, notAfter } = this.#dates(wanted);
    const replaces = wanted.replaces === undefined ? undefined : String(wanted.replaces);
    const names = nameSet(identifiers.map(({ value }) => value));
    const open = [...this.#byId.values()].find(
      (order) =>
        order.account === account &&
        order.profile === profile &&
        order.replaces === replaces &&
        nameSet(order.identifiers.map(({ value }) => value)) === names &&
        ['pending', 'ready'].includes(statusOf(order)),
    );
    if (open !== undefined && this.#context.options.reusesOrders !== false) return this.#reply(201, open);
    if (replaces !== undefined) this.#checkReplaced(replaces, account, identifiers);
    const order: Order = {
      id: this.#context.nextId(),
      account,
      identifiers,
      authorizations: identifiers.map((identifier) => this.#authorizations.provide(account, identifier)),
      ...{ profile, replaces, notBefore, notAfter },
      expires: new Date(Date.now() + (this.#context.options.orderLifetimeMs ?? DEFAULT_LIFETIME_MS)),
      looksLeft: this.#context.options.processingLooks ?? 0,
    };
    this.#byId.set(order.id, order);
    this.#context.journal.orders.push({
      at: new Date(),
      identifiers: identifiers.map(({ value }) => value),
    });
    return this.#reply(201, order);
  }

  order(request: SignedRequest): Reply {
    const order = this.#own(request);
    if (request.payload !== undefined) refuse('malformed', 'an order is read with an empty payload');
    const reply = this.#reply(200, order);
    if (order.settled === 'processing' && order.looksLeft > 0) order.looksLeft -= 1;
    return reply;
  }

  async finalize(request: SignedRequest): Promise<Reply> {
    const order = this.#own(request);
    const { csr } = record(request.payload, 'finalize wants a JSON object');
    const status = statusOf(order);
    if (status !== 'ready')
      refuse('orderNotReady', `Order's status ("${status}") is not acceptable for finalization`);
    if (typeof csr !== 'string') return refuse('malformed', 'finalize wants a csr');
    const signing = await readCsr(Buffer.from(csr, 'base64url'), order);
    this.#context.journal.finalizes += 1;
    order.settled = 'processing';
    await this.#issue(order, signing);
    return this.#reply(200, order);
  }

  async #issue(order: Order, { publicKey, commonName }: SigningRequest): Promise<void> {
    const { options, behaviours } = this.#context;
    const names = order.identifiers.map(({ value }) => value);
    const behaviour = behaviours.take('issue', names);
    if (behaviour !== undefined && 'stalls' in behaviour) {
      order.looksLeft = Number.POSITIVE_INFINITY;
      return;
    }
    if (behaviour !== undefined && 'problem' in behaviour) {
      order.settled = 'invalid';
      order.error = behaviour.problem;
      return;
    }
    const profile = order.profile === undefined ? undefined : options.profiles?.[order.profile];
    const notBefore = order.notBefore ?? new Date(Math.floor(Date.now() / 1000) * 1000);
    const lifetimeMs = profile?.lifetimeMs ?? options.lifetimeMs ?? DEFAULT_CERTIFICATE_LIFETIME_MS;
    order.certificateUrl = await this.#certificates.issue(order, {
      publicKey,
      identifiers: order.identifiers,
      commonName: profile?.hasCommonName === false ? undefined : commonName,
      notBefore,
      notAfter: order.notAfter ?? new Date(notBefore.getTime() + lifetimeMs),
      wrong: behaviour !== undefined && 'certificate' in behaviour ? behaviour.certificate : undefined,
    });
  }

  #profile(wanted: unknown, identifiers: readonly Identifier[]): string | undefined {
    const profiles = this.#context.options.profiles ?? {};
    const name = wanted === undefined ? undefined : String(wanted);
    if (name !== undefined && !Object.hasOwn(profiles, name)) {
      refuse('invalidProfile', `profile "${name}" is not offered; see meta.profiles of the directory`);
    }
    const profile = name === undefined ? undefined : profiles[name];
    const maxNames = profile?.maxNames ?? DEFAULT_MAX_NAMES;
    if (identifiers.length > maxNames) refuse('malformed', `an order has at most ${maxNames} identifiers`);
    if (profile?.allowsIpAddresses === false && identifiers.some(({ type }) => type === 'ip')) {
      refuse('rejectedIdentifier', `profile "${name}" does not permit ip type identifiers`);
    }
    return name;
  }

  #dates(wanted: Readonly<Record<string, unknown>>): Pick<Order, 'notBefore' | 'notAfter'> {
    const { notBefore, notAfter } = wanted;
    if (notBefore === undefined && notAfter === undefined)
      return { notBefore: undefined, notAfter: undefined };
    if (this.#context.options.allowsNotAfter !== true) {
      refuse('malformed', 'NotBefore and NotAfter are not supported');
    }
    const read = (text: unknown): Date | undefined => {
      if (text === undefined) return undefined;
      const at = new Date(String(text));
      return Number.isNaN(at.getTime()) ? refuse('malformed', 'a date of the order is not RFC 3339') : at;
    };
    return { notBefore: read(notBefore), notAfter: read(notAfter) };
  }

  /** RFC 9773, section 5. */
  #checkReplaced(replaces: string, account: Account, identifiers: readonly Identifier[]): void {
    const { order } =
      this.#certificates.byCertificateId(replaces) ??
      refuse('malformed', 'replaces names no certificate of this CA', 404);
    if (order.account !== account) refuse('unauthorized', "replaces names another account's certificate");
    const isShared = order.identifiers.some(({ value }) =>
      identifiers.some((identifier) => identifier.value === value),
    );
    if (!isShared) refuse('malformed', 'replaces names a certificate without a common identifier');
    const isReplaced = [...this.#byId.values()].some(
      (other) => other.replaces === replaces && statusOf(other) !== 'invalid',
    );
    if (isReplaced) refuse('alreadyReplaced', `certificate ${replaces} is replaced by another order already`);
  }

  #own(request: SignedRequest): Order {
    const order = this.#byId.get(request.id);
    if (order === undefined) return refuse('malformed', `No order for ID ${request.id}`, 404);
    // As Boulder: who may not see it learns nothing.
    if (order.account !== mine(request)) refuse('malformed', `No order for ID ${request.id}`, 404);
    return order;
  }

  #reply(status: number, order: Order): Reply {
    const state = statusOf(order);
    const url = `${this.#context.origin}/order/${order.id}`;
    return {
      status,
      headers: {
        Location: url,
        ...(state === 'processing' ? { 'Retry-After': PROCESSING_RETRY_AFTER } : {}),
      },
      body: {
        status: state,
        expires: order.expires.toISOString(),
        identifiers: order.identifiers,
        authorizations: order.authorizations.map((authorization) => this.#authorizations.url(authorization)),
        finalize: `${this.#context.origin}/finalize/${order.id}`,
        ...(order.profile === undefined ? {} : { profile: order.profile }),
        ...(order.replaces === undefined ? {} : { replaces: order.replaces }),
        ...(order.notBefore === undefined ? {} : { notBefore: order.notBefore.toISOString() }),
        ...(order.notAfter === undefined ? {} : { notAfter: order.notAfter.toISOString() }),
        ...(order.error === undefined ? {} : { error: problemDocument(order.error) }),
        ...(state === 'valid' ? { certificate: order.certificateUrl } : {}),
      },
    };
  }
}

/** RFC 8555, section 7.1.6. */
function statusOf(order: Order): OrderStatus {
  if (order.settled === 'processing') {
    return order.certificateUrl !== undefined && order.looksLeft <= 0 ? 'valid' : 'processing';
  }
  if (order.settled !== undefined) return order.settled;
  if (order.expires <= new Date()) return 'invalid';
  const states = order.authorizations.map(({ status }) => status);
  if (states.some((status) => status !== 'pending' && status !== 'valid')) return 'invalid';
  return states.every((status) => status === 'valid') ? 'ready' : 'pending';
}

/** RFC 8555, section 7.4: the request names exactly what was ordered, and its key is not the account's. */
async function readCsr(der: Buffer, order: Order): Promise<SigningRequest> {
  const library = await loadX509();
  const parsed = await (async () => {
    const csr = new library.Pkcs10CertificateRequest(new Uint8Array(der));
    return (await csr.verify()) ? csr : undefined;
  })().catch(() => undefined);
  if (parsed === undefined)
    return refuse('badCSR', 'the CSR cannot be read, or its signature does not verify');
  const names = parsed.extensions
    .flatMap((extension) =>
      extension instanceof library.SubjectAlternativeNameExtension ? extension.names.items : [],
    )
    .map(({ type, value }) => {
      if (type !== 'dns' && type !== 'ip') return refuse('badCSR', `the CSR has a name of type ${type}`);
      return type === 'ip' ? canonicalAddress(value) : value.toLowerCase();
    });
  const commonName = parsed.subjectName.getField('CN')[0];
  const all = new Set([...names, ...(commonName === undefined ? [] : [commonName.toLowerCase()])]);
  const ordered = new Set(order.identifiers.map(({ value }) => value));
  if (all.size !== ordered.size || [...all].some((name) => !ordered.has(name))) {
    refuse('badCSR', `the CSR names ${nameSet([...all])}, the order ${nameSet([...ordered])}`);
  }
  const publicKey = new Uint8Array(parsed.publicKey.rawData);
  const key = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' });
  if (key.asymmetricKeyType !== 'rsa' && key.asymmetricKeyType !== 'ec') {
    return refuse('badCSR', `keys of type ${String(key.asymmetricKeyType)} are not signed`);
  }
  if (key.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) < 2048) {
    refuse('badCSR', 'RSA keys have 2048 bits or more');
  }
  if (thumbprint(key) === order.account.thumbprint) refuse('badCSR', "the key is the account's own");
  return { publicKey, commonName };
}
