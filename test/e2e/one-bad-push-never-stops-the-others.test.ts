import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { git } from '../support/git-repo.ts';
import {
  conditionOf,
  inDays,
  sealedCa,
  selfSigned,
  startOffline,
  statusOf,
} from '../support/offline-scenario.ts';
import { certificate } from '../support/scenario.ts';

const CA_ISSUER = `apiVersion: cert-manager.io/v1
kind: Issuer
metadata:
  name: ours
  namespace: web
spec:
  ca:
    secretName: ca
`;

/** What one contributor pushes beside a good Certificate of somebody else. */
const HOSTILE: readonly {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly code: 0 | 1;
}[] = [
  {
    name: 'names that no object can have',
    code: 1,
    files: {
      'a.yaml': selfSigned('www').replace('name: www', 'name: "../../x"'),
      'b.yaml': selfSigned('www').replace('name: www', 'name: "x:web/ours"'),
      'c.yaml': CA_ISSUER.replace('namespace: web', 'namespace: _cluster').replace(
        'name: ours',
        'name: selfsigned',
      ),
      'd.yaml': CA_ISSUER.replace('name: ours', 'name: ours.key'),
    },
  },
  {
    name: 'a file where a folder of ours must be',
    code: 0, // it is taken away again
    files: {
      'secrets/blocked': 'x',
      'x.yaml': certificate({
        name: 'x',
        namespace: 'blocked',
        dnsNames: ['x.test'],
        issuer: 'ClusterIssuer/selfsigned',
      }),
    },
  },
  {
    name: 'settings that cannot be read',
    code: 1,
    files: { 'certops.yaml': 'apiVersion: certops.dev/v1alpha1\nkind: Repository\nspec:\n  colour: red\n' },
  },
];

describe('one bad push', { concurrency: 2 }, () => {
  for (const { name, files, code } of HOSTILE) {
    it(`${name}: the others are served`, async (context) => {
      const scenario = await startOffline('bad-push', context);
      await scenario.push({ 'good.yaml': selfSigned('good') });
      await scenario.runOnce();

      await scenario.push({ ...files, 'new.yaml': selfSigned('new') });
      const run = await scenario.runOnce({ timeoutMs: 30_000 });
      const elsewhere = await scenario.runOnce({ data: 'elsewhere', timeoutMs: 30_000 });

      assert.deepEqual([run.code, elsewhere.code], [code, code], run.stdout + run.stderr);
      for (const certificateName of ['good', 'new']) {
        const status = await statusOf(scenario, `web/certificates/${certificateName}`);
        assert.equal(conditionOf(status, 'Ready'), 'True Ready');
      }
      const outputs = await scenario.list('status');
      assert.deepEqual(
        outputs.filter((path) => /\.\.|:|_cluster\/issuers\/(?!selfsigned\.)|ours/.test(path)),
        [],
      );
      await scenario.verifyCommits();
    });
  }

  it('a folder in the place of a status is taken away again', async (context) => {
    const scenario = await startOffline('folder', context);
    await scenario.push({ 'good.yaml': selfSigned('good') });
    await scenario.runOnce();
    const path = 'status/web/certificates/good.yaml';
    const before = await scenario.show(path);

    await scenario.push({ [path]: null });
    await scenario.push({ [`${path}/x`]: 'x' });
    const run = await scenario.runOnce({ timeoutMs: 30_000 });

    assert.equal(run.code, 0, run.stdout + run.stderr);
    assert.equal(await scenario.show(path), before);
  });

  it('a second Secret of the CA’s name, in a file that sorts first, does not become the CA', async (context) => {
    const scenario = await startOffline('second-ca', context);
    await scenario.push({
      'credentials/ca.yaml': await sealedCa(scenario, 'ca'),
      'ca-issuer.yaml': CA_ISSUER,
    });
    await scenario.runOnce();
    const before = await statusOf(scenario, 'web/issuers/ours');

    await scenario.push({
      'aaa/ca.yaml': await sealedCa(scenario, 'ca'),
      'leaf.yaml': certificate({ name: 'leaf', dnsNames: ['leaf.test'], issuer: 'Issuer/ours' }),
    });
    const run = await scenario.runOnce();

    assert.equal(run.code, 0, run.stdout);
    assert.deepEqual(await statusOf(scenario, 'web/issuers/ours'), before);
    const leaf = await statusOf(scenario, 'web/certificates/leaf');
    assert.equal(conditionOf(leaf, 'Ready'), 'True Ready');
  });

  it('a merge of the state’s commit vouches for nothing', async (context) => {
    const scenario = await startOffline('state-merge', context);
    await scenario.push({ 'good.yaml': selfSigned('good') });
    await scenario.runOnce();
    const before = await statusOf(scenario, 'web/certificates/good');
    const { dir } = scenario.person;
    await scenario.person.pull();
    await git(['-C', dir, 'fetch', '-q', 'origin', 'refs/certops/main/state']);
    const tree = (await git(['-C', dir, 'rev-parse', 'HEAD^{tree}'])).trim();
    const merge = await git([
      '-C',
      dir,
      'commit-tree',
      tree,
      '-p',
      'FETCH_HEAD',
      '-p',
      'HEAD',
      '-m',
      'Merge',
    ]);
    await git(['-C', dir, 'push', '-q', 'origin', `${merge.trim()}:refs/heads/main`]);

    const run = await scenario.runOnce({ data: 'elsewhere' });

    assert.equal(run.code, 0, run.stdout + run.stderr);
    assert.equal(await scenario.tip(), merge.trim(), 'nothing is put back');
    assert.deepEqual(await statusOf(scenario, 'web/certificates/good'), before);
  });

  it('an expired certificate that cannot be renewed is no busy loop', async (context) => {
    const scenario = await startOffline('expired', context);
    await scenario.push({ 'good.yaml': selfSigned('good') });
    await scenario.runOnce();
    await scenario.push({ '.sops.yaml': 'creation_rules:\n  - path_regex: ^nowhere/\n    age: age1x\n' });

    const run = await scenario.runOnce({ ...inDays(100), timeoutMs: 30_000 });

    assert.equal(run.code, 1, run.stderr);
    const status = await statusOf(scenario, 'web/certificates/good');
    assert.equal(conditionOf(status, 'Ready'), 'False Expired');
    assert.equal(conditionOf(status, 'Issuing'), 'False EncryptionUnavailable');
  });

  it('a file that grew too large goes on being renewed from its last good revision', async (context) => {
    const scenario = await startOffline('large', context);
    await scenario.push({ 'good.yaml': selfSigned('good') });
    await scenario.runOnce();

    await scenario.push({ 'good.yaml': `${selfSigned('good')}\n${'# padding\n'.repeat(120_000)}` });
    const run = await scenario.runOnce(inDays(61));

    assert.equal(run.code, 1, run.stdout);
    const status = await statusOf(scenario, 'web/certificates/good');
    assert.equal(status.revision, 2);
    assert.match(status.certops.problem ?? '', /good\.yaml is over 1 MiB/);
  });
});
