import assert from 'node:assert/strict';
import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readPlainYaml } from '../../src/lib/yaml-write.ts';
import { lintOf } from '../support/bad-batch.ts';
import {
  conditionOf,
  inDays,
  messageOf,
  type RecordedStatus,
  selfSigned,
  startOffline,
  statusOf,
} from '../support/offline-scenario.ts';
import type { Scenario } from '../support/scenario.ts';

/** A policy for namespace `web` that allows these names. */
function policy(names: readonly string[], ...more: readonly string[]): string {
  return `apiVersion: policy.cert-manager.io/v1alpha1
kind: CertificateRequestPolicy
metadata:
  name: web
spec:
  selector:
    namespace:
      matchNames: [web]
  allowed:
    usages: [digital signature, key encipherment]
    dnsNames:
      values: ${JSON.stringify(names)}
${more.map((line) => `      ${line}\n`).join('')}`;
}

interface Request {
  readonly status: RecordedStatus & { readonly certificate?: string };
}

async function requestOf(scenario: Scenario, name: string): Promise<Request['status']> {
  const text = await scenario.show(`status/web/requests/${name}.yaml`);
  assert.ok(text !== undefined, `request ${name} is not there`);
  // What certops writes there begins with the CertificateRequest.
  return (readPlainYaml(text)[0] as Request).status;
}

async function issued(scenario: Scenario): Promise<readonly string[]> {
  return (await scenario.subjects()).filter((subject) => /^(?:Issue|Renew) /.test(subject));
}

describe('policies', { concurrency: 2 }, () => {
  it('a denied Certificate stands beside an allowed one, and is issued when the policy is mended', async (context) => {
    const scenario = await startOffline('policies-denied', context);
    await scenario.push({
      'policies/web.yaml': policy(
        ['*.example.com'],
        'validations: [{rule: "!self.contains(\'shop\')", message: no shops}]',
      ),
      'www.yaml': selfSigned('www'),
      'shop.yaml': selfSigned('shop'),
      'ops.yaml': selfSigned('ops').replace('namespace: web', 'namespace: ops'),
    });

    const run = await scenario.runOnce();
    const quiet = await scenario.tip();
    const again = await scenario.runOnce({ data: 'another' });
    const lint = await lintOf(scenario);

    assert.equal(run.code, 1, run.stderr);
    assert.equal(again.code, 1, again.stderr);
    assert.equal(await scenario.tip(), quiet, 'it is said once');
    assert.deepEqual(await issued(scenario), ['Issue web/www']);
    const shop = await statusOf(scenario, 'web/certificates/shop');
    assert.equal(conditionOf(shop, 'Issuing'), 'False Denied');
    assert.match(
      messageOf(shop, 'Issuing'),
      /\[web: spec\.allowed\.dnsNames\.validations\[0\]: .*: no shops\]/,
    );
    assert.equal(shop.failedIssuanceAttempts ?? 0, 0);
    const denied = await requestOf(scenario, 'shop-1');
    assert.equal(conditionOf(denied, 'Denied'), 'True policy.cert-manager.io');
    assert.equal(conditionOf(denied, 'Ready'), 'False Denied');
    assert.equal(conditionOf(denied, 'Approved'), undefined);
    const approved = await requestOf(scenario, 'www-1');
    assert.equal(conditionOf(approved, 'Approved'), 'True policy.cert-manager.io');
    assert.equal(messageOf(approved, 'Approved'), 'Approved by CertificateRequestPolicy: "web"');
    const ops = await statusOf(scenario, 'ops/certificates/ops');
    assert.equal(conditionOf(ops, 'Issuing'), 'False WaitingForApproval');
    assert.equal(await scenario.show('status/ops/requests/ops-1.yaml'), undefined);
    assert.deepEqual(lint.map(({ file, rule, path }) => `${file} ${rule} ${path}`).sort(), [
      'ops.yaml policy-unapproved spec.issuerRef',
      'shop.yaml policy-denied spec.dnsNames',
    ]);

    await scenario.push({ 'policies/web.yaml': policy(['*.example.com']) });
    const mended = await scenario.runOnce();
    await scenario.push({ 'policies/web.yaml': null });
    const without = await scenario.runOnce();

    assert.equal(mended.code, 1, mended.stderr);
    assert.equal(without.code, 0, without.stdout + without.stderr);
    assert.deepEqual(await issued(scenario), ['Issue web/www', 'Issue web/shop', 'Issue ops/ops']);
    assert.equal(conditionOf(await requestOf(scenario, 'shop-1'), 'Ready'), 'True Issued');
    assert.equal((await scenario.certops('verify', '--repo', scenario.remote)).code, 0);
  });

  it('a stricter policy stops a renewal, a broken one changes nothing, and the end is told', async (context) => {
    const scenario = await startOffline('policies-stricter', context);
    await scenario.push({ 'web.yaml': policy(['*.example.com']), 'www.yaml': selfSigned('www') });
    const first = await scenario.runOnce();
    await scenario.push({ 'web.yaml': policy(['*.example.com'], 'validations: [{rule: self.nope()}]') });

    const broken = await scenario.runOnce({ data: 'another', ...inDays(61) });
    await scenario.push({ 'web.yaml': policy(['api.example.com']) });
    const untilDue = await scenario.runOnce(inDays(70));
    const stopped = await scenario.runOnce(inDays(130));
    const www = await statusOf(scenario, 'web/certificates/www');
    const ended = await scenario.runOnce(inDays(160));
    const over = await statusOf(scenario, 'web/certificates/www');
    await scenario.push({ 'web.yaml': policy(['*.example.com']) });
    const relaxed = await scenario.runOnce(inDays(160));

    assert.equal(first.code, 0, first.stderr);
    assert.equal(broken.code, 1, 'the policy that is not in force is told');
    assert.match(
      broken.stdout,
      /web\.yaml:13:\d+: .*does not compile: .*the last revision that was accepted stays in force/,
    );
    assert.equal(untilDue.code, 0, untilDue.stdout);
    assert.equal(stopped.code, 1);
    assert.equal(conditionOf(www, 'Ready'), 'True Ready');
    assert.equal(conditionOf(www, 'Issuing'), 'False Denied');
    assert.match(messageOf(www, 'Issuing'), /\["www\.example\.com"\]: api\.example\.com/);
    assert.equal(ended.code, 1);
    assert.equal(conditionOf(over, 'Ready'), 'False Expired');
    assert.equal(relaxed.code, 0, relaxed.stdout);
    assert.deepEqual(await issued(scenario), ['Issue web/www', 'Renew web/www', 'Renew web/www']);
  });

  it('init brings the library, which is switched off until somebody takes the ending away', async (context) => {
    const scenario = await startOffline('policies-init', context);
    const dir = join(scenario.scratch.dir, 'with-policies');

    const made = await scenario.certops('init', dir, '--policies');
    const policies = (await readdir(join(dir, 'policies'))).filter((name) => name !== 'README.md');
    const off = await scenario.certops('lint', dir);
    for (const name of policies) {
      await rename(join(dir, 'policies', name), join(dir, 'policies', name.replace(/\.off$/, '')));
    }
    const on = await scenario.certops('lint', dir, '-o', 'json');

    assert.equal(made.code, 0, made.stderr);
    assert.equal(policies.length, 7);
    assert.ok(policies.every((name) => name.endsWith('.yaml.off')));
    assert.equal(off.code, 0, off.stdout);
    assert.equal(on.code, 0, on.stdout);
    assert.equal(on.stdout.trim(), '[]');
  });
});
