import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readHeldPlan } from '../../../src/reconcile/held-plan.ts';
import {
  ACME_ISSUER,
  acmeCertificate,
  acmeIssuer,
  type MemoryEngine,
  memoryEngine,
} from '../../support/memory-engine.ts';

type Files = Record<string, string | null>;

const SETTINGS =
  'apiVersion: certops.dev/v1alpha1\nkind: Repository\nmetadata: {name: certificates}\nspec:\n';

function names(from: number, to: number): readonly string[] {
  return Array.from({ length: to - from }, (_, index) => `c${from + index}`);
}

/** A file each. */
function certificates(wanted: readonly string[], spec = ''): Files {
  return Object.fromEntries(wanted.map((name) => [`web/${name}.yaml`, acmeCertificate(name, { spec })]));
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

function heldId({ state }: MemoryEngine): string {
  const held = readHeldPlan(state);
  assert.ok(held, 'no plan is held');
  return held.id;
}

function isFree({ state }: MemoryEngine): boolean {
  return readHeldPlan(state) === undefined;
}

describe('a large change', () => {
  test('of what is issued waits, in every process, until its id is confirmed', async () => {
    const world = await tenIssued();
    world.push(
      certificates(
        names(0, 4),
        '  dnsNames: []\n  commonName: x.example.com\n'.replace('  dnsNames: []\n', ''),
      ),
    );

    const summary = await world.run();
    await world.run();
    const whileHeld = ordered(world);
    world.push(confirming(heldId(world)));
    const after = await world.run();

    assert.deepEqual(whileHeld, []);
    assert.deepEqual(
      summary.findings.map(({ object }) => object),
      ['certops.yaml'],
    );
    assert.match(summary.findings[0]?.message ?? '', /^Plan [0-9a-f]{16} \(4 to reissue\) waits/);
    assert.deepEqual(ordered(world), names(0, 4));
    assert.deepEqual(after.findings, []);
    assert.ok(isFree(world));
  });

  test('of three in ten is none', async () => {
    const world = await tenIssued();
    world.push(certificates(names(0, 3), '  commonName: x.example.com\n'));

    await world.run();

    assert.deepEqual(ordered(world), names(0, 3));
  });

  test('is the first filling of a repository at no size', async () => {
    const world = await memoryEngine();
    world.push({ 'web/issuer.yaml': ACME_ISSUER, ...certificates(names(0, 60)) });

    const summary = await world.run();

    assert.equal(summary.ready, 60);
  });

  test('is none where it corrects what never worked', async () => {
    const world = await memoryEngine();
    world.push(certificates(names(0, 12)));
    const broken = await world.run();
    assert.equal(broken.ready, 0);

    world.push({
      'web/issuer.yaml': ACME_ISSUER,
      ...certificates(names(0, 12), '  commonName: x.example.com\n'),
    });
    const mended = await world.run();

    assert.equal(mended.ready, 12);
    assert.ok(isFree(world));
  });

  test('that adds many waits, and nothing is told of each', async () => {
    const world = await tenIssued();
    world.push(certificates(names(10, 20)));

    const summary = await world.run();

    assert.deepEqual(ordered(world), []);
    assert.equal(summary.findings.length, 1);
    assert.deepEqual(
      Object.keys(world.repository.files()).filter((path) => /c1\d/.test(path) && path.startsWith('status/')),
      [],
    );
  });

  test('that removes many leaves them in force, and renewed', async () => {
    const world = await tenIssued();
    world.push(removed(names(0, 5)));

    await world.run();
    world.at(new Date('2026-05-20T00:00:00Z'));
    await world.run();

    assert.deepEqual(ordered(world), names(0, 10));
    assert.ok(world.status('c0').issued);
  });

  test('of one issuer is as large as what it reissues', async () => {
    const world = await tenIssued();
    world.push({ 'web/issuer.yaml': acmeIssuer('two') });

    await world.run();
    const whileHeld = ordered(world);
    world.push(confirming(heldId(world)));
    await world.run();

    assert.deepEqual(whileHeld, []);
    assert.deepEqual(ordered(world), names(0, 10));
  });

  test('of settings that hide everything removes nothing', async () => {
    const world = await tenIssued();
    world.push({ 'certops.yaml': `${SETTINGS}  exclude: ["web/c*"]\n` });

    await world.run();

    assert.match(readHeldPlan(world.state)?.words ?? '', /10 to remove/);
    assert.ok(world.status('c9').issued);
  });

  test('is confirmed in the same push', async () => {
    const world = await tenIssued();
    const tip = world.repository.tip.commit;
    const change = certificates(names(0, 6), '  commonName: x.example.com\n');
    world.push(change);
    await world.run();
    const id = heldId(world);
    world.push(certificates(names(0, 6)));
    await world.run();
    assert.ok(isFree(world));

    world.push({ ...change, ...confirming(id) });
    await world.run();

    assert.notEqual(tip, world.repository.tip.commit);
    assert.deepEqual(ordered(world), names(0, 6));
  });

  test('that was confirmed goes on though somebody pushes something small beside it', async () => {
    const world = await tenIssued();
    const change = certificates(names(0, 6), '  commonName: x.example.com\n');
    world.push(change);
    await world.run();
    const id = heldId(world);
    world.push(certificates(names(0, 6)));
    await world.run();

    world.push(certificates(['c6'], '  commonName: y.example.com\n'));
    world.push({ ...change, ...confirming(id) });
    world.push(certificates(['c10']));
    await world.run();

    assert.deepEqual(ordered(world), [...names(0, 7), 'c10'].sort());
    assert.ok(isFree(world));
  });

  test('that was confirmed lets no other large one pass', async () => {
    const world = await tenIssued();
    const change = certificates(names(0, 6), '  commonName: x.example.com\n');
    world.push(change);
    await world.run();
    const id = heldId(world);

    world.push({ ...confirming(id), ...certificates(names(10, 20)) });
    await world.run();

    assert.deepEqual(ordered(world), names(0, 6));
    assert.match(readHeldPlan(world.state)?.words ?? '', /^10 to issue/);
  });

  test('that is taken back leaves nothing', async () => {
    const world = await tenIssued();
    world.push(removed(names(0, 5)));
    await world.run();

    world.push(certificates(names(0, 5)));
    const summary = await world.run();

    assert.ok(isFree(world));
    assert.deepEqual(ordered(world), []);
    assert.deepEqual(summary.findings, []);
  });

  test('that becomes small goes on', async () => {
    const world = await tenIssued();
    world.push(removed(names(0, 5)));
    await world.run();

    world.push(certificates(names(0, 3)));
    await world.run();

    assert.ok(isFree(world));
    assert.throws(() => world.status('c4'));
    assert.ok(world.status('c0').issued);
  });

  test('brings a new issuer all the same, which serves others', async () => {
    const world = await tenIssued();
    const issuer = ACME_ISSUER.replace('name: ca', 'name: other').replace('name: account', 'name: second');
    world.push({
      ...certificates(names(0, 5), '  commonName: x.example.com\n'),
      'web/other.yaml': issuer,
    });
    await world.run();

    world.push({ 'web/c10.yaml': acmeCertificate('c10').replace('{name: ca}', '{name: other}') });
    await world.run();

    assert.deepEqual(ordered(world), ['c10']);
    assert.equal(isFree(world), false);
  });

  test('holds up nothing else', async () => {
    const world = await tenIssued();
    world.push(removed(names(0, 5)));
    await world.run();
    const id = heldId(world);

    world.push(certificates(['c9'], '  commonName: x.example.com\n'));
    world.push(certificates(['c10']));
    await world.run();

    assert.deepEqual(ordered(world), ['c10', 'c9']);
    assert.equal(heldId(world), id);
  });

  test('is seen by a process that was not there when it was pushed', async () => {
    const world = await tenIssued();
    const engine = await world.engine();
    await engine.runOnce(AbortSignal.timeout(20_000)).finally(() => engine.close());
    world.push(certificates(names(0, 4), '  commonName: x.example.com\n'));
    world.push({ 'README.md': 'more\n' });

    await world.run();

    assert.deepEqual(ordered(world), []);
    assert.equal(isFree(world), false);
  });

  test('that grows is held as a whole, under another id', async () => {
    const world = await tenIssued();
    world.push(removed(names(0, 5)));
    await world.run();
    const id = heldId(world);

    world.push(removed(['c5']));
    world.push({ 'web/c0.yaml': acmeCertificate('c0', { spec: '  commonName: x.example.com\n' }) });
    await world.run();
    const grown = readHeldPlan(world.state);

    assert.notEqual(grown?.id, id);
    assert.match(grown?.words ?? '', /5 to remove, 1 to reissue/);
    assert.deepEqual(ordered(world), []);
  });
});

test('state that nobody wrote is no held plan', () => {
  const whole = {
    ...{ id: '0123456789abcdef', base: 'a'.repeat(40), at: 'b'.repeat(40) },
    ...{ since: '2026-03-01T00:00:00Z', words: '4 to issue' },
  };
  assert.ok(readHeldPlan({ held: whole }));

  for (const [key, value] of [
    ['id', 'x'],
    ['base', '--upload-pack=x'],
    ['at', 1],
    ['since', 'yesterday'],
    ['words', 'a\nb'],
  ] as const) {
    assert.equal(readHeldPlan({ held: { ...whole, [key]: value } }), undefined, key);
  }
  assert.equal(readHeldPlan({ held: [] }), undefined);
});
