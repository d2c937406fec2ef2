import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommitStatus } from '../../../src/forge/forge.ts';
import type { ForgeUnderTest } from '../../support/forges/forge-under-test.ts';
import { scene } from './scene.ts';

const MARKER = '<!-- certops:plan -->';
const RED: CommitStatus = {
  context: 'certops/plan',
  state: 'failure',
  description: 'denied: 1 of 3 changes',
};
/** Not every forge tells `failure` from `error`: never one after the other. */
const STATES = ['pending', 'success', 'failure', 'pending', 'error', 'success'] as const;

export function describeReviews(start: () => Promise<ForgeUnderTest>): void {
  test('a commit gets its status, and gets it once', async (t) => {
    const { at, forge, writesDuring, signal } = await scene(start, t);
    const { headCommit } = await at.person.open({
      headBranch: 'topic',
      title: 't',
      files: { 'a.yaml': '#\n' },
    });

    await forge.ensureStatus(headCommit, RED, signal);
    const writes = await writesDuring(async () => {
      await forge.ensureStatus(headCommit, RED, signal);
      await (await at.connect()).ensureStatus(headCommit, RED, signal);
    });

    const [newest] = (await at.statuses(headCommit)).filter(({ context }) => context === RED.context);
    assert.deepEqual(writes, []);
    assert.equal(newest?.description, RED.description);
  });

  test('every state can be said, one after the other', async (t) => {
    const { at, forge, signal, writesDuring } = await scene(start, t);
    const { headCommit } = await at.person.open({
      headBranch: 'topic',
      title: 't',
      files: { 'a.yaml': '#\n' },
    });

    const writes: number[] = [];
    for (const state of STATES) {
      const made = await writesDuring(() => forge.ensureStatus(headCommit, { ...RED, state }, signal));
      writes.push(made.length);
    }

    assert.deepEqual(
      writes,
      STATES.map(() => 1),
    );
  });

  test('a status of another context is none of ours', async (t) => {
    const { at, forge, signal, writesDuring } = await scene(start, t);
    const { headCommit } = await at.person.open({
      headBranch: 'topic',
      title: 't',
      files: { 'a.yaml': '#\n' },
    });
    await forge.ensureStatus(headCommit, RED, signal);
    await forge.ensureStatus(headCommit, { ...RED, context: 'ci/build', state: 'success' }, signal);

    const writes = await writesDuring(() => forge.ensureStatus(headCommit, RED, signal));

    assert.deepEqual(writes, []);
  });

  test('a pull request gets one comment, kept up to date', async (t) => {
    const { at, forge, seen, writesDuring, signal } = await scene(start, t);
    const pull = await at.person.open({ headBranch: 'topic', title: 't', files: { 'a.yaml': '#\n' } });

    await forge.ensureComment(pull, MARKER, `${MARKER}\nplan 1`, signal);
    const same = await writesDuring(() => forge.ensureComment(pull, MARKER, `${MARKER}\nplan 1`, signal));
    await (await at.connect()).ensureComment(pull, MARKER, `${MARKER}\nplan 2`, signal);

    assert.deepEqual(same, []);
    assert.deepEqual((await seen(pull.number)).comments, [`${MARKER}\nplan 2`]);
  });

  test("a stranger's comment with our marker is not ours", async (t) => {
    const { at, forge, seen, signal } = await scene(start, t);
    const pull = await at.person.open({ headBranch: 'topic', title: 't', files: { 'a.yaml': '#\n' } });
    await at.person.comment(pull.number, `${MARKER}\nforged: all is well`);

    await forge.ensureComment(pull, MARKER, `${MARKER}\nplan 1`, signal);
    await forge.ensureComment(pull, MARKER, `${MARKER}\nplan 2`, signal);

    assert.deepEqual((await seen(pull.number)).comments, [
      `${MARKER}\nforged: all is well`,
      `${MARKER}\nplan 2`,
    ]);
  });

  test('our comment is found behind 120 of others', async (t) => {
    const { at, forge, seen, signal } = await scene(start, t);
    const pull = await at.person.open({ headBranch: 'topic', title: 't', files: { 'a.yaml': '#\n' } });
    for (let index = 0; index < 60; index++) await at.person.comment(pull.number, `before ${index}`);
    await forge.ensureComment(pull, MARKER, `${MARKER}\nplan 1`, signal);
    for (let index = 0; index < 60; index++) await at.person.comment(pull.number, `after ${index}`);

    await (await at.connect()).ensureComment(pull, MARKER, `${MARKER}\nplan 2`, signal);

    const ours = (await seen(pull.number)).comments.filter((body) => body.includes(MARKER));
    assert.deepEqual(ours, [`${MARKER}\nplan 2`]);
  });

  test('a comment whose answer got lost is not made twice', async (t) => {
    const { at, forge, seen, signal } = await scene(start, t);
    const pull = await at.person.open({ headBranch: 'topic', title: 't', files: { 'a.yaml': '#\n' } });
    at.faults.losesNextAnswer = true;

    const first = await forge
      .ensureComment(pull, MARKER, `${MARKER}\nplan`, signal)
      .catch((thrown: unknown) => thrown);
    await forge.ensureComment(pull, MARKER, `${MARKER}\nplan`, signal);

    assert.ok(first instanceof Error);
    assert.deepEqual((await seen(pull.number)).comments, [`${MARKER}\nplan`]);
  });
}
