import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  clearKeySecret,
  committed,
  conditionOf,
  messageOf,
  selfSigned,
  startOffline,
  statusOf,
} from '../support/offline-scenario.ts';
import { certificate } from '../support/scenario.ts';

const SELF_SIGNED_ISSUER = `apiVersion: cert-manager.io/v1
kind: Issuer
metadata:
  name: late
  namespace: web
spec:
  selfSigned: {}
`;

describe('what stands in the way of one Certificate never stops another', { concurrency: 2 }, () => {
  it('what is valid and not served yet says so by its field', async (context) => {
    const scenario = await startOffline('not-served', context);
    await scenario.push({
      'good.yaml': selfSigned('good'),
      'plugin.yaml': selfSigned('plugin').replace(
        'issuerRef:\n',
        'issuerRef:\n    group: awspca.cert-manager.io\n',
      ),
      'vault.yaml': `apiVersion: cert-manager.io/v1
kind: Issuer
metadata:
  name: vault
  namespace: web
spec:
  vault:
    server: https://vault.example.com
    path: pki/sign/web
    auth:
      tokenSecretRef:
        name: token
        key: token
---
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata:
  name: dns
spec:
  acme:
    server: https://acme.example.com/directory
    privateKeySecretRef:
      name: dns-account
    solvers:
      - dns01:
          cloudflare:
            apiTokenSecretRef:
              name: cloudflare
              key: token
`,
    });

    const run = await scenario.runOnce();

    assert.equal(run.code, 1, run.stderr);
    const cases = [
      { path: 'web/certificates/plugin', field: /^plugin\.yaml:\d+:\d+: spec\.issuerRef\.group / },
      { path: 'web/issuers/vault', field: /^vault\.yaml:7:\d+: spec\.vault / },
      { path: '_cluster/issuers/dns', field: /^vault\.yaml:2\d:\d+: spec\.acme\.solvers\[0\]\.dns01\S* / },
    ];
    for (const { path, field } of cases) {
      const status = await statusOf(scenario, path);
      assert.equal(conditionOf(status, 'Ready'), 'False NotServed', path);
      assert.match(messageOf(status, 'Ready'), field);
    }
    assert.equal(conditionOf(await statusOf(scenario, 'web/certificates/good'), 'Ready'), 'True Ready');
    assert.equal((await scenario.list('secrets')).length, 1, 'only the good one has a Secret');
  });

  it('a missing issuer is said once, and the Certificate follows when it comes', async (context) => {
    const scenario = await startOffline('issuer-missing', context);
    await scenario.push({
      'www.yaml': certificate({ name: 'www', dnsNames: ['www.example.com'], issuer: 'Issuer/late' }),
    });

    const first = await scenario.runOnce();
    const waiting = await statusOf(scenario, 'web/certificates/www');
    const tip = await scenario.tip();
    const second = await scenario.runOnce();
    const quietTip = await scenario.tip();
    await scenario.push({ 'late.yaml': SELF_SIGNED_ISSUER });
    const third = await scenario.runOnce();

    assert.deepEqual([first.code, second.code, third.code], [1, 1, 0], third.stdout);
    assert.equal(conditionOf(waiting, 'Issuing'), 'False IssuerNotFound');
    assert.equal(conditionOf(waiting, 'Ready'), 'False DoesNotExist');
    assert.match(messageOf(waiting, 'Issuing'), /Issuer "web\/late" not found/);
    assert.equal(quietTip, tip, 'nothing is committed again');
    const issued = await statusOf(scenario, 'web/certificates/www');
    assert.deepEqual([conditionOf(issued, 'Ready'), issued.revision], ['True Ready', 1]);
    assert.equal(conditionOf(issued, 'Issuing'), undefined);
  });

  it('of two Certificates for one Secret the newcomer waits, until it is free', async (context) => {
    const scenario = await startOffline('two-claimants', context);
    const first = selfSigned('zulu').replace('zulu-tls', 'shared');
    await scenario.push({ 'zulu.yaml': first });
    await scenario.runOnce();
    const owned = await statusOf(scenario, 'web/certificates/zulu');

    await scenario.push({ 'alpha.yaml': selfSigned('alpha').replace('alpha-tls', 'shared') });
    const both = await scenario.runOnce();
    const newcomer = await statusOf(scenario, 'web/certificates/alpha');
    const owner = await statusOf(scenario, 'web/certificates/zulu');
    await scenario.push({ 'zulu.yaml': null });
    const alone = await scenario.runOnce();

    assert.deepEqual([both.code, alone.code], [1, 0], alone.stdout);
    assert.equal(conditionOf(newcomer, 'Ready'), 'False SecretClaimed');
    assert.match(messageOf(newcomer, 'Ready'), /"web\/shared" belongs to Certificate "web\/zulu"/);
    assert.equal(owner.certops.serialNumber, owned.certops.serialNumber);
    const heir = await statusOf(scenario, 'web/certificates/alpha');
    assert.equal(conditionOf(heir, 'Ready'), 'True Ready');
    assert.notEqual(heir.certops.serialNumber, owned.certops.serialNumber, 'with a certificate of its own');
  });

  it('a running daemon gives a freed Secret to who waits for it', async (context) => {
    const scenario = await startOffline('freed', context);
    await scenario.push({
      'alpha.yaml': selfSigned('alpha').replace('alpha-tls', 'shared'),
      'zulu.yaml': selfSigned('zulu').replace('zulu-tls', 'shared'),
    });
    const daemon = scenario.startDaemon({ args: ['--interval', '200ms'] });
    context.after(() => daemon.kill('SIGKILL'));
    await daemon.waitForLine(/watching the branch/);
    await committed(scenario, 'Fail web/zulu');

    await scenario.push({ 'alpha.yaml': null });
    await committed(scenario, 'Issue web/zulu');
    const end = await daemon.kill('SIGINT');

    assert.deepEqual(end, { code: 0, signal: null });
    assert.equal(conditionOf(await statusOf(scenario, 'web/certificates/zulu'), 'Ready'), 'True Ready');
  });

  it('a file that people put at the Secret’s path is never replaced', async (context) => {
    const scenario = await startOffline('not-owned', context);
    const files = [
      'apiVersion: v1\nkind: Secret\nmetadata: {name: www-tls, namespace: web}\nsops: {mac: x}\n',
      '{ not: [yaml',
      'x'.repeat(2 << 20),
    ];
    await scenario.push({ 'www.yaml': selfSigned('www'), 'good.yaml': selfSigned('good') });

    for (const content of files) {
      await scenario.push({ 'secrets/web/www-tls.yaml': content });
      const run = await scenario.runOnce();
      const status = await statusOf(scenario, 'web/certificates/www');

      assert.equal(run.code, 1, run.stderr);
      assert.equal(conditionOf(status, 'Ready'), 'False SecretNotOwned');
      assert.equal(await scenario.show('secrets/web/www-tls.yaml'), content);
    }
    assert.equal(conditionOf(await statusOf(scenario, 'web/certificates/good'), 'Ready'), 'True Ready');
    assert.equal((await scenario.subjects()).filter((line) => line.startsWith('Fail web/www')).length, 1);

    await scenario.push({ 'secrets/web/www-tls.yaml': null });
    assert.equal((await scenario.runOnce()).code, 0);
  });

  it('a renamed Certificate takes its Secret with it, also where removed Secrets are pruned', async (context) => {
    const scenario = await startOffline('renamed', context);
    const settings = (await scenario.show('certops.yaml'))?.replace('prune: false', 'prune: true') ?? '';
    await scenario.push({ 'www.yaml': selfSigned('www'), 'certops.yaml': settings });
    await scenario.runOnce();

    await scenario.push({ 'www.yaml': selfSigned('www').replace('name: www\n', 'name: web-site\n') });
    const run = await scenario.runOnce();

    assert.equal(run.code, 0, run.stdout + run.stderr);
    assert.deepEqual(await scenario.list('secrets'), ['secrets/web/www-tls.yaml']);
    assert.equal(conditionOf(await statusOf(scenario, 'web/certificates/web-site'), 'Ready'), 'True Ready');
    assert.equal(await scenario.show('status/web/certificates/www.yaml'), undefined);
    assert.equal((await scenario.runOnce()).code, 0);
  });

  it('a private key in clear is an alarm, and is nowhere repeated', async (context) => {
    const scenario = await startOffline('clear-key', context);
    scenario.scratch.keyFolder(); // the key is meant to lie in this repository
    const { manifest, keyLines } = clearKeySecret('burnt');
    await scenario.push({ 'good.yaml': selfSigned('good'), 'burnt.yaml': manifest });

    const run = await scenario.runOnce();

    assert.equal(run.code, 1);
    assert.match(run.stdout, /^burnt\.yaml:\d+:\d+: .*private key stands here in clear: it is burnt/m);
    const alarm = run.stderr.split('\n').find((line) => line.includes('clear-private-key')) ?? '';
    assert.match(alarm, /"level":50/);
    const said = run.stdout + run.stderr + (await scenario.person.log('--author=certops', '-p'));
    for (const line of keyLines) assert.ok(!said.includes(line), 'the key is repeated');
    assert.equal(conditionOf(await statusOf(scenario, 'web/certificates/good'), 'Ready'), 'True Ready');
  });
});
