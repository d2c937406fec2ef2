import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readManifests } from '../../../src/daemon/manifest-reader.ts';
import { planPorts } from '../../../src/daemon/plan-ports.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { RuleRunner } from '../../../src/policy/rule-runner.ts';
import type { Engine } from '../../../src/reconcile/engine.ts';
import { filesInForce, type HeldPlan, readHeldPlan } from '../../../src/reconcile/held-plan.ts';
import { filesOf } from '../../../src/reconcile/merged-tree.ts';
import { planMerge } from '../../../src/reconcile/planning.ts';
import type { Ports } from '../../../src/reconcile/ports.ts';
import { SafetyRail } from '../../../src/reconcile/safety-rail.ts';
import type { Summary } from '../../../src/reconcile/summary.ts';
import { World } from '../../../src/reconcile/world.ts';
import { unreachable } from '../../../src/store/errors.ts';
import {
  ACME_ISSUER,
  acmeCertificate,
  type MemoryEngine,
  memoryEngine,
} from '../../support/memory-engine.ts';
import { MemoryRepository } from '../../support/memory-repository.ts';

type Files = Record<string, string | null>;

const SLIP = '  commonName: x.example.com\n';
const SETTINGS =
  'apiVersion: certops.dev/v1alpha1\nkind: Repository\nmetadata: {name: certificates}\nspec:\n';

function names(from: number, to: number): readonly string[] {
  return Array.from({ length: to - from }, (_, index) => `c${from + index}`);
}

/** A file each. */
function certificates(wanted: readonly string[], spec = '', folder = 'web'): Files {
  return Object.fromEntries(
    wanted.map((name) => [`${folder}/${name}.yaml`, acmeCertificate(name, { spec })]),
  );
}

function removed(wanted: readonly string[]): Files {
  return Object.fromEntries(wanted.map((name) => [`web/${name}.yaml`, null]));
}

function confirming(...ids: readonly string[]): Files {
  return { 'certops.yaml': `${SETTINGS}  confirmed: [${ids.map((id) => `"${id}"`).join(', ')}]\n` };
}

/** Ten Certificates, issued. */
async function tenIssued(): Promise<MemoryEngine> {
  const world = await memoryEngine();
  world.push({ 'web/issuer.yaml': ACME_ISSUER, ...certificates(names(0, 10)) });
  await world.run();
  assert.equal(world.orders.splice(0).length, 10);
  return world;
}

function ordered({ orders }: MemoryEngine): readonly string[] {
  return orders.map(({ certificate }) => certificate.name).sort();
}

function held({ state }: MemoryEngine): HeldPlan {
  const plan = readHeldPlan(state);
  assert.ok(plan, 'no plan is held');
  return plan;
}

function isFree({ state }: MemoryEngine): boolean {
  return readHeldPlan(state) === undefined;
}

function settle(engine: Engine): Promise<Summary> {
  return engine.runOnce(AbortSignal.timeout(20_000));
}

/** The remote is away at the next call of a method. */
function failNext(repository: MemoryRepository, method: 'blobSizes' | 'updateState', call = 1): void {
  let calls = 0;
  const original = repository[method];
  Object.assign(repository, {
    [method]: (...args: unknown[]) => {
      calls += 1;
      if (calls === call) return Promise.reject(unreachable('the remote is away'));
      return Reflect.apply(original, repository, args);
    },
  });
}

describe('where Git is away while a change is judged,', () => {
  test('a new process judges it all the same', async () => {
    const world = await tenIssued();
    world.push(certificates(names(0, 6), SLIP));
    const engine = await world.engine();
    failNext(world.repository, 'blobSizes');

    await assert.rejects(settle(engine), { code: 'store.unreachable' });
    await settle(engine).finally(() => engine.close());

    assert.deepEqual(ordered(world), []);
    assert.equal(isFree(world), false);
  });

  test('what was to be held is', async () => {
    const world = await tenIssued();
    const engine = await world.engine();
    await settle(engine);
    world.push(certificates(names(0, 5), SLIP));
    failNext(world.repository, 'updateState');

    await assert.rejects(settle(engine), { code: 'store.unreachable' });
    await settle(engine).finally(() => engine.close());

    assert.deepEqual(ordered(world), []);
    assert.equal(isFree(world), false);
  });

  test('what was to be carried out is', async () => {
    const world = await tenIssued();
    const engine = await world.engine();
    world.push(removed(names(0, 5)));
    await settle(engine);
    world.push(certificates(names(0, 3)));
    failNext(world.repository, 'updateState');

    await assert.rejects(settle(engine), { code: 'store.unreachable' });
    await settle(engine).finally(() => engine.close());

    assert.ok(isFree(world));
    assert.throws(() => world.status('c4'));
  });

  test('a confirmation holds for what it confirms, and for nothing beside it', async () => {
    const world = await tenIssued();
    const engine = await world.engine();
    world.push(certificates(names(0, 6), SLIP));
    await settle(engine);
    world.push({ ...confirming(held(world).id), ...certificates(names(10, 20)) });
    failNext(world.repository, 'updateState', 2);

    await assert.rejects(settle(engine), { code: 'store.unreachable' });
    await settle(engine).finally(() => engine.close());

    assert.deepEqual(ordered(world), names(0, 6));
    assert.equal(held(world).words, '10 to issue');
  });
});

describe('a process that begins', () => {
  test('judges what was pushed together with changes of outputs, though it writes first', async () => {
    const world = await tenIssued();
    const outputs = Object.keys(world.repository.files()).filter((path) =>
      /^(?:secrets|status)\/.*\/c[0-5](?:-tls|-1)?\.yaml$/.test(path),
    );

    world.push({ ...removed(names(0, 6)), ...Object.fromEntries(outputs.map((path) => [path, null])) });
    await world.run();

    assert.equal(held(world).words, '6 to remove');
    assert.ok(world.status('c0').issued);
  });

  test('finds a confirmation upon which the last one wrote before it ended', async () => {
    const world = await tenIssued();
    world.push(certificates(names(0, 6), SLIP));
    await world.run();

    world.push(confirming(held(world).id));
    await world.repository.updateState((state) => state);
    await world.run();

    assert.ok(isFree(world));
    assert.deepEqual(ordered(world), names(0, 6));
  });

  test('finds that a change was taken back before the last one ended', async () => {
    const world = await tenIssued();
    world.push(certificates(names(0, 6), SLIP));
    await world.run();

    world.push(certificates(names(0, 6)));
    await world.repository.updateState((state) => state);
    const summary = await world.run();

    assert.ok(isFree(world));
    assert.deepEqual(summary.findings, []);
  });

  test('forgets what was held in a history that is not there any more', async () => {
    const world = await tenIssued();
    world.push(removed(names(0, 5)));
    await world.run();

    world.repository.state = {
      ...world.repository.state,
      held: { ...held(world), base: 'a'.repeat(40), besides: {} },
    };
    await world.run();

    assert.ok(isFree(world));
  });

  test('months later holds the same, and renews what was accepted before', async () => {
    const world = await tenIssued();
    world.push(certificates(names(0, 6), SLIP));
    await world.run();
    const { id } = held(world);

    for (const month of ['05', '08']) {
      world.at(new Date(`2026-${month}-20T00:00:00Z`));
      await world.run();
    }

    assert.equal(world.orders.length, 20);
    assert.ok(world.orders.every(({ spec }) => spec.commonName === undefined));
    assert.equal(held(world).id, id);
  });
});

describe('beside small changes that are carried out, a held one', () => {
  test('is over when it is taken back', async () => {
    const world = await tenIssued();
    world.push(removed(names(0, 5)));
    await world.run();
    for (const name of names(6, 10)) {
      world.push(certificates([name], SLIP));
      await world.run();
    }

    world.push(certificates(names(0, 5)));
    const summary = await world.run();

    assert.ok(isFree(world));
    assert.deepEqual(summary.findings, []);
    assert.deepEqual(ordered(world), names(6, 10));
  });

  test('grows and shrinks by what is held alone, and a review of its confirmation shows the same plan', async (t) => {
    const world = await tenIssued();
    const { repository } = world;
    const rules = new RuleRunner();
    t.after(() => rules.close());
    world.push(removed(names(0, 5)));
    await world.run();
    for (const name of names(6, 9)) {
      world.push(certificates([name], SLIP));
      await world.run();
    }

    world.push({ ...removed(['c5']), ...certificates(['c0'], SLIP) });
    await world.run();
    const grown = held(world);
    await world.run();
    const later = held(world);
    const [base, tip] = [await filesOf(repository, repository.tip.commit), repository.tip];
    const files = filesInForce(
      later,
      (await repository.changes(later.base, later.at)).filter(({ path }) => path.startsWith('web/')),
    );
    const head = await filesOf(repository, repository.add(confirming(later.id)));
    const question = { base, head, loose: new Map(), state: world.state, now: new Date(), warnings: [] };
    const review = await planMerge(
      planPorts(repository, rules),
      { ...question, held: { ...later, files } },
      AbortSignal.timeout(20_000),
    );
    repository.tip = tip;
    world.push(certificates(names(0, 4)));
    await world.run();

    assert.equal(grown.words, '5 to remove, 1 to reissue');
    assert.deepEqual([...grown.besides.keys()].sort(), ['web/c6.yaml', 'web/c7.yaml', 'web/c8.yaml']);
    assert.deepEqual(later, grown);
    assert.equal(review.id, grown.id);
    assert.equal(review.summary.isUnconfirmed, false);
    assert.ok(isFree(world));
    assert.deepEqual(ordered(world), names(6, 9));
    assert.throws(() => world.status('c5'));
  });

  test('and one of its parts that is confirmed counts without it', async () => {
    const world = await tenIssued();
    const change = certificates(names(0, 6), SLIP);
    world.push(change);
    await world.run();
    const { id } = held(world);
    world.push(certificates(names(0, 6)));
    await world.run();

    world.push({ ...change, ...confirming(id) });
    world.push(certificates(names(10, 20)));
    await world.run();
    const first = held(world);
    world.push(removed(['c19']));
    await world.run();
    const second = held(world);
    world.push(confirming(id, second.id));
    await world.run();

    assert.deepEqual([first.words, second.words], ['10 to issue', '9 to issue']);
    assert.ok(isFree(world));
    assert.deepEqual(ordered(world), [...names(0, 6), ...names(10, 19)].sort());
  });
});

describe('while a large change is held,', () => {
  test('as many again are large though nothing seems to be declared', async () => {
    const world = await tenIssued();
    const engine = await world.engine();
    world.push(removed(names(0, 10)));
    await settle(engine);

    world.push(certificates(names(20, 80)));
    await settle(engine).finally(() => engine.close());

    assert.deepEqual(ordered(world), []);
    assert.equal(held(world).words, '10 to remove, 60 to issue');
  });

  test('it is taken back in other files, too', async () => {
    const world = await tenIssued();
    const engine = await world.engine();
    world.push(removed(names(0, 5)));
    await settle(engine);

    world.push(certificates(names(0, 5), '', 'other'));
    const summary = await settle(engine).finally(() => engine.close());

    assert.ok(isFree(world));
    assert.deepEqual(summary.findings, []);
    assert.deepEqual(ordered(world), []);
  });

  test('a Certificate of which a copy was made stays as it was', async () => {
    const world = await tenIssued();

    world.push({ ...certificates(names(0, 6), SLIP), ...certificates(names(0, 6), '', 'zzz') });
    await world.run();

    assert.deepEqual(ordered(world), []);
  });

  test('a certops.yaml that cannot be read confirms nothing and lets nothing go', async () => {
    const world = await tenIssued();
    world.push({ 'certops.yaml': `${SETTINGS}  exclude: []\n` });
    await world.run();
    world.push(certificates(names(0, 6), SLIP));
    await world.run();
    const { id } = held(world);

    world.push({ 'certops.yaml': `${SETTINGS}  exclude: 7\n` });
    await world.run();
    const whileBroken = held(world);
    world.push(confirming(id));
    await world.run();

    assert.equal(whileBroken.id, id);
    assert.deepEqual(ordered(world), names(0, 6));
  });

  test("the Secret of a Certificate that asks for another one is nobody else's", async () => {
    const world = await tenIssued();
    const renamed = names(0, 5).map(
      (name) => [`web/${name}.yaml`, acmeCertificate(name).replace(`${name}-tls`, `${name}-new`)] as const,
    );
    world.push(Object.fromEntries(renamed));
    await world.run();

    world.push({ 'web/a.yaml': acmeCertificate('a').replace('a-tls', 'c0-tls') });
    const summary = await world.run();

    assert.deepEqual(ordered(world), []);
    assert.match(summary.findings[0]?.message ?? '', /belongs to Certificate "web\/c0"/);
  });
});

test('what is let go is held until the view of the repository shows it', async (t) => {
  const rules = new RuleRunner();
  t.after(() => rules.close());
  const repository = new MemoryRepository();
  const world = new World(repository, readManifests, silentLog);
  const branchPlanner: Ports['branchPlanner'] = (question, store, signal) =>
    planMerge(planPorts(store, rules), { ...question, loose: new Map() }, signal);
  const clock = { now: () => new Date('2026-03-01T00:00:00Z') } as Ports['clock']; // all that the rail asks it
  const ports = { store: repository, readManifests, branchPlanner, clock, log: silentLog };
  const rail = new SafetyRail(ports, world, undefined);
  const signal = AbortSignal.timeout(20_000);
  const judge = async (files: Files) => {
    await rail.judge(repository.add(files), signal);
    const holds = rail.holds('web/c0');
    await world.advance(repository.tip.commit);
    return { holds, moved: rail.takeMoved().has('web/c0'), after: rail.holds('web/c0') };
  };
  await judge({ 'web/issuer.yaml': ACME_ISSUER, ...certificates(names(0, 10)) });

  const away = await judge(removed(names(0, 5)));
  const back = await judge(certificates(names(0, 5)));

  assert.deepEqual(away, { holds: true, moved: true, after: true });
  assert.deepEqual(back, { holds: true, moved: true, after: false });
});
