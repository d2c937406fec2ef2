import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { test } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Ports } from '../../src/reconcile/ports.ts';
import { Reviewer } from '../../src/reconcile/reviewer.ts';
import { startGiteaSimulator } from '../support/forges/gitea-simulator.ts';
import { ProposalScene } from './proposal-scene.ts';

const HINTED_APART_MS = 10_000;
const REVIEWS_APART_MS = 2_000;

test('hints make the keeper look 10 s after its last look, and once for all of them', async (t) => {
  const scene = await ProposalScene.start(() => startGiteaSimulator('gitea'), []);
  t.after(() => scene.close());
  const { keeper, keep } = await scene.daemon();
  const hintedKeep = () => {
    keeper.hint();
    return keep([]);
  };
  await keep([]);
  const end = new Date(scene.now.getTime() + HINTED_APART_MS);

  const lookAgainAt: (Date | undefined)[] = [];
  const before = await scene.requestsDuring(async () => {
    lookAgainAt.push(await hintedKeep());
    scene.pass(HINTED_APART_MS - 1000);
    lookAgainAt.push(await hintedKeep());
  });
  scene.pass(1000);
  const atEnd = await scene.requestsDuring(() => keep([]));
  const after = await scene.requestsDuring(() => keep([]));

  assert.deepEqual(lookAgainAt, [end, end]);
  assert.deepEqual(before, []);
  assert.notDeepEqual(atEnd, []);
  assert.deepEqual(after, []);
});

test('a hint makes the keeper look at once where its last look is longer ago', async (t) => {
  const scene = await ProposalScene.start(() => startGiteaSimulator('gitea'), []);
  t.after(() => scene.close());
  const { keeper, keep } = await scene.daemon();
  await keep([]);
  scene.pass(HINTED_APART_MS);
  keeper.hint();

  const requests = await scene.requestsDuring(() => keep([]));

  assert.notDeepEqual(requests, []);
});

test('a hint makes reviews look 2 s after their last look, by themselves', async () => {
  const looks = new EventEmitter();
  let passedMs = 0;
  const system = systemClock();
  const clock = { ...system, monotonicMs: () => system.monotonicMs() + passedMs };
  const forge = {
    kind: 'gitea',
    openPullRequests: async () => {
      looks.emit('look', clock.monotonicMs());
      return [];
    },
  };
  // The parts of the ports that looking uses.
  const ports = {
    ...{ clock, log: silentLog, planner: {}, store: {} },
    openProposing: async () => ({ forge, sourceBranch: 'main' }),
  } as unknown as Ports;
  const reviewer = new Reviewer(
    ports,
    { paths: { classify: () => undefined } as never },
    { held: undefined },
  );
  const stop = new AbortController();
  const first = once(looks, 'look');
  const running = reviewer.run(stop.signal);
  const [firstAt] = await first;

  const second = once(looks, 'look');
  passedMs = REVIEWS_APART_MS - 100;
  reviewer.hint();
  const [secondAt] = await second;
  stop.abort();
  await running;

  assert.ok(secondAt - firstAt >= REVIEWS_APART_MS - 50);
});
