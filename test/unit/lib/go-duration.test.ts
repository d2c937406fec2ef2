import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatGoDuration, parseGoDuration } from '../../../src/lib/go-duration.ts';

const HOUR_MS = 3_600_000;

const DURATIONS: readonly (readonly [text: string, ms: number | undefined])[] = [
  ['2160h', 2160 * HOUR_MS],
  ['2160h0m0s', 2160 * HOUR_MS],
  ['1h30m', 1.5 * HOUR_MS],
  ['1.5h', 1.5 * HOUR_MS],
  ['.5h', HOUR_MS / 2],
  ['1.h', HOUR_MS],
  ['30m1h', 1.5 * HOUR_MS],
  ['-5m', -300_000],
  ['+5m', 300_000],
  ['250ms', 250],
  ['1us', 0.001],
  ['1µs', 0.001],
  ['1μs', 0.001],
  ['0', 0],
  ['-0', 0],
  ['2562047h', 2_562_047 * HOUR_MS],
  ['2562048h', undefined],
  ['90d', undefined],
  ['1w', undefined],
  ['5', undefined],
  ['', undefined],
  ['h', undefined],
  ['.h', undefined],
  ['1h ', undefined],
  ['1 h', undefined],
  ['1H', undefined],
  ['--1h', undefined],
  ['1h-1m', undefined],
  ['1e3s', undefined],
  ['P1D', undefined],
];

for (const [text, ms] of DURATIONS) {
  test(`${JSON.stringify(text)} is ${ms === undefined ? 'no duration' : `${ms} ms`}, as in Go`, () => {
    assert.equal(parseGoDuration(text), ms);
  });
}

test('durations are written as Go writes them', () => {
  const written = [0, 250, 1000, 1500, 90_000, HOUR_MS, 2160 * HOUR_MS, 5_400_500, -300_000].map(
    formatGoDuration,
  );

  assert.deepEqual(written, [
    '0s',
    '250ms',
    '1s',
    '1.5s',
    '1m30s',
    '1h0m0s',
    '2160h0m0s',
    '1h30m0.5s',
    '-5m0s',
  ]);
});

test('what is written is read as the same', () => {
  fc.assert(
    fc.property(fc.integer({ min: -(10 ** 12), max: 10 ** 12 }), (ms) => {
      const back = parseGoDuration(formatGoDuration(ms));

      assert.equal(Math.round(back ?? Number.NaN), ms);
    }),
    { seed: 3 },
  );
});

test('writes nanoseconds as Go reads them, not as a power of ten', () => {
  const ms = parseGoDuration('1h5ns');

  assert.equal(formatGoDuration(ms ?? 0), '1h0m0.000000005s');
});
