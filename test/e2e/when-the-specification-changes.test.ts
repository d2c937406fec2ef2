import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { git } from '../support/git-repo.ts';
import { conditionOf, messageOf, selfSigned, startOffline, statusOf } from '../support/offline-scenario.ts';
import { certificate } from '../support/scenario.ts';

const SECRET = 'secrets/web/www-tls.yaml';

describe('when the specification changes', { concurrency: 2 }, () => {
  it('names, labels, issuer: each asks for exactly what it needs', async (context) => {
    const scenario = await startOffline('spec-changes', context);
    const serial = async () => (await statusOf(scenario, 'web/certificates/www')).certops.serialNumber;
    await scenario.push({ 'www.yaml': selfSigned('www') });
    await scenario.runOnce();
    const serials = [await serial()];

    const names = ['www.example.com', 'example.com'];
    await scenario.push({ 'www.yaml': selfSigned('www', '', names) });
    const renamed = await scenario.runOnce();
    const second = await statusOf(scenario, 'web/certificates/www');
    serials.push(await serial());
    const requests = await scenario.list('status/web/requests');

    const template = '  secretTemplate:\n    labels:\n      team: shop\n    annotations:\n      note: "1"\n';
    await scenario.push({ 'www.yaml': selfSigned('www', template, names) });
    const labelled = await scenario.runOnce();
    const secret = await scenario.show(SECRET);
    serials.push(await serial());
    const subject = (await scenario.subjects()).at(-1);

    const other = certificate({ name: 'www', dnsNames: names, issuer: 'Issuer/elsewhere', spec: template });
    await scenario.push({ 'www.yaml': other });
    const moved = await scenario.runOnce();
    const third = await statusOf(scenario, 'web/certificates/www');
    await git(['-C', scenario.person.dir, 'revert', '--no-edit', 'HEAD']);
    await scenario.person.pushPatiently();
    const reverted = await scenario.runOnce();
    const atLast = await statusOf(scenario, 'web/certificates/www');
    serials.push(await serial());

    const codes = [renamed, labelled, moved, reverted].map(({ code }) => code);
    assert.deepEqual(codes, [0, 0, 1, 0], moved.stdout + reverted.stdout);
    assert.equal(second.revision, 2);
    assert.deepEqual(requests, ['status/web/requests/www-2.yaml'], 'one request is kept by default');
    const trailers = await scenario.person.log('--grep=^Certops-Revision: 2$', '--format=%(trailers)');
    assert.match(trailers, /^Certops-Reason: RequestChanged$/m);
    assert.equal(subject, 'Update web/www');
    assert.match(secret ?? '', /^ {8}team: shop$/m);
    assert.match(secret ?? '', /^ {8}note: "1"$/m);
    assert.equal(conditionOf(third, 'Ready'), 'False IncorrectIssuer');
    assert.equal(conditionOf(third, 'Issuing'), 'False IssuerNotFound');
    assert.match(messageOf(third, 'Ready'), /previously issued by "ClusterIssuer\/selfsigned"/);
    assert.equal(conditionOf(atLast, 'Ready'), 'True Ready');
    assert.equal(conditionOf(atLast, 'Issuing'), undefined);
    assert.equal(atLast.revision, 2, 'nothing was issued, so nothing is issued again');
    const [issued, reissued, ...later] = serials;
    assert.notEqual(reissued, issued);
    assert.deepEqual(later, [reissued, reissued], 'labels and detours need no new certificate');
    await scenario.verifyCommits();
  });

  it('what is removed goes, its Secret only where removed Secrets are pruned', async (context) => {
    const scenario = await startOffline('removed', context);
    const issuer = `apiVersion: cert-manager.io/v1
kind: Issuer
metadata:
  name: own
  namespace: web
spec:
  selfSigned: {}
`;
    const other = certificate({ name: 'other', dnsNames: ['other.example.com'], issuer: 'Issuer/own' });
    await scenario.push({
      'www.yaml': selfSigned('www'),
      'gone.yaml': selfSigned('gone'),
      'other.yaml': other,
      'own.yaml': issuer,
    });
    await scenario.runOnce();

    await scenario.push({ 'www.yaml': null, 'own.yaml': null });
    const removed = await scenario.runOnce();
    const afterRemoval = await scenario.list('status/web');
    const kept = await scenario.show(SECRET);
    const settings = (await scenario.show('certops.yaml'))?.replace('prune: false', 'prune: true') ?? '';
    await scenario.push({ 'gone.yaml': null, 'certops.yaml': settings });
    const pruned = await scenario.runOnce();

    assert.deepEqual([removed.code, pruned.code], [0, 0], removed.stdout + pruned.stdout);
    assert.deepEqual(afterRemoval, [
      'status/web/certificates/gone.yaml',
      'status/web/certificates/other.yaml',
      'status/web/requests/gone-1.yaml',
      'status/web/requests/other-1.yaml',
    ]);
    assert.ok(kept !== undefined, 'the Secret stays');
    assert.deepEqual(await scenario.list('secrets'), ['secrets/web/other-tls.yaml', SECRET]);
    const subjects = await scenario.subjects();
    for (const subject of ['Remove web/www', 'Remove issuer web/own', 'Remove web/gone']) {
      assert.ok(subjects.includes(subject), subject);
    }
    await scenario.verifyCommits();
  });
});
