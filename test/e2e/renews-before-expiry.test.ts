import assert from 'node:assert/strict';
import { createHash, type X509Certificate } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import { formatInstant } from '../../src/lib/clock.ts';
import { readPlainYaml } from '../../src/lib/yaml-write.ts';
import { assertNothingInClear } from '../support/promises.ts';
import { acmeIssuer, certificate, privateCa, type Scenario, startScenario } from '../support/scenario.ts';
import { checkTlsSecret } from '../support/tls-secret.ts';

const DAY_MS = 86_400_000;

async function open(context: TestContext, name: string): Promise<Scenario> {
  const scenario = await startScenario(name, context);
  context.after(() => scenario.stop());
  return scenario;
}

/** A run with certops' clock set; it must leave everything ready. */
async function runAt(scenario: Scenario, instant: Date, expectedCode = 0): Promise<void> {
  const env = { CERTOPS_TESTING: '1', CERTOPS_CLOCK: formatInstant(instant) };
  const run = await scenario.runOnce({ env });
  assert.equal(run.code, expectedCode, run.stdout + run.stderr);
}

interface Status {
  readonly notBefore: string;
  readonly notAfter: string;
  readonly renewalTime: string;
  readonly revision: number;
}

async function statusOf(scenario: Scenario, path: string): Promise<Status> {
  const [document] = readPlainYaml((await scenario.show(`status/${path}.yaml`)) ?? '');
  return (document as { readonly status: Status }).status;
}

/** The leaf of a Secret, looked at by openssl at a time of which it must be valid. */
async function leafOf(
  scenario: Scenario,
  secret: string,
  names: readonly string[],
): Promise<X509Certificate> {
  return checkTlsSecret(scenario, { path: `secrets/pki/${secret}.yaml`, names, key: 'EC PRIVATE KEY' });
}

function keyOf(leaf: X509Certificate): string {
  return createHash('sha256')
    .update(leaf.publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}

describe('renews before expiry', { concurrency: 3 }, () => {
  test('certificates of one’s own CA: nothing a day before two thirds of the life, new ones after it', async (context) => {
    const scenario = await open(context, 'renewal');
    const leaf = (name: string, spec = '') =>
      certificate({ name, namespace: 'pki', dnsNames: [`${name}.internal`], issuer: 'Issuer/ours', spec });
    const kept = certificate({ name: 'kept', namespace: 'pki', dnsNames: ['kept.internal'] })
      .replace('algorithm: ECDSA', 'algorithm: ECDSA\n    rotationPolicy: Never')
      .replace(/kind: ClusterIssuer\n( +)name: pebble/, 'kind: ClusterIssuer\n$1name: selfsigned');
    const documents = [
      privateCa('87600h'),
      leaf('rotated', '  revisionHistoryLimit: 1\n'),
      kept,
      leaf('early', '  duration: 1440h\n  renewBefore: 720h\n'),
    ];
    await scenario.push({ 'pki.yaml': documents.join('---\n') });
    // The past: whatever is made then and renewed a month ago or so is still valid for openssl today.
    const begin = new Date(Date.now() - 62 * DAY_MS);
    const after = (days: number) => new Date(begin.getTime() + days * DAY_MS);
    await runAt(scenario, begin);
    const secrets = ['rotated', 'kept'] as const;
    const before = new Map(
      await Promise.all(
        secrets.map(
          async (name) => [name, await leafOf(scenario, `${name}-tls`, [`${name}.internal`])] as const,
        ),
      ),
    );

    const tip = await scenario.tip();
    await runAt(scenario, after(29));
    const tipEarly = await scenario.tip();
    await runAt(scenario, after(31));
    const subjectsEarly = await scenario.subjects();
    const tipRenewed = await scenario.tip();
    await runAt(scenario, after(59));
    const tipBefore = await scenario.tip();
    await runAt(scenario, after(62));
    const tipAfter = await scenario.tip();
    await runAt(scenario, after(62.1));

    assert.equal(tipEarly, tip, 'nothing is due after 29 days');
    assert.deepEqual(
      subjectsEarly.filter((subject) => subject.startsWith('Renew ')),
      ['Renew pki/early'],
      'renewBefore is what counts where it is given',
    );
    assert.equal((await statusOf(scenario, 'pki/certificates/early')).revision, 3);
    assert.equal(tipBefore, tipRenewed, 'nothing is due after 59 days but what was renewed');
    assert.notEqual(tipAfter, tipBefore);
    assert.equal(await scenario.tip(), tipAfter, 'renewed once');
    for (const name of secrets) {
      const status = await statusOf(scenario, `pki/certificates/${name}`);
      assert.equal(status.revision, 2, name);
      assert.equal(new Date(status.notAfter).getTime() - new Date(status.notBefore).getTime(), 90 * DAY_MS);
      const renewed = await leafOf(scenario, `${name}-tls`, [`${name}.internal`]);
      const old = before.get(name);
      assert.ok(
        old !== undefined && renewed.serialNumber !== old.serialNumber,
        `${name} is a new certificate`,
      );
      assert.equal(keyOf(renewed) === keyOf(old), name === 'kept', `${name}: rotationPolicy`);
    }
    const requests = (await scenario.list('status/pki/requests')).filter((path) => path.includes('rotated'));
    assert.deepEqual(requests, ['status/pki/requests/rotated-2.yaml'], 'the history is one request long');
    assert.equal((await statusOf(scenario, 'pki/certificates/root')).revision, 1, 'the root has years left');
    await scenario.verifyCommits();
    await assertNothingInClear(scenario, []);
  });

  test('a certificate of an ACME CA is renewed at its renewal time, and a clock gone wrong renews it once', async (context) => {
    const scenario = await open(context, 'acme-renewal');
    await scenario.push({
      'issuers/pebble.yaml': acmeIssuer(scenario),
      'web.yaml': certificate({
        name: 'www',
        dnsNames: ['www.example.com'],
        spec: '  revisionHistoryLimit: 1\n',
      }),
    });
    await runAt(scenario, new Date());
    const { renewalTime } = await statusOf(scenario, 'web/certificates/www');
    const due = new Date(renewalTime).getTime();
    const tip = await scenario.tip();

    await runAt(scenario, new Date(due - 3_600_000));
    const tipBefore = await scenario.tip();
    await runAt(scenario, new Date(due + 3_600_000));
    const tipAfter = await scenario.tip();
    // The CA lives in our time: what it issues is due already by a clock that is years ahead.
    await runAt(scenario, new Date(due + 2 * 3_600_000));

    assert.equal(tipBefore, tip, 'nothing is due an hour before');
    assert.notEqual(tipAfter, tip);
    assert.equal(await scenario.tip(), tipAfter, 'renewed once');
    const { orders, certificates } = scenario.pebble.counters();
    assert.deepEqual([orders, certificates], [2, 2]);
    const requests = await scenario.list('status/web/requests');
    assert.deepEqual(requests, ['status/web/requests/www-2.yaml']);
    await checkTlsSecret(scenario, {
      path: 'secrets/web/www-tls.yaml',
      names: ['www.example.com'],
      key: 'EC PRIVATE KEY',
      roots: await scenario.pebble.rootPem(),
    });
    await assertNothingInClear(scenario, []);
  });

  test('a clock ten years ahead renews once and then leaves the CA alone', async (context) => {
    const scenario = await open(context, 'clock-ahead');
    await scenario.push({
      'issuers/pebble.yaml': acmeIssuer(scenario),
      'web.yaml': certificate({ name: 'www', dnsNames: ['www.example.com'] }),
    });
    await runAt(scenario, new Date());
    const ahead = Date.now() + 3_653 * DAY_MS;

    // Neither the old certificate nor the new one is valid by that clock: not ready, which is a finding.
    for (const days of [0, 1, 30]) await runAt(scenario, new Date(ahead + days * DAY_MS), 1);

    const { orders, certificates } = scenario.pebble.counters();
    assert.deepEqual([orders, certificates], [2, 2]);
    const subjects = await scenario.subjects();
    assert.equal(subjects.filter((subject) => subject === 'Renew web/www').length, 1);
  });
});
