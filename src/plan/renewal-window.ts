import type { RenewalWindow } from '../api/certificate.ts';
import { type CronFields, parseCron } from '../lib/cron.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** No certificate of today lives longer; it bounds the search for a window that hardly ever opens. */
const MAX_DAYS = 3_700;

/** A time at which a window is open. */
export interface OpenWindow {
  readonly start: Date;
  readonly end: Date;
}

/** Where the search takes place: the life of the certificate. */
export interface Life {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/**
 * The window to renew in (cert-manager 1.21, `spec.renewal.windows`): the latest that opens at or before the
 * desired time, else the next one within the certificate's life. Windows that were over before `now` are missed
 * and do not count. Undefined where there is none: cert-manager's `WindowError`, and the desired time stands.
 */
export function chooseWindow(
  windows: readonly RenewalWindow[],
  desired: Date,
  life: Life,
  now: Date,
): OpenWindow | undefined {
  const zones = new Map<string, Zone>();
  const calendars = windows.map((window) => {
    const zone = zones.get(window.timezone) ?? new Zone(window.timezone);
    zones.set(window.timezone, zone);
    return new Calendar(window, zone);
  });
  const earlier = calendars
    .map((calendar) => lastOpening(calendar, desired, life.notBefore, now))
    .filter((found) => found !== undefined)
    .sort((a, b) => b.start.getTime() - a.start.getTime());
  if (earlier[0] !== undefined) return earlier[0];
  const from = now > desired ? now : desired;
  return calendars
    .map((calendar) => nextOpening(calendar, from, life.notAfter))
    .filter((found) => found !== undefined)
    .sort((a, b) => a.start.getTime() - b.start.getTime())[0];
}

/** The last opening from `notBefore` to `desired` that is not over at `now`. */
function lastOpening(calendar: Calendar, desired: Date, notBefore: Date, now: Date): OpenWindow | undefined {
  const first = calendar.dayOf(desired);
  for (let back = 0; back <= MAX_DAYS; back += 1) {
    const day = first - back * DAY_MS;
    // A day of any time zone lies within two of the same date in UTC. Days further back are over even longer.
    const isBefore = day + 2 * DAY_MS < notBefore.getTime();
    if (isBefore || day + 2 * DAY_MS + calendar.durationMs < now.getTime()) return undefined;
    const found = calendar
      .openings(day)
      .findLast((at) => at >= notBefore.getTime() && at <= desired.getTime() && calendar.endOf(at) > now);
    if (found !== undefined) return { start: new Date(found), end: calendar.endOf(found) };
  }
  return undefined;
}

/** The first opening after `from`, or the one that is open then, before `notAfter`. */
function nextOpening(calendar: Calendar, from: Date, notAfter: Date): OpenWindow | undefined {
  // A window may be open for days.
  const first = calendar.dayOf(new Date(from.getTime() - calendar.durationMs));
  for (let ahead = 0; ahead <= MAX_DAYS; ahead += 1) {
    const day = first + ahead * DAY_MS;
    if (day - DAY_MS > notAfter.getTime()) return undefined;
    const found = calendar.openings(day).find((at) => at < notAfter.getTime() && calendar.endOf(at) > from);
    if (found !== undefined) return { start: new Date(found), end: calendar.endOf(found) };
  }
  return undefined;
}

/** The openings of one window, day by day of its own time zone. A day is its midnight, read as if it were UTC. */
class Calendar {
  readonly durationMs: number;
  readonly #cron: CronFields;
  readonly #zone: Zone;

  constructor({ cron, windowDurationMs }: RenewalWindow, zone: Zone) {
    const parsed = parseCron(cron);
    // The rules have refused what cannot be parsed; such a window never opens.
    this.#cron = 'fault' in parsed ? NEVER : parsed;
    this.durationMs = windowDurationMs;
    this.#zone = zone;
  }

  /** The local day that `instant` falls on. */
  dayOf(instant: Date): number {
    const wall = instant.getTime() + this.#zone.offsetMs(instant.getTime());
    return Math.floor(wall / DAY_MS) * DAY_MS;
  }

  endOf(openedAt: number): Date {
    return new Date(openedAt + this.durationMs);
  }

  /** The instants of a local day at which it opens, in order, in milliseconds. */
  openings(day: number): readonly number[] {
    if (!this.#opensOn(new Date(day))) return [];
    const instantOf = this.#zone.clockOf(day);
    const found: number[] = [];
    for (const hour of this.#cron.hours) {
      for (const minute of this.#cron.minutes) {
        const at = instantOf(day + (hour * 60 + minute) * MINUTE_MS);
        if (at !== undefined) found.push(at);
      }
    }
    return found;
  }

  /** crontab(5): where both the day of the month and of the week are given, either will do. */
  #opensOn(day: Date): boolean {
    const { months, daysOfMonth, daysOfWeek, isAnyDayOfMonth, isAnyDayOfWeek } = this.#cron;
    if (!months.includes(day.getUTCMonth() + 1)) return false;
    const isDayOfMonth = daysOfMonth.includes(day.getUTCDate());
    const isDayOfWeek = daysOfWeek.includes(day.getUTCDay());
    return isAnyDayOfMonth || isAnyDayOfWeek ? isDayOfMonth && isDayOfWeek : isDayOfMonth || isDayOfWeek;
  }
}

/** A time zone's clock. Asking the platform for an offset costs microseconds, so it is asked by the day. */
class Zone {
  readonly #format: Intl.DateTimeFormat;

  constructor(timezone: string) {
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: timezone,
      hourCycle: 'h23',
      ...{ year: 'numeric', month: 'numeric', day: 'numeric' },
      ...{ hour: 'numeric', minute: 'numeric', second: 'numeric' },
    });
  }

  /** What the local clock shows on a day, as instants; undefined for a local time that the clocks skip. */
  clockOf(day: number): (wall: number) => number | undefined {
    const [from, to] = [day - DAY_MS, day + 2 * DAY_MS];
    const [before, after] = [this.offsetMs(from), this.offsetMs(to)];
    if (before === after) return (wall) => wall - before;
    const changedAt = this.#changeBetween(from, to, before);
    return (wall) => {
      if (wall - before < changedAt) return wall - before;
      return wall - after >= changedAt ? wall - after : undefined;
    };
  }

  offsetMs(at: number): number {
    const parts = new Map(
      this.#format.formatToParts(new Date(at)).map(({ type, value }) => [type, Number(value)]),
    );
    const part = (name: Intl.DateTimeFormatPartTypes): number => parts.get(name) ?? 0;
    const wall = Date.UTC(
      ...([part('year'), part('month') - 1, part('day')] as const),
      ...([part('hour'), part('minute'), part('second')] as const),
    );
    return wall - Math.floor(at / 1000) * 1000;
  }

  /** The instant, to the second, from which the clocks no longer show `before`. */
  #changeBetween(from: number, to: number, before: number): number {
    let [earlier, later] = [Math.floor(from / 1000), Math.floor(to / 1000)];
    while (later - earlier > 1) {
      const middle = Math.floor((earlier + later) / 2);
      if (this.offsetMs(middle * 1000) === before) earlier = middle;
      else later = middle;
    }
    return later * 1000;
  }
}

const NEVER: CronFields = {
  ...{ minutes: [], hours: [], daysOfMonth: [], months: [], daysOfWeek: [] },
  ...{ isAnyDayOfMonth: true, isAnyDayOfWeek: true },
};
