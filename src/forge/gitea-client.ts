import type { Api, RequestParams } from 'gitea-js';
import type { Clock } from '../lib/clock.ts';
import { list, type Schema } from '../lib/schema.ts';
import type { Sensitive } from '../lib/sensitive.ts';
import { readAnswer } from './answer-shape.ts';
import { asForgeError } from './errors.ts';
import { createForgeFetch, type ForgeFetch } from './forge-fetch.ts';
import { readInPages } from './pages.ts';

export interface GiteaClientOptions {
  /** URL of the server, with its path prefix where it has one; `/api/v1` at the end may be there or not. */
  readonly apiUrl: string;
  readonly owner: string;
  readonly name: string;
  /** An access token. */
  readonly token: Sensitive<string>;
  readonly clock: Pick<Clock, 'now' | 'realNow'>;
  readonly allowPlainLoopback?: boolean | undefined;
  readonly requestTimeoutMs?: number | undefined;
}

/** One request: owner and name are safe in a path, `params` carry token and signal. */
export type GiteaSend<Extra extends readonly unknown[] = readonly []> = (
  api: Api<unknown>,
  owner: string,
  name: string,
  params: RequestParams,
  ...extra: Extra
) => Promise<Response & { readonly data: unknown }>;

export interface GiteaPage {
  readonly page: number;
  readonly limit: number;
}

/** `[api] MAX_RESPONSE_ITEMS` of both servers, unless their administrators chose another. */
const PAGE_ITEMS = 50;
/** 10,000 items: whatever is asked for comes first. */
const MAX_PAGES = 200;

/**
 * Requests to API v1 of Gitea or Forgejo through gitea-js, which is loaded with the first one. Its paths are not encoded,
 * its errors are Responses and its token would be a plain string in a closure: we encode, our own fetch throws, and
 * the token goes along as a header (`token`, as the documentation has it).
 */
export class GiteaClient {
  readonly #fetch: ForgeFetch;
  readonly #server: string;
  readonly #owner: string;
  readonly #name: string;
  readonly #token: Sensitive<string>;
  #api: Promise<Api<unknown>> | undefined;

  /** Throws `forge.bad-configuration` where the URL is not one that a token may be sent to. */
  constructor(options: GiteaClientOptions) {
    this.#server = options.apiUrl.replace(/\/+$/, '').replace(/\/api\/v1$/, '');
    this.#fetch = createForgeFetch({ ...options, apiUrl: this.#server });
    this.#owner = encodeURIComponent(options.owner);
    this.#name = encodeURIComponent(options.name);
    this.#token = options.token;
  }

  /** One answer in its documented shape; throws a ForgeError or the signal's reason. `what` is for errors. */
  async call<T>(what: string, shape: Schema<T>, send: GiteaSend, signal: AbortSignal): Promise<T> {
    const answer = await this.#request(signal, (api, params) => send(api, this.#owner, this.#name, params));
    return readAnswer(shape, answer.data, what);
  }

  /**
   * A list page by page. Whether there is another is told by Link, or else by X-Total-Count; how long a page is, never:
   * servers cut it as they are configured. The Link's URL is not followed, since it names the server's idea of itself.
   */
  pages<T>(
    what: string,
    shape: Schema<T>,
    send: GiteaSend<readonly [GiteaPage]>,
    signal: AbortSignal,
  ): AsyncGenerator<readonly T[]> {
    return readInPages(
      async ({ page, perPage }) => {
        const answer = await this.#request(signal, (api, params) =>
          send(api, this.#owner, this.#name, params, { page, limit: perPage }),
        );
        const items = readAnswer(list(shape), answer.data, what);
        return { items, hasNext: hasNext(answer.headers, page * items.length) };
      },
      { perPage: PAGE_ITEMS, maxPages: MAX_PAGES, mayBeCut: true },
    );
  }

  async #request(
    signal: AbortSignal,
    send: (api: Api<unknown>, params: RequestParams) => Promise<Response & { readonly data: unknown }>,
  ): Promise<Response & { readonly data: unknown }> {
    signal.throwIfAborted();
    this.#api ??= import('gitea-js').then(({ giteaApi }) =>
      giteaApi(this.#server, { customFetch: this.#fetch }),
    );
    const headers = { Authorization: `token ${this.#token.reveal()}`, Accept: 'application/json' };
    try {
      return await send(await this.#api, { signal, headers });
    } catch (thrown) {
      throw asForgeError(thrown, signal);
    }
  }
}

/** `seen`: entries up to here, if all pages were as long as this one; the last one is shorter, and an empty one follows. */
function hasNext(headers: Headers, seen: number): boolean {
  const link = headers.get('link');
  if (link !== null) return /\brel="?next"?/.test(link);
  const total = headers.get('x-total-count');
  return total !== null && /^\d+$/.test(total) && seen < Number(total);
}
