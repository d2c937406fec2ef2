import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ForgeError } from '../../src/forge/errors.ts';
import { createGiteaForge } from '../../src/forge/gitea.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { Sensitive } from '../../src/lib/sensitive.ts';
import { type GiteaUnderTest, startGiteaSimulator } from '../support/forges/gitea-simulator.ts';
import { git } from '../support/git-repo.ts';
import { failure, PREFIX, scene } from './forge-suite/scene.ts';

const MARKER = '<!-- certops:plan -->';

/** The suite's scene on a Gitea, with what only that one has. */
async function giteaScene(t: Parameters<typeof scene>[1], kind: 'gitea' | 'forgejo' = 'gitea') {
  const gitea = await startGiteaSimulator(kind);
  return { gitea, ...(await scene(async () => gitea, t)) };
}

function connect(gitea: GiteaUnderTest, change: { readonly apiUrl?: string; readonly token?: string } = {}) {
  return createGiteaForge({
    ...{ kind: 'gitea', owner: 'team', name: 'certificates', clock: systemClock(), allowPlainLoopback: true },
    apiUrl: change.apiUrl ?? gitea.apiUrl,
    token: new Sensitive(change.token ?? gitea.token),
  });
}

describe('Gitea and Forgejo by themselves', () => {
  test('the URL is that of the server or of its API, with a path prefix and a slash too many', async (t) => {
    const { gitea, opened, since, signal } = await giteaScene(t);
    const { pullRequest } = await opened();
    const server = gitea.apiUrl.replace(/\/api\/v1$/, '');

    for (const apiUrl of [server, `${server}/`, gitea.apiUrl, `${gitea.apiUrl}/`]) {
      const [found] = await connect(gitea, { apiUrl }).proposals(PREFIX, since, signal);
      assert.equal(found?.number, pullRequest.number, apiUrl);
    }
  });

  for (const hasLinks of [true, false]) {
    test(`lists are read to their end where pages are short and Link is ${hasLinks ? '' : 'not '}there`, async (t) => {
      const { gitea, forge, opened, writesDuring, since, signal } = await giteaScene(t);
      Object.assign(gitea.settings, { maxItems: 3, hasLinks });
      for (let index = 0; index < 7; index++) {
        const headBranch = `${PREFIX}n${index}`;
        await gitea.person.open({ headBranch, title: headBranch, files: { 'n.yaml': `${index}\n` } });
      }
      const { draft } = await opened({ labels: ['a', 'b', 'c', 'd', 'e'] });

      const found = await forge.proposals(PREFIX, since, signal);
      const writes = await writesDuring(() => forge.ensureOpen(draft, found[0], signal));

      assert.equal(found.length, 8);
      assert.deepEqual(writes, []);
      assert.equal(gitea.labels.length, 5);
    });
  }

  test('a label is made once, and the oldest of a name is taken', async (t) => {
    const { gitea, forge, draft, signal } = await giteaScene(t);

    await forge.ensureOpen(await draft(), undefined, signal);
    await forge.ensureOpen(await draft({ headBranch: `${PREFIX}other` }), undefined, signal);

    assert.deepEqual(
      gitea.labels.map(({ name }) => name),
      ['certops'],
    );
    assert.deepEqual(
      (await gitea.pullRequests()).map(({ labels }) => labels),
      [['certops'], ['certops']],
    );
  });

  test('whoever has reviewed is not asked again, and teams of a person are asked in vain once', async (t) => {
    const { gitea, forge, opened, writesDuring, signal } = await giteaScene(t);
    const reviewers = ['alice', 'bob', 'team/operators', 'certops-bot'];
    const { draft, pullRequest } = await opened({ reviewers });
    await gitea.review(pullRequest.number, 'alice', 'COMMENT');

    const same = await writesDuring(() => forge.ensureOpen(draft, pullRequest, signal));
    const afresh = await writesDuring(async () =>
      (await gitea.connect()).ensureOpen({ ...draft, reviewers: ['alice', 'bob'] }, pullRequest, signal),
    );

    assert.deepEqual(same, []);
    assert.deepEqual(afresh, []);
    assert.deepEqual((await gitea.pullRequests())[0]?.reviewers, ['bob']);
  });

  test('a proposal whose branch is gone still goes by its name', async (t) => {
    const { gitea, forge, opened, since, signal } = await giteaScene(t);
    const { draft } = await opened();
    await git(['-C', gitea.repository, 'update-ref', '-d', `refs/heads/${draft.headBranch}`]);

    const [found] = await forge.proposals(PREFIX, since, signal);

    assert.equal(found?.headBranch, draft.headBranch);
    assert.equal(found?.headCommit, draft.headCommit);
    assert.equal(found?.state, 'closed');
  });

  test('one whose branch went on is left closed for a new one: the API would show people the old head', async (t) => {
    const { gitea, forge, draft, opened, signal } = await giteaScene(t);
    const { pullRequest } = await opened();
    await gitea.person.close(pullRequest.number);

    const again = await forge.ensureOpen(await draft(), { ...pullRequest, state: 'closed' }, signal);

    assert.notEqual(again.number, pullRequest.number);
    assert.deepEqual(
      (await gitea.pullRequests()).map(({ state }) => state),
      ['open', 'closed'],
    );
  });

  test('one that a person opened for the branch meanwhile is taken instead of the closed one', async (t) => {
    const { gitea, forge, opened, signal } = await giteaScene(t);
    const { draft, pullRequest } = await opened();
    await gitea.person.close(pullRequest.number);
    const other = await forge.ensureOpen(draft, undefined, signal);

    const again = await forge.ensureOpen(
      { ...draft, title: 'Newer' },
      { ...pullRequest, state: 'closed' },
      signal,
    );

    assert.equal(again.number, other.number);
    assert.equal((await gitea.pullRequests()).filter(({ state }) => state === 'open').length, 1);
  });

  for (const kind of ['gitea', 'forgejo'] as const) {
    test(`a title says that it is a draft (${kind})`, async (t) => {
      const { gitea, forge, signal } = await giteaScene(t, kind);
      const titles = ['WIP: one', '[wip] two', 'three WIP: not'];
      for (const [index, title] of titles.entries()) {
        await gitea.person.open({ headBranch: `topic-${index}`, title, files: { 'a.yaml': `${index}\n` } });
      }

      const open = await forge.openPullRequests('main', signal);

      assert.deepEqual(
        open
          .map(({ title, isDraft }) => ({ title, isDraft }))
          .toSorted((a, b) => (a.title < b.title ? -1 : 1)),
        [
          { title: 'WIP: one', isDraft: true },
          { title: '[wip] two', isDraft: true },
          { title: 'three WIP: not', isDraft: false },
        ],
      );
    });
  }

  const SCOPES = [
    { without: 'read:user', says: /read:user/ },
    { without: 'write:issue', says: /write:issue|read:issue/ },
    { without: 'write:repository', says: /read:repository/ },
  ];
  for (const { without, says } of SCOPES) {
    test(`a token without ${without} is told which scope it lacks`, async (t) => {
      const { gitea, opened, signal } = await giteaScene(t);
      const { draft, pullRequest } = await opened();
      gitea.settings.scopes.delete(without);

      const forge = await gitea.connect();
      const thrown =
        without === 'write:repository'
          ? await failure(forge.ensureOpen(draft, pullRequest, signal))
          : await failure(forge.ensureComment(pullRequest, MARKER, MARKER, signal));

      assert.ok(thrown instanceof ForgeError);
      assert.equal(thrown.code, 'forge.unauthorized');
      assert.match(thrown.explain(), says);
    });
  }

  test('an archived repository refuses in its own words', async (t) => {
    const { gitea, forge, draft, signal } = await giteaScene(t);
    gitea.settings.isArchived = true;

    const thrown = await failure(forge.ensureOpen(await draft(), undefined, signal));

    assert.ok(thrown instanceof ForgeError);
    assert.equal(thrown.code, 'forge.refused');
    assert.match(thrown.explain(), /archived/);
  });

  test('a branch that was never pushed is not found, and nothing is opened', async (t) => {
    const { gitea, forge, draft, signal } = await giteaScene(t);
    const wanted = { ...(await draft()), headBranch: `${PREFIX}never` };

    const thrown = await failure(forge.ensureOpen(wanted, undefined, signal));

    assert.ok(thrown instanceof ForgeError);
    assert.equal(thrown.code, 'forge.not-found');
    assert.deepEqual(await gitea.pullRequests(), []);
  });

  test('the token goes along as a header and nowhere else', async (t) => {
    const { gitea, forge, opened, signal } = await giteaScene(t);
    const { pullRequest } = await opened({ reviewers: ['alice'] });
    await forge.ensureComment(pullRequest, MARKER, MARKER, signal);

    const carrying = new Set(gitea.received.filter((text) => text.includes(gitea.token)));

    assert.deepEqual([...carrying], [`token ${gitea.token}`]);
    assert.equal(gitea.requests.join().includes(gitea.token), false);
  });

  test('a token with a line break in it is refused before it is sent, and not quoted', async (t) => {
    const { gitea, since, signal } = await giteaScene(t);
    const forge = connect(gitea, { token: 'canary-two\nlines' });

    const thrown = await failure(forge.proposals(PREFIX, since, signal));

    assert.ok(thrown instanceof ForgeError);
    assert.equal(thrown.code, 'forge.bad-configuration');
    assert.equal(thrown.explain().includes('canary-two'), false);
    assert.deepEqual(gitea.requests, []);
  });

  test('a server on plain HTTP is not asked', () => {
    const open = () =>
      createGiteaForge({
        ...{ kind: 'gitea', owner: 'team', name: 'certificates', clock: systemClock() },
        ...{ apiUrl: 'http://git.example.com', token: new Sensitive('canary') },
      });

    assert.throws(open, { code: 'forge.bad-configuration' });
  });
});
