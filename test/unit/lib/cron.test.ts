import assert from 'node:assert/strict';
import test from 'node:test';
import { type CronFields, parseCron } from '../../../src/lib/cron.ts';

function fields(text: string): CronFields {
  const cron = parseCron(text);
  assert.ok(!('fault' in cron), text);
  return cron;
}

test('reads lists, ranges, steps and names', () => {
  const { minutes, hours, daysOfMonth, months, daysOfWeek } = fields('*/20 1-3,22 5/10 JAN,mar-apr Sun,5-6');

  assert.deepEqual(minutes, [0, 20, 40]);
  assert.deepEqual(hours, [1, 2, 3, 22]);
  assert.deepEqual(daysOfMonth, [5, 15, 25]);
  assert.deepEqual(months, [1, 3, 4]);
  assert.deepEqual(daysOfWeek, [0, 5, 6]);
});

test('tells a day that is any from one that is every', () => {
  const cron = fields('0 2 1-31 * ?');

  assert.deepEqual([cron.isAnyDayOfMonth, cron.isAnyDayOfWeek], [false, true]);
});

const FAULTS: readonly string[] = [
  '',
  '* * * *',
  '0 * * * * *',
  '@daily',
  '60 * * * *',
  '* 24 * * *',
  '* * 0 * *',
  '* * * 13 *',
  '* * * * 7',
  '5-1 * * * *',
  '*/0 * * * *',
  '*-5 * * * *',
  '1- * * * *',
  'x * * * *',
  '-1 * * * *',
  `${'1,'.repeat(200)}1 * * * *`,
];

for (const text of FAULTS) {
  test(`refuses ${JSON.stringify(text.slice(0, 20))} as cron`, () => {
    assert.ok('fault' in parseCron(text));
  });
}
