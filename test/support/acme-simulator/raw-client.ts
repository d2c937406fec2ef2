import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { AcmeSimulator } from './simulator.ts';

/** An answer as it came. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
  /** The body where it is JSON, else an empty object. */
  // biome-ignore lint/suspicious/noExplicitAny: what a CA says is looked at field by field in tests
  readonly json: any;
}

/** What a request breaks on purpose. */
export interface Deviation {
  readonly header?: Readonly<Record<string, unknown>>;
  /** Fields of the protected header that are left out. */
  readonly without?: readonly string[];
  readonly key?: KeyObject;
  readonly contentType?: string;
  readonly userAgent?: string | undefined;
  /** Changes the finished JWS. */
  readonly jws?: (jws: Record<string, unknown>) => unknown;
  readonly method?: 'GET';
}

/** An ACME client of a few lines, on `node:crypto` alone, that breaks any rule it is told to. For P-256 keys. */
export class RawClient {
  readonly #ca: AcmeSimulator;
  key: KeyObject;
  kid: string | undefined;

  constructor(ca: AcmeSimulator, key = newKey()) {
    this.#ca = ca;
    this.key = key;
  }

  get jwk(): JsonWebKey {
    return jwkOf(this.key);
  }

  async register(payload: object = { termsOfServiceAgreed: true }): Promise<RawAnswer> {
    const answer = await this.post('/new-account', payload);
    this.kid = answer.headers.location;
    return answer;
  }

  async nonce(): Promise<string> {
    const { headers } = await this.send('/new-nonce', { method: 'HEAD' });
    return String(headers['replay-nonce']);
  }

  /** A signed POST; `null` is a POST-as-GET. `target`: a path, or a URL of the CA. */
  async post(target: string, payload: object | null, deviation: Deviation = {}): Promise<RawAnswer> {
    const url = target.startsWith('/') ? `${this.#ca.origin}${target}` : target;
    const identity = this.kid === undefined ? { jwk: this.jwk } : { kid: this.kid };
    const header = { alg: 'ES256', nonce: await this.nonce(), url, ...identity, ...deviation.header };
    const kept = Object.entries(header).filter(([name]) => deviation.without?.includes(name) !== true);
    const jws = flattened(Object.fromEntries(kept), payload, deviation.key ?? this.key);
    if (deviation.method === 'GET') return this.send(url);
    return this.send(url, {
      method: 'POST',
      body: JSON.stringify(deviation.jws === undefined ? jws : deviation.jws({ ...jws })),
      headers: { 'Content-Type': deviation.contentType ?? 'application/jose+json' },
      userAgent: 'userAgent' in deviation ? deviation.userAgent : 'raw-client',
    });
  }

  async send(
    target: string,
    options: {
      readonly method?: string;
      readonly body?: string;
      readonly headers?: Readonly<Record<string, string>>;
      readonly userAgent?: string | undefined;
    } = {},
  ): Promise<RawAnswer> {
    const url = new URL(target, this.#ca.origin);
    const userAgent = 'userAgent' in options ? options.userAgent : 'raw-client';
    const request = (url.protocol === 'https:' ? https : http).request(url, {
      ca: this.#ca.caPem,
      agent: false,
      method: options.method ?? 'GET',
      headers: { ...options.headers, ...(userAgent === undefined ? {} : { 'User-Agent': userAgent }) },
    });
    request.end(options.body);
    const [response] = await once(request, 'response');
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString('utf8');
    const isJson = String(response.headers['content-type']).includes('json') && body !== '';
    return {
      status: response.statusCode,
      headers: response.headers,
      body,
      json: isJson ? JSON.parse(body) : {},
    };
  }
}

/** A flattened JWS by an EC P-256 key (RFC 7515, section 7.2.2). */
export function flattened(header: object, payload: object | null, key: KeyObject): Record<string, unknown> {
  const parts = {
    protected: base64url(JSON.stringify(header)),
    payload: payload === null ? '' : base64url(JSON.stringify(payload)),
  };
  const input = Buffer.from(`${parts.protected}.${parts.payload}`);
  return {
    ...parts,
    signature: sign('sha256', input, { key, dsaEncoding: 'ieee-p1363' }).toString('base64url'),
  };
}

/** An external account binding (RFC 8555, section 7.3.4). */
export function binding(header: object, jwk: JsonWebKey, macKey: string): Record<string, unknown> {
  const parts = { protected: base64url(JSON.stringify(header)), payload: base64url(JSON.stringify(jwk)) };
  const mac = createHmac('sha256', Buffer.from(macKey, 'base64url'));
  return { ...parts, signature: mac.update(`${parts.protected}.${parts.payload}`).digest('base64url') };
}

export function newKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

export function jwkOf(key: KeyObject): JsonWebKey {
  return createPublicKey(key).export({ format: 'jwk' });
}

function base64url(text: string): string {
  return Buffer.from(text).toString('base64url');
}

/** A client with an account of its own. */
export async function registered(ca: AcmeSimulator): Promise<RawClient> {
  const client = new RawClient(ca);
  await client.register();
  return client;
}

/** The payload of newOrder for DNS names. */
export function dns(...values: readonly string[]) {
  return { identifiers: values.map((value) => ({ type: 'dns', value })) };
}
