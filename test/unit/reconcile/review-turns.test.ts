import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PullRequest } from '../../../src/proposals/pull-request.ts';
import { ReviewTurns } from '../../../src/reconcile/review-turns.ts';

const MINUTE_MS = 60_000;

test('the newest change comes first, after those whose authors asked for fewer lately', () => {
  const turns = new ReviewTurns();
  turns.take(pull(9, 'mallory'), 0);
  turns.take(pull(9, 'mallory'), 1);

  const soon = turns.inOrder([pull(5, 'mallory'), pull(4, 'alice'), pull(3, 'bob')], 1000);
  const later = turns.inOrder([pull(5, 'mallory'), pull(4, 'alice')], 11 * MINUTE_MS);

  assert.deepEqual(
    soon.map(({ number }) => number),
    [4, 3, 5],
  );
  assert.deepEqual(
    later.map(({ number }) => number),
    [5, 4],
  );
});

test('no more than 20 begin in any minute', () => {
  const turns = new ReviewTurns();
  for (let index = 0; index < 20; index++) turns.take(pull(index, 'alice'), index * 1000);

  const waits = [19_000, 59_999, 60_000].map((nowMs) => turns.untilFreeMs(nowMs));

  assert.deepEqual(waits, [41_000, 1, 0]);
});

function pull(number: number, author: string): PullRequest {
  const at = new Date(0);
  return {
    ...{ number, author, url: '', state: 'open', title: '', body: '', headBranch: 'x', headCommit: '' },
    ...{ baseBranch: 'main', isFork: false, isDraft: false, labels: [], createdAt: at, updatedAt: at },
  };
}
