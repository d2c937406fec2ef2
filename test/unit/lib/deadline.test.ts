import assert from 'node:assert/strict';
import { getEventListeners, once } from 'node:events';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { deadline, withinDeadline } from '../../../src/lib/deadline.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

// The timers behind a signal keep no process alive; a test has nothing else that would.
function staysAlive(t: { after(hook: () => void): void }): void {
  const timer = setInterval(() => {}, 1000);
  t.after(() => clearInterval(timer));
}

test('the time-out fires although the garbage collector has passed', async (t) => {
  staysAlive(t);
  const signal = deadline(50, new AbortController().signal);
  const fired = once(signal, 'abort', { signal: AbortSignal.timeout(5_000) });
  // What was made in this turn is kept until the next one.
  await nextTurn();
  collectGarbage();

  await fired;

  assert.equal((signal.reason as DOMException).name, 'TimeoutError');
});

test('whichever comes first gives the reason, and it stays', async (t) => {
  staysAlive(t);
  const parent = new AbortController();
  const late = deadline(60_000, parent.signal);
  const early = deadline(5, parent.signal);
  await once(early, 'abort');

  parent.abort(new Error('stopped'));

  assert.equal((late.reason as Error).message, 'stopped');
  assert.equal((early.reason as DOMException).name, 'TimeoutError');
});

test('a parent that has fired is known at once', () => {
  const reason = new Error('stopped');

  const signal = deadline(60_000, AbortSignal.abort(reason));

  assert.equal(signal.reason, reason);
});

test('an action within a deadline leaves nothing behind on its parent', async () => {
  const { signal } = new AbortController();

  const answer = await withinDeadline(60_000, signal, async (own) => {
    assert.equal(getEventListeners(signal, 'abort').length, 1);
    return own.aborted;
  });

  assert.equal(answer, false);
  assert.equal(getEventListeners(signal, 'abort').length, 0);
});

test('an action within a deadline is told of the time-out, and of its parent', async (t) => {
  staysAlive(t);
  const reason = new Error('stop');
  const parent = new AbortController();
  const untilFired = async (signal: AbortSignal): Promise<unknown> => {
    if (!signal.aborted) await once(signal, 'abort');
    return signal.reason;
  };

  const late = await withinDeadline(10, undefined, untilFired);
  const stopped = withinDeadline(60_000, parent.signal, untilFired);
  parent.abort(reason);

  assert.equal((late as DOMException).name, 'TimeoutError');
  assert.equal(await stopped, reason);
  await assert.rejects(withinDeadline(60_000, parent.signal, untilFired), (thrown) => thrown === reason);
});
