import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RenewalWindow } from '../../../src/api/certificate.ts';
import { type DueTerms, renewalDue } from '../../../src/plan/renewal.ts';

const HOUR_MS = 3_600_000;

/** `2026-03-01 14:30` is that time in UTC. */
function at(text: string): Date {
  return new Date(`${text.replace(' ', 'T')}:00Z`);
}

/** A certificate issued at midnight of 1 March 2026 for so many hours. */
function life(hours: number): Pick<DueTerms, 'notBefore' | 'notAfter' | 'issuedAt'> {
  const notBefore = at('2026-03-01 00:00');
  return {
    notBefore,
    notAfter: new Date(notBefore.getTime() + hours * HOUR_MS),
    issuedAt: new Date(notBefore.getTime() + 1000),
  };
}

function opening(cron: string, hours: number, timezone = 'UTC'): RenewalWindow {
  return { cron, windowDurationMs: hours * HOUR_MS, timezone };
}

const within = (...windows: readonly RenewalWindow[]) =>
  ({ renewal: { policy: 'RenewBefore', windows } }) as const;

const window = (start: string, end: string, selected: string) => ({
  renewalInformation: { start: at(start), end: at(end), selected: at(selected) },
});

const DAYS_90 = 90 * 24;

const TIMES: readonly {
  readonly name: string;
  readonly terms: DueTerms;
  readonly now?: string;
  readonly due: string | undefined;
  readonly isWithoutWindow?: boolean;
}[] = [
  // renewBefore and the percentage
  { name: '90 days: a third of the life left', terms: life(DAYS_90), due: '2026-04-30 00:00' },
  { name: '45 days: a third of the life left', terms: life(45 * 24), due: '2026-03-31 00:00' },
  { name: '64 days: a third of the life left', terms: life(64 * 24), due: '2026-04-12 16:00' },
  { name: '10 days: a third of the life left', terms: life(240), due: '2026-03-07 16:00' },
  { name: '160 hours: half of the life left', terms: life(160), due: '2026-03-04 08:00' },
  { name: 'one hour: half of the life left', terms: life(1), due: '2026-03-01 00:30' },
  {
    name: 'renewBefore 30 days',
    terms: { ...life(DAYS_90), renewBeforeMs: 720 * HOUR_MS },
    due: '2026-04-30 00:00',
  },
  {
    name: 'renewBefore 15 days',
    terms: { ...life(DAYS_90), renewBeforeMs: 360 * HOUR_MS },
    due: '2026-05-15 00:00',
  },
  {
    name: 'renewBefore longer than the life that was issued: the default',
    terms: { ...life(160), renewBeforeMs: 720 * HOUR_MS },
    due: '2026-03-04 08:00',
  },
  {
    name: 'renewBeforePercentage 25: a quarter of the life left',
    terms: { ...life(DAYS_90), renewBeforePercentage: 25 },
    due: '2026-05-07 12:00',
  },
  {
    name: 'renewBeforePercentage 60 of 160 hours',
    terms: { ...life(160), renewBeforePercentage: 60 },
    due: '2026-03-03 16:00',
  },
  {
    name: 'policy Disabled: never',
    terms: { ...life(DAYS_90), renewal: { policy: 'Disabled', windows: [] } },
    due: undefined,
  },
  // windows; 30 April 2026 is a Thursday
  {
    name: 'Saturdays from 2 to 4: the last Saturday before',
    terms: { ...life(DAYS_90), ...within(opening('0 2 * * 6', 2)) },
    due: '2026-04-25 02:00',
  },
  {
    name: 'a window that is open at the desired time: that very time',
    terms: { ...life(DAYS_90), ...within(opening('0 22 * * *', 4)) },
    due: '2026-04-30 00:00',
  },
  {
    name: 'the later of two windows before',
    terms: { ...life(DAYS_90), ...within(opening('0 2 * * 6', 2), opening('0 3 * * 2', 1)) },
    due: '2026-04-28 03:00',
  },
  {
    name: 'in the time zone of the window, summer time included',
    terms: { ...life(DAYS_90), ...within(opening('0 2 * * 6', 2, 'Europe/Berlin')) },
    due: '2026-04-25 00:00',
  },
  {
    name: 'no window before the desired time: the next one',
    terms: { ...life(48), ...within(opening('0 12 2 3 *', 2)) },
    due: '2026-03-02 12:00',
  },
  {
    name: 'a window that was missed: the next one',
    terms: { ...life(DAYS_90), ...within(opening('0 2 * * 6', 2)) },
    now: '2026-04-25 04:00',
    due: '2026-05-02 02:00',
  },
  {
    name: 'in the middle of the window: at once',
    terms: { ...life(DAYS_90), ...within(opening('0 2 * * 6', 2)) },
    now: '2026-04-25 03:00',
    due: '2026-04-25 02:00',
  },
  {
    name: 'a window of four days that opened after the desired time: in the middle of it, at once',
    terms: { ...life(DAYS_90), ...within(opening('0 0 2 5 *', 96)) },
    now: '2026-05-05 12:00',
    due: '2026-05-02 00:00',
  },
  {
    name: 'the day before the clocks change, late in the evening: no local day is left out',
    terms: { ...life(42 * 24), ...within(opening('0 12 29 3 *', 1, 'Europe/Berlin')) },
    now: '2026-03-29 09:00',
    due: '2026-03-29 10:00',
  },
  {
    name: 'no window in the whole life: WindowError, and the desired time',
    terms: { ...life(DAYS_90), ...within(opening('0 2 1 1 *', 2)) },
    due: '2026-04-30 00:00',
    isWithoutWindow: true,
  },
  {
    name: 'every window of the life missed: WindowError, and the desired time',
    terms: { ...life(48), ...within(opening('0 12 1 3 *', 1)) },
    now: '2026-03-01 14:00',
    due: '2026-03-02 00:00',
    isWithoutWindow: true,
  },
  {
    name: 'a local time that the clocks skip: the Sunday before',
    terms: { ...life(42 * 24), ...within(opening('30 2 * * 0', 1, 'Europe/Berlin')) },
    due: '2026-03-22 01:30',
  },
  // renewal information
  {
    name: 'the CA’s suggestion comes before the default',
    terms: {
      ...life(DAYS_90),
      ...window('2026-04-20 00:00', '2026-04-22 00:00', '2026-04-21 07:00'),
    },
    due: '2026-04-21 07:00',
  },
  {
    name: 'and may be later than it',
    terms: {
      ...life(DAYS_90),
      ...window('2026-05-05 00:00', '2026-05-06 00:00', '2026-05-05 07:00'),
    },
    due: '2026-05-05 07:00',
  },
  {
    name: 'an explicit wish for an earlier time stands',
    terms: {
      ...life(DAYS_90),
      renewBeforeMs: 1000 * HOUR_MS,
      ...window('2026-05-05 00:00', '2026-05-06 00:00', '2026-05-05 07:00'),
    },
    due: '2026-04-18 08:00',
  },
  {
    name: 'a suggestion after the end helps nobody',
    terms: {
      ...life(DAYS_90),
      ...window('2026-06-05 00:00', '2026-06-06 00:00', '2026-06-05 07:00'),
    },
    due: '2026-04-30 00:00',
  },
  {
    name: 'nor does one that lasts beyond the end, wherever it was drawn',
    terms: {
      ...life(DAYS_90),
      ...window('2026-04-01 00:00', '2026-06-06 00:00', '2026-05-29 23:00'),
    },
    due: '2026-04-30 00:00',
  },
  {
    name: 'windows are applied to the suggestion',
    terms: {
      ...life(DAYS_90),
      ...window('2026-04-20 00:00', '2026-04-22 00:00', '2026-04-21 07:00'),
      ...within(opening('0 2 * * 6', 2)),
    },
    due: '2026-04-18 02:00',
  },
  {
    name: 'revoked: the window is over, so at once and outside of any window',
    terms: {
      ...life(DAYS_90),
      ...window('2026-03-10 00:00', '2026-03-10 01:00', '2026-03-10 00:20'),
      ...within(opening('0 2 * * 6', 2)),
    },
    now: '2026-03-10 03:00',
    due: '2026-03-10 00:20',
  },
  // the loop guard
  {
    name: 'due when it arrived: a third of its life later',
    terms: { ...life(DAYS_90), issuedAt: at('2026-05-01 00:00') },
    due: '2026-05-31 00:00',
  },
];

describe('when a certificate is due', () => {
  for (const { name, terms, now = '2026-03-01 00:01', due, isWithoutWindow = false } of TIMES) {
    it(`${name}: ${due ?? 'never'}`, () => {
      const answer = renewalDue(terms, at(now));

      assert.equal(answer.at?.toISOString(), due && at(due).toISOString());
      assert.equal(answer.isWithoutWindow, isWithoutWindow);
    });
  }
});

it('a hundred windows that open every minute are no work to speak of', () => {
  const windows = Array.from({ length: 100 }, () => opening('* * * * *', 1, 'America/New_York'));
  const startMs = performance.now();

  renewalDue({ ...life(DAYS_90), ...within(...windows) }, at('2026-03-10 00:00'));

  // It took nine seconds when the platform was asked for the offset of every minute.
  assert.ok(performance.now() - startMs < 2_000);
});
