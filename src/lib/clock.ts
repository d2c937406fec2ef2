import { setTimeout as wait } from 'node:timers/promises';

/**
 * Time as the program sees it.
 *
 * `now` is the time certops decides by (due times, back-off, status and commit times, what SelfSigned and
 * CA sign); `CERTOPS_CLOCK` moves it. `realNow` is the machine's own: certificates of a CA, orders and
 * HTTP dates are judged by it. Timers never move.
 */
export interface Clock {
  now(): Date;
  realNow(): Date;
  /** Milliseconds of a clock that never jumps. */
  monotonicMs(): number;
  /** Resolves after `ms` milliseconds of real time; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's clock, with `now` set to start at `startAt` where one is given. */
export function systemClock(startAt?: Date): Clock {
  const offsetMs = startAt === undefined ? 0 : startAt.getTime() - Date.now();
  return {
    now: () => new Date(Date.now() + offsetMs),
    realNow: () => new Date(),
    monotonicMs: () => performance.now(),
    sleep: async (ms, signal) => {
      await wait(ms, undefined, signal === undefined ? {} : { signal });
    },
  };
}

/** RFC 3339 in UTC without a fraction, as Kubernetes and SOPS write times. */
export function formatInstant(instant: Date): string {
  return `${instant.toISOString().slice(0, 19)}Z`;
}

/** Reads RFC 3339 (RFC 3339, section 5.6); returns undefined for anything else. */
export function parseInstant(text: string): Date | undefined {
  if (!/^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/.test(text))
    return undefined;
  const instant = new Date(text);
  return Number.isNaN(instant.getTime()) ? undefined : instant;
}

/** The earliest of the instants that are given; undefined where there is none. */
export function earliest(...instants: readonly (Date | undefined)[]): Date | undefined {
  const times = instants.flatMap((instant) => instant?.getTime() ?? []);
  return times.length === 0 ? undefined : new Date(Math.min(...times));
}

/** An instant that has come by `now`; undefined for one that is still to come, and where there is none. */
export function reached(instant: Date | undefined, now: Date): Date | undefined {
  return instant !== undefined && instant <= now ? instant : undefined;
}
