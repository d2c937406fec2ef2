import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { conditionOf, inDays, selfSigned, startOffline, statusOf } from '../support/offline-scenario.ts';

const good = (name: string) => selfSigned(name);

const BAD_EDITS = [
  {
    name: 'syntax',
    content: good('syntax').replace('dnsNames:', 'dnsNames: ['),
    place: /^web\/syntax\.yaml:\d+:\d+: /,
  },
  {
    name: 'unknown',
    content: good('unknown').replace('  secretName', '  secretNam: typo\n  secretName'),
    place: /^web\/unknown\.yaml:7:3: .*secretNam/,
  },
  {
    name: 'conflict',
    content: `<<<<<<< HEAD\n${good('conflict')}=======\n${good('conflict').replace('example.com', 'example.net')}>>>>>>> theirs\n`,
    place: /^web\/conflict\.yaml:1:1: /,
  },
] as const;

const NAMES = BAD_EDITS.map(({ name }) => name);

describe('a bad edit never stops a renewal', { concurrency: 2 }, () => {
  it('a slip is told with its place, and the last good revision goes on being renewed', async (context) => {
    const scenario = await startOffline('bad-edit', context);
    const files = (content: (edit: (typeof BAD_EDITS)[number]) => string) =>
      Object.fromEntries(BAD_EDITS.map((edit) => [`web/${edit.name}.yaml`, content(edit)]));
    const statuses = () => Promise.all(NAMES.map((name) => statusOf(scenario, `web/certificates/${name}`)));
    await scenario.push(files(({ name }) => good(name)));
    assert.equal((await scenario.runOnce()).code, 0);
    const before = await statuses();

    await scenario.push(
      files(({ content }) => content),
      'Slips',
    );
    const told = await scenario.runOnce();
    const slipped = await statuses();
    const quiet = await scenario.tip();
    await scenario.runOnce();
    const isQuiet = (await scenario.tip()) === quiet;
    const renewing = await scenario.runOnce(inDays(61));
    const renewed = await statuses();
    await scenario.push(
      files(({ name }) => good(name)),
      'Mend them',
    );
    const mending = await scenario.runOnce(inDays(61));
    const mended = await statuses();

    assert.deepEqual([told.code, renewing.code, mending.code], [1, 1, 0], told.stderr + mending.stdout);
    assert.ok(isQuiet, 'it is said once');
    for (const [index, { name, place }] of BAD_EDITS.entries()) {
      assert.match(told.stdout, new RegExp(`^Certificate web/${name}: web/${name}\\.yaml:\\d+:\\d+: `, 'm'));
      assert.match(slipped[index]?.certops.problem ?? '', place);
      assert.equal(conditionOf(slipped[index], 'Ready'), 'True Ready');
      assert.match(renewed[index]?.certops.problem ?? '', place, 'a renewal does not hide the mistake');
      assert.deepEqual([before[index]?.revision, renewed[index]?.revision], [1, 2]);
      assert.notEqual(renewed[index]?.certops.serialNumber, before[index]?.certops.serialNumber);
      assert.equal(mended[index]?.certops.problem, undefined);
      assert.equal(mended[index]?.revision, 2, 'mending asks for nothing new');
    }
    assert.equal((await scenario.subjects()).filter((line) => line.startsWith('Renew web/')).length, 3);
    await scenario.verifyCommits();
  });

  it('a broken file elsewhere keeps what disappeared, until it can be read', async (context) => {
    const scenario = await startOffline('bad-neighbour', context);
    await scenario.push({ 'a.yaml': good('a'), 'b.yaml': good('b') });
    assert.equal((await scenario.runOnce()).code, 0);

    await scenario.push({
      'a.yaml': '# moved somewhere\n',
      'b.yaml': 'apiVersion: cert-manager.io/v1\nspec: [',
    });
    const kept = await scenario.runOnce();
    const whileKept = await statusOf(scenario, 'web/certificates/a');
    await scenario.push({ 'b.yaml': good('b') });
    const removed = await scenario.runOnce();

    assert.equal(kept.code, 1, kept.stderr);
    assert.match(whileKept.certops.problem ?? '', /^b\.yaml:2:\d+: .*nothing counts as removed$/);
    assert.equal(removed.code, 0, removed.stdout);
    assert.equal(await scenario.show('status/web/certificates/a.yaml'), undefined);
    assert.ok(await scenario.show('status/web/certificates/b.yaml'));
  });
});
