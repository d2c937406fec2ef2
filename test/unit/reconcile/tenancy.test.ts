import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Tenancy } from '../../../src/api/tenancy.ts';
import { readManifests } from '../../../src/daemon/manifest-reader.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { Acceptance } from '../../../src/reconcile/acceptance.ts';
import { summarize } from '../../../src/reconcile/summary.ts';
import { World } from '../../../src/reconcile/world.ts';
import { renderCertificateStatus } from '../../../src/status/certificate-status.ts';
import { MemoryRepository } from '../../support/memory-repository.ts';
import { CA_ISSUER, certificateText, settingsText } from './manifests.ts';

const WEB = 'tenancy: [{path: "web/**", namespaces: [web], kinds: [Certificate, Issuer, Secret]}]';
const BOTH =
  'tenancy: [{path: "web/**", namespaces: [web], kinds: [Certificate]}, {path: "shop/**", namespaces: [shop], kinds: [Certificate, Issuer]}]';
const OPEN = settingsText();

type Files = Readonly<Record<string, string | null>>;

/** A repository in which `web/www` was accepted from `web/a.yaml` while nothing forbade it. */
async function withAccepted(files: Files, floor: Tenancy = []) {
  const repository = new MemoryRepository();
  const first = new World(repository, readManifests, silentLog);
  await first.advance(repository.add({ 'certops.yaml': OPEN, 'web/a.yaml': certificateText('www') }));
  const [declared] = first.desired.certificates('web/www');
  assert.ok(declared !== undefined);
  const status = renderCertificateStatus({
    name: { namespace: 'web', name: 'www' },
    createdAt: new Date(0),
    conditions: [],
    source: {
      ...{ commit: repository.tip.commit, blob: declared.blob },
      ...{ path: declared.path, specHash: declared.specHash },
    },
  });
  const world = new World(repository, readManifests, silentLog, undefined, floor);
  await world.advance(repository.add({ 'status/web/certificates/www.yaml': status, ...files }));
  return { repository, world, acceptance: new Acceptance(world, repository, readManifests) };
}

const CHANGED = certificateText('www', { duration: '100h' });

const STORIES: readonly {
  readonly name: string;
  readonly files: Files;
  readonly kind: 'in-force' | 'refused' | 'removed';
  readonly from?: string;
  readonly says?: RegExp;
}[] = [
  {
    name: 'an edit in the tenant’s own file is taken',
    files: { 'certops.yaml': settingsText(WEB), 'web/a.yaml': CHANGED },
    kind: 'in-force',
    from: 'web/a.yaml',
  },
  {
    name: 'a trespasser beside the tenant’s own declaration changes nothing, wherever it sorts',
    files: { 'certops.yaml': settingsText(WEB), 'a.yaml': CHANGED },
    kind: 'in-force',
    from: 'web/a.yaml',
  },
  {
    name: 'a trespasser beside the tenant’s own broken file does not put words in its mouth',
    files: {
      'certops.yaml': settingsText(WEB),
      'a.yaml': CHANGED,
      'web/a.yaml': certificateText('www', { duraton: '100h' }),
    },
    kind: 'in-force',
    from: 'web/a.yaml',
    says: /^web\/a\.yaml:8:3: unknown field/,
  },
  {
    name: 'moved to another tenant’s file, the last accepted revision stands',
    files: { 'certops.yaml': settingsText(BOTH), 'web/a.yaml': null, 'shop/a.yaml': CHANGED },
    kind: 'in-force',
    from: 'web/a.yaml',
    says: /^shop\/a\.yaml:3:34: metadata\.namespace: Forbidden: .* in namespace "web"; web\/\*\* may$/,
  },
  {
    name: 'moved to another of its tenant’s files, it goes on from there',
    files: { 'certops.yaml': settingsText(WEB), 'web/a.yaml': null, 'web/b/c.yaml': CHANGED },
    kind: 'in-force',
    from: 'web/b/c.yaml',
  },
  {
    name: 'the file that was accepted may not declare it any more: not renewed',
    files: { 'certops.yaml': settingsText(BOTH.replace('web/**', 'www/**')) },
    kind: 'refused',
    says: /^web\/a\.yaml:3:34: metadata\.namespace: Forbidden: .*; www\/\*\* may$/,
  },
  {
    name: 'the file that was accepted may not declare it any more and is edited: not renewed either',
    files: {
      'certops.yaml': settingsText(BOTH.replace('web/**', 'www/**')),
      'web/a.yaml': certificateText('www', { duraton: '100h' }),
    },
    kind: 'refused',
    says: /^web\/a\.yaml: metadata\.namespace: Forbidden: /,
  },
  {
    name: 'the rules moved on and so did the object: the file that may is in force',
    files: { 'certops.yaml': settingsText(BOTH.replace('web/**', 'www/**')), 'www/a.yaml': CHANGED },
    kind: 'in-force',
    from: 'www/a.yaml',
  },
  {
    name: 'the kind is what no rule of the path allows',
    files: { 'certops.yaml': settingsText(WEB.replace('Certificate, ', '')) },
    kind: 'refused',
    says: /^web\/a\.yaml:2:7: kind: Forbidden: /,
  },
  {
    name: 'another tenant’s unreadable file keeps nothing from counting as removed',
    files: {
      'certops.yaml': settingsText(BOTH),
      'web/a.yaml': null,
      'shop/a.yaml': 'apiVersion: cert-manager.io/v1\nspec: [',
    },
    kind: 'removed',
  },
  {
    name: 'the tenant’s own unreadable file does',
    files: {
      'certops.yaml': settingsText(BOTH),
      'web/a.yaml': null,
      'web/b.yaml': 'apiVersion: cert-manager.io/v1\nspec: [',
    },
    kind: 'in-force',
    from: 'web/a.yaml',
    says: /nothing counts as removed$/,
  },
];

describe('tenancy in force', () => {
  for (const { name, files, kind, from, says } of STORIES) {
    it(name, async () => {
      const { acceptance } = await withAccepted(files);

      const resolution = await acceptance.certificate('web/www');

      const refusal = resolution.kind === 'removed' ? undefined : resolution.refusal;
      assert.equal(resolution.kind, kind, JSON.stringify(resolution));
      if (resolution.kind === 'in-force') assert.equal(resolution.declared.path, from);
      if (says === undefined) assert.equal(refusal, undefined);
      else assert.match(refusal?.message ?? '', says);
      const isTenancy = refusal?.message.includes('Forbidden: ') === true;
      assert.equal(refusal?.reason === 'NotAllowed', isTenancy, refusal?.reason);
    });
  }

  it('the operator’s floor holds whatever certops.yaml says', async () => {
    const floor: Tenancy = [{ path: 'platform/**', namespaces: ['*'], kinds: ['Certificate'] }];

    const { acceptance } = await withAccepted({}, floor);

    const resolution = await acceptance.certificate('web/www');
    assert.ok(resolution.kind === 'refused');
    assert.match(resolution.refusal.message, /tenancy in the configuration of the daemon/);
  });

  it('rules with a mistake leave the last good ones in force', async () => {
    const { world, repository } = await withAccepted({ 'certops.yaml': settingsText(WEB) });

    await world.advance(
      repository.add({
        'certops.yaml': settingsText(WEB.replace('[web]', '[]')),
        'x.yaml': certificateText('x'),
      }),
    );

    assert.match(
      world.settingsProblem ?? '',
      /^certops\.yaml:6:\d+: spec\.tenancy\[0\]\.namespaces: Required/,
    );
    assert.deepEqual(world.desired.certificates('web/x'), []);
    assert.equal(world.desired.rejected('web/x')?.problem.rule, 'tenancy');
  });

  it('a trespass is told once, with its place, and claims neither names nor Secrets', async () => {
    const { world } = await withAccepted({
      'certops.yaml': settingsText(WEB),
      'a.yaml': `${CHANGED.replace('www-tls', 'other-tls')}---\n${CA_ISSUER}---
apiVersion: v1
kind: Secret
metadata: {name: ca-pair, namespace: web}
data: {tls.key: 'ENC[AES256_GCM,data:x]'}
sops: {version: 3.9.0}
`,
    });

    const told = summarize(world, new Map(), undefined, new Date()).findings.filter(({ message }) =>
      message.includes('Forbidden'),
    );

    assert.deepEqual(
      told.map(({ object }) => object),
      ['a.yaml:3:34', 'a.yaml:12:33', 'a.yaml:17:38'],
    );
    assert.deepEqual([...world.desired.issuerKeys()], []);
    assert.deepEqual(world.desired.secrets('web', 'ca-pair'), []);
    assert.deepEqual(world.desired.claimants('web/other-tls'), []);
  });

  it('new rules are held against everything, not only against what changed', async () => {
    const { world, repository } = await withAccepted({ 'certops.yaml': settingsText(WEB) });
    assert.equal(world.desired.certificates('web/www').length, 1);

    const change = await world.advance(
      repository.add({ 'certops.yaml': settingsText(WEB.replace('web/**', 'www/**')) }),
    );

    assert.ok(change.certificates.has('web/www'));
    assert.deepEqual(world.desired.certificates('web/www'), []);
  });

  it('a trespass in a large file is told at the beginning of its document', async () => {
    const padding = '# padding\n'.repeat(8_000);

    const { world } = await withAccepted({
      'certops.yaml': settingsText(WEB),
      'a.yaml': `${padding}---\n${certificateText('x')}`,
    });

    assert.deepEqual(world.desired.rejected('web/x')?.problem.position, { line: 8_002, column: 1 });
  });
});
