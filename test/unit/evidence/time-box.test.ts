import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timeBox } from '../../../src/evidence/time-box.ts';

const SIGNAL = new AbortController().signal;

test('a task that heeds no signal is left behind, and one that has ended is told', async () => {
  let signalOfTask: AbortSignal | undefined;

  await assert.rejects(
    timeBox(1, SIGNAL, () => new Promise(() => {})),
    { name: 'TimeoutError' },
  );
  const result = await timeBox(60_000, SIGNAL, async (signal) => {
    signalOfTask = signal;
    return 'done';
  });

  assert.equal(result, 'done');
  assert.equal(signalOfTask?.aborted, true);
});
