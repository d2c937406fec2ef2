import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { FAULT_STEPS, type FaultStep } from '../../src/lib/faults.ts';
import { assertLinear, assertNothingInClear } from '../support/promises.ts';
import { acmeIssuer, certificate, type LocalCa, startLocalCa, startScenario } from '../support/scenario.ts';
import { checkTlsSecret } from '../support/tls-secret.ts';

const AT_ONCE = 3;
const NAMES = ['one.example.com', 'two.example.com'];

/** How many orders there may be where it is not exactly one. */
const ORDERS: Readonly<Partial<Record<FaultStep, readonly number[]>>> = {
  // The CA has heard of the order, and the remote has not.
  'order-created': [2],
  'start-built': [2],
  // Git goes on by itself when certops dies, so the push may still arrive.
  'start-pushing': [1, 2],
  // The CA may knock at once, find nobody, and end the order: nothing but a new one helps then.
  'challenge-accepted': [1, 2],
};
const FINALIZED: readonly FaultStep[] = [
  ...(['order-finalized', 'certificate-downloaded'] as const),
  ...(['issue-built', 'issue-pushing', 'issue-pushed'] as const),
];

describe('killed at every step', { concurrency: AT_ONCE }, () => {
  const idle: LocalCa[] = [];
  before(async () => {
    for (let count = 0; count < AT_ONCE; count += 1) idle.push(await startLocalCa());
  });
  after(async () => {
    for (const ca of idle) await ca.stop();
  });

  for (const [index, step] of FAULT_STEPS.entries()) {
    // Half of the time the next run is on another machine.
    const data = index % 2 === 0 ? 'data' : 'another-machine';
    test(`killed at ${step}, the next run on ${data} brings the one certificate`, async (context) => {
      const ca = idle.pop();
      assert.ok(ca !== undefined, 'more tests at once than CAs');
      try {
        await killAndGoOn(context, ca, step, data);
      } finally {
        idle.push(ca);
      }
    });
  }
});

async function killAndGoOn(context: TestContext, ca: LocalCa, step: FaultStep, data: string): Promise<void> {
  const scenario = await startScenario(`killed-at-${step}`, context, { ca });
  const source = await scenario.push({
    'issuers/pebble.yaml': acmeIssuer(scenario),
    'web.yaml': certificate({ name: 'www', dnsNames: NAMES }),
  });
  const counters = () => ca.pebble.counters();
  const start = counters();

  const killed = await scenario.runOnce({ env: { CERTOPS_TESTING: '1', CERTOPS_FAULT: step } });
  const issuedBefore = counters().serials.slice(start.certificates);
  const next = await scenario.runOnce({ data });

  assert.deepEqual([killed.code, killed.signal], [null, 'SIGKILL'], killed.stderr);
  assert.equal(next.code, 0, next.stdout + next.stderr);
  const end = counters();
  const serials = end.serials.slice(start.certificates);
  assert.equal(serials.length, 1, 'the CA issued one certificate');
  if (FINALIZED.includes(step)) assert.deepEqual(issuedBefore, serials, 'it was issued before the kill');
  const orders = end.orders - start.orders;
  assert.ok((ORDERS[step] ?? [1]).includes(orders), `${orders} orders`);
  assert.equal(end.accounts - start.accounts, 1, 'the CA has one account');
  const roots = await ca.pebble.rootPem();
  const path = 'secrets/web/www-tls.yaml';
  const leaf = await checkTlsSecret(scenario, { path, names: NAMES, key: 'EC PRIVATE KEY', roots });
  assert.equal(
    BigInt(`0x${leaf.serialNumber}`),
    BigInt(`0x${serials[0]}`),
    'what the CA issued is what came',
  );
  assert.deepEqual(
    (await scenario.list('status')).filter((file) => file.endsWith('.key.yaml')),
    ['status/_cluster/issuers/pebble.key.yaml'],
    'no next key is left behind',
  );
  const subjects = await scenario.subjects();
  for (const subject of ['Start clusterissuer pebble', 'Register clusterissuer pebble', 'Issue web/www']) {
    assert.equal(subjects.filter((line) => line === subject).length, 1, `${subject} once: ${subjects}`);
  }
  const starts = subjects.filter((line) => line.startsWith('Start web/www')).length;
  assert.equal(starts, step === 'challenge-accepted' ? orders : 1, subjects.join());
  assert.ok((await scenario.verifyCommits()) >= 4);
  await assertLinear(scenario, [source]);
  await assertNothingInClear(scenario, [killed, next]);
}
