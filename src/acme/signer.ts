import type { KeyObject } from 'node:crypto';
import { loadX509 } from '../pki/x509-library.ts';
import { AcmeConnectionError } from './connection-error.ts';

/** What acme-client's HTTP layer is given and gives back. */
export interface ClientAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly data: unknown;
}

/**
 * The parts of acme-client 5.4.0 (`src/http.js`) that certops uses or replaces. They are not in its types,
 * so a contract test (`test/integration/acme-pebble.test.ts`) holds them.
 */
export interface ClientHttp {
  accountKey: KeyObject | Buffer;
  /** `hmacKey` in base64 or base64url. */
  externalAccountBinding?: { readonly kid: string; readonly hmacKey: string } | undefined;
  /** A flattened JWS; without a nonce and a `kid` its header has the JWK instead (RFC 8555, section 7.3.5). */
  createSignedBody(url: string, payload: unknown): unknown;
  getJwk(): unknown;
  request(url: string, method: string, options?: { readonly data?: unknown }): Promise<ClientAnswer>;
  getNonce(): Promise<string>;
  getDirectory(): Promise<unknown>;
  signedRequest(
    url: string,
    payload: unknown,
    options?: { readonly kid?: string | null; readonly includeExternalAccountBinding?: boolean },
  ): Promise<ClientAnswer>;
}

/** As `ClientHttp`, of `src/api.js`. */
export interface ClientApi {
  http: ClientHttp;
  accountUrl: string | null;
  getAccountUrl(): string;
  apiRequest(
    url: string,
    payload?: unknown,
    validStatusCodes?: readonly number[],
    options?: { readonly includeJwsKid?: boolean; readonly includeExternalAccountBinding?: boolean },
  ): Promise<ClientAnswer>;
  createAccount(payload: object): Promise<ClientAnswer>;
  updateAccount(payload: object): Promise<ClientAnswer>;
  createOrder(payload: object): Promise<ClientAnswer>;
  getOrder(url: string): Promise<ClientAnswer>;
  finalizeOrder(url: string, payload: object): Promise<ClientAnswer>;
  getAuthorization(url: string): Promise<ClientAnswer>;
  completeChallenge(url: string, payload: object): Promise<ClientAnswer>;
}

/** The face of acme-client's `Client` that certops uses, its internals with it. */
export interface ClientInternals {
  readonly http: ClientHttp;
  readonly api: ClientApi;
  getChallengeKeyAuthorization(challenge: { readonly type: string; readonly token: string }): Promise<string>;
}

/**
 * acme-client for one account, loaded when it is first needed: it costs 0.3 s of CPU.
 * Throws `acme.unsupported-account-key` for keys other than RSA and EC (RFC 7518, section 3.1).
 */
export async function loadClient(
  directoryUrl: string,
  accountKey: KeyObject,
  accountUrl: string | undefined,
): Promise<ClientInternals> {
  if (accountKey.asymmetricKeyType !== 'rsa' && accountKey.asymmetricKeyType !== 'ec') {
    throw new AcmeConnectionError(
      'acme.unsupported-account-key',
      {
        what: 'The ACME account key is neither RSA nor EC',
        next: 'Put an RSA key of 2048 bits or more into the Secret that spec.acme.privateKeySecretRef names',
      },
      { retry: { when: 'never' } },
    );
  }
  // acme-client uses the same @peculiar/x509, which refuses to start before what loadX509 puts in place.
  await loadX509();
  const { Client } = await import('acme-client');
  const client = new Client({
    directoryUrl,
    accountKey: accountKey.export({ type: 'pkcs8', format: 'pem' }),
    ...(accountUrl === undefined ? {} : { accountUrl }),
  });
  // acme-client's types show its public face only; the contract test holds what stands in ClientInternals.
  const internals = client as unknown as ClientInternals;
  // The JWK is made from the PEM once; signing with a KeyObject is twenty times cheaper than with the PEM.
  internals.http.getJwk();
  internals.http.accountKey = accountKey;
  return internals;
}
