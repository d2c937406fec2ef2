import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readiness } from '../../../src/daemon/listening.ts';

const MINUTE_MS = 60_000;

describe('readiness', () => {
  const CASES = [
    {
      name: 'not before the branch was read',
      lookedAtMs: undefined,
      nowMs: 1_000,
      intervalMs: MINUTE_MS,
      isReady: false,
    },
    { name: 'right after a look', lookedAtMs: 1_000, nowMs: 1_000, intervalMs: MINUTE_MS, isReady: true },
    {
      name: 'after three missed looks',
      lookedAtMs: 0,
      nowMs: 3 * MINUTE_MS,
      intervalMs: MINUTE_MS,
      isReady: true,
    },
    {
      name: 'no longer after that',
      lookedAtMs: 0,
      nowMs: 3 * MINUTE_MS + 1,
      intervalMs: MINUTE_MS,
      isReady: false,
    },
    {
      name: 'two minutes however often it looks',
      lookedAtMs: 0,
      nowMs: 2 * MINUTE_MS,
      intervalMs: 100,
      isReady: true,
    },
    {
      name: 'no longer than two minutes then',
      lookedAtMs: 0,
      nowMs: 2 * MINUTE_MS + 1,
      intervalMs: 100,
      isReady: false,
    },
  ];
  for (const { name, lookedAtMs, nowMs, intervalMs, isReady } of CASES) {
    it(`${name}: ${isReady}`, () => {
      const now = readiness({ engine: { lookedAtMs }, clock: { monotonicMs: () => nowMs } }, intervalMs);

      assert.equal(now.isReady, isReady);
    });
  }
});
