import type { Affected, OpenCause } from './open-cause.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Where nobody knows when it was to be renewed: a third of the 30 days before the end that a CA's 90 days give. */
const UNKNOWN_THIRD_MS = 10 * DAY_MS;
/** So long before the end of a certificate a person who said no is asked again. */
const LAST_CALL_MS = 72 * HOUR_MS;

/** When less than a third of the renewal window (its end less its renewal time) is left; undefined: never issued. */
export function nearEndAt({ notBefore, notAfter, renewalTime }: Affected): Date | undefined {
  if (notAfter === undefined) return undefined;
  return new Date(notAfter.getTime() - Math.max(0, thirdMs(notBefore, notAfter, renewalTime)));
}

/** When the first certificate in use that the cause concerns comes near its end; undefined: none is in use. */
export function firstNearEndAt({ affected }: OpenCause): Date | undefined {
  const times = affected.flatMap((one) => nearEndAt(one)?.getTime() ?? []);
  return times.length === 0 ? undefined : new Date(Math.min(...times));
}

/** The moments, 72 hours before each end, at which a person is asked again. */
export function lastCalls({ affected }: OpenCause): readonly Date[] {
  return affected.flatMap(({ notAfter }) =>
    notAfter === undefined ? [] : [new Date(notAfter.getTime() - LAST_CALL_MS)],
  );
}

/** The nearest end first, never issued last, then the oldest, then by key: the same order on every machine. */
export function byUrgency(a: OpenCause, b: OpenCause): number {
  return (
    compare(nearestEnd(a), nearestEnd(b)) ||
    a.since.getTime() - b.since.getTime() ||
    (a.cause.key < b.cause.key ? -1 : Number(a.cause.key > b.cause.key))
  );
}

function thirdMs(notBefore: Date | undefined, notAfter: Date, renewalTime: Date | undefined): number {
  if (renewalTime !== undefined) return (notAfter.getTime() - renewalTime.getTime()) / 3;
  // A third of life is the window where nobody chose another.
  return notBefore === undefined ? UNKNOWN_THIRD_MS : (notAfter.getTime() - notBefore.getTime()) / 9;
}

function nearestEnd({ affected }: OpenCause): number {
  return Math.min(
    ...affected.map(({ notAfter }) => notAfter?.getTime() ?? Number.POSITIVE_INFINITY),
    Number.POSITIVE_INFINITY,
  );
}

/** Infinity less itself is no number. */
function compare(a: number, b: number): number {
  return a === b ? 0 : a - b;
}
