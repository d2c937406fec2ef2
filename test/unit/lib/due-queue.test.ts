import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DueQueue } from '../../../src/lib/due-queue.ts';

type Step =
  | { readonly do: 'set'; readonly key: string; readonly at: number | undefined }
  | { readonly do: 'take'; readonly now: number };

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    fc.record({
      do: fc.constant('set' as const),
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
      at: fc.option(fc.nat(20), { nil: undefined }),
    }),
    fc.record({ do: fc.constant('take' as const), now: fc.nat(20) }),
  ),
  { maxLength: 60 },
);

test('behaves as a sorted list would, whatever is set, moved and taken', () => {
  fc.assert(
    fc.property(steps, (sequence) => {
      const queue = new DueQueue();
      const model = new Map<string, number>();
      for (const step of sequence) {
        if (step.do === 'set') {
          queue.set(step.key, step.at === undefined ? undefined : new Date(step.at));
          if (step.at === undefined) model.delete(step.key);
          else model.set(step.key, step.at);
        } else {
          const due = [...model].filter(([, at]) => at <= step.now);
          for (const [key] of due) model.delete(key);

          const taken = queue.takeDue(new Date(step.now));

          assert.deepEqual([...taken].sort(), due.map(([key]) => key).sort());
        }
        const next = queue.next()?.getTime();
        assert.equal(next, model.size === 0 ? undefined : Math.min(...model.values()));
      }
    }),
    { seed: 11, numRuns: 500 },
  );
});

test('what is due comes out in the order of its time', () => {
  const queue = new DueQueue();
  for (const at of [5, 3, 9, 1, 7]) queue.set(`at-${at}`, new Date(at));

  assert.deepEqual(queue.takeDue(new Date(7)), ['at-1', 'at-3', 'at-5', 'at-7']);
});
