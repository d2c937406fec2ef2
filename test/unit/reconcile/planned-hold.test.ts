import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { planPorts } from '../../../src/daemon/plan-ports.ts';
import type { Plan } from '../../../src/plan/plan.ts';
import { RuleRunner } from '../../../src/policy/rule-runner.ts';
import { filesOf } from '../../../src/reconcile/merged-tree.ts';
import { type PlanPorts, planMerge } from '../../../src/reconcile/planning.ts';
import { acmeCertificate } from '../../support/memory-engine.ts';
import { MemoryRepository } from '../../support/memory-repository.ts';

const ISSUER =
  'apiVersion: cert-manager.io/v1\nkind: Issuer\nmetadata: {name: ca, namespace: web}\nspec: {selfSigned: {}}\n';
const NAMES = Array.from({ length: 12 }, (_, index) => `c${index}`);
const rules = new RuleRunner();
after(() => rules.close());

const SETTINGS = 'apiVersion: certops.dev/v1alpha1\nkind: Repository\nmetadata: {name: x}\nspec:\n';

/** Written as people write them: what a plan need not parse. */
function blockCertificate(name: string): string {
  return `apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata:\n  name: ${name}\n  namespace: web\nspec:\n  secretName: ${name}-tls\n  dnsNames:\n    - ${name}.example.com\n  issuerRef:\n    name: ca\n`;
}

type Files = Readonly<Record<string, string | null>>;

function certificates(spec = ''): Files {
  return Object.fromEntries(NAMES.map((name) => [`${name}.yaml`, acmeCertificate(name, { spec })]));
}

function removed(names: readonly string[]): Files {
  return Object.fromEntries(names.map((name) => [`${name}.yaml`, null]));
}

function confirming(id: string): Files {
  return { 'certops.yaml': `${SETTINGS}  confirmed: ["${id}"]\n` };
}

/** A repository whose newest commit takes eight Certificates away, which is held; `plan` is of one more commit. */
async function held(): Promise<{
  readonly id: string;
  plan(change: Files, isHeld?: boolean): Promise<Plan>;
}> {
  const repository = new MemoryRepository();
  const ports = planPorts(repository, rules);
  const before = repository.add({ 'issuer.yaml': ISSUER, ...certificates() });
  const at = repository.add(removed(NAMES.slice(0, 8)));
  const changes = await repository.changes(before, at);
  const files = new Map(changes.map((change) => [change.path, change.before]));
  const planOf = async (from: string, to: string, id?: string) =>
    planMerge(
      ports,
      {
        ...{ base: await filesOf(repository, from), head: await filesOf(repository, to) },
        ...{ loose: new Map(), state: {}, now: new Date('2026-03-01T00:00:00Z'), warnings: [] },
        held: id === undefined ? undefined : { id, words: '8 to remove', files },
      },
      AbortSignal.timeout(20_000),
    );
  const { id } = await planOf(before, at);
  return {
    id,
    plan: (change, isHeld = true) => {
      repository.tip = { commit: at };
      return planOf(at, repository.add(change), isHeld ? id : undefined);
    },
  };
}

describe('beside a large change that is held, a plan of', () => {
  test('what confirms it shows all of it, under its own id, and is confirmed', async () => {
    const { id, plan } = await held();

    const found = await plan(confirming(id));

    assert.equal(found.id, id);
    assert.deepEqual(found.summary.actions, { remove: 8 });
    assert.deepEqual([found.summary.isLarge, found.summary.isUnconfirmed], [true, false]);
    assert.deepEqual(found.summary.warnings, [
      `this confirms plan ${id} (8 to remove), which is held; it is part of this plan`,
    ]);
  });

  test('what takes it back has nothing to do', async () => {
    const { plan } = await held();

    const found = await plan(certificates());
    const unaware = await plan(certificates(), false);

    assert.deepEqual(found.changes, []);
    assert.deepEqual(found.summary.warnings, []);
    assert.deepEqual(unaware.summary.actions, { issue: 8 });
  });

  test('what is about something else says that it is no part of it', async () => {
    const { id, plan } = await held();

    const found = await plan({ 'more.yaml': acmeCertificate('more') });

    assert.deepEqual(found.summary.actions, { issue: 1 });
    assert.equal(found.summary.isUnconfirmed, false);
    assert.deepEqual(found.summary.warnings, [
      `plan ${id} (8 to remove) is held until it is confirmed; it is no part of this plan`,
    ]);
  });

  test('what confirms another one does not confirm it', async () => {
    const { id, plan } = await held();

    const found = await plan(confirming('0123456789abcdef'));

    assert.deepEqual(found.changes, []);
    assert.match(found.summary.warnings[0] ?? '', new RegExp(`^plan ${id} .* is held`));
  });
});

test('whoever confirms a plan is not asked about six hundred others', async () => {
  const repository = new MemoryRepository();
  const ports = planPorts(repository, rules);
  let read = 0;
  const counting: PlanPorts = {
    ...ports,
    readManifests: (bytes) => {
      read += 1;
      return ports.readManifests(bytes);
    },
  };
  const many = Array.from({ length: 600 }, (_, index) => `n${index}`);
  const files = Object.fromEntries(many.map((name) => [`${name}.yaml`, blockCertificate(name)]));
  const base = repository.add({ 'issuer.yaml': ISSUER, ...files });
  const planOf = async (head: string) =>
    planMerge(
      counting,
      {
        ...{ base: await filesOf(repository, base), head: await filesOf(repository, head) },
        ...{ loose: new Map(), state: {}, now: new Date('2026-03-01T00:00:00Z'), warnings: [] },
      },
      AbortSignal.timeout(20_000),
    );

  const confirmed = await planOf(repository.add(confirming('0123456789abcdef')));
  const readForThat = read;
  const moved = await planOf(repository.add({ 'certops.yaml': `${SETTINGS}  exclude: ["n1*.yaml"]\n` }));

  assert.deepEqual(confirmed.changes, []);
  assert.equal(confirmed.summary.certificates, 600);
  assert.ok(readForThat < 20, `${readForThat} files were parsed`);
  assert.deepEqual(moved.summary.actions, { remove: 111 });
});
