import { randomBytes } from 'node:crypto';
import { Accounts } from './accounts.ts';
import { Authorizations } from './authorizations.ts';
import type { Behaviour, Endpoint, Happening } from './behaviour.ts';
import { Certificates } from './certificates.ts';
import type { CaContext, RawRequest, Reply } from './context.ts';
import { editJson } from './edit-json.ts';
import { Envelopes } from './envelopes.ts';
import { record } from './jws.ts';
import { type Order, Orders } from './orders.ts';
import { problemDocument, Refusal, refuse, statusOf } from './problem.ts';

/** What is to be sent. */
export interface Verdict {
  readonly reply: Reply;
  /** How the connection misbehaves while it is sent. */
  readonly transport?: 'hang' | 'reset' | 'half-body' | 'endless-body' | 'slow-drip' | undefined;
}

const ENDPOINT_OF_PATH: Readonly<Record<string, Endpoint>> = {
  directory: 'directory',
  'new-nonce': 'newNonce',
  'new-account': 'newAccount',
  account: 'account',
  'key-change': 'keyChange',
  'new-order': 'newOrder',
  order: 'order',
  authorization: 'authorization',
  challenge: 'challenge',
  finalize: 'finalize',
  certificate: 'certificate',
  'revoke-cert': 'revokeCert',
  'renewal-info': 'renewalInfo',
};
/** RFC 8555, section 6.3 and RFC 9773, section 4.1: all else is asked by POST. */
const BY_GET: readonly string[] = ['directory', 'newNonce', 'renewalInfo'];

/** Takes requests in, checks them as RFC 8555, section 6 says, misbehaves where a test wants it, and answers. */
export class FrontDesk {
  readonly #context: CaContext;
  readonly accounts: Accounts;
  readonly orders: Orders;
  readonly certificates: Certificates;
  readonly #authorizations: Authorizations;
  readonly #envelopes: Envelopes;

  constructor(context: CaContext) {
    this.#context = context;
    this.accounts = new Accounts(context);
    this.#envelopes = new Envelopes(context.origin, this.accounts);
    this.certificates = new Certificates(context);
    this.#authorizations = new Authorizations(context);
    this.orders = new Orders(context, this.#authorizations, this.certificates);
  }

  async answer(request: RawRequest): Promise<Verdict> {
    const [, place = '', id = ''] = request.path.split('/');
    const endpoint = Object.hasOwn(ENDPOINT_OF_PATH, place) ? ENDPOINT_OF_PATH[place] : undefined;
    const identifiers = endpoint === undefined ? [] : this.#identifiersOf(endpoint, id, request.body);
    const behaviour =
      endpoint === undefined ? undefined : this.#context.behaviours.take(endpoint, identifiers);
    let verdict: Verdict;
    let problemType: string | undefined;
    try {
      if (endpoint === undefined) refuse('malformed', `nothing is at ${request.path}`, 404);
      verdict = await this.#deal(endpoint, id, request, behaviour);
    } catch (thrown) {
      // A defect of the simulator itself must be seen, and a client sees it as an error of the server.
      const { problem } =
        thrown instanceof Refusal
          ? thrown
          : { problem: { type: 'serverInternal', detail: `defect of the simulator: ${String(thrown)}` } };
      problemType = problem.type;
      verdict = {
        reply: {
          status: statusOf(problem),
          headers: {
            'Content-Type': 'application/problem+json',
            ...('retryAfter' in problem && problem.retryAfter !== undefined
              ? { 'Retry-After': problem.retryAfter }
              : {}),
            ...('headers' in problem ? problem.headers : {}),
          },
          body: problemDocument(problem),
        },
      };
    }
    this.#context.journal.requests.push({
      at: new Date(),
      endpoint: endpoint ?? 'unknown',
      method: request.method,
      path: request.path,
      status: verdict.transport === 'hang' || verdict.transport === 'reset' ? 0 : verdict.reply.status,
      problemType,
      detail: problemType === undefined ? undefined : detailOf(verdict.reply),
      isProvoked: behaviour !== undefined,
      identifiers,
      userAgent: request.userAgent,
      payload: payloadOf(request.body),
    });
    return { ...verdict, reply: this.#framed(verdict.reply, endpoint, request.method) };
  }

  async #deal(
    endpoint: Endpoint,
    id: string,
    request: RawRequest,
    behaviour: Behaviour | undefined,
  ): Promise<Verdict> {
    if (request.userAgent === undefined) refuse('malformed', 'no User-Agent (RFC 8555, 6.1)');
    if (behaviour !== undefined && 'happening' in behaviour) this.#happen(behaviour.happening, endpoint, id);
    const carryOut = await this.#checked(endpoint, id, request);
    if (behaviour === undefined) return { reply: await carryOut() };
    if ('problem' in behaviour) {
      if (behaviour.isCarriedOut === true) await carryOut();
      throw new Refusal(behaviour.problem);
    }
    if ('answer' in behaviour) {
      if (behaviour.isCarriedOut === true) await carryOut();
      const { status = 200, headers = {}, body = '' } = behaviour.answer;
      const isText = typeof body === 'string';
      return {
        reply: {
          status,
          headers: { 'Content-Type': isText ? 'text/html' : 'application/json', ...headers },
          body: isText ? body : (body as object), // a test's own JSON
        },
      };
    }
    if ('transport' in behaviour) {
      const { transport } = behaviour;
      return {
        transport,
        reply: behaviour.isCarriedOut === false ? { status: 200 } : await carryOut(),
      };
    }
    const reply = await carryOut();
    if ('headers' in behaviour)
      return { reply: { ...reply, headers: { ...reply.headers, ...behaviour.headers } } };
    if ('edit' in behaviour && typeof reply.body === 'object') {
      return { reply: { ...reply, body: editJson(reply.body, behaviour.edit) } };
    }
    return { reply };
  }

  /** Checks the request, uses its nonce up, and gives what is left to do. */
  async #checked(endpoint: Endpoint, id: string, request: RawRequest): Promise<() => Promise<Reply> | Reply> {
    const { method } = request;
    if (BY_GET.includes(endpoint)) {
      if (method !== 'GET' && method !== 'HEAD') refuse('malformed', `${endpoint} is asked by GET`, 405);
      if (endpoint === 'directory') return () => this.#directory();
      if (endpoint === 'newNonce') return () => ({ status: method === 'HEAD' ? 200 : 204 });
      if (this.#context.options.hasRenewalInformation === false) refuse('malformed', 'nothing is here', 404);
      return () => this.certificates.renewalInfo(id);
    }
    if (method !== 'POST') refuse('malformed', `${endpoint} is asked by POST (RFC 8555, 6.3)`, 405);
    if (request.contentType !== 'application/jose+json') {
      refuse('malformed', 'the content type of a POST is application/jose+json (RFC 8555, 6.2)', 415);
    }
    const signed = this.#envelopes.verify(endpoint, id, request);
    switch (endpoint) {
      case 'newAccount':
        return () => this.accounts.newAccount(signed);
      case 'account':
        return () => this.accounts.update(signed);
      case 'keyChange':
        return () => this.accounts.keyChange(signed);
      case 'newOrder':
        return () => this.orders.newOrder(signed);
      case 'order':
        return () => this.orders.order(signed);
      case 'authorization':
        return () => this.#authorizations.authorization(signed);
      case 'challenge':
        return () => this.#authorizations.challenge(signed);
      case 'finalize':
        return () => this.orders.finalize(signed);
      case 'certificate':
        if (signed.payload !== undefined) refuse('malformed', 'a certificate is read with an empty payload');
        return () => this.certificates.download(signed);
      default:
        return () => this.certificates.revoke(signed);
    }
  }

  #directory(): Reply {
    const { origin, options } = this.#context;
    const { profiles, externalAccountKeys } = options;
    return {
      status: 200,
      body: {
        newNonce: `${origin}/new-nonce`,
        newAccount: `${origin}/new-account`,
        newOrder: `${origin}/new-order`,
        revokeCert: `${origin}/revoke-cert`,
        keyChange: `${origin}/key-change`,
        ...(options.hasRenewalInformation === false ? {} : { renewalInfo: `${origin}/renewal-info` }),
        // RFC 8555, section 7.1.1: a random key, so that clients do not stumble over what they do not know.
        [randomBytes(8).toString('hex')]: 'https://datatracker.ietf.org/doc/html/rfc8555#section-7.1.1',
        meta: {
          ...(options.hasTerms === false ? {} : { termsOfService: `${origin}/terms` }),
          ...(externalAccountKeys === undefined ? {} : { externalAccountRequired: true }),
          ...(profiles === undefined
            ? {}
            : {
                profiles: Object.fromEntries(
                  Object.entries(profiles).map(([name, { description }]) => [name, description ?? name]),
                ),
              }),
        },
      },
    };
  }

  #happen(happening: Happening, endpoint: Endpoint, id: string): void {
    if (happening === 'account-is-forgotten') {
      this.accounts.forgetAll();
      return;
    }
    if (happening === 'account-is-deactivated') {
      this.accounts.deactivateAll();
      return;
    }
    const order = this.#orderOf(endpoint, id);
    if (order === undefined)
      throw new Error(`${endpoint} ${id} belongs to no order that ${happening} could befall`);
    if (happening === 'order-is-forgotten') this.orders.forget(order.id);
    else if (happening === 'order-expires') order.expires = new Date(0);
    else order.settled = 'invalid';
  }

  #orderOf(endpoint: Endpoint, id: string): Order | undefined {
    if (endpoint === 'order' || endpoint === 'finalize') return this.orders.byId(id);
    if (endpoint === 'certificate') return this.certificates.byId(id)?.order;
    return this.orders.byAuthorization(
      endpoint === 'challenge' ? this.#authorizations.byChallenge(id) : this.#authorizations.byId(id),
    );
  }

  /** What a request is about, before anything is checked. */
  #identifiersOf(endpoint: Endpoint, id: string, body: string): readonly string[] {
    if (endpoint === 'newOrder') {
      const payload = payloadOf(body);
      const wanted = typeof payload === 'object' && payload !== null && 'identifiers' in payload;
      if (!wanted || !Array.isArray(payload.identifiers)) return [];
      return payload.identifiers.map((entry: unknown) => String(record(entry, 'an object').value));
    }
    if (endpoint === 'challenge' || endpoint === 'authorization') {
      const authorization =
        endpoint === 'challenge' ? this.#authorizations.byChallenge(id) : this.#authorizations.byId(id);
      return authorization === undefined ? [] : [authorization.identifier.value];
    }
    if (endpoint === 'renewalInfo') {
      return this.certificates.byCertificateId(id)?.order.identifiers.map(({ value }) => value) ?? [];
    }
    return this.#orderOf(endpoint, id)?.identifiers.map(({ value }) => value) ?? [];
  }

  /** Every answer to a POST and of newNonce has a nonce (RFC 8555, section 6.5), and a link to the directory. */
  #framed(reply: Reply, endpoint: Endpoint | undefined, method: string): Reply {
    const hasNonce = method === 'POST' || endpoint === 'newNonce';
    const link = reply.headers?.Link;
    const isPlainObject = typeof reply.body === 'object';
    return {
      ...reply,
      headers: {
        'Cache-Control': 'public, max-age=0, no-cache',
        ...(isPlainObject ? { 'Content-Type': 'application/json' } : {}),
        ...(hasNonce ? { 'Replay-Nonce': this.#envelopes.newNonce() } : {}),
        ...reply.headers,
        Link: [
          `<${this.#context.origin}/directory>;rel="index"`,
          ...(link === undefined ? [] : typeof link === 'string' ? [link] : link),
        ],
      },
    };
  }
}

function payloadOf(body: string): unknown {
  try {
    const { payload } = JSON.parse(body);
    return payload === '' ? undefined : JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}

function detailOf({ body }: Reply): string | undefined {
  return typeof body === 'object' && 'detail' in body ? String(body.detail) : undefined;
}
