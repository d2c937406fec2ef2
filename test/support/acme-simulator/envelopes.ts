import { randomBytes } from 'node:crypto';
import type { Accounts } from './accounts.ts';
import type { Endpoint } from './behaviour.ts';
import type { RawRequest, SignedRequest } from './context.ts';
import { keyOfJwk, parseJws, verifyJws } from './jws.ts';
import { refuse } from './problem.ts';

const MAX_NONCES = 100_000;

/** Opens signed requests: JWS, nonce, URL and key (RFC 8555, sections 6.2 to 6.5). */
export class Envelopes {
  readonly #origin: string;
  readonly #accounts: Accounts;
  readonly #nonces = new Set<string>();

  constructor(origin: string, accounts: Accounts) {
    this.#origin = origin;
    this.#accounts = accounts;
  }

  /** Verifies a request and uses its nonce up; refuses what breaks the rules. */
  verify(endpoint: Endpoint, id: string, request: RawRequest): SignedRequest {
    let body: unknown;
    try {
      body = JSON.parse(request.body);
    } catch {
      refuse('malformed', 'the body is no JSON');
    }
    const jws = parseJws(body);
    const { jwk, kid, url, nonce } = jws.header;
    if ((jwk === undefined) === (kid === undefined)) refuse('malformed', 'a JWS has either a jwk or a kid');
    if (endpoint === 'newAccount' && jwk === undefined)
      refuse('malformed', 'newAccount is signed with a jwk');
    if (jwk !== undefined && endpoint !== 'newAccount' && endpoint !== 'revokeCert') {
      refuse('malformed', `${endpoint} is signed with a kid`);
    }
    const ownUrl = `${this.#origin}${request.path}`;
    // RFC 8555, section 6.4: a JWS for another URL is refused as unauthorized.
    if (url !== ownUrl) refuse('unauthorized', `the JWS is for ${String(url)}, and this is ${ownUrl}`);
    if (typeof nonce !== 'string' || !this.#nonces.delete(nonce)) {
      refuse('badNonce', 'the nonce was not given out, or was used before');
    }
    const account = kid === undefined ? undefined : this.#accounts.ofKid(kid);
    const key = account?.key ?? keyOfJwk(jwk);
    verifyJws(jws, key);
    return { id, url: ownUrl, payload: jws.payload, key, account };
  }

  /** Gives a nonce out; each is good once. */
  newNonce(): string {
    const nonce = randomBytes(24).toString('base64url');
    this.#nonces.add(nonce);
    const [oldest] = this.#nonces;
    if (oldest !== undefined && this.#nonces.size > MAX_NONCES) this.#nonces.delete(oldest);
    return nonce;
  }
}
