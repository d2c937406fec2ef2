import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import { git } from '../support/git-repo.ts';
import { selfSigned, startOffline, statusOf } from '../support/offline-scenario.ts';
import type { Scenario } from '../support/scenario.ts';

const WWW_STATUS = 'status/web/certificates/www.yaml';
const API_STATUS = 'status/web/certificates/api.yaml';
const WWW_SECRET = 'secrets/web/www-tls.yaml';
const API_SECRET = 'secrets/web/api-tls.yaml';

describe('what others do to outputs', { concurrency: 2 }, () => {
  it('edits, swaps, deletions and forgeries are put back by one signed commit, and nothing is ordered', async (context) => {
    const scenario = await startOffline('drift', context);
    await scenario.push({ 'web.yaml': `${selfSigned('www')}---\n${selfSigned('api')}` });
    await scenario.runOnce();
    const show = async (path: string) => (await scenario.show(path)) ?? '';
    const paths = [WWW_STATUS, API_STATUS, WWW_SECRET, API_SECRET];
    const before = await Promise.all(paths.map(show));
    const forged = 'status/web/certificates/forged.yaml';

    await scenario.push({
      [WWW_STATUS]: before[0]?.replace(/notAfter: .*/, 'notAfter: "2099-01-01T00:00:00Z"') ?? '',
      [API_STATUS]: null,
      [WWW_SECRET]: before[3]?.replaceAll('api', 'www') ?? '',
      [forged]: before[0]?.replaceAll('www', 'forged') ?? '',
      'status/web/requests/www-7.yaml': await show('status/web/requests/www-1.yaml'),
    });
    const run = await scenario.runOnce();
    const after = await Promise.all(paths.map(show));
    const subjects = await scenario.subjects();
    const elsewhere = await scenario.runOnce({ data: 'another-machine' });

    assert.equal(run.code, 0, run.stdout + run.stderr);
    assert.deepEqual(after, before);
    assert.equal(await scenario.show(forged), undefined);
    assert.equal(await scenario.show('status/web/requests/www-7.yaml'), undefined);
    assert.match(subjects.at(-1) ?? '', /^Restore \S+ and 4 more$/);
    assert.equal(subjects.filter((line) => /^(Issue|Renew|Start) web\//.test(line)).length, 2);
    assert.equal(elsewhere.code, 0);
    assert.deepEqual(await scenario.subjects(), subjects, 'nothing is left to do');
    assert.match(run.stderr, /somebody else changed an output/);
    await scenario.verifyCommits();
  });

  it('a deleted Secret is issued again, with a new key', async (context) => {
    const scenario = await startOffline('deleted-secret', context);
    await scenario.push({ 'www.yaml': selfSigned('www') });
    await scenario.runOnce();
    const first = await statusOf(scenario, 'web/certificates/www');

    await scenario.push({ [WWW_SECRET]: null });
    const run = await scenario.runOnce();
    const second = await statusOf(scenario, 'web/certificates/www');

    assert.equal(run.code, 0, run.stderr);
    assert.deepEqual([first.revision, second.revision], [1, 2]);
    assert.notEqual(second.certops.serialNumber, first.certops.serialNumber);
    const keys = await Promise.all([1, 2].map((revision) => publicKeyOf(scenario, revision)));
    assert.notEqual(keys[0], keys[1]);
  });

  it('a merge made by git pull is no drift', async (context) => {
    const scenario = await startOffline('merge', context);
    const { person } = scenario;
    await scenario.push({ 'www.yaml': selfSigned('www') });
    await person.pull();
    const inClone = (...args: readonly string[]) => git(['-C', person.dir, ...args]);
    await scenario.runOnce();
    await person.commit({ files: { 'README.md': 'mine\n' } });
    await inClone('pull', '-q', '--no-rebase', '--no-edit', 'origin', 'main');
    await person.push();
    const merged = await scenario.tip();

    const run = await scenario.runOnce({ data: 'another-machine' });

    assert.equal(run.code, 0, run.stdout + run.stderr);
    assert.equal(await scenario.tip(), merged, 'nothing is put back, nothing is issued');
  });

  it('outputs in folders of one’s own are examined there, from the first look on', async (context) => {
    const scenario = await startOffline('own-folders', context);
    const settings = ((await scenario.show('certops.yaml')) ?? '')
      .replace('secrets: secrets', 'secrets: credentials/out')
      .replace('status: status', 'status: records');
    // Plain files in what would be the output folders by default.
    const theirs = { 'status/report.yaml': 'theirs: 1\n', 'status/web/certificates/x.yaml': 'theirs: 1\n' };
    await scenario.push({ 'certops.yaml': settings, 'www.yaml': selfSigned('www'), ...theirs });
    const first = await scenario.runOnce();
    const path = 'records/web/certificates/www.yaml';
    const before = (await scenario.show(path)) ?? '';

    await scenario.push({
      [path]: before.replace('revision: 1', 'revision: 9'),
      'status/report.yaml': 'theirs: 2\n',
    });
    const second = await scenario.runOnce({ data: 'another-machine' });

    assert.deepEqual([first.code, second.code], [0, 0], first.stderr + second.stderr);
    assert.notEqual(before, '');
    assert.equal(await scenario.show(path), before);
    assert.equal(await scenario.show('status/report.yaml'), 'theirs: 2\n');
    assert.ok(await scenario.show('credentials/out/web/www-tls.yaml'));
  });

  it('a rewritten history stops all writing, and says what to do', async (context) => {
    const scenario = await startOffline('rewritten', context);
    await scenario.push({ 'www.yaml': selfSigned('www') });
    await scenario.runOnce();
    await scenario.person.pull();
    await git(['-C', scenario.person.dir, 'reset', '-q', '--hard', 'HEAD~1']);
    await scenario.person.commit({ files: { 'api.yaml': selfSigned('api') } });
    await scenario.person.push('--force');
    const tip = await scenario.tip();

    const here = await scenario.runOnce();
    const elsewhere = await scenario.runOnce({ data: 'another-machine' });

    for (const run of [here, elsewhere]) {
      assert.equal(run.code, 2, run.stderr);
      assert.match(run.stderr, /^certops: The history of main was rewritten$/m);
      assert.match(run.stderr, /certops accept-history/);
    }
    assert.equal(await scenario.tip(), tip, 'nothing is written');
  });
});

/** The public key of the certificate that a revision's request record holds or held. */
async function publicKeyOf({ remote }: Scenario, revision: number): Promise<string> {
  const path = `status/web/requests/www-${revision}.yaml`;
  const added = await git(['-C', remote, 'log', '--diff-filter=A', '--format=%H', 'main', '--', path]);
  const text = await git(['-C', remote, 'show', `${added.trim()}:${path}`]);
  const pem = Buffer.from(/certificate: (\S+)/.exec(text)?.[1] ?? '', 'base64').toString();
  return new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'pem' }).toString();
}
