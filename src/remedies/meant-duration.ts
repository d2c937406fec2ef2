const HOURS: Readonly<Record<string, number>> = {
  ...{ y: 8760, year: 8760, years: 8760 },
  ...{ w: 168, week: 168, weeks: 168 },
  ...{ d: 24, day: 24, days: 24 },
  ...{ h: 1, hour: 1, hours: 1 },
};

/**
 * The Go duration that somebody meant who wrote days, weeks or years (`90d`, `12 weeks`, `1d12h`), which Go does not
 * know; undefined where it is not plain. Months and minutes are told apart by nobody.
 */
export function meantDuration(text: string): string | undefined {
  const parts = [
    ...text
      .trim()
      .toLowerCase()
      .matchAll(/(\d{1,5})\s*([a-z]+)\s*|(.)/g),
  ];
  let hours = 0;
  for (const [, amount, unit = ''] of parts) {
    const each = Object.hasOwn(HOURS, unit) ? HOURS[unit] : undefined;
    if (amount === undefined || each === undefined) return undefined;
    hours += Number(amount) * each;
  }
  return hours === 0 ? undefined : `${hours}h`;
}
