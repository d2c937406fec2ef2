import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ForgeUnderTest } from '../../support/forges/forge-under-test.ts';
import { BRANCH, PREFIX, scene } from './scene.ts';

const DAY_MS = 24 * 3_600_000;
/** Characters of the longest text that the forge takes; Gitea and Forgejo take any (see there). */
const LONGEST_TEXT = { git: 0, github: 65_536, gitlab: 1_048_576, gitea: 65_536, forgejo: 65_536 };
/** More than an answer may hold. */
const ENDLESS_TEXT = 3_000_000;

export function describeListing(start: () => Promise<ForgeUnderTest>): void {
  test('a client that knows nothing finds its proposal again, as it was left', async (t) => {
    const { at, opened, since, signal } = await scene(start, t);
    const { pullRequest } = await opened();

    const found = await (await at.connect()).proposals(PREFIX, since, signal);

    assert.deepEqual(
      found.map(({ number, title, headBranch, headCommit, labels, state, isFork, author }) => ({
        ...{ number, title, headBranch, headCommit, labels, state, isFork, author },
      })),
      [
        {
          number: pullRequest.number,
          title: pullRequest.title,
          headBranch: pullRequest.headBranch,
          headCommit: pullRequest.headCommit,
          labels: ['certops'],
          state: 'open',
          isFork: false,
          author: pullRequest.author,
        },
      ],
    );
  });

  test('proposals are those of this repository under the prefix, newest first, forks left out', async (t) => {
    const { at, forge, since, signal } = await scene(start, t);
    const names = [`${PREFIX}one`, `${PREFIX}two`, 'certops/failure/other/three', 'topic', `x${PREFIX}four`];
    for (const [index, headBranch] of names.entries()) {
      await at.person.open({ headBranch, title: headBranch, files: { [`${index}.yaml`]: '#\n' } });
    }
    await at.person.open({
      headBranch: BRANCH,
      title: 'of a fork',
      files: { 'f.yaml': '#\n' },
      isFork: true,
    });

    const found = await forge.proposals(PREFIX, since, signal);

    assert.deepEqual(
      found.map(({ headBranch }) => headBranch),
      [`${PREFIX}two`, `${PREFIX}one`],
    );
  });

  test('an open proposal is found however old it is, a closed one only since the time asked for', async (t) => {
    const { at, forge, signal } = await scene(start, t);
    const now = Date.now();
    const open = async (name: string): Promise<number> => {
      const headBranch = `${PREFIX}${name}`;
      return (await at.person.open({ headBranch, title: name, files: { [name]: '#\n' } })).number;
    };
    at.at(new Date(now - 60 * DAY_MS));
    await open('old-open');
    const oldClosed = await open('old-closed');
    at.at(new Date(now - 50 * DAY_MS));
    await at.person.close(oldClosed);
    at.at(new Date(now - 2 * DAY_MS));
    const recentClosed = await open('recent-closed');
    await at.person.close(recentClosed);
    at.at(new Date(now));

    const found = await forge.proposals(PREFIX, new Date(now - 21 * DAY_MS), signal);

    assert.deepEqual(
      found.map(({ title, state }) => `${title} ${state}`),
      ['recent-closed closed', 'old-open open'],
    );
  });

  test('a list longer than a page is read to its end, 120 pull requests', async (t) => {
    const { at, forge, since, signal } = await scene(start, t);
    for (let index = 0; index < 120; index++) {
      const headBranch = `${PREFIX}n${index}`;
      await at.person.open({ headBranch, title: `n${index}`, files: { 'n.yaml': `${index}\n` } });
    }

    const open = await forge.openPullRequests('main', signal);
    const proposals = await forge.proposals(PREFIX, since, signal);

    assert.equal(new Set(open.map(({ number }) => number)).size, 120);
    assert.equal(new Set(proposals.map(({ number }) => number)).size, 120);
  });

  test('pull requests of strangers with the longest texts hide neither ours nor themselves', async (t) => {
    const { at, forge, opened, since, signal } = await scene(start, t);
    const { pullRequest } = await opened();
    const strangers: number[] = [];
    const open = async (characters: number): Promise<number> => {
      const { number } = await at.person.open({
        headBranch: 'long',
        title: 'long',
        body: '\u20ac'.repeat(characters),
        files: { 'long.yaml': '#\n' },
        isFork: true,
      });
      return number;
    };
    // Of GitLab's no three fit into an answer, and each takes its time.
    const count = at.kind === 'gitlab' ? 20 : 60;
    for (let index = 0; index < count; index++) strangers.push(await open(LONGEST_TEXT[at.kind]));
    // One that fits into no answer at all.
    if (at.kind === 'gitea' || at.kind === 'forgejo') await open(ENDLESS_TEXT);
    const restarted = await at.connect();

    const proposals = await restarted.proposals(PREFIX, since, signal);
    const all = await forge.openPullRequests('main', signal);

    assert.deepEqual(
      proposals.map(({ number }) => number),
      [pullRequest.number],
    );
    assert.deepEqual(
      all.map(({ number }) => number).toSorted((one, other) => one - other),
      [pullRequest.number, ...strangers],
    );
  });

  test('open pull requests are those into the branch, forks included', async (t) => {
    const { at, forge, signal } = await scene(start, t);
    await at.person.open({ headBranch: 'topic', title: 'ours', files: { 'a.yaml': '#\n' } });
    const fork = await at.person.open({
      headBranch: 'main',
      title: 'theirs',
      files: { 'b.yaml': '#\n' },
      isFork: true,
    });
    const closed = await at.person.open({ headBranch: 'gone', title: 'gone', files: { 'c.yaml': '#\n' } });
    await at.person.close(closed.number);

    const open = await forge.openPullRequests('main', signal);
    const elsewhere = await forge.openPullRequests('release', signal);

    assert.deepEqual(
      open.map(({ title, isFork }) => ({ title, isFork })).toSorted((a, b) => (a.title < b.title ? -1 : 1)),
      [
        { title: 'ours', isFork: false },
        { title: 'theirs', isFork: true },
      ],
    );
    assert.equal(open.find(({ isFork }) => isFork)?.headCommit, fork.headCommit);
    assert.deepEqual(elsewhere, []);
  });
}
