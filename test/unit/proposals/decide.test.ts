import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DecisionInput, decideProposals } from '../../../src/proposals/decide.ts';
import type { OpenCause } from '../../../src/proposals/open-cause.ts';
import type { ProposalPlan } from '../../../src/proposals/steps.ts';
import { cause, hours, inUse, NOON, neverIssued, openCause, proposalOf } from '../../support/open-causes.ts';

const DAY = 24;

function decide(
  input: Partial<DecisionInput> & { readonly maxOpen?: number; readonly isEnabled?: boolean },
): ProposalPlan {
  const { maxOpen = 10, isEnabled = true, ...rest } = input;
  const manners = { maxOpen, isEnabled };
  return decideProposals({ causes: [], existing: [], sourceBranch: 'main', now: NOON, manners, ...rest });
}

/** `open www`, `close #7`. */
function told({ steps }: ProposalPlan): readonly string[] {
  return steps.map((step) =>
    'pullRequest' in step
      ? `${step.do} #${step.pullRequest.number}`
      : `${step.do} ${step.cause.cause.subject.name}`,
  );
}

function withheldOf({ withheld }: ProposalPlan): readonly (readonly [string, Date | undefined])[] {
  return withheld.map(({ because, until }) => [because, until]);
}

const FIRST: readonly {
  readonly name: string;
  readonly open: OpenCause;
  /** Undefined: it is opened. */
  readonly until?: Date | 'never' | undefined;
}[] = [
  ...(['specification', 'policy', 'account', 'encryption'] as const).map((kind) => ({
    name: `${kind}, at once`,
    open: openCause('www', { cause: cause('www', { class: kind }), attempts: 0, lastAttempts: [] }),
  })),
  { name: 'the environment after the third failed attempt', open: openCause('www', { attempts: 3 }) },
  {
    name: 'the environment after the second waits, until a third of the renewal window is left',
    open: openCause('www', { attempts: 2 }),
    until: hours(15 * DAY),
  },
  {
    name: 'the environment of what was never issued waits for the third attempt',
    open: openCause('www', { attempts: 2, affected: [neverIssued('www')] }),
    until: 'never',
  },
  {
    name: 'whatever it is when a third of the renewal window is left',
    open: openCause('www', {
      cause: cause('www', { class: 'time' }),
      attempts: 1,
      affected: [inUse('www', 10)],
    }),
  },
  {
    name: 'time heals a CA that is away, while there is time',
    open: openCause('www', {
      cause: cause('www', { class: 'time' }),
      attempts: 99,
      affected: [inUse('www', 11)],
    }),
    until: hours(1 * DAY),
  },
  {
    name: 'a limit that ends in time',
    open: openCause('www', {
      cause: cause('www', { class: 'time', code: 'rate-limited' }),
      isLimit: true,
      nextAttemptAt: hours(10 * DAY),
      affected: [inUse('www', 20)],
    }),
    until: hours(10 * DAY),
  },
  {
    name: 'a limit that ends too late, long before that',
    open: openCause('www', {
      cause: cause('www', { class: 'time', code: 'rate-limited' }),
      isLimit: true,
      nextAttemptAt: hours(10 * DAY + 1),
      affected: [inUse('www', 20)],
    }),
  },
  {
    name: 'a limit for what was never issued',
    open: openCause('www', {
      cause: cause('www', { class: 'time', code: 'rate-limited' }),
      isLimit: true,
      nextAttemptAt: hours(100 * DAY),
      affected: [neverIssued('www')],
    }),
    until: 'never',
  },
  {
    name: 'a suspended one that is not near its end',
    open: openCause('www', {
      cause: cause('www', { class: 'specification', code: 'suspended-too-long' }),
      affected: [inUse('www', 12)],
    }),
    until: hours(2 * DAY),
  },
  {
    name: 'a suspended one near its end',
    open: openCause('www', {
      cause: cause('www', { class: 'specification', code: 'suspended-too-long' }),
      affected: [inUse('www', 9)],
    }),
  },
  {
    name: 'a suspended one whose renewal time nobody knows, a ninth of its life before the end',
    open: openCause('www', {
      cause: cause('www', { class: 'specification', code: 'suspended-too-long' }),
      affected: [{ ...inUse('www', 12), renewalTime: undefined }],
    }),
    until: hours(2 * DAY),
  },
];

for (const { name, open, until } of FIRST) {
  test(`${until === undefined ? 'is opened' : 'is not opened yet'}: ${name}`, () => {
    const plan = decide({ causes: [open] });

    if (until === undefined) {
      assert.deepEqual(told(plan), ['open www']);
    } else {
      const at = until === 'never' ? undefined : until;
      assert.deepEqual(told(plan), []);
      assert.deepEqual(withheldOf(plan), [['too-early', at]]);
      assert.deepEqual(plan.lookAgainAt, at);
    }
  });
}

const www = openCause('www');
const healed = (closedHoursAgo: number) =>
  proposalOf(www, {
    pullRequest: { state: 'closed', closedAt: hours(-closedHoursAgo), createdAt: hours(-500) },
    marker: { state: 'healed' },
  });
const rejected = (closedHoursAgo: number) =>
  proposalOf(www, {
    pullRequest: { state: 'closed', closedAt: hours(-closedHoursAgo), createdAt: hours(-500) },
  });
const merged = (mergedHoursAgo: number, createdHoursAgo: number) =>
  proposalOf(www, {
    pullRequest: { state: 'merged', closedAt: hours(-mergedHoursAgo), createdAt: hours(-createdHoursAgo) },
  });
const attempted = (hoursAgo: number) =>
  openCause('www', { lastAttempts: [{ at: hours(-hoursAgo), object: 'web/www', what: 'No' }] });

const LIVES: readonly {
  readonly name: string;
  readonly given: Parameters<typeof decide>[0];
  readonly steps: readonly string[];
  readonly withheld?: readonly (readonly [string, Date | undefined])[];
  readonly again?: Date | undefined;
}[] = [
  {
    name: 'one that is open is kept up to date, and its words looked at every six hours',
    given: { causes: [www], existing: [proposalOf(www)] },
    steps: ['update #7'],
    again: hours(4),
  },
  {
    name: 'one that a person committed to is left alone',
    given: { causes: [www], existing: [proposalOf(www, { branch: 'edited' })] },
    steps: ['leave #7'],
  },
  {
    name: 'one that is open stays as it is while pull requests are disabled',
    given: { causes: [www], existing: [proposalOf(www)], isEnabled: false },
    steps: ['leave #7'],
  },
  {
    name: 'nothing is opened while pull requests are disabled',
    given: { causes: [www], isEnabled: false },
    steps: [],
    withheld: [['disabled', undefined]],
  },
  { name: 'one whose cause is gone is closed', given: { existing: [proposalOf(www)] }, steps: ['close #7'] },
  {
    name: 'one whose cause is gone stays open where a person committed to it',
    given: { existing: [proposalOf(www, { branch: 'edited' })] },
    steps: [],
  },
  {
    name: 'a fork that calls its branch like ours is nothing to us',
    given: { existing: [proposalOf(www, { pullRequest: { isFork: true } })] },
    steps: [],
  },
  {
    name: 'a cause that returns within 7 days opens it again',
    given: { causes: [www], existing: [healed(7 * DAY - 1)] },
    steps: ['reopen #7'],
  },
  {
    name: 'a cause that returns after 7 days opens a new one',
    given: { causes: [www], existing: [healed(7 * DAY)] },
    steps: ['open www'],
  },
  {
    name: 'a cause that returns with people’s commits on the branch is withheld',
    given: { causes: [www], existing: [{ ...healed(1), branch: 'edited' }] },
    steps: [],
    withheld: [['branch-edited', undefined]],
  },
  {
    name: 'closed by a person it stays closed for 14 days',
    given: { causes: [www], existing: [rejected(1)] },
    steps: [],
    withheld: [['closed-by-a-person', hours(14 * DAY - 1)]],
    again: hours(14 * DAY - 1),
  },
  {
    name: 'closed by a person it comes again after 14 days',
    given: { causes: [www], existing: [rejected(14 * DAY)] },
    steps: ['open www'],
  },
  {
    name: 'closed by a person, its text without a marker, it stays closed all the same',
    given: {
      causes: [www],
      existing: [proposalOf(www, { pullRequest: { state: 'closed', closedAt: hours(-1), body: 'No.' } })],
    },
    steps: [],
    withheld: [['closed-by-a-person', hours(14 * DAY - 1)]],
    again: hours(14 * DAY - 1),
  },
  {
    name: 'closed by a person it comes again when the cause is of another kind',
    given: {
      causes: [{ ...www, cause: cause('www', { code: 'caa-forbids' }) }],
      existing: [rejected(1)],
    },
    steps: ['reopen #7'],
  },
  {
    name: 'closed by a person it stays closed when the same names fail and our own look calls it otherwise',
    given: {
      causes: [{ ...www, cause: cause('www', { code: 'connection-failed' }) }],
      existing: [rejected(1)],
    },
    steps: [],
    withheld: [['closed-by-a-person', hours(14 * DAY - 1)]],
    again: hours(14 * DAY - 1),
  },
  {
    name: 'closed by a person it waits for the last 72 hours, where they come first',
    given: { causes: [{ ...www, affected: [inUse('www', 5)] }], existing: [rejected(1)] },
    steps: [],
    withheld: [['closed-by-a-person', hours(2 * DAY)]],
    again: hours(2 * DAY),
  },
  {
    name: 'closed by a person before the last 72 hours it comes again in them',
    given: { causes: [{ ...www, affected: [inUse('www', 2)] }], existing: [rejected(DAY + 1)] },
    steps: ['reopen #7'],
  },
  {
    name: 'closed by a person within the last 72 hours it stays closed',
    given: { causes: [{ ...www, affected: [inUse('www', 2)] }], existing: [rejected(DAY - 1)] },
    steps: [],
    withheld: [['closed-by-a-person', hours(13 * DAY + 1)]],
    again: hours(13 * DAY + 1),
  },
  {
    name: 'merged a moment ago it has to be tried first, and its branch goes',
    given: { causes: [attempted(3)], existing: [merged(2, 100)] },
    steps: ['remove-branch #7'],
    withheld: [['too-early', undefined]],
  },
  {
    name: 'merged without effect there is another',
    given: { causes: [attempted(1)], existing: [merged(2, 100)] },
    steps: ['open www'],
  },
  {
    name: 'merged without effect there is one a day',
    given: { causes: [attempted(1)], existing: [merged(2, 10)] },
    steps: ['remove-branch #7'],
    withheld: [['too-early', hours(14)]],
    again: hours(14),
  },
  {
    name: 'merged without effect with a fix of a person on its branch since, the fix is left alone',
    given: { causes: [attempted(1)], existing: [{ ...merged(2, 100), branch: 'edited' }] },
    steps: [],
    withheld: [['branch-edited', undefined]],
  },
  {
    name: 'merged without effect on what is never tried it counts after an hour',
    given: {
      causes: [{ ...www, cause: cause('www', { class: 'policy' }), lastAttempts: [] }],
      existing: [merged(0.5, 100)],
    },
    steps: ['remove-branch #7'],
    withheld: [['too-early', hours(0.5)]],
    again: hours(0.5),
  },
  {
    name: 'the branch of a healed one goes after 7 days',
    given: { existing: [healed(7 * DAY)] },
    steps: ['remove-branch #7'],
  },
  {
    name: 'the branch of a healed one stays for 7 days',
    given: { existing: [healed(7 * DAY - 1)] },
    steps: [],
    again: hours(1),
  },
  {
    name: 'the branch of a rejected one goes after 14 days',
    given: { existing: [rejected(14 * DAY)] },
    steps: ['remove-branch #7'],
  },
  {
    name: 'the branch of a merged one goes',
    given: { existing: [merged(0, 1)] },
    steps: ['remove-branch #7'],
  },
  {
    name: 'a branch with commits of people never goes',
    given: { existing: [{ ...rejected(20 * DAY), branch: 'edited' }] },
    steps: [],
  },
  {
    name: 'of several the open one counts',
    given: {
      causes: [www],
      existing: [rejected(1), proposalOf(www, { pullRequest: { number: 8, createdAt: hours(-600) } })],
    },
    steps: ['update #8'],
    again: hours(4),
  },
];

for (const { name, given, steps, withheld = [], again } of LIVES) {
  test(name, () => {
    const plan = decide(given);

    assert.deepEqual(told(plan), steps);
    assert.deepEqual(withheldOf(plan), withheld);
    assert.deepEqual(plan.lookAgainAt, again);
  });
}

test('the nearest expiry comes first, never issued last, then the oldest', () => {
  const plan = decide({
    causes: [
      openCause('new', { affected: [neverIssued('new')] }),
      openCause('older', { affected: [neverIssued('older')], since: hours(-100) }),
      openCause('later', { affected: [inUse('later', 9)] }),
      openCause('first', { affected: [inUse('first', 3)] }),
    ],
  });

  assert.deepEqual(told(plan), ['open first', 'open later', 'open older', 'open new']);
});

test('no more are opened than may be open at a time, those of people’s commits counted', () => {
  const other = openCause('other');

  const plan = decide({
    causes: [www, openCause('more', { affected: [inUse('more', 3)] }), openCause('less')],
    existing: [proposalOf(other, { branch: 'edited' })],
    maxOpen: 2,
  });

  assert.deepEqual(told(plan), ['open more']);
  assert.deepEqual(withheldOf(plan), [
    ['too-many-open', undefined],
    ['too-many-open', undefined],
  ]);
});

test('one that is closed makes room for another at once', () => {
  const plan = decide({ causes: [www], existing: [proposalOf(openCause('other'))], maxOpen: 1 });

  assert.deepEqual(told(plan), ['close #7', 'open www']);
});

test('four are opened in an hour, those that were opened again or closed since counted', () => {
  const lately = (name: string, minutesAgo: number) =>
    proposalOf(openCause(name), {
      branch: 'gone',
      pullRequest: { state: 'merged', createdAt: hours(-minutesAgo / 60), closedAt: hours(0) },
    });
  const reopened = proposalOf(openCause('back'), {
    branch: 'edited',
    pullRequest: { createdAt: hours(-50) },
    marker: { reopenedAt: hours(-0.75) },
  });

  const plan = decide({
    causes: ['a', 'b', 'c'].map((name) => openCause(name)),
    existing: [lately('x', 30), lately('y', 15), lately('z', 60), reopened],
  });

  assert.deepEqual(told(plan).length, 1);
  assert.deepEqual(withheldOf(plan), [
    ['too-many-in-an-hour', hours(0.25)],
    ['too-many-in-an-hour', hours(0.25)],
  ]);
  assert.deepEqual(plan.lookAgainAt, hours(0.25));
});
