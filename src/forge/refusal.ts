import type { Clock } from '../lib/clock.ts';
import { cutText } from '../lib/cut-text.ts';
import type { RetryAdvice } from '../lib/errors.ts';
import { printable } from '../lib/printable.ts';
import { retryAfterMs } from '../lib/retry-after.ts';
import { ForgeError } from './errors.ts';
import { limitWaitMs } from './rate-limit.ts';

/** An answer of a forge that is no yes. */
export interface RefusedAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed JSON; undefined where it is none. */
  readonly body: unknown;
  readonly host: string;
  /** `POST /repos/team/certificates/pulls`: no query, no token. */
  readonly request: string;
}

/** The error for an answer with a status of 300 or more; forge.ts says which status is which. */
export function refusal(answer: RefusedAnswer, clock: Pick<Clock, 'now' | 'realNow'>): ForgeError {
  const { status, host, body } = answer;
  const words = forgeWords(body);
  const why = `${answer.request}: HTTP status ${status}${words === '' ? '' : `, ${words}`}`;
  const common = { status, answer: body, data: { host, request: answer.request } };
  // What the forge counts is real time; when to look again is decided by the clock that may be moved.
  const later = (waitMs: number): RetryAdvice => ({
    when: 'not-before',
    at: new Date(clock.now().getTime() + waitMs),
  });
  const limitMs = limitWaitMs(answer, clock.realNow());
  if (limitMs !== undefined) {
    return new ForgeError(
      'forge.rate-limited',
      {
        what: `The forge at ${host} limits requests`,
        why,
        next: 'Nothing: it is asked again when it allows',
      },
      { ...common, retry: later(limitMs) },
    );
  }
  if (status >= 500) {
    const waitMs = retryAfterMs(
      {
        'retry-after': answer.headers.get('retry-after') ?? undefined,
        date: answer.headers.get('date') ?? undefined,
      },
      clock.realNow(),
    );
    return new ForgeError(
      'forge.unreachable',
      { what: `The forge at ${host} is out of order`, why, next: 'Nothing: it is tried again by itself' },
      { ...common, retry: waitMs === undefined ? { when: 'backoff' } : later(waitMs) },
    );
  }
  if (status === 401 || status === 403) {
    return new ForgeError(
      'forge.unauthorized',
      {
        what: `The forge at ${host} does not let certops do this`,
        why,
        next: 'Check the token: whether it is valid, and has the rights that the documentation names',
      },
      common,
    );
  }
  if (status === 404) {
    return new ForgeError(
      'forge.not-found',
      {
        what: `The forge at ${host} has no such thing, or does not show it to this token`,
        why,
        next: 'Check the URL of the repository and the rights of the token',
      },
      common,
    );
  }
  return new ForgeError('forge.refused', { what: `The forge at ${host} refuses`, why }, common);
}

/**
 * What a forge says of a refusal, on one line of at most 300 characters: `message` (GitHub, Gitea, GitLab), `error` or
 * `error_description` (GitLab), and the `message`, `field` and `code` of GitHub's `errors`. A stranger's words.
 */
function forgeWords(body: unknown): string {
  if (!isRecord(body)) return '';
  const first = [body.message, body.error_description, body.error].find((one) => one !== undefined);
  const errors = Array.isArray(body.errors) ? body.errors.slice(0, 5) : [];
  const parts = [said(first), ...errors.map((error) => said(error))].filter((part) => part !== '');
  return cutText(printable(parts.join('; ')), 300);
}

function said(value: unknown, depth = 0): string {
  if (typeof value === 'string') return value.slice(0, 1000);
  // Deeper than any forge goes: an answer made to be walked through.
  if (depth > 3) return '';
  if (Array.isArray(value)) {
    return value
      .slice(0, 5)
      .map((one) => said(one, depth + 1))
      .join(', ');
  }
  if (!isRecord(value)) return '';
  if (typeof value.message === 'string') return value.message.slice(0, 1000);
  if (typeof value.code === 'string') {
    return [value.field, value.code].map((one) => said(one, depth + 1)).join(' ');
  }
  // GitLab: { field: ["has a fault"] }
  return Object.entries(value)
    .slice(0, 5)
    .map(([field, words]) => `${field.slice(0, 100)} ${said(words, depth + 1)}`)
    .join('; ');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
