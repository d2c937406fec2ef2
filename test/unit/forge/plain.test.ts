import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPlainForge, type PlainTip } from '../../../src/forge/plain.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import type { PullRequest, PullRequestDraft } from '../../../src/proposals/pull-request.ts';
import { hours } from '../../support/open-causes.ts';

const PREFIX = 'certops/failure/main/';
const BRANCH = `${PREFIX}web-www-01234567`;
const MARKER = 'Certops-Proposal-State: open';
const signal = new AbortController().signal;

/** Plain Git as a few maps. */
function plainGit(state: Record<string, unknown> = {}) {
  const tips = new Map<string, PlainTip>();
  const merged = new Set<string>();
  const world = { tips, merged, state, writes: 0, hour: 0, failsToRemove: false };
  const forge = createPlainForge({
    branches: {
      list: async () => new Map(tips),
      remove: async (branch, expected) => {
        if (world.failsToRemove) throw new Error('killed');
        if (tips.get(branch)?.commit === expected) tips.delete(branch);
      },
      mergedAmong: async (commits) => new Set([...commits].filter((commit) => merged.has(commit))),
    },
    state: {
      read: async () => world.state,
      update: async (change) => {
        world.writes += 1;
        // Through JSON, as the real one goes.
        world.state = JSON.parse(JSON.stringify(change(world.state)));
      },
    },
    clock: { ...systemClock(), now: () => hours(world.hour) },
    sourceBranch: 'main',
  });
  const push = (commit: string, branch = BRANCH): void => {
    const message = `web/www: drop a name\n\nWords.\n\n${MARKER} ${commit}\n`;
    tips.set(branch, { commit, message, committedAt: hours(world.hour) });
  };
  const draft = (headCommit: string): PullRequestDraft => ({
    title: 'web/www: drop a name',
    body: `Words.\n\n<!-- certops: ${headCommit} -->`,
    ...{ headBranch: BRANCH, headCommit, baseBranch: 'main', labels: [], reviewers: [] },
  });
  const proposals = (): Promise<readonly PullRequest[]> => forge.proposals(PREFIX, hours(-24 * 30), signal);
  const opened = async (commit: string): Promise<PullRequest> => {
    push(commit);
    return forge.ensureOpen(draft(commit), undefined, signal);
  };
  return { world, forge, push, draft, proposals, opened };
}

function told(pulls: readonly PullRequest[]): readonly string[] {
  return pulls.map(({ number, state }) => `#${number} ${state}`);
}

test('a branch is a pull request whose text is its message', async () => {
  const { opened, proposals } = plainGit();
  await opened('a1');

  const [pull] = await proposals();

  assert.equal(pull?.title, 'web/www: drop a name');
  assert.equal(pull?.body, `Words.\n\n${MARKER} a1`);
  assert.equal(pull?.headCommit, 'a1');
  assert.equal(pull?.createdAt.toISOString(), hours(0).toISOString());
});

test('opening what is open, and looking, writes nothing', async () => {
  const { world, forge, draft, opened, proposals } = plainGit();
  const pull = await opened('a1');
  const before = world.writes;

  const same = await forge.ensureOpen(draft('a1'), pull, signal);
  await proposals();

  assert.equal(same.number, pull.number);
  assert.equal(world.writes, before);
});

test('a branch that was pushed and not written down is a pull request all the same', async () => {
  const { push, forge, draft, proposals } = plainGit();
  push('a1');

  const found = await proposals();
  const { number } = await forge.ensureOpen(draft('a1'), undefined, signal);

  assert.deepEqual(told(found), ['#1 open']);
  assert.equal(number, 1);
});

test('a branch that is gone was closed by a person, when it is noticed; one that is back is open again', async () => {
  const { world, opened, push, proposals } = plainGit();
  await opened('a1');
  world.hour = 5;
  world.tips.clear();

  const [closed] = await proposals();
  world.hour = 6;
  push('a1');
  const back = await proposals();

  assert.equal(closed?.state, 'closed');
  assert.equal(closed?.body, '<!-- certops: a1 -->');
  assert.equal(closed?.closedAt?.toISOString(), hours(5).toISOString());
  assert.deepEqual(told(back), ['#1 open']);
});

test('a branch that is merged is merged, with its branch and without; the next one is another', async () => {
  const { world, opened, proposals } = plainGit();
  await opened('a1');
  world.merged.add('a1');

  const whileThere = await proposals();
  world.tips.clear();
  const gone = await proposals();
  await opened('a2');

  assert.deepEqual(told(whileThere), ['#1 merged']);
  assert.deepEqual(told(gone), ['#1 merged']);
  assert.deepEqual(told(await proposals()), ['#2 open', '#1 merged']);
});

test('a branch that was squashed stays merged when its files change again on the source branch', async () => {
  const { world, opened, proposals } = plainGit();
  await opened('a1');
  world.merged.add('a1');
  await proposals();

  // What it changes is no more as it left it.
  world.merged.delete('a1');
  const later = await proposals();

  assert.deepEqual(told(later), ['#1 merged']);
});

test('closing takes the branch away and remembers who closed it, also when killed in between', async () => {
  const { world, forge, opened, proposals } = plainGit();
  const pull = await opened('a1');
  const last = { body: `Healed.\n\n<!-- certops: healed -->\n`, comment: 'Healed' };
  world.failsToRemove = true;
  await assert.rejects(forge.ensureClosed(pull, last, signal));
  world.failsToRemove = false;

  const [closed] = await proposals();

  assert.equal(closed?.state, 'closed');
  assert.equal(closed?.body, '<!-- certops: healed -->');
  assert.equal(world.tips.size, 0);
  assert.deepEqual(told(await proposals()), ['#1 closed']);
});

test('what is closed stays as it is, and a known one is opened again under its number', async () => {
  const { world, forge, draft, opened, push, proposals } = plainGit();
  const pull = await opened('a1');
  await forge.ensureClosed(pull, { body: '', comment: '' }, signal);
  const writes = world.writes;
  await forge.ensureClosed(pull, { body: 'other', comment: '' }, signal);
  const [closed] = await proposals();
  push('a2');

  const again = await forge.ensureOpen(draft('a2'), closed, signal);

  assert.equal(world.writes, writes + 1);
  assert.equal(again.number, pull.number);
  assert.deepEqual(told(await proposals()), ['#1 open']);
});

const spoiled: readonly { readonly name: string; readonly proposals: unknown }[] = [
  { name: 'nothing', proposals: undefined },
  { name: 'a text', proposals: 'x' },
  {
    name: 'entries of the wrong kind',
    proposals: { next: 'x', entries: [1, null, { number: -1 }, { number: 1 }] },
  },
  { name: 'dates that are none', proposals: { next: 1, entries: [{ number: 1, createdAt: 'soon' }] } },
];
for (const { name, proposals: value } of spoiled) {
  test(`a state document with ${name} is read as far as it goes`, async () => {
    const { push, proposals, world } = plainGit({ proposals: value, lastTip: 'kept' });
    push('a1');

    assert.deepEqual(told(await proposals()), ['#1 open']);
    assert.equal(world.state.lastTip, 'kept');
  });
}

test('closed ones are forgotten after two months, and their numbers are not given again', async () => {
  const { world, forge, opened, proposals } = plainGit();
  const pull = await opened('a1');
  await forge.ensureClosed(pull, { body: '', comment: '' }, signal);
  world.hour = 24 * 61;

  await opened('a2');

  assert.deepEqual(told(await forge.proposals(PREFIX, new Date(0), signal)), ['#2 open']);
  assert.deepEqual(told(await proposals()), ['#2 open']);
});
