import assert from 'node:assert/strict';
import test from 'node:test';
import { DeadlineWorker } from '../../../src/lib/deadline-worker.ts';
import { CertopsError } from '../../../src/lib/errors.ts';

// Answers with its input, spins for ever on `spin`, eats its heap on `eat`, dies on `throw`.
const ENTRY = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort } from 'node:worker_threads';
    parentPort.on('message', ({ id, input }) => {
      if (input === 'spin') for (;;);
      if (input === 'eat') for (const all = []; ; ) all.push(new Array(10_000).fill({}));
      if (input === 'throw') throw new Error('broken');
      parentPort.postMessage({ kind: 'done', id, output: input });
    });
    parentPort.postMessage({ kind: 'ready' });
  `)}`,
);

const FAILING: readonly (readonly [input: string, code: string])[] = [
  ['spin', 'worker.too-slow'],
  ['eat', 'worker.failed'],
  ['throw', 'worker.failed'],
];

for (const [input, code] of FAILING) {
  test(`a question that makes the thread ${input} fails alone, the next is answered`, async () => {
    const worker = new DeadlineWorker<string, string>(ENTRY, {
      timeoutMs: input === 'spin' ? 50 : 10_000,
      maxHeapMiB: 32,
    });

    const [failed, answered] = await Promise.allSettled([worker.ask(input), worker.ask('hello')]);

    assert.ok(failed.status === 'rejected' && failed.reason instanceof CertopsError);
    assert.equal(failed.reason.code, code);
    assert.deepEqual(answered, { status: 'fulfilled', value: 'hello' });
    await worker.close();
  });
}

test('who waits for a busy thread can leave at once', async () => {
  const worker = new DeadlineWorker<string, string>(ENTRY, { timeoutMs: 60_000, maxHeapMiB: 32 });
  const [busy, waiting] = [new AbortController(), new AbortController()];
  const first = worker.ask('spin', busy.signal);
  const second = worker.ask('hello', waiting.signal);

  waiting.abort(new Error('gone'));

  await assert.rejects(second, { message: 'gone' });
  busy.abort(new Error('enough'));
  await assert.rejects(first, { message: 'enough' });
  assert.equal(await worker.ask('still there'), 'still there');
  await worker.close();
});
