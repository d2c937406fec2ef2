import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { AlternatingGate } from '../../../src/acme/alternating-gate.ts';

const SIGNAL = new AbortController().signal;

test('work of two kinds never runs at the same time, and all of it gets its turn', async () => {
  const gate = new AlternatingGate<'a' | 'b'>();
  const running = { a: 0, b: 0 };
  const most = { a: 0, b: 0 };
  let overlaps = 0;

  await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      const kind = index % 3 === 0 ? 'a' : 'b';
      for (let wait = index % 7; wait > 0; wait -= 1) await turn();
      await gate.run(kind, SIGNAL, async () => {
        running[kind] += 1;
        most[kind] = Math.max(most[kind], running[kind]);
        if (running.a > 0 && running.b > 0) overlaps += 1;
        await turn();
        running[kind] -= 1;
      });
    }),
  );

  assert.equal(overlaps, 0);
  assert.ok(most.a > 1 && most.b > 1, 'work of one kind runs side by side');
});

test('work that fails or is called off in line does not hold the gate', async () => {
  const gate = new AlternatingGate<'a' | 'b'>();
  const controller = new AbortController();
  let finish: (() => void) | undefined;

  const first = gate.run('a', SIGNAL, () => new Promise<void>((resolve) => (finish = resolve)));
  const calledOff = gate.run('b', controller.signal, async () => {});
  const failing = gate.run('b', SIGNAL, () => Promise.reject(new Error('failed')));
  await turn();
  controller.abort(new Error('called off'));
  finish?.();

  await first;
  await assert.rejects(calledOff, /called off/);
  await assert.rejects(failing, /failed/);
  assert.equal(await gate.run('a', SIGNAL, async () => 'done'), 'done');
});
