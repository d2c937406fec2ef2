import { createPrivateKey } from 'node:crypto';
import type { Octokit } from '@octokit/rest';
import type { Schema } from '../lib/schema.ts';
import { Sensitive } from '../lib/sensitive.ts';
import { readAnswer } from './answer-shape.ts';
import { asForgeError, ForgeError, hasStatus } from './errors.ts';
import type { ForgeFetch } from './forge-fetch.ts';
import { APP, INSTALLATION, INSTALLATION_TOKEN, USER, VIEWER } from './github-shapes.ts';
import { readInPages } from './pages.ts';

/** How certops proves who it is: a token (classic, fine-grained, or of a workflow), or as a GitHub App. */
export type GithubCredentials =
  | { readonly kind: 'token'; readonly token: Sensitive<string> }
  | {
      readonly kind: 'app';
      /** App id or client id. */
      readonly appId: string;
      /** PEM, PKCS#1 as GitHub gives it, or PKCS#8. */
      readonly privateKey: Sensitive<string>;
      /** Found by the repository where it is not given. */
      readonly installationId?: number | undefined;
    };

export interface GithubClientOptions {
  /** `https://api.github.com`, or `https://HOST/api/v3` of GitHub Enterprise Server; no slash at its end. */
  readonly apiUrl: string;
  readonly owner: string;
  readonly repository: string;
  readonly credentials: GithubCredentials;
  readonly fetch: ForgeFetch;
  /** Writes one after the other with a pause, as GitHub asks; false in tests. */
  readonly isPaced: boolean;
}

type Parameters = Readonly<Record<string, unknown>>;

const PER_PAGE = 100;
/** Pages read at most; 5,000 entries. What lies behind is not seen. */
const MAX_PAGES = 50;

const SILENT = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** GitHub's REST API for one repository, with every answer held against a shape and every error a `ForgeError`. */
export class GithubClient {
  readonly #options: GithubClientOptions;
  #octokit: Promise<Octokit> | undefined;
  #login: Promise<string> | undefined;

  constructor(options: GithubClientOptions) {
    this.#options = options;
  }

  get owner(): string {
    return this.#options.owner;
  }

  /** One request; `{owner}` and `{repo}` of the route are filled in. */
  async ask<T>(schema: Schema<T>, route: string, parameters: Parameters, signal: AbortSignal): Promise<T> {
    const { data } = await this.#request(route, parameters, signal);
    return readAnswer(schema, data, route);
  }

  /** One request whose answer says nothing that is needed. */
  async tell(route: string, parameters: Parameters, signal: AbortSignal): Promise<void> {
    await this.#request(route, parameters, signal);
  }

  /** The pages of a list, one after the other, until the Link header names no next one. */
  pages<T>(
    schema: Schema<readonly T[]>,
    route: string,
    parameters: Parameters,
    signal: AbortSignal,
  ): AsyncGenerator<readonly T[]> {
    return readInPages(
      async ({ page, perPage }) => {
        const asked = { ...parameters, per_page: perPage, page };
        const { data, link } = await this.#request(route, asked, signal);
        return { items: readAnswer(schema, data, route), hasNext: /;\s*rel="?next"?/.test(link) };
      },
      { perPage: PER_PAGE, maxPages: MAX_PAGES },
    );
  }

  /** The login under which our comments stand: the user's, or `SLUG[bot]`. */
  async login(signal: AbortSignal): Promise<string> {
    this.#login ??= this.#findLogin(signal);
    return this.#kept(this.#login, () => {
      this.#login = undefined;
    });
  }

  /**
   * A token of the App's installation that opens this repository alone, with no other rights than these. It lives for an
   * hour; the same one is given until a minute before its end, and no request is made for that.
   */
  async installationToken(
    permissions: Readonly<Record<string, 'read' | 'write'>>,
    signal: AbortSignal,
  ): Promise<Sensitive<string>> {
    const octokit = await this.#connected(signal);
    try {
      const wanted = { type: 'installation', permissions, repositoryNames: [this.#options.repository] };
      const made = await beforeAbort(octokit.auth(wanted), signal);
      return new Sensitive(readAnswer(INSTALLATION_TOKEN, made, 'access_tokens').token);
    } catch (thrown) {
      // Whoever installs the App again gets another installation: it is looked for once more.
      if (!signal.aborted) this.forgetInstallation();
      throw asForgeError(thrown, signal);
    }
  }

  /** The next request asks for another token, and for the installation. */
  forgetInstallation(): void {
    this.#octokit = undefined;
  }

  async #findLogin(signal: AbortSignal): Promise<string> {
    if (this.#options.credentials.kind === 'app') {
      const { slug } = await this.ask(APP, 'GET /app', {}, signal);
      return `${slug ?? ''}[bot]`;
    }
    try {
      return (await this.ask(USER, 'GET /user', {}, signal)).login;
    } catch (thrown) {
      // The token of a workflow is no user's; GraphQL knows its name.
      if (!hasStatus(thrown, 403)) throw thrown;
    }
    const octokit = await this.#connected(signal);
    try {
      const answer = await beforeAbort(
        octokit.graphql('{ viewer { login } }', { request: { signal } }),
        signal,
      );
      return readAnswer(VIEWER, answer, 'viewer').viewer.login;
    } catch (thrown) {
      throw asForgeError(thrown, signal);
    }
  }

  async #request(
    route: string,
    parameters: Parameters,
    signal: AbortSignal,
  ): Promise<{ readonly data: unknown; readonly link: string }> {
    const octokit = await this.#connected(signal);
    try {
      return await request(octokit, route, this.#withRepository(parameters), signal);
    } catch (thrown) {
      // An App's token may be revoked before its hour is over: the next request asks for another.
      if (hasStatus(thrown, 401)) this.#octokit = undefined;
      throw thrown;
    }
  }

  #withRepository(parameters: Parameters): Parameters {
    return { owner: this.#options.owner, repo: this.#options.repository, ...parameters };
  }

  async #connected(signal: AbortSignal): Promise<Octokit> {
    signal.throwIfAborted();
    this.#octokit ??= this.#connect(signal);
    return this.#kept(this.#octokit, () => {
      this.#octokit = undefined;
    });
  }

  /** A failure is not remembered: the next caller tries again. */
  async #kept<T>(promise: Promise<T>, forget: () => void): Promise<T> {
    try {
      return await promise;
    } catch (thrown) {
      forget();
      throw thrown;
    }
  }

  async #connect(signal: AbortSignal): Promise<Octokit> {
    const { credentials, apiUrl, fetch } = this.#options;
    const [{ Octokit }, { throttling }] = await Promise.all([
      import('@octokit/rest'),
      import('@octokit/plugin-throttling'),
    ]);
    const common = {
      baseUrl: apiUrl,
      request: { fetch },
      log: SILENT,
      throttle: {
        enabled: this.#options.isPaced,
        // Limits are errors with a time: whoever asked decides what to do until then.
        onRateLimit: () => false,
        onSecondaryRateLimit: () => false,
      },
    };
    const Client = Octokit.plugin(throttling);
    const made = (authentication: object): Octokit => {
      const octokit = new Client({ ...common, ...authentication });
      octokit.hook.before('request', (options) => {
        options.headers['x-github-api-version'] = '2022-11-28';
      });
      return octokit;
    };
    if (credentials.kind === 'token') return made({ auth: credentials.token.reveal() });
    const { createAppAuth } = await import('@octokit/auth-app');
    const privateKey = credentials.privateKey.reveal();
    checkKey(privateKey);
    const auth = { appId: credentials.appId, privateKey, log: SILENT };
    const installationId =
      credentials.installationId ??
      (await this.#findInstallation(made({ authStrategy: createAppAuth, auth }), signal));
    return made({ authStrategy: createAppAuth, auth: { ...auth, installationId } });
  }

  async #findInstallation(octokit: Octokit, signal: AbortSignal): Promise<number> {
    const route = 'GET /repos/{owner}/{repo}/installation';
    const { data } = await request(octokit, route, this.#withRepository({}), signal);
    return readAnswer(INSTALLATION, data, route).id;
  }
}

/** The library would quote what it cannot read. */
function checkKey(pem: string): void {
  try {
    if (createPrivateKey(pem).asymmetricKeyType === 'rsa') return;
  } catch {
    // Node's words say nothing that ours do not.
  }
  throw new ForgeError(
    'forge.bad-configuration',
    {
      what: "The GitHub App's key is no RSA key in PEM",
      next: "Use the file that the App's page made, as it is",
    },
    { retry: { when: 'never' } },
  );
}

async function request(
  octokit: Octokit,
  route: string,
  parameters: Parameters,
  signal: AbortSignal,
): Promise<{ readonly data: unknown; readonly link: string }> {
  try {
    const asked = octokit.request(route, { ...parameters, request: { signal } });
    const answer = await beforeAbort(asked, signal);
    return { data: answer.data, link: answer.headers.link ?? '' };
  } catch (thrown) {
    throw asForgeError(thrown, signal);
  }
}

/**
 * What `work` comes to, or the signal's reason as soon as it fires: the queue of writes and the request for an App's
 * token do not look at it. What is still queued then is not sent any more, since `fetch` does look.
 */
async function beforeAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
