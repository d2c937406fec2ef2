import { caFacts } from '../api/known-cas.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** At most `count` within any `windowMs`. */
export interface RateLimit {
  readonly count: number;
  readonly windowMs: number;
}

/** What certops allows itself at one CA; stays below what the CA allows. */
export interface CaLimits {
  /** By account; each of them holds. */
  readonly newOrders: readonly RateLimit[];
  /** By account and name. */
  readonly failedValidations: RateLimit;
  /** By exact set of names; undefined where no such limit is known. */
  readonly certificatesOfSameNames?: RateLimit | undefined;
}

/** New orders at one account in a minute, where the operator says nothing else. */
const ORDERS_PER_MINUTE = 10;
/** Let's Encrypt's limit of failed validations, taken for every CA that is not known. */
const FAILURES_PER_HOUR = 5;

/**
 * The limits of the CA at a directory URL, from the table of known CAs. `ordersPerMinute` takes the place of the
 * default of 10 new orders a minute; 0 or infinity means that certops sets no such limit of its own. By default a
 * CA at a loopback address, which is this machine's own, has none. One failed validation is left for what others
 * do with the same account.
 */
export function limitsOf(directoryUrl: string, ordersPerMinute?: number): CaLimits {
  const host = URL.canParse(directoryUrl) ? new URL(directoryUrl).hostname : '';
  const rates = caFacts(directoryUrl)?.rates;
  const count = ordersPerMinute ?? (isLoopback(host) ? 0 : ORDERS_PER_MINUTE);
  const own = count > 0 && Number.isFinite(count) ? [{ count, windowMs: MINUTE_MS }] : [];
  const failures = rates?.failuresPerNameAndHour ?? FAILURES_PER_HOUR;
  return {
    newOrders:
      rates === undefined ? own : [...own, { count: rates.perAccountAndThreeHours, windowMs: 3 * HOUR_MS }],
    failedValidations: { count: failures - 1, windowMs: HOUR_MS },
    ...(rates === undefined
      ? {}
      : { certificatesOfSameNames: { count: rates.perNameSetAndWeek, windowMs: 7 * DAY_MS } }),
  };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(host);
}
