/** A cron expression of five fields: the values at which each of them matches, in ascending order. */
export interface CronFields {
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly daysOfMonth: readonly number[];
  readonly months: readonly number[];
  /** 0 is Sunday. */
  readonly daysOfWeek: readonly number[];
  /** Whether the field is `*` or `?`: a day matches by either of two that are not (crontab(5)). */
  readonly isAnyDayOfMonth: boolean;
  readonly isAnyDayOfWeek: boolean;
}

interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly words: readonly string[];
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

const FIELDS = [
  { name: 'minute', min: 0, max: 59, words: [] },
  { name: 'hour', min: 0, max: 23, words: [] },
  { name: 'day of month', min: 1, max: 31, words: [] },
  { name: 'month', min: 1, max: 12, words: MONTHS },
  { name: 'day of week', min: 0, max: 6, words: DAYS },
] as const satisfies readonly Field[];

/**
 * Reads a cron expression as cert-manager does (robfig/cron v3 with minute, hour, day of month, month and day of
 * week; no seconds, no `@daily`, Sunday only as 0). What is wrong comes back as `fault`.
 */
export function parseCron(text: string): CronFields | { readonly fault: string } {
  const parts = text.trim().split(/\s+/);
  if (text.length > 200 || parts.length !== FIELDS.length || parts[0] === '') {
    return { fault: 'must have the fields minute, hour, day of month, month and day of week' };
  }
  const lists: (readonly number[])[] = [];
  for (const [index, field] of FIELDS.entries()) {
    const values = valuesOf(parts[index] ?? '', field);
    if (values === undefined) return { fault: `the ${field.name} "${parts[index]}" is not understood` };
    lists.push(values);
  }
  const [minutes = [], hours = [], daysOfMonth = [], months = [], daysOfWeek = []] = lists;
  const isAny = (part: string | undefined): boolean => part === '*' || part === '?';
  return {
    ...{ minutes, hours, daysOfMonth, months, daysOfWeek },
    isAnyDayOfMonth: isAny(parts[2]),
    isAnyDayOfWeek: isAny(parts[4]),
  };
}

function valuesOf(part: string, field: Field): readonly number[] | undefined {
  const values = new Set<number>();
  for (const item of part.split(',')) {
    const range = rangeOf(item, field);
    if (range === undefined) return undefined;
    for (let value = range.from; value <= range.to; value += range.step) values.add(value);
  }
  return [...values].sort((a, b) => a - b);
}

interface Range {
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

function rangeOf(item: string, field: Field): Range | undefined {
  const [, first = '', last, every] = /^([a-z0-9]+|\*|\?)(?:-([a-z0-9]+))?(?:\/(\d+))?$/i.exec(item) ?? [];
  const isAny = first === '*' || first === '?';
  const from = isAny ? field.min : numberOf(first, field);
  const end = last === undefined ? undefined : numberOf(last, field);
  if (from === undefined || (last !== undefined && (isAny || end === undefined))) return undefined;
  const step = every === undefined ? 1 : Number(every);
  // A step alone runs to the end of the field: `5/15` is 5-59/15.
  const to = end ?? (isAny || every !== undefined ? field.max : from);
  return step < 1 || from > to ? undefined : { from, to, step };
}

function numberOf(text: string, { min, max, words }: Field): number | undefined {
  const word = words.indexOf(text.toLowerCase());
  const value = word === -1 ? Number(text) : word + min;
  return /^\d+$/.test(text) || word !== -1 ? (value >= min && value <= max ? value : undefined) : undefined;
}
