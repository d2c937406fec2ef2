import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failureBranches } from '../support/failure-branches.ts';
import { selfSigned, startOffline, statusOf } from '../support/offline-scenario.ts';
import { tellStories } from '../support/remedy-stories.ts';
import { acmeIssuer, certificate, type Scenario, startScenario } from '../support/scenario.ts';

function files(count: number, spec = ''): Readonly<Record<string, string>> {
  const names = Array.from({ length: count }, (_, index) => `c${index}`);
  return Object.fromEntries(names.map((name) => [`${name}.yaml`, selfSigned(name, spec)]));
}

/** From Pebble, with these more names each. */
function fromPebble(count: number, ...more: readonly string[]): Readonly<Record<string, string>> {
  const names = Array.from({ length: count }, (_, index) => `c${index}`);
  return Object.fromEntries(
    names.map((name) => [
      `${name}.yaml`,
      certificate({ name, dnsNames: [name, ...more.map((prefix) => `${prefix}.${name}`)].map(underExample) }),
    ]),
  );
}

function underExample(name: string): string {
  return `${name}.example.com`;
}

async function revisions(scenario: Scenario): Promise<readonly unknown[]> {
  const names = Array.from({ length: 12 }, (_, index) => `c${index}`);
  const statuses = await Promise.all(names.map((name) => statusOf(scenario, `web/certificates/${name}`)));
  return statuses.map(({ revision }) => revision);
}

test('a slip that would reissue everything waits for a person, who merges the confirmation', async (context) => {
  const scenario = await startOffline('large-change', context);
  await scenario.push(files(12));
  const first = await scenario.runOnce();
  await scenario.push({
    ...files(12, '  commonName: slip.example.com\n'),
    'new.yaml': selfSigned('new'),
  });

  const held = await scenario.runOnce();
  const whileHeld = await revisions(scenario);
  const [branch, ...others] = await failureBranches(scenario);
  assert.ok(branch);
  const shown = await scenario.certops('proposals', 'show', '--repo', scenario.person.dir);
  const described = await scenario.certops(
    'describe',
    'certificate',
    'new',
    '-n',
    'web',
    '--repo',
    scenario.remote,
  );
  const accepted = await scenario.certops('proposals', 'accept', branch.name, '--repo', scenario.person.dir);
  const after = await scenario.runOnce();

  assert.equal(first.code, 0, first.stderr);
  assert.equal(held.code, 1);
  assert.match(
    held.stdout,
    /^certops\.yaml: Plan [0-9a-f]{16} \(12 to reissue, 1 to issue\) waits: add [0-9a-f]{16} to spec\.confirmed of certops\.yaml, or take the change back$/m,
  );
  assert.deepEqual(whileHeld, Array(12).fill(1));
  assert.deepEqual(others, []);
  assert.match(described.stdout, /^Held: +Plan [0-9a-f]{16} \(12 to reissue, 1 to issue\) waits: add /m);
  assert.match(shown.stdout, /^#1 {2}certops\.yaml: confirm plan [0-9a-f]{16} \(/);
  assert.match(shown.stdout, /^13 Certificates stay as they are: a large change waits for confirmation\.$/m);
  assert.doesNotMatch(shown.stdout, /clients refuse|cannot be/);
  assert.equal(accepted.code, 0, accepted.stderr);
  assert.equal(after.code, 0, after.stdout);
  assert.deepEqual(await revisions(scenario), Array(12).fill(2));
  assert.deepEqual(await failureBranches(scenario), []);
});

test('a slip that is taken back costs nothing but a pull request, which closes', async (context) => {
  const scenario = await startOffline('large-change-reverted', context);
  await scenario.push(files(12));
  await scenario.runOnce();
  await scenario.push(Object.fromEntries(Object.keys(files(12)).map((path) => [path, null])));
  const held = await scenario.runOnce();
  const open = await failureBranches(scenario);

  await scenario.push(files(12));
  const after = await scenario.runOnce();

  assert.match(held.stdout, /Plan [0-9a-f]{16} \(12 to remove\) waits/);
  assert.equal(open.length, 1);
  assert.equal(after.code, 0, after.stdout);
  assert.deepEqual(await failureBranches(scenario), []);
  assert.deepEqual(await revisions(scenario), Array(12).fill(1));
});

test('what a confirmation promises comes true when it is merged, and not before', async (context) => {
  const scenario = await startScenario('large-change-confirmed', context);
  context.after(() => scenario.stop());
  const before = new Map<string, unknown>();

  await tellStories(scenario, [
    {
      kind: 'confirm-plan',
      before: () => ({ 'pebble.yaml': acmeIssuer(scenario), ...fromPebble(12) }),
      happens: async () => {
        for (const [index, revision] of (await revisions(scenario)).entries())
          before.set(`c${index}`, revision);
        return fromPebble(12, 'www');
      },
      subject: /^certops\.yaml: confirm plan [0-9a-f]{16}/,
      says: [
        /12 Certificates stay as they are: a large change waits for confirmation\./,
        /Plan [0-9a-f]{16} \(12 to reissue\) waits: .* Who asked for it: git log [0-9a-f]{12}\.\.[0-9a-f]{12}”/,
        /Merging says that plan [0-9a-f]{16} is wanted: certops carries it out at once/,
        /What was accepted before stays in force and goes on being renewed; the change never takes effect\./,
      ],
      diff: ['+  confirmed:', /^\+ {4}- "?[0-9a-f]{16}"?$/],
      kept: async () => {
        assert.deepEqual([...before.values()], Array(12).fill(1));
        assert.deepEqual(await revisions(scenario), Array(12).fill(2));
        const issues = (await scenario.subjects()).filter((subject) =>
          /^(?:Issue|Renew) web\/c\d+$/.test(subject),
        );
        assert.equal(issues.length, 24);
      },
    },
  ]);
});
