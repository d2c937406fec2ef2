import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CertopsError } from '../../../src/lib/errors.ts';
import { createPlan, type PlannedChange } from '../../../src/plan/plan.ts';
import { commentOf, type Review, statusOf } from '../../../src/reconcile/review-verdict.ts';

test('the status is red for what must not be merged as it is, and says so in 140 characters', () => {
  const error = new CertopsError('worker.too-slow', { what: 'x'.repeat(500) }, { retry: { when: 'never' } });
  const large = planned(changes(4, 'remove'), 10);
  const cases: readonly [name: string, review: Review, expected: RegExp][] = [
    ['nothing', planned([], 0), /^success nothing to do; plan [0-9a-f]{16}$/],
    ['issues', planned(changes(2, 'issue'), 0), /^success 2 to issue; plan/],
    [
      'denied',
      planned([...changes(1, 'denied'), ...changes(1, 'issue')], 0),
      /^failure 1 denied, 1 to issue/,
    ],
    ['invalid', planned(changes(1, 'invalid'), 0), /^failure 1 invalid/],
    ['large', large, /^failure large: add [0-9a-f]{16} to spec\.confirmed in certops\.yaml; 4 to remove$/],
    ['large and confirmed', planned(changes(4, 'remove'), 10, [idOf(large)]), /^success 4 to remove/],
    ['large by another id', planned(changes(4, 'remove'), 10, ['0'.repeat(16)]), /^failure large/],
    ['the first filling', planned(changes(200, 'issue'), 9), /^success 200 to issue/],
    ['not planned', { kind: 'failed', error }, /^error x+…$/],
  ];

  const found = cases.map(([, review]) => statusOf(review));

  for (const [index, [name, , expected]] of cases.entries()) {
    const { state = '', description = '' } = found[index] ?? {};
    assert.match(`${state} ${description}`, expected, name);
    assert.ok(description.length <= 140, name);
  }
});

test('the comment is found again by a line that nothing in the branch name ends', () => {
  const review = planned([], 0);
  const about = { sourceBranch: 'a-->b', head: '1'.repeat(40), baseHash: '2'.repeat(16) };

  const { marker, body } = commentOf(review, about);

  assert.equal(marker, '<!-- certops-plan a--%3Eb ');
  assert.ok(body.endsWith(`${marker}head=${about.head} base=${about.baseHash} plan=${idOf(review)} -->`));
});

test('words of an error render nothing of what they quote', () => {
  const error = new CertopsError('store.bad-path', { what: 'The file @team/x#1 <img src=x> is refused' });

  const { body } = commentOf({ kind: 'failed', error }, { sourceBranch: 'main', head: '', baseHash: '' });

  assert.match(body, /The file `@team\/x#1` `<img` `src=x>` is refused/);
});

function planned(
  list: readonly PlannedChange[],
  certificates: number,
  confirmed: readonly string[] = [],
): Review {
  return {
    kind: 'planned',
    plan: createPlan({ changes: list, certificates, confirmed, costs: [], warnings: [] }),
  };
}

function idOf(review: Review): string {
  return review.kind === 'planned' ? review.plan.id : '';
}

function changes(count: number, action: PlannedChange['action']): readonly PlannedChange[] {
  return Array.from({ length: count }, (_, index) => ({
    ...{ action, reason: 'Because', kind: 'Certificate', namespace: 'web', name: `${action}-${index}` },
    message: 'words',
  }));
}
