import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { failureBackoffMs, hopelessBackoffMs, unreachableBackoffMs } from '../../../src/plan/backoff.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Minutes to wait after each failed attempt in a row, by what the certificate in use still lasts. */
const WAITS: readonly {
  readonly name: string;
  readonly lifeLeftMs?: number;
  readonly minutes: readonly number[];
}[] = [
  { name: 'never issued: Let’s Encrypt’s rhythm', minutes: [1, 10, 100, 1440, 1440, 1440] },
  { name: '30 days left: the same', lifeLeftMs: 30 * DAY_MS, minutes: [1, 10, 100, 1440, 1440] },
  { name: '2 days left: twice a day', lifeLeftMs: 2 * DAY_MS, minutes: [1, 10, 100, 720, 720] },
  { name: '4 hours left: hourly', lifeLeftMs: 4 * HOUR_MS, minutes: [1, 10, 60, 60] },
  { name: '40 minutes left: every 25 minutes', lifeLeftMs: 40 * MINUTE_MS, minutes: [1, 10, 25, 25] },
  { name: 'ended: four times a day', lifeLeftMs: -DAY_MS, minutes: [1, 10, 100, 360, 360] },
];

describe('the wait after a failed attempt', () => {
  for (const { name, lifeLeftMs, minutes } of WAITS) {
    it(name, () => {
      const waits = minutes.map((_, index) => failureBackoffMs({ attempts: index + 1, lifeLeftMs }));

      assert.deepEqual(
        waits.map((ms) => ms / MINUTE_MS),
        minutes,
      );
    });
  }
});

/** When the attempts fall that a certificate gets between its renewal time and its end, if all of them fail. */
function attemptsOf(lifeLeftMs: number): readonly number[] {
  const times: number[] = [];
  for (let at = 0; at < lifeLeftMs; ) {
    times.push(at);
    at += failureBackoffMs({ attempts: times.length, lifeLeftMs: lifeLeftMs - at });
  }
  return times;
}

test('no life ends in a blind gap: the last attempt comes within its last 25 minutes', () => {
  for (const hours of [1, 2, 53.3, 80, 240, 720, 2160]) {
    const lifeLeftMs = hours * HOUR_MS;

    const times = attemptsOf(lifeLeftMs);

    const gaps = times.slice(1).map((time, index) => time - (times[index] as number));
    const gapShares = gaps.map((gap, index) => gap / (lifeLeftMs - (times[index] as number)));
    assert.ok(lifeLeftMs - (times.at(-1) as number) <= 25 * MINUTE_MS, `${hours} h: ${times.at(-1)}`);
    assert.ok(Math.max(...gapShares.slice(0, -4)) <= 0.25 + 1e-9, `${hours} h: ${gapShares}`);
  }
});

test('no hour has more than four attempts, whatever is left of a life', () => {
  for (const hours of [1, 2, 53.3, 80, 240]) {
    const times = attemptsOf(hours * HOUR_MS);

    const most = times.map((from) => times.filter((at) => at >= from && at < from + HOUR_MS).length);
    assert.ok(Math.max(...most) <= 4, `${hours} h: ${Math.max(...most)}`);
  }
});

test('what only a change can heal is tried daily while a certificate is in use, and oftener near its end', () => {
  const hours = [30 * DAY_MS, 2 * DAY_MS, -DAY_MS].map((left) => hopelessBackoffMs(left) / HOUR_MS);

  assert.deepEqual(hours, [24, 12, 6]);
});

test('attempts that could not be made wait 5 seconds, doubling to half an hour', () => {
  const seconds = [1, 2, 3, 8, 9, 10, 11, 5000].map((attempts) => unreachableBackoffMs(attempts) / 1000);

  assert.deepEqual(seconds, [5, 10, 20, 640, 1280, 1800, 1800, 1800]);
});

test('a count that makes no sense waits the shortest time', () => {
  assert.deepEqual([failureBackoffMs({ attempts: 0 }), unreachableBackoffMs(-1)], [MINUTE_MS, 5000]);
});
