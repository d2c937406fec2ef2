import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readManifests } from '../../../src/daemon/manifest-reader.ts';
import { type Log, silentLog } from '../../../src/lib/log.ts';
import { Acceptance } from '../../../src/reconcile/acceptance.ts';
import { summarize } from '../../../src/reconcile/summary.ts';
import { World } from '../../../src/reconcile/world.ts';
import { type CertificateStatus, renderCertificateStatus } from '../../../src/status/certificate-status.ts';
import { MemoryRepository } from '../../support/memory-repository.ts';
import { CA_ISSUER, certificateText, settingsText } from './manifests.ts';

async function worldOf(files: Readonly<Record<string, string>>, log: Log = silentLog) {
  const repository = new MemoryRepository();
  const world = new World(repository, readManifests, log);
  const first = await world.advance(repository.add(files));
  return {
    repository,
    world,
    first,
    advance: (changed: Readonly<Record<string, string | null>>) => world.advance(repository.add(changed)),
  };
}

/** A status that says: this Certificate is in force from that file as it is now. */
function acceptedStatus(repository: MemoryRepository, world: World, name: string, path: string): string {
  const [declared] = world.desired.certificates(`web/${name}`);
  assert.ok(declared !== undefined);
  const status: CertificateStatus = {
    name: { namespace: 'web', name },
    createdAt: new Date(0),
    conditions: [],
    source: { commit: repository.tip.commit, blob: declared.blob, path, specHash: declared.specHash },
  };
  return renderCertificateStatus(status);
}

test('finds what is declared, wherever it lies, and nothing that is no manifest', async () => {
  const { world } = await worldOf({
    'deep/er/all.yml': `${certificateText('www')}---\n${CA_ISSUER}`,
    'notes.txt': certificateText('text'),
    '.hidden/x.yaml': certificateText('hidden'),
    'a/.hidden.yaml': certificateText('dotted'),
    'never/x.yaml': certificateText('excluded'),
    'secrets/web/x.yaml': certificateText('output'),
    'status/web/certificates/y.yaml': certificateText('forged'),
    'huge.yaml': `${certificateText('huge')}#${'x'.repeat(1 << 20)}`,
    'chart.yaml': 'kind: {{ .Values.kind }}\n',
    'certops.yaml': settingsText(),
  });

  assert.deepEqual([...world.desired.certificateKeys()], ['web/www']);
  assert.deepEqual([...world.desired.issuerKeys()], ['Issuer:web/ca']);
  assert.deepEqual(
    summarize(world, new Map(), undefined, new Date()).findings.map(({ object }) => object),
    ['Certificate web/www'],
  );
});

test('a second look reads what changed, and says whom it touches', async () => {
  const { repository, world, advance } = await worldOf({
    'a.yaml': certificateText('a'),
    'b.yaml': certificateText('b'),
  });
  repository.reads.length = 0;

  const change = await advance({ 'b.yaml': certificateText('b', { duration: '100h' }) });

  assert.deepEqual([...change.certificates], ['web/b']);
  assert.equal(repository.reads.length, 1);
  assert.equal(world.desired.certificates('web/b')[0]?.object.spec.durationMs, 360_000_000);
});

test('an object moves to another file without being removed', async () => {
  const { world, advance } = await worldOf({ 'a.yaml': certificateText('www') });

  const change = await advance({ 'a.yaml': null, 'b.yaml': certificateText('www') });

  assert.deepEqual([...change.certificates], ['web/www']);
  assert.deepEqual(
    world.desired.certificates('web/www').map(({ path }) => path),
    ['b.yaml'],
  );
  assert.deepEqual([...world.desired.dependents('Issuer:web/ca')], ['web/www']);
  assert.deepEqual(world.desired.claimants('web/www-tls'), ['web/www']);
});

test('whoever claims a Secret is touched when another lets go of it', async () => {
  const { world, advance } = await worldOf({
    'a.yaml': certificateText('a', { secretName: 'shared' }),
    'b.yaml': certificateText('b', { secretName: 'shared' }),
  });

  const change = await advance({ 'a.yaml': null });

  assert.ok(change.secrets.has('web/shared'));
  assert.deepEqual(world.desired.claimants('web/shared'), ['web/b']);
});

test('other output folders make the world anew', async () => {
  const { world, advance } = await worldOf({ 'out/web/www.yaml': certificateText('www') });

  const change = await advance({ 'certops.yaml': settingsText('output: {secrets: out, status: records}') });

  assert.deepEqual([...world.desired.certificateKeys()], []);
  assert.deepEqual([...change.secrets], ['web/www']);
  assert.equal(
    world.paths.certificateStatus({ namespace: 'web', name: 'x' }),
    'records/web/certificates/x.yaml',
  );
});

test('settings that cannot be read stop everything by name, and swallow nothing that came with them', async () => {
  const { repository, world, advance } = await worldOf({ 'a.yaml': certificateText('a') });
  const broken = repository.add({
    'certops.yaml': settingsText('outptu: {}'),
    '.sops.yaml': 'creation_rules: []\n',
  });

  await assert.rejects(world.advance(broken), {
    code: 'reconcile.settings',
    message: /^certops\.yaml:6:3: /,
  });
  const change = await advance({ 'certops.yaml': settingsText() });

  assert.equal(change.haveRulesChanged, true);
  assert.equal(world.sopsRules, 'creation_rules: []\n');
  assert.equal((await advance({ 'b.yaml': certificateText('b') })).haveRulesChanged, false);
});

test('the newest acceptable revision is in force, and why a newer one is not', async () => {
  const cases = [
    {
      name: 'a good edit',
      edit: certificateText('www', { duration: '100h' }),
      inForce: 360_000_000,
      refusal: undefined,
    },
    {
      name: 'an unknown field',
      edit: certificateText('www', { duraton: '100h' }),
      inForce: undefined,
      refusal: /^InvalidManifest a\.yaml:8:3: /,
    },
    {
      name: 'a field that is not served',
      edit: certificateText('www', { issuer: 'ca, group: example.org' }),
      inForce: undefined,
      refusal: /^NotServed a\.yaml:7:\d+: spec\.issuerRef\.group is valid/,
    },
    {
      name: 'a syntax error',
      edit: certificateText('www').replace('[www', '[[www'),
      inForce: undefined,
      refusal: /^InvalidManifest a\.yaml:\d+:\d+: /,
    },
  ];
  for (const { name, edit, inForce, refusal } of cases) {
    const { repository, world, advance } = await worldOf({ 'a.yaml': certificateText('www') });
    await advance({ 'status/web/certificates/www.yaml': acceptedStatus(repository, world, 'www', 'a.yaml') });
    await advance({ 'a.yaml': edit });

    const resolution = await new Acceptance(world, repository, readManifests).certificate('web/www');

    assert.ok(resolution.kind === 'in-force', name);
    assert.equal(resolution.declared.object.spec.durationMs, inForce, name);
    const { refusal: why } = resolution;
    if (refusal === undefined) assert.equal(why, undefined, name);
    else assert.match(`${why?.reason} ${why?.message}`, refusal, name);
  }
});

test('what never was acceptable is refused, what is gone is removed', async () => {
  const { repository, world } = await worldOf({ 'a.yaml': certificateText('www', { nonsense: 'x' }) });
  const acceptance = new Acceptance(world, repository, readManifests);

  const refused = await acceptance.certificate('web/www');
  const absent = await acceptance.certificate('web/absent');

  assert.deepEqual([refused.kind, absent.kind], ['refused', 'removed']);
});

test('a file that cannot be read keeps what disappears, and gives it up when it can be', async () => {
  const { repository, world, advance } = await worldOf({
    'a.yaml': certificateText('www'),
    'b.yaml': CA_ISSUER,
  });
  const acceptance = new Acceptance(world, repository, readManifests);
  await advance({ 'status/web/certificates/www.yaml': acceptedStatus(repository, world, 'www', 'a.yaml') });

  await advance({ 'a.yaml': null, 'b.yaml': `${CA_ISSUER}  [` });
  const kept = await acceptance.certificate('web/www');
  const change = await advance({ 'b.yaml': CA_ISSUER });
  const removed = await acceptance.certificate('web/www');

  assert.ok(kept.kind === 'in-force' && kept.refusal !== undefined);
  assert.match(
    kept.refusal.message,
    /^b\.yaml:\d+:\d+: .*; until it can be read, nothing counts as removed$/,
  );
  assert.ok(change.certificates.has('web/www'), 'it is looked at again');
  assert.equal(removed.kind, 'removed');
});

test('of one object in two files the one on record goes on', async () => {
  const { repository, world, advance } = await worldOf({ 'z.yaml': certificateText('www') });
  await advance({ 'status/web/certificates/www.yaml': acceptedStatus(repository, world, 'www', 'z.yaml') });
  await advance({ 'a.yaml': certificateText('www', { duration: '100h' }) });

  const resolution = await new Acceptance(world, repository, readManifests).certificate('web/www');

  assert.ok(resolution.kind === 'in-force');
  assert.equal(resolution.declared.path, 'z.yaml');
});

test('a status that cannot be read counts as absent and is logged', async () => {
  const said: string[] = [];
  const log: Log = { ...silentLog, error: ({ path }) => said.push(String(path)) };

  const { world } = await worldOf({ 'status/web/certificates/www.yaml': 'nonsense: true\n' }, log);

  assert.equal(world.recorded.certificate('web/www'), undefined);
  assert.deepEqual(said, ['status/web/certificates/www.yaml']);
});

test('a summary tells each finding once', async () => {
  const { world } = await worldOf({
    'a.yaml': certificateText('a'),
    'b.yaml': 'apiVersion: cert-manager.io/v1\nspec: [\n',
    'c.yaml': certificateText('a', { nonsense: 'x' }),
  });

  const { certificates, ready, findings } = summarize(
    world,
    new Map([
      ['web/a', 'It broke.'],
      ['Issuer:web/ca', 'So did this.'],
    ]),
    undefined,
    new Date(),
  );

  assert.deepEqual([certificates, ready], [1, 0]);
  assert.deepEqual(
    findings.map(({ object }) => object.replace(/:\d+:\d+$/, '')),
    ['Certificate web/a', 'Certificate web/a', 'Issuer web/ca', 'b.yaml', 'c.yaml'],
  );
});
