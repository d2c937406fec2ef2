import type { Commits, MergeRequestNotes, MergeRequests, Users } from '@gitbeaker/rest';
import { list, type Schema } from '../lib/schema.ts';
import type { Sensitive } from '../lib/sensitive.ts';
import { readAnswer } from './answer-shape.ts';
import type { ForgeFetch } from './forge-fetch.ts';
import { readInPages } from './pages.ts';

const PAGE_SIZE = 100;

/** The parts of GitLab's API that are used, for the time of one call. */
export interface GitlabClient {
  readonly mergeRequests: MergeRequests;
  readonly notes: MergeRequestNotes;
  readonly commits: Commits;
  readonly users: Users;
}

export interface GitlabConnection {
  /** Base URL of the instance or of its API (`…/api/v4`), with or without a path before it. */
  readonly apiUrl: string;
  readonly token: Sensitive<string>;
  readonly fetch: ForgeFetch;
}

/** What the library hands to a requester; its own type lies in a package that is not ours to import. */
interface RequestOptions {
  readonly searchParams?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
}

interface RequestAnswer {
  readonly body: unknown;
  readonly headers: Record<string, string>;
  readonly status: number;
}

type Request = (endpoint: string, options?: RequestOptions) => Promise<RequestAnswer>;
type Requester = Readonly<Record<'get' | 'post' | 'put' | 'patch' | 'delete', Request>>;

/**
 * @gitbeaker/rest with a requester of ours: its own one repeats a 429 ten times within 350 ms, whatever Retry-After
 * says, sleeps without a signal, and knows no limits. Every request goes through `connection.fetch`.
 */
export async function openGitlabClient(
  connection: GitlabConnection,
  signal: AbortSignal,
): Promise<GitlabClient> {
  const library = await import('@gitbeaker/rest');
  const requesterFn = ({ url: base }: { readonly url: string }): Requester => {
    const request =
      (method: string): Request =>
      (endpoint, given = {}) =>
        send(connection, { method, url: `${base.replace(/\/+$/, '')}/${endpoint}`, options: given, signal });
    return {
      get: request('GET'),
      post: request('POST'),
      put: request('PUT'),
      patch: request('PATCH'),
      delete: request('DELETE'),
    };
  };
  type Options = ConstructorParameters<typeof library.MergeRequests<false>>[0];
  // The library's generic answer types promise shapes that nobody checks; ours are held against shapes by the caller.
  const options = {
    host: gitlabHost(connection.apiUrl),
    queryTimeout: null,
    requesterFn,
  } as unknown as Options;
  return {
    mergeRequests: new library.MergeRequests<false>(options),
    notes: new library.MergeRequestNotes<false>(options),
    commits: new library.Commits<false>(options),
    users: new library.Users<false>(options),
  };
}

/** `https://example.com/gitlab` for any of the ways in which people write the URL of an instance or of its API. */
function gitlabHost(apiUrl: string): string {
  return apiUrl.replace(/\/+$/, '').replace(/\/api\/v4$/, '');
}

/** What the library takes to give one page and say which is the next. */
export interface Paging {
  readonly page: number;
  readonly perPage: number;
  readonly showExpanded: true;
}

/** Every page of a list, each element in the shape of `schema`, but `maxPages` of 100 at most. */
export async function readPages<T>(
  schema: Schema<T>,
  what: string,
  maxPages: number,
  get: (paging: Paging) => Promise<unknown>,
): Promise<readonly T[]> {
  const pages = readInPages(
    async ({ page, perPage }) => {
      // The library's own type for what `showExpanded` gives, which it does not check.
      const answer = (await get({ page, perPage, showExpanded: true })) as {
        readonly data: unknown;
        readonly paginationInfo?: { readonly next: number | null };
      };
      const next = answer.paginationInfo?.next ?? 0;
      // Only forwards, whatever the header says.
      const hasNext = Number.isInteger(next) && next > page;
      return { items: readAnswer(list(schema), answer.data, what), hasNext };
    },
    { perPage: PAGE_SIZE, maxPages },
  );
  const found: T[] = [];
  for await (const page of pages) found.push(...page);
  return found;
}

async function send(
  { token, fetch }: GitlabConnection,
  given: {
    readonly method: string;
    readonly url: string;
    readonly options: RequestOptions;
    readonly signal: AbortSignal;
  },
): Promise<RequestAnswer> {
  const { method, options, signal } = given;
  const url = new URL(given.url);
  for (const [name, value] of searchParameters(options.searchParams ?? {}))
    url.searchParams.append(name, value);
  const hasBody = method === 'POST' || method === 'PUT';
  const answer = await fetch(url, {
    method,
    signal,
    headers: {
      'private-token': token.reveal(),
      accept: 'application/json',
      ...(hasBody ? { 'content-type': 'application/json' } : {}),
    },
    ...(hasBody ? { body: JSON.stringify(snakeCased(options.body)) } : {}),
  });
  const text = await answer.text();
  const headers = Object.fromEntries(answer.headers);
  return {
    // `createForgeFetch` has parsed it once already.
    body: text === '' ? null : JSON.parse(text),
    headers: { ...headers, 'x-next-page': nextPage(headers) },
    status: answer.status,
  };
}

/** GitLab sends `x-next-page` or, where counting is dear, only `link` (docs.gitlab.com, "Pagination"). */
function nextPage(headers: Readonly<Record<string, string | undefined>>): string {
  const told = headers['x-next-page'];
  if (told !== undefined && told !== '') return told;
  const [, target = ''] = /<([^>]*)>\s*;[^,]*\brel="?next"?/.exec(headers.link ?? '') ?? [];
  return /[?&]page=(\d+)/.exec(target)?.[1] ?? '';
}

/** Query parameters as Rails reads them: lists as `name[]`. */
function searchParameters(given: Readonly<Record<string, unknown>>): readonly (readonly [string, string])[] {
  return Object.entries(given).flatMap(([name, value]) => {
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) return [[snakeCase(name), String(value)] as const];
    return value.map((one) => [`${snakeCase(name)}[]`, String(one)] as const);
  });
}

function snakeCased(body: unknown): unknown {
  if (typeof body !== 'object' || body === null) return {};
  return Object.fromEntries(Object.entries(body).map(([name, value]) => [snakeCase(name), value]));
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
