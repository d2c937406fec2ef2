import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failureBackoffMs, unreachableBackoffMs } from '../../../src/plan/backoff.ts';

const HOUR_MS = 3_600_000;

test('failed attempts wait 1, 2, 4, 8, 16 hours, then 32 each time', () => {
  const hours = [1, 2, 3, 4, 5, 6, 7, 50, 5000].map((attempts) => failureBackoffMs(attempts) / HOUR_MS);

  assert.deepEqual(hours, [1, 2, 4, 8, 16, 32, 32, 32, 32]);
});

test('attempts that could not be made wait 5 seconds, doubling to half an hour', () => {
  const seconds = [1, 2, 3, 8, 9, 10, 11, 5000].map((attempts) => unreachableBackoffMs(attempts) / 1000);

  assert.deepEqual(seconds, [5, 10, 20, 640, 1280, 1800, 1800, 1800]);
});

test('a count that makes no sense waits the shortest time', () => {
  assert.deepEqual([failureBackoffMs(0), unreachableBackoffMs(-1)], [HOUR_MS, 5000]);
});
