/** What RFC 9110, section 10.2.3 lets a server say, clamped: no server may silence certops for longer. */
const MAX_WAIT_MS = 7 * 24 * 3_600_000;

/**
 * Milliseconds that a Retry-After header asks to wait (RFC 9110, section 10.2.3), 0 to 7 days. An HTTP-date
 * counts from the answer's own Date header, so neither side's clock matters; `now` stands in where that is
 * missing. Returns undefined when the header is absent or unreadable.
 */
export function retryAfterMs(
  headers: { readonly 'retry-after'?: string | undefined; readonly date?: string | undefined },
  now: Date,
): number | undefined {
  const text = headers['retry-after']?.trim();
  if (text === undefined || text === '') return undefined;
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, MAX_WAIT_MS);
  const until = Date.parse(text);
  if (Number.isNaN(until)) return undefined;
  const repliedAt = Date.parse(headers.date ?? '');
  const from = Number.isNaN(repliedAt) ? now.getTime() : repliedAt;
  return Math.min(Math.max(until - from, 0), MAX_WAIT_MS);
}
