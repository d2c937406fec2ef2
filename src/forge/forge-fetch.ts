import type { Clock } from '../lib/clock.ts';
import { withinDeadline } from '../lib/deadline.ts';
import type { Explanation } from '../lib/errors.ts';
import { packageVersion } from '../lib/version.ts';
import { readBounded } from './bounded-body.ts';
import { AnswerTooLong, ForgeError } from './errors.ts';
import { refusal } from './refusal.ts';

/** What the client libraries take for `fetch`. */
export type ForgeFetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

export interface ForgeFetchOptions {
  /** Base URL of the API. Nothing is ever sent to another origin, whatever an answer says. */
  readonly apiUrl: string;
  readonly clock: Pick<Clock, 'now' | 'realNow'>;
  /** Plain HTTP to a loopback address; refused unless true. */
  readonly allowPlainLoopback?: boolean | undefined;
  /** From sending to the last byte of the answer; defaults to 30 s. */
  readonly requestTimeoutMs?: number | undefined;
  /** After decompression; defaults to 8 MiB. */
  readonly maxAnswerBytes?: number | undefined;
}

const MAX_REDIRECTS = 3;

/**
 * A `fetch` for one forge, to be given to a client library. Every request has a time-out and carries
 * `User-Agent: certops/VERSION`; redirects are followed inside the origin only, and answers are bounded.
 *
 * It answers with a Response only where the forge did what was asked (2xx, JSON that parses or nothing); everything else
 * is thrown: a `ForgeError` as forge.ts lists them, or the reason of `init.signal`. So no library retries, waits or
 * words errors in its own way. `asForgeError` finds the error again where a library wrapped it.
 *
 * Throws at once (`forge.bad-configuration`) where `apiUrl` is neither https nor plain HTTP on an allowed loopback.
 */
export function createForgeFetch(options: ForgeFetchOptions): ForgeFetch {
  const origin = checkedOrigin(options.apiUrl, options.allowPlainLoopback === true);
  const userAgent = `certops/${packageVersion()}`;
  return async (input, init = {}) => {
    const request = input instanceof Request ? input : undefined;
    const parent = init.signal ?? request?.signal;
    const method = (init.method ?? request?.method ?? 'GET').toUpperCase();
    const headers = readHeaders(init.headers ?? request?.headers);
    headers.set('user-agent', userAgent);
    const body = init.body ?? (request?.body ? await request.text() : undefined);
    const url = new URL(request?.url ?? String(input));
    try {
      return await withinDeadline(options.requestTimeoutMs ?? 30_000, parent, (signal) =>
        send(url, {
          options,
          origin,
          init: { method, headers, signal, redirect: 'manual', ...(body === undefined ? {} : { body }) },
        }),
      );
    } catch (thrown) {
      if (parent?.aborted) throw parent.reason;
      throw thrown instanceof ForgeError ? thrown : unreachable(new URL(origin).host, thrown);
    }
  };
}

interface Exchange {
  readonly options: ForgeFetchOptions;
  readonly origin: string;
  readonly init: RequestInit & { readonly method: string };
}

async function send(first: URL, exchange: Exchange): Promise<Response> {
  let url = first;
  for (let redirects = 0; ; redirects++) {
    if (url.origin !== exchange.origin) throw elsewhere(url.host, exchange.origin);
    const answer = await fetch(url, exchange.init);
    const location = answer.headers.get('location');
    if (answer.status < 300 || answer.status >= 400 || answer.status === 304 || location === null) {
      return read(url, answer, exchange);
    }
    await answer.body?.cancel();
    url = redirected(url, location, answer.status, exchange);
    if (redirects === MAX_REDIRECTS) {
      throw badAnswer(url.host, 'It redirects in a circle', answer.status);
    }
  }
}

function redirected(url: URL, location: string, status: number, { init, origin }: Exchange): URL {
  if (!URL.canParse(location, url.href)) throw badAnswer(url.host, 'Its redirect leads nowhere', status);
  const next = new URL(location, url.href);
  if (next.origin !== origin) throw elsewhere(next.host, origin);
  const isRead = init.method === 'GET' || init.method === 'HEAD';
  // RFC 9110, section 15.4: only these repeat a request as it was.
  if (isRead || status === 307 || status === 308) return next;
  throw new ForgeError(
    'forge.refused',
    {
      what: `The forge at ${url.host} has the repository under another name`,
      why: 'It answered a change with a redirect',
      next: 'Write the new URL of the repository into the configuration',
    },
    { status, retry: { when: 'backoff' } },
  );
}

async function read(url: URL, answer: Response, { options, init }: Exchange): Promise<Response> {
  const bytes = await readBounded(answer, options.maxAnswerBytes ?? 8 * 1024 * 1024);
  const { status, headers } = answer;
  if (bytes === undefined) throw tooLong(url.host, status);
  const body = parse(headers.get('content-type'), bytes);
  if (status >= 300) {
    throw refusal(
      { status, headers, body, host: url.host, request: `${init.method} ${url.pathname}` },
      options.clock,
    );
  }
  const isEmpty = bytes.length === 0;
  if (!isEmpty && body === undefined) throw badAnswer(url.host, 'Its answer is no JSON', status);
  const kept = new Headers(headers);
  // The bytes are as they were before they were packed for the way.
  for (const name of ['content-encoding', 'content-length', 'transfer-encoding']) kept.delete(name);
  const hasNoBody = status === 204 || status === 205;
  const response = new Response(hasNoBody ? null : bytes, { status, headers: kept });
  // Libraries look at it; a Response made by hand has none.
  Object.defineProperty(response, 'url', { value: url.href });
  return response;
}

/** Undefined for what is no JSON. */
function parse(contentType: string | null, bytes: Buffer<ArrayBuffer>): unknown {
  if (contentType === null || !/^application\/([a-z.+-]+\+)?json\b/i.test(contentType)) return undefined;
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

function readHeaders(given: RequestInit['headers'] | undefined): Headers {
  try {
    return new Headers(given ?? {});
  } catch {
    // The library's error would quote the value, which is the token.
    throw new ForgeError(
      'forge.bad-configuration',
      {
        what: 'The token of the forge holds characters that no token has',
        next: 'Give the token on one line, without anything around it',
      },
      { retry: { when: 'never' } },
    );
  }
}

function checkedOrigin(apiUrl: string, allowPlainLoopback: boolean): string {
  const url = URL.canParse(apiUrl) ? new URL(apiUrl) : undefined;
  const host = url?.hostname ?? '';
  const isLoopback = host === 'localhost' || host === '[::1]' || /^127(\.\d+){3}$/.test(host);
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback && allowPlainLoopback)) {
    return url.origin;
  }
  throw new ForgeError(
    'forge.bad-configuration',
    {
      what: 'The forge must be an https:// URL',
      why: 'Plain HTTP is only for loopback addresses, where the operator allows it',
      next: 'Correct the URL of the forge',
    },
    { retry: { when: 'never' } },
  );
}

function unreachable(host: string, cause: unknown): ForgeError {
  const isTimeout = cause instanceof Error && cause.name === 'TimeoutError';
  return new ForgeError('forge.unreachable', {
    what: `The forge at ${host} cannot be reached`,
    why: isTimeout ? 'It did not answer in time' : systemWords(cause),
    next: 'Check the URL of the forge and the network; it is tried again by itself',
  });
}

/** Only what the system says of a connection: other messages may quote what was sent. */
function systemWords(thrown: unknown): string {
  const cause = thrown instanceof Error ? thrown.cause : undefined;
  if (!(cause instanceof Error) || !('code' in cause)) return 'The connection broke';
  return typeof cause.code === 'string' ? `The connection failed: ${cause.code}` : 'The connection broke';
}

function elsewhere(host: string, origin: string): ForgeError {
  return new ForgeError(
    'forge.bad-answer',
    {
      what: `The forge at ${new URL(origin).host} led to another host`,
      why: `Only ${origin} is asked, and not ${host}`,
      next: 'Write the final URL of the API into the configuration',
    },
    { data: { host } },
  );
}

function badAnswer(host: string, why: string, status: number): ForgeError {
  return new ForgeError('forge.bad-answer', undocumented(host, why), { status });
}

function tooLong(host: string, status: number): ForgeError {
  const why = 'Its answer does not end';
  if (status >= 300) return badAnswer(host, why, status);
  return new AnswerTooLong(undocumented(host, why), { status });
}

function undocumented(host: string, why: string): Explanation {
  return {
    what: `The forge at ${host} answered what its API does not document`,
    why,
    next: 'Check that the URL is that of its API, and that no proxy answers in its place',
  };
}
