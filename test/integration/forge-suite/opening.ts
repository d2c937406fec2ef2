import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ForgeError } from '../../../src/forge/errors.ts';
import type { ForgeUnderTest } from '../../support/forges/forge-under-test.ts';
import { git } from '../../support/git-repo.ts';
import { failure, PREFIX, scene } from './scene.ts';

export function describeOpening(start: () => Promise<ForgeUnderTest>): void {
  test('a proposal becomes a pull request with its title, text, branches and labels', async (t) => {
    const { at, forge, draft, signal } = await scene(start, t);
    const wanted = await draft({ labels: ['certops', 'tls: broken'] });

    const opened = await forge.ensureOpen(wanted, undefined, signal);

    const [seen, ...others] = await at.pullRequests();
    assert.equal(others.length, 0);
    for (const one of [opened, seen]) {
      assert.ok(one);
      assert.equal(one.state, 'open');
      assert.equal(one.title, wanted.title);
      assert.equal(one.body.trim(), wanted.body.trim());
      assert.equal(one.headBranch, wanted.headBranch);
      assert.equal(one.headCommit, wanted.headCommit);
      assert.equal(one.baseBranch, 'main');
      assert.equal(one.isFork, false);
      assert.equal(one.isDraft, false);
      assert.deepEqual(one.labels.toSorted(), ['certops', 'tls: broken']);
    }
    assert.equal(opened.number, seen?.number);
    assert.match(opened.url, /^https?:\/\//);
  });

  test('its head is to be fetched from the repository under the ref that the client names', async (t) => {
    const { at, forge, opened } = await scene(start, t);

    const { draft, pullRequest } = await opened();

    const found = await git(['-C', at.repository, 'rev-parse', forge.headRef(pullRequest)]);
    assert.equal(found.trim(), draft.headCommit);
  });

  test('another text, title and label are brought into the pull request that is there', async (t) => {
    const { at, forge, draft, opened, seen, signal } = await scene(start, t);
    const { pullRequest } = await opened();

    const changed = await draft({
      title: 'Another title',
      body: 'Another text\n',
      labels: ['certops', 'near'],
    });
    const updated = await forge.ensureOpen(changed, pullRequest, signal);

    const now = await seen(pullRequest.number);
    assert.equal((await at.pullRequests()).length, 1);
    assert.equal(updated.number, pullRequest.number);
    assert.equal(updated.title, 'Another title');
    assert.equal(now.title, 'Another title');
    assert.equal(now.body.trim(), 'Another text');
    assert.deepEqual(now.labels.toSorted(), ['certops', 'near']);
  });

  test('nothing is written where nothing differs, by a client that knows and by a new one', async (t) => {
    const { at, forge, opened, writesDuring, since, signal } = await scene(start, t);
    const { draft, pullRequest } = await opened();

    const again = await writesDuring(() => forge.ensureOpen(draft, pullRequest, signal));
    const afresh = await writesDuring(async () => {
      const other = await at.connect();
      const [found] = await other.proposals(PREFIX, since, signal);
      await other.ensureOpen(draft, found, signal);
    });

    assert.deepEqual(again, []);
    assert.deepEqual(afresh, []);
  });

  test('labels of people stay', async (t) => {
    const { forge, draft, opened, seen, signal } = await scene(start, t);
    const { pullRequest } = await opened({ labels: ['certops', 'of a person'] });

    await forge.ensureOpen(await draft({ labels: ['certops'] }), pullRequest, signal);

    assert.deepEqual((await seen(pullRequest.number)).labels.toSorted(), ['certops', 'of a person']);
  });

  test('one that exists already is taken, not a second one opened', async (t) => {
    const { at, forge, draft, opened, signal } = await scene(start, t);
    const { pullRequest } = await opened();

    const taken = await forge.ensureOpen(await draft({ title: 'Newer' }), undefined, signal);

    const all = await at.pullRequests();
    assert.equal(taken.number, pullRequest.number);
    assert.equal(all.length, 1);
    assert.equal(all[0]?.title, 'Newer');
  });

  test('an answer that got lost leads to no second one, and to the same labels', async (t) => {
    const { at, forge, draft, seen, signal } = await scene(start, t);
    const wanted = await draft();
    // The first creation need not be the pull request itself: what is lost is tried until it is through.
    at.faults.losesNextAnswer = true;

    const first = await forge.ensureOpen(wanted, undefined, signal).catch((thrown: unknown) => thrown);
    const second = await forge.ensureOpen(wanted, undefined, signal);

    assert.ok(first instanceof Error);
    assert.equal((await at.pullRequests()).length, 1);
    assert.deepEqual((await seen(second.number)).labels, ['certops']);
  });

  test('a reviewer who does not exist stops nothing, and those who do are asked', async (t) => {
    const { at, opened, forge, writesDuring, signal } = await scene(start, t);

    const { draft, pullRequest } = await opened({ reviewers: ['nobody-of-that-name', 'alice', 'bob'] });
    const again = await writesDuring(() => forge.ensureOpen(draft, pullRequest, signal));

    const [seen] = await at.pullRequests();
    assert.equal(seen?.state, 'open');
    assert.deepEqual(seen?.reviewers.toSorted(), ['alice', 'bob']);
    assert.deepEqual(again, [], 'who was refused once is not asked again and again');
  });

  test('a push moves its head', async (t) => {
    const { at, forge, opened, since, signal } = await scene(start, t);
    const { draft } = await opened();

    const moved = await at.person.commit(draft.headBranch, { 'www.yaml': 'of a person\n' });
    const [found] = await forge.proposals(PREFIX, since, signal);

    assert.notEqual(moved, draft.headCommit);
    assert.equal(found?.headCommit, moved);
  });

  test('one that was closed is opened again, with what it says by now', async (t) => {
    const { at, forge, opened, seen, signal } = await scene(start, t);
    const { draft, pullRequest } = await opened();
    await forge.ensureClosed(pullRequest, { body: 'Healed.\n', comment: 'The cause is gone.' }, signal);

    const again = await forge.ensureOpen(
      { ...draft, body: 'It is back.\n' },
      { ...pullRequest, state: 'closed' },
      signal,
    );

    const now = await seen(pullRequest.number);
    assert.equal(again.number, pullRequest.number);
    assert.equal(again.state, 'open');
    assert.equal(now.state, 'open');
    assert.equal(now.body.trim(), 'It is back.');
    assert.equal((await at.pullRequests()).length, 1);
  });

  test('one whose branch went on while it was closed is open afterwards, with the new head, once', async (t) => {
    const { at, forge, draft, opened, signal } = await scene(start, t);
    const { pullRequest } = await opened();
    await forge.ensureClosed(pullRequest, { body: 'Healed.\n', comment: 'The cause is gone.' }, signal);
    const next = await draft({ body: 'It is back.\n' });

    const again = await forge.ensureOpen(next, { ...pullRequest, state: 'closed' }, signal);

    const open = (await at.pullRequests()).filter(({ state }) => state === 'open');
    const head = await git(['-C', at.repository, 'rev-parse', forge.headRef(again)]);
    assert.deepEqual(
      open.map(({ number, body }) => ({ number, body: body.trim() })),
      [{ number: again.number, body: 'It is back.' }],
    );
    assert.equal(again.headCommit, next.headCommit);
    assert.equal(head.trim(), next.headCommit);
  });

  test('a merged one is not opened again: there is a new one', async (t) => {
    const { at, forge, draft, opened, seen, signal } = await scene(start, t);
    const { pullRequest } = await opened();
    await at.person.merge(pullRequest.number);

    const next = await draft({ title: 'Still not' });
    const commit = await at.person.commit(next.headBranch, { 'www.yaml': 'second remedy\n' });
    const again = await forge.ensureOpen(
      { ...next, headCommit: commit },
      { ...pullRequest, state: 'merged' },
      signal,
    );

    assert.notEqual(again.number, pullRequest.number);
    assert.equal(again.state, 'open');
    assert.equal((await seen(pullRequest.number)).state, 'merged');
  });

  for (const what of ['close', 'merge'] as const) {
    test(`a person who is quicker (${what}) is not overruled`, async (t) => {
      const { at, forge, draft, opened, seen, signal } = await scene(start, t);
      const { pullRequest } = await opened();
      const next = await draft({ title: 'Newer' });
      await at.person[what](pullRequest.number);

      const thrown = await failure(forge.ensureOpen(next, pullRequest, signal));

      assert.ok(thrown instanceof ForgeError);
      assert.deepEqual([thrown.code, thrown.retry.when], ['forge.refused', 'now']);
      assert.notEqual((await seen(pullRequest.number)).state, 'open');
      assert.equal((await at.pullRequests()).length, 1);
    });
  }

  test('texts that mean something elsewhere arrive as they are', async (t) => {
    const { opened, seen } = await scene(start, t);
    const title = 'web/www: „ä“ `x` <b> & $(id) %2F #1 @alice';
    const body = 'a\n\n```text\n"quoted" \\ back & <script>\n```\n\n😀 \u200b end\n';

    const { pullRequest } = await opened({ title, body });

    const now = await seen(pullRequest.number);
    assert.equal(now.title, title);
    assert.equal(now.body.trim(), body.trim());
    assert.equal(pullRequest.title, title);
  });
}
