import { retryAfterMs } from '../lib/retry-after.ts';

/** The wait where a limit names no end: GitHub asks for at least a minute, the others say nothing. */
const UNTOLD_WAIT_MS = 60_000;
/** No limit of a forge lasts longer than an hour; a header that says so is not believed. */
const MAX_RESET_MS = 2 * 3_600_000;

/**
 * Milliseconds to wait where an answer is a limit, undefined where it is none. Read are Retry-After (RFC 9110, section
 * 10.2.3), then `x-ratelimit-reset` (GitHub) or `ratelimit-reset` (GitLab), both in seconds since 1970, counted from the
 * answer's own Date. A 403 is a limit when it says so: Retry-After, nothing remaining, or GitHub's secondary limit, which
 * is told from a missing right only by the page that the answer points to.
 * `now` is the machine's real time.
 */
export function limitWaitMs(
  answer: { readonly status: number; readonly headers: Headers; readonly body: unknown },
  now: Date,
): number | undefined {
  const { status, headers } = answer;
  if (status !== 429 && status !== 403) return undefined;
  const told = retryAfterMs(
    { 'retry-after': headers.get('retry-after') ?? undefined, date: headers.get('date') ?? undefined },
    now,
  );
  const isSpent = [headers.get('x-ratelimit-remaining'), headers.get('ratelimit-remaining')].includes('0');
  if (status === 403 && told === undefined && !isSpent && !isSecondaryLimit(answer.body)) return undefined;
  return told ?? (isSpent ? resetMs(headers, now) : undefined) ?? UNTOLD_WAIT_MS;
}

function resetMs(headers: Headers, now: Date): number | undefined {
  const text = headers.get('x-ratelimit-reset') ?? headers.get('ratelimit-reset');
  if (text === null || !/^\d{1,12}$/.test(text)) return undefined;
  const answeredAt = Date.parse(headers.get('date') ?? '');
  const from = Number.isNaN(answeredAt) ? now.getTime() : answeredAt;
  // Whole seconds on both sides: one more, so as not to come too early.
  return Math.min(Math.max(Number(text) * 1000 - from, 0) + 1000, MAX_RESET_MS);
}

/** docs.github.com, "Rate limits for the REST API": the answer's `documentation_url` names the limits. */
function isSecondaryLimit(body: unknown): boolean {
  if (typeof body !== 'object' || body === null || !('documentation_url' in body)) return false;
  const { documentation_url: page } = body;
  return typeof page === 'string' && /rate-limit|abuse-rate/.test(page);
}
