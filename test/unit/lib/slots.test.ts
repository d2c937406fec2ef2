import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Slots } from '../../../src/lib/slots.ts';

const SIGNAL = new AbortController().signal;

test('no more tasks than there are slots are under way, and all come to their turn', async () => {
  const slots = new Slots(2);
  let open = 0;
  let most = 0;
  const task = async (): Promise<void> => {
    open += 1;
    most = Math.max(most, open);
    await new Promise(setImmediate);
    open -= 1;
  };

  await Promise.all(Array.from({ length: 10 }, () => slots.run(SIGNAL, task)));

  assert.equal(most, 2);
});

test('who leaves the line takes no slot along', async () => {
  const slots = new Slots(1);
  const stop = new AbortController();
  let release: () => void = () => {};
  const first = slots.run(
    SIGNAL,
    () =>
      new Promise<void>((resolve) => {
        release = resolve;
      }),
  );
  const second = slots.run(stop.signal, async () => 'never');
  const third = slots.run(SIGNAL, async () => 'third');

  stop.abort(new Error('gone'));
  await assert.rejects(second, /gone/);
  release();

  await first;
  assert.equal(await third, 'third');
});
