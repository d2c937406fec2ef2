const HOUR_MS = 3_600_000;
const MAX_KEYS = 2_000;

export const LEDGER_KINDS = ['orders', 'failures', 'certificates'] as const;
export type LedgerKind = (typeof LEDGER_KINDS)[number];

/** Times (epoch milliseconds) by key. `orders`: account; `failures`: account and name; `certificates`: host and names. */
export type LedgerEntries = Readonly<Record<LedgerKind, Readonly<Record<string, readonly number[]>>>>;

/** The longest window that any limit of the kind looks back, and more times than any of them counts. */
const BOUNDS: Readonly<Record<LedgerKind, { readonly windowMs: number; readonly times: number }>> = {
  orders: { windowMs: 3 * HOUR_MS, times: 1_500 },
  failures: { windowMs: HOUR_MS, times: 200 },
  certificates: { windowMs: 7 * 24 * HOUR_MS, times: 10 },
};

/** Reads what a state document holds. What is no list of times is left out: the worst that follows is asking sooner. */
export function readEntries(value: unknown): LedgerEntries {
  return {
    orders: readKind(value, 'orders'),
    failures: readKind(value, 'failures'),
    certificates: readKind(value, 'certificates'),
  };
}

/** Both together, without what no limit looks back at any more and what claims to come from the future. */
export function mergeEntries(
  one: LedgerEntries,
  other: LedgerEntries | undefined,
  nowMs: number,
): LedgerEntries {
  return {
    orders: mergeKind(one, other, 'orders', nowMs),
    failures: mergeKind(one, other, 'failures', nowMs),
    certificates: mergeKind(one, other, 'certificates', nowMs),
  };
}

function readKind(value: unknown, kind: LedgerKind): Record<string, readonly number[]> {
  const map = isPlain(value) && isPlain(value[kind]) ? value[kind] : {};
  const read: Record<string, readonly number[]> = {};
  for (const [key, times] of Object.entries(map).slice(0, MAX_KEYS)) {
    if (Array.isArray(times)) {
      read[key] = times
        .filter((time): time is number => Number.isSafeInteger(time))
        .slice(-BOUNDS[kind].times);
    }
  }
  return read;
}

function mergeKind(
  one: LedgerEntries,
  other: LedgerEntries | undefined,
  kind: LedgerKind,
  nowMs: number,
): Record<string, readonly number[]> {
  const { windowMs, times: maxTimes } = BOUNDS[kind];
  const keys = new Set([...Object.keys(one[kind]), ...Object.keys(other?.[kind] ?? {})]);
  const merged: [string, readonly number[]][] = [];
  for (const key of keys) {
    const times = mergeTimes(one[kind][key] ?? [], other?.[kind][key] ?? [])
      // A clock that was a day ahead must not silence certops for a day.
      .filter((time) => time > nowMs - windowMs && time <= nowMs + HOUR_MS)
      .sort((a, b) => a - b);
    if (times.length > 0) merged.push([key, times.slice(-maxTimes)]);
  }
  // The newest are worth most.
  merged.sort(([, a], [, b]) => (b.at(-1) ?? 0) - (a.at(-1) ?? 0));
  return Object.fromEntries(merged.slice(0, MAX_KEYS));
}

/** What both have noted is the same event; what one of them noted twice are two. */
function mergeTimes(one: readonly number[], other: readonly number[]): number[] {
  const counts = countsOf(one);
  for (const [time, count] of countsOf(other)) counts.set(time, Math.max(count, counts.get(time) ?? 0));
  return [...counts].flatMap(([time, count]) => Array<number>(count).fill(time));
}

function countsOf(times: readonly number[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const time of times) counts.set(time, (counts.get(time) ?? 0) + 1);
  return counts;
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
