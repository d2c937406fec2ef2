import { createPublicKey, generateKeyPairSync, randomBytes, verify } from 'node:crypto';
import type { ApiAnswer } from './api-front.ts';
import {
  BAD_CREDENTIALS,
  NOT_FOR_INTEGRATIONS,
  NOT_FOUND,
  refused,
  unprocessable,
} from './github-refusals.ts';

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
export type GithubCaller = {
  readonly kind: 'user' | 'app' | 'installation';
  readonly login: string;
  /** Of an installation's token that was asked for with fewer rights than the App has. */
  readonly isForGitAlone?: boolean;
};

/** A token of the installation that was handed out. */
interface HandedOut {
  readonly expiresAt: number;
  readonly permissions: Readonly<Record<string, unknown>>;
}

/** What the App's page grants; metadata comes with every token. */
const GRANTED: Readonly<Record<string, string>> = {
  ...{ contents: 'write', pull_requests: 'write', statuses: 'write', metadata: 'read' },
};

/** Tokens and Apps of the simulated GitHub. */
export class GithubAccounts {
  readonly kind: GithubAccountKind;
  readonly token = `ghp_canary${randomBytes(12).toString('hex')}`;
  readonly appId = String(APP_ID);
  readonly installationId = INSTALLATION_ID;
  /** PKCS#1 PEM, as GitHub hands it out; empty where there is no App. */
  readonly privateKey: string;
  readonly #publicKey: string;
  readonly #installationTokens = new Map<string, HandedOut>();
  /** Every token so far, those that count no more too. */
  readonly handedOut: string[] = [];
  #granted = GRANTED;
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

  /** What people grant the App from now on. */
  grant(permissions: Readonly<Record<string, string>>): void {
    this.#granted = permissions;
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
    const known = this.#installationTokens.get(token);
    if (known !== undefined) {
      if (known.expiresAt <= this.#now().getTime()) return undefined;
      const isForGitAlone = known.permissions.pull_requests === undefined;
      return { kind: 'installation', login: this.login, isForGitAlone };
    }
    return this.#isAppToken(token) ? { kind: 'app', login: this.login } : undefined;
  }

  /** Git over HTTPS: the installation's token is the password, and the name is not looked at ("Authenticating as an app"). */
  gitRefusal(authorization: string, isPush: boolean): 401 | 403 | undefined {
    const basic = /^Basic (\S+)$/.exec(authorization)?.[1] ?? '';
    const token = Buffer.from(basic, 'base64').toString('utf8').split(':')[1] ?? '';
    const known = this.#installationTokens.get(token);
    if (known === undefined || known.expiresAt <= this.#now().getTime()) return 401;
    const { contents } = known.permissions;
    return contents === 'write' || (contents === 'read' && !isPush) ? undefined : 403;
  }

  /** `POST /app/installations/{installation_id}/access_tokens`: no more than was granted, for no other repository. */
  exchange(installationId: string, body: unknown): ApiAnswer {
    if (installationId !== String(INSTALLATION_ID)) return NOT_FOUND;
    // Any object will do: members are looked at one by one.
    const { permissions: wanted = this.#granted, repositories = ['certificates'] } = (body ?? {}) as {
      readonly permissions?: Readonly<Record<string, unknown>>;
      readonly repositories?: unknown;
    };
    const isGranted = Object.entries(wanted).every(
      ([name, right]) => this.#granted[name] === 'write' || this.#granted[name] === right,
    );
    if (!isGranted) {
      return unprocessable('The permissions requested are not granted to this installation.');
    }
    if (String(repositories) !== 'certificates') {
      return unprocessable('There is at least one repository that does not exist or is not accessible');
    }
    const permissions = { ...wanted, metadata: 'read' };
    const token = `ghs_canary${randomBytes(12).toString('hex')}`;
    const expiresAt = this.#now().getTime() + HOUR_MS;
    this.#installationTokens.set(token, { expiresAt, permissions });
    this.handedOut.push(token);
    return {
      status: 201,
      body: {
        token,
        expires_at: new Date(expiresAt).toISOString(),
        permissions,
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
  if (caller.isForGitAlone === true) return NOT_FOR_INTEGRATIONS;
  return undefined;
}
