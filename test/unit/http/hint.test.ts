import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHint } from '../../../src/http/hint.ts';

test('a hundred rings are two: one at once, one when the interval is over', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let rings = 0;
  const hint = createHint(() => {
    rings += 1;
  }, 1_000);

  for (let index = 0; index < 100; index++) hint.ring();
  const atOnce = rings;
  t.mock.timers.tick(1_000);
  const afterwards = rings;
  t.mock.timers.tick(10_000);

  assert.deepEqual([atOnce, afterwards, rings], [1, 2, 2]);
});

test('rings that come slowly all ring', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let rings = 0;
  const hint = createHint(() => {
    rings += 1;
  }, 1_000);

  for (let index = 0; index < 5; index++) {
    hint.ring();
    t.mock.timers.tick(1_001);
  }

  assert.equal(rings, 5);
});

test('a closed one rings no more, not even what it owes', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let rings = 0;
  const hint = createHint(() => {
    rings += 1;
  }, 1_000);
  hint.ring();
  hint.ring();

  hint.close();
  t.mock.timers.tick(10_000);
  hint.ring();

  assert.equal(rings, 1);
});
