import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startHttpBalancer } from '../support/http-balancer.ts';
import { assertLinear, assertNothingInClear } from '../support/promises.ts';
import { acmeIssuer, certificate, freePort, startScenario } from '../support/scenario.ts';
import { checkTlsSecret } from '../support/tls-secret.ts';

const COUNT = 20;
const NUMBERS = Array.from({ length: COUNT }, (_, index) => String(index).padStart(2, '0'));

test('two processes at once issue each certificate once', async (context) => {
  // Two machines behind one name: whichever of them presents a challenge, the CA finds it.
  const ports = [await freePort(), await freePort()];
  const balancer = await startHttpBalancer(ports);
  context.after(() => balancer.close());
  const scenario = await startScenario('two-processes', context, { httpPort: balancer.port });
  context.after(() => scenario.stop());
  const source = await scenario.push({
    'issuers/pebble.yaml': acmeIssuer(scenario),
    'web.yaml': NUMBERS.map((number) =>
      certificate({ name: `www-${number}`, dnsNames: [`www-${number}.example.com`] }),
    ).join('---\n'),
  });

  const run = (port: number) =>
    scenario.runOnce({ data: `machine-${port}`, args: ['--http01-port', String(port)] });
  const runs = await Promise.all(ports.map(run));
  const after = await run(ports[0] ?? 0);

  for (const { code, stdout, stderr } of [...runs, after]) assert.equal(code, 0, stdout + stderr);
  context.diagnostic(`${scenario.pebble.counters().orders} orders for ${COUNT} certificates`);
  const { accounts, orders, certificates } = scenario.pebble.counters();
  assert.deepEqual([accounts, certificates], [1, COUNT]);
  // Each may ask for an order before it sees the other's record; the one that comes second takes that over.
  assert.ok(orders <= 2 * COUNT, `${orders} orders`);
  const subjects = await scenario.subjects();
  for (const verb of ['Start', 'Issue']) {
    const commits = subjects.filter((subject) => subject.startsWith(`${verb} web/`));
    assert.equal(commits.length, COUNT, `${verb}: ${commits}`);
    assert.equal(new Set(commits).size, COUNT);
  }
  await scenario.verifyCommits();
  await assertLinear(scenario, [source]);
  const roots = await scenario.pebble.rootPem();
  for (const number of NUMBERS.slice(0, 3)) {
    await checkTlsSecret(scenario, {
      path: `secrets/web/www-${number}-tls.yaml`,
      names: [`www-${number}.example.com`],
      key: 'EC PRIVATE KEY',
      roots,
    });
  }
  await assertNothingInClear(scenario, [...runs, after]);
});
