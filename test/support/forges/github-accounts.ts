import { createPublicKey, generateKeyPairSync, randomBytes, verify } from 'node:crypto';
import type { ApiAnswer } from './api-front.ts';
import { BAD_CREDENTIALS, NOT_FOUND, refused } from './github-refusals.ts';

/** With what certops comes to the simulated GitHub. */
export type GithubAccountKind =
  /** A user's token. */
  | 'token'
  /** A GitHub App: a key, and tokens for an hour. */
  | 'app'
  /** The token of a workflow (`GITHUB_TOKEN`): that of an App, whose key nobody has. */
  | 'workflow';

const APP_ID = 4711;
const INSTALLATION_ID = 815;
const HOUR_MS = 3_600_000;

/** Who is asking, or undefined for credentials that are none. */
export type GithubCaller = { readonly kind: 'user' | 'app' | 'installation'; readonly login: string };

/** Tokens and Apps of the simulated GitHub. */
export class GithubAccounts {
  readonly kind: GithubAccountKind;
  readonly token = `ghp_canary${randomBytes(12).toString('hex')}`;
  readonly appId = String(APP_ID);
  readonly installationId = INSTALLATION_ID;
  /** PKCS#1 PEM, as GitHub hands it out; empty where there is no App. */
  readonly privateKey: string;
  readonly #publicKey: string;
  readonly #installationTokens = new Map<string, number>();
  /** Set by a test: tokens handed out so far count no more. */
  readonly #now: () => Date;

  constructor(kind: GithubAccountKind, now: () => Date) {
    this.kind = kind;
    this.#now = now;
    const pair = kind === 'app' ? generateKeyPairSync('rsa', { modulusLength: 2048 }) : undefined;
    this.privateKey = pair?.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString() ?? '';
    this.#publicKey = pair?.publicKey.export({ type: 'spki', format: 'pem' }).toString() ?? '';
  }

  /** Under which name certops writes. */
  get login(): string {
    if (this.kind === 'app') return 'certops-of-team[bot]';
    return this.kind === 'workflow' ? 'github-actions[bot]' : 'certops-robot';
  }

  /** What is to be seen nowhere. */
  get secret(): string {
    return this.kind === 'app' ? this.privateKey : this.token;
  }

  revokeInstallationTokens(): void {
    this.#installationTokens.clear();
  }

  /** The caller behind an Authorization header. */
  caller(authorization: string | undefined): GithubCaller | undefined {
    const [, token] = /^(?:token|bearer) (\S+)$/i.exec(authorization ?? '') ?? [];
    if (token === undefined) return undefined;
    if (this.kind !== 'app') {
      if (token !== this.token) return undefined;
      return { kind: this.kind === 'token' ? 'user' : 'installation', login: this.login };
    }
    const expiresAt = this.#installationTokens.get(token);
    if (expiresAt !== undefined) {
      return expiresAt > this.#now().getTime() ? { kind: 'installation', login: this.login } : undefined;
    }
    return this.#isAppToken(token) ? { kind: 'app', login: this.login } : undefined;
  }

  /** `POST /app/installations/{installation_id}/access_tokens`. */
  exchange(installationId: string): ApiAnswer {
    if (installationId !== String(INSTALLATION_ID)) return NOT_FOUND;
    const token = `ghs_canary${randomBytes(12).toString('hex')}`;
    const expiresAt = this.#now().getTime() + HOUR_MS;
    this.#installationTokens.set(token, expiresAt);
    return {
      status: 201,
      body: {
        token,
        expires_at: new Date(expiresAt).toISOString(),
        permissions: { contents: 'write', pull_requests: 'write', statuses: 'write', metadata: 'read' },
        repository_selection: 'selected',
      },
    };
  }

  /** RS256, `iss` the App, `iat` not in the future, `exp` at most ten minutes ahead ("Generating a JSON Web Token"). */
  #isAppToken(token: string): boolean {
    const [head = '', payload = '', signature = ''] = token.split('.');
    const { alg } = decoded(head);
    const { iss, iat, exp } = decoded(payload);
    if (alg !== 'RS256' || String(iss) !== this.appId) return false;
    if (typeof iat !== 'number' || typeof exp !== 'number') return false;
    const nowSeconds = this.#now().getTime() / 1000;
    if (iat > nowSeconds || exp <= nowSeconds || exp > nowSeconds + 600) return false;
    const bytes = Buffer.from(`${head}.${payload}`);
    return verify('sha256', bytes, createPublicKey(this.#publicKey), Buffer.from(signature, 'base64url'));
  }
}

function decoded(part: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    // Any object will do: members are looked at one by one.
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** The answer to somebody who may not ask this; undefined: go on. */
export function callerObstacle(
  caller: GithubCaller | undefined,
  wanted: 'app' | 'user' | 'repository',
): ApiAnswer | undefined {
  if (caller === undefined) return BAD_CREDENTIALS;
  if (wanted === 'app') {
    return caller.kind === 'app' ? undefined : refused(401, 'A JSON web token could not be decoded');
  }
  if (caller.kind === 'app') return refused(401, 'A JSON web token cannot be used here');
  return undefined;
}
