import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WakeUp } from '../../../src/lib/wake-up.ts';

const NEVER = Number.POSITIVE_INFINITY;

test('ringing ends the wait under way', async () => {
  const bell = new WakeUp();
  const waiting = bell.wait(NEVER, new AbortController().signal);

  bell.notify();

  await waiting;
});

test('ringing before ends the next wait, once, however often it rang', async () => {
  const bell = new WakeUp();
  bell.notify();
  bell.notify();

  await bell.wait(NEVER, new AbortController().signal);
  let isOver = false;
  const second = bell.wait(NEVER, new AbortController().signal).then(() => {
    isOver = true;
  });
  await new Promise((resolve) => setImmediate(resolve));

  assert.equal(isOver, false);
  bell.notify();
  await second;
});

test('a wait ends by its time, and by its signal, without an error', async () => {
  const bell = new WakeUp();
  const stop = new AbortController();

  await bell.wait(1, stop.signal);
  await bell.wait(-5, stop.signal);
  const waiting = bell.wait(NEVER, stop.signal);
  stop.abort();
  await waiting;
  await bell.wait(NEVER, stop.signal);
});
