import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ForgeUnderTest } from '../../support/forges/forge-under-test.ts';
import { PREFIX, scene } from './scene.ts';

const LAST = { body: 'It was healed on 2027-01-02.\n', comment: 'The cause is gone: `web/www` was issued.' };

export function describeClosing(start: () => Promise<ForgeUnderTest>): void {
  test('closing leaves one comment and the last text', async (t) => {
    const { forge, opened, seen, signal } = await scene(start, t);
    const { pullRequest } = await opened();

    await forge.ensureClosed(pullRequest, LAST, signal);

    const now = await seen(pullRequest.number);
    assert.equal(now.state, 'closed');
    assert.equal(now.body.trim(), LAST.body.trim());
    assert.deepEqual(now.comments, [LAST.comment]);
  });

  test('closing twice is closing once, for a client that knows and for a new one', async (t) => {
    const { at, forge, opened, seen, writesDuring, signal } = await scene(start, t);
    const { pullRequest } = await opened();
    await forge.ensureClosed(pullRequest, LAST, signal);

    const writes = await writesDuring(async () => {
      await forge.ensureClosed(pullRequest, LAST, signal);
      await (await at.connect()).ensureClosed(pullRequest, LAST, signal);
    });

    assert.deepEqual(writes, []);
    assert.deepEqual((await seen(pullRequest.number)).comments, [LAST.comment]);
  });

  test('a comment whose answer got lost is not made twice', async (t) => {
    const { at, forge, opened, seen, signal } = await scene(start, t);
    const { pullRequest } = await opened();
    at.faults.losesNextAnswer = true;

    const first = await forge.ensureClosed(pullRequest, LAST, signal).catch((thrown: unknown) => thrown);
    await (await at.connect()).ensureClosed(pullRequest, LAST, signal);

    const now = await seen(pullRequest.number);
    assert.ok(first instanceof Error);
    assert.equal(now.state, 'closed');
    assert.deepEqual(now.comments, [LAST.comment]);
  });

  test('one that a person closed is seen closed and left as it is', async (t) => {
    const { at, forge, opened, seen, since, writesDuring, signal } = await scene(start, t);
    const { pullRequest } = await opened();
    await at.person.close(pullRequest.number);

    const [found] = await forge.proposals(PREFIX, since, signal);
    const writes = await writesDuring(() => forge.ensureClosed(pullRequest, LAST, signal));

    assert.equal(found?.state, 'closed');
    assert.ok(found?.closedAt instanceof Date);
    assert.deepEqual(writes, []);
    assert.deepEqual((await seen(pullRequest.number)).comments, []);
  });

  test('one that was merged is seen merged and left as it is', async (t) => {
    const { at, forge, opened, since, writesDuring, signal } = await scene(start, t);
    const { pullRequest } = await opened();
    await at.person.merge(pullRequest.number);

    const [found] = await forge.proposals(PREFIX, since, signal);
    const writes = await writesDuring(() => forge.ensureClosed(pullRequest, LAST, signal));

    assert.equal(found?.state, 'merged');
    assert.ok(found?.closedAt instanceof Date);
    assert.deepEqual(writes, []);
  });

  test('one that a person opened again is seen open', async (t) => {
    const { at, forge, opened, since, signal } = await scene(start, t);
    const { pullRequest } = await opened();
    await forge.ensureClosed(pullRequest, LAST, signal);

    await at.person.reopen(pullRequest.number);
    const [found] = await forge.proposals(PREFIX, since, signal);

    assert.equal(found?.state, 'open');
    assert.equal(found?.closedAt, undefined);
  });
}
