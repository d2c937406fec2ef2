import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { readManifests } from '../../../src/daemon/manifest-reader.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { RuleRunner } from '../../../src/policy/rule-runner.ts';
import { PoliciesInForce } from '../../../src/reconcile/policies-in-force.ts';
import type { StateDocument } from '../../../src/reconcile/ports.ts';
import { World } from '../../../src/reconcile/world.ts';
import { MemoryRepository } from '../../support/memory-repository.ts';
import { certificateText, settingsText } from './manifests.ts';

function policy(name: string, dnsName: string, rule = 'true'): string {
  return `apiVersion: policy.cert-manager.io/v1alpha1
kind: CertificateRequestPolicy
metadata:
  name: ${name}
spec:
  selector: {issuerRef: {}}
  allowed:
    dnsNames:
      values: ["${dnsName}"]
      validations:
        - rule: "${rule}"
`;
}

// One thread for all: each takes a while to start.
const runner = new RuleRunner();
after(() => runner.close());

async function start(files: Readonly<Record<string, string>>) {
  const repository = new MemoryRepository();
  let world = new World(repository, readManifests, silentLog);
  let policies = made({});
  function made(state: StateDocument) {
    return new PoliciesInForce({ store: repository, readManifests, log: silentLog }, world, runner, state);
  }
  const look = async (changed: Readonly<Record<string, string | null>>) => {
    await world.advance(repository.add(changed));
    return policies.refresh();
  };
  await look(files);
  return {
    look,
    /** As a daemon would that starts with what the state remembers. */
    restart: async () => {
      const state = policies.unrecorded()?.({}) ?? {};
      world = new World(repository, readManifests, silentLog);
      policies = made(state);
      await look({});
    },
    /** `name pattern` of those in force, `!name` of those that are broken. */
    standing: () => [
      ...policies.set.ready.map(({ name, spec }) => `${name.name} ${spec.allowed.dnsNames?.values?.join()}`),
      ...policies.set.broken.map(({ name, selector }) => `!${name}${selector === undefined ? '?' : ''}`),
    ],
    policies: () => policies,
  };
}

const WHOLE = 'self.size() < 20';

/** Ways in which a file with the policy `p` is broken. */
const BREAKS: readonly (readonly [how: string, text: string, alone: string])[] = [
  ['a merge conflict', `<<<<<<< ours\n${policy('p', 'new')}`, '!p?'],
  ['an unknown field', policy('p', 'new').replace('allowed:', 'allow:'), '!p?'],
  ['an expression that does not compile', policy('p', 'new', 'self.nope()'), '!p'],
  ['what is not served', policy('p', 'new').replace('  selector', '  plugins: {rego: {}}\n  selector'), '!p'],
  ['no name', policy('p', 'new').replace('  name: p\n', '  labels: {}\n'), '!p.yaml?'],
  ['two keys of one name', policy('p', 'new').replace('spec:', 'spec: {}\nspec:'), '!p?'],
];

for (const [how, text, alone] of BREAKS) {
  test(`${how}: the last accepted revision stays in force, after a restart, too`, async () => {
    const { look, standing, restart } = await start({
      'p.yaml': policy('p', 'old', WHOLE),
      'other.yaml': policy('other', 'x'),
    });

    await look({ 'p.yaml': text });
    const before = standing();
    await restart();

    assert.deepEqual(
      before.filter((line) => !line.startsWith('!')),
      ['other x', 'p old'],
    );
    assert.deepEqual(standing(), before);
  });

  test(`${how}, from the beginning: it is there and approves nothing`, async () => {
    const { standing } = await start({ 'p.yaml': text, 'a.yaml': certificateText('a') });

    assert.deepEqual(standing(), [alone]);
  });

  test(`${how}, mended: the new revision is in force`, async () => {
    const { look, standing } = await start({ 'p.yaml': text });

    const before = await look({ 'p.yaml': policy('p', 'new') });

    assert.deepEqual(standing(), ['p new']);
    assert.equal(before?.broken.length, 1);
  });
}

test('a removed policy is gone, but not while any file cannot be read', async () => {
  const { look, standing } = await start({ 'p.yaml': policy('p', 'old') });

  await look({ 'p.yaml': null, 'x.yaml': `<<<<<<< ours\n${certificateText('x')}` });
  const meanwhile = standing();
  await look({ 'x.yaml': certificateText('x') });

  assert.deepEqual(meanwhile, ['p old']);
  assert.deepEqual(standing(), []);
});

test('a policy that has grown too large to be read stays as it was', async () => {
  const { look, standing } = await start({ 'p.yaml': policy('p', 'old') });

  await look({ 'p.yaml': `${policy('p', 'new')}#${'x'.repeat(1 << 20)}` });

  assert.deepEqual(standing(), ['p old']);
});

test('a policy moves to another file, and the one on record goes on beside a second one', async () => {
  const { look, standing } = await start({ 'm.yaml': policy('p', 'old') });

  await look({ 'a.yaml': policy('p', 'usurper') });
  const beside = standing();
  await look({ 'm.yaml': null });

  assert.deepEqual(beside, ['p old']);
  assert.deepEqual(standing(), ['p usurper']);
});

test('who may not declare policies neither makes, breaks nor hides any', async () => {
  const rules = [
    'tenancy:',
    '  - {path: "policies/**", kinds: [CertificateRequestPolicy]}',
    '  - {path: "teams/**", namespaces: ["*"], kinds: [Certificate]}',
  ];
  const { standing } = await start({
    'certops.yaml': settingsText(...rules),
    'policies/p.yaml': policy('p', 'ours'),
    'teams/p.yaml': policy('mine', '*'),
    'teams/broken.yaml': policy('p', '*').replace('allowed:', 'allow:'),
    'teams/hidden.yaml': `<<<<<<< ours\n${policy('p', '*').replace('  name: p\n', '')}`,
  });

  assert.deepEqual(standing(), ['p ours']);
});

test('the set is fresh only when it is that of what is declared', async () => {
  const { look, policies } = await start({ 'p.yaml': policy('p', 'old') });
  const unchanged = await look({ 'a.yaml': certificateText('a') });
  const before = await look({ 'p.yaml': policy('p', 'new') });

  assert.equal(unchanged, undefined);
  assert.equal(before?.ready[0]?.spec.allowed.dnsNames?.values?.[0], 'old');
  assert.equal(policies().isFresh, true);
});
