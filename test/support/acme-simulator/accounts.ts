import type { KeyObject } from 'node:crypto';
import type { Account, CaContext, Reply, SignedRequest } from './context.ts';
import { keyOfJwk, parseJws, record, thumbprint, verifyJws, verifyMac } from './jws.ts';
import { Refusal, refuse } from './problem.ts';

/** The accounts of the CA (RFC 8555, section 7.3). */
export class Accounts {
  readonly #context: CaContext;
  #byUrl = new Map<string, Account>();

  constructor(context: CaContext) {
    this.#context = context;
  }

  /** The account that a `kid` names; refuses as RFC 8555, section 6.2 and 7.3.6 say. */
  ofKid(kid: unknown): Account {
    const account = typeof kid === 'string' ? this.#byUrl.get(kid) : undefined;
    if (account === undefined) return refuse('accountDoesNotExist', 'no account has this URL');
    if (account.status !== 'valid') refuse('unauthorized', `the account is ${account.status}`);
    return account;
  }

  newAccount({ payload, key, url }: SignedRequest): Reply {
    const wanted = record(payload, 'newAccount wants a JSON object');
    const known = this.#ofKey(key);
    if (known !== undefined) {
      if (known.status !== 'valid') refuse('unauthorized', `the account is ${known.status}`);
      return reply(200, known);
    }
    if (wanted.onlyReturnExisting === true) {
      refuse('accountDoesNotExist', 'no account has this key, and none was to be made');
    }
    if (this.#context.options.hasTerms !== false && wanted.termsOfServiceAgreed !== true) {
      refuse('userActionRequired', 'the terms of service must be agreed to');
    }
    const contact = checkedContact(wanted.contact ?? []);
    this.#checkBinding(wanted.externalAccountBinding, key, url);
    const id = this.#context.nextId();
    const account: Account = {
      id,
      url: `${this.#context.origin}/account/${id}`,
      key,
      thumbprint: thumbprint(key),
      contact,
      status: 'valid',
    };
    this.#byUrl.set(account.url, account);
    this.#context.journal.accounts += 1;
    return reply(201, account);
  }

  /** RFC 8555, section 7.3.2 and 7.3.6. */
  update(request: SignedRequest): Reply {
    const account = mine(request);
    if (account.url !== request.url) refuse('unauthorized', "this is another account's URL");
    if (request.payload === undefined) return reply(200, account);
    const change = record(request.payload, 'an account update is a JSON object');
    if (change.contact !== undefined) account.contact = checkedContact(change.contact);
    if (change.status === 'deactivated') account.status = 'deactivated';
    else if (change.status !== undefined && change.status !== 'valid') {
      refuse('malformed', 'only deactivated may be asked for');
    }
    return reply(200, account);
  }

  /** RFC 8555, section 7.3.5. */
  keyChange(request: SignedRequest): Reply {
    const account = mine(request);
    const inner = parseJws(request.payload);
    if (inner.header.kid !== undefined || inner.header.jwk === undefined) {
      refuse('malformed', 'the inner JWS has a jwk and no kid');
    }
    if (inner.header.nonce !== undefined) refuse('malformed', 'the inner JWS has no nonce');
    if (inner.header.url !== request.url) refuse('malformed', 'the inner url is not the outer one');
    const newKey = keyOfJwk(inner.header.jwk);
    verifyJws(inner, newKey);
    const { account: accountUrl, oldKey } = record(inner.payload, 'the inner payload is no JSON object');
    if (accountUrl !== account.url) refuse('malformed', 'the inner payload names another account');
    if (thumbprint(keyOfJwk(oldKey)) !== account.thumbprint) {
      refuse('malformed', "oldKey is not the account's key");
    }
    const other = this.#ofKey(newKey);
    if (other !== undefined) {
      throw new Refusal({
        type: 'conflict',
        detail: 'another account has the new key',
        headers: { Location: other.url },
      });
    }
    account.key = newKey;
    account.thumbprint = thumbprint(newKey);
    this.#context.journal.keyChanges += 1;
    return reply(200, account);
  }

  forgetAll(): void {
    this.#byUrl.clear();
  }

  deactivateAll(): void {
    for (const account of this.#byUrl.values()) account.status = 'deactivated';
  }

  #ofKey(key: KeyObject): Account | undefined {
    const wanted = thumbprint(key);
    return [...this.#byUrl.values()].find((account) => account.thumbprint === wanted);
  }

  /** RFC 8555, section 7.3.4. */
  #checkBinding(binding: unknown, key: KeyObject, url: string): void {
    const keys = this.#context.options.externalAccountKeys;
    if (keys === undefined) return;
    if (binding === undefined) {
      refuse('externalAccountRequired', 'this CA wants an external account binding', 403);
    }
    const jws = parseJws(binding);
    const { alg, kid, nonce, url: boundUrl } = jws.header;
    if (alg !== 'HS256') refuse('badSignatureAlgorithm', 'a binding is made with HS256');
    if (nonce !== undefined) refuse('malformed', 'a binding has no nonce');
    if (boundUrl !== url) refuse('malformed', 'the url of the binding is not that of newAccount');
    if (thumbprint(keyOfJwk(jws.payload)) !== thumbprint(key)) {
      refuse('malformed', 'the binding is for another key');
    }
    const macKey =
      (typeof kid === 'string' && Object.hasOwn(keys, kid) ? keys[kid] : undefined) ??
      refuse('unauthorized', 'no external account has this key ID');
    if (!verifyMac(jws, Buffer.from(macKey, 'base64url'))) {
      refuse('unauthorized', 'the MAC of the external account binding does not verify');
    }
  }
}

/** The account that signed; a request with a `jwk` has none. */
export function mine({ account }: SignedRequest): Account {
  return account ?? refuse('malformed', 'this request is signed with a kid (RFC 8555, 6.2)');
}

function reply(status: number, { url, contact, status: state }: Account): Reply {
  return {
    status,
    headers: { Location: url },
    body: { status: state, contact, orders: `${url}/orders` },
  };
}

function checkedContact(contact: unknown): readonly string[] {
  if (!Array.isArray(contact)) return refuse('malformed', 'contact is a list');
  for (const entry of contact) {
    if (typeof entry !== 'string' || !entry.startsWith('mailto:')) {
      refuse('unsupportedContact', 'only mailto: contacts are taken');
    }
    if (!/^mailto:[^@\s,?]+@[^@\s,?]+\.[^@\s,?]+$/.test(entry)) {
      refuse('invalidContact', 'the contact is not one plain e-mail address');
    }
  }
  return contact;
}
