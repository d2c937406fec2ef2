import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { assertLinear, assertNothingInClear } from '../support/promises.ts';
import { acmeIssuer, certificate, type LocalCa, startLocalCa, startScenario } from '../support/scenario.ts';
import { checkTlsSecret } from '../support/tls-secret.ts';

const COUNT = 200;
const ROUNDS = process.env.SLOW === '1' ? 20 : 5;
const NUMBERS = Array.from({ length: COUNT }, (_, index) => String(index).padStart(3, '0'));

describe('200 Certificates in one push, 100 in flight', () => {
  let ca: LocalCa;
  // One CA for all rounds: the more authorizations it holds, the likelier it is that it locks itself up.
  before(async () => {
    ca = await startLocalCa();
  });
  after(() => ca.stop());

  for (let round = 1; round <= ROUNDS; round += 1) {
    test(`all arrive, time ${round} of ${ROUNDS}`, async (context) => {
      const scenario = await startScenario('two-hundred', context, { ca });
      const start = ca.pebble.counters();
      const source = await scenario.push({
        'issuers/pebble.yaml': acmeIssuer(scenario),
        'web.yaml': NUMBERS.map((number) =>
          certificate({ name: `www-${number}`, dnsNames: [`www-${number}.example.com`] }),
        ).join('---\n'),
      });

      const run = await scenario.runOnce({ args: ['--max-in-flight', '100', '--log-level', 'debug'] });

      assert.equal(run.code, 0, run.stdout + run.stderr.slice(-5_000));
      assert.match(run.stdout, new RegExp(`^${COUNT} Certificates, ${COUNT} ready\\.$`, 'm'));
      const end = ca.pebble.counters();
      assert.deepEqual(
        [end.accounts - start.accounts, end.orders - start.orders, end.certificates - start.certificates],
        [1, COUNT, COUNT],
      );
      const paths = await scenario.list();
      assert.deepEqual(
        paths.filter((path) => path.startsWith('secrets/')),
        NUMBERS.map((number) => `secrets/web/www-${number}-tls.yaml`),
      );
      assert.equal(
        paths.filter((path) => path.endsWith('.key.yaml')).length,
        1,
        'only the account key is left',
      );
      const subjects = await scenario.subjects();
      assert.equal(subjects.filter((subject) => subject.startsWith('Issue web/www-')).length, COUNT);
      await assertLinear(scenario, [source]);
      // Measured on a machine that runs a CA and other tests beside it: only what nobody could explain fails.
      const [, maxMs] = /"maxMs":(\d+).*how long the event loop was held up/.exec(run.stderr) ?? [];
      assert.ok(Number(maxMs) < 1_000, `the event loop was held up for ${maxMs} ms`);
      if (round > 1) return;
      for (const number of [NUMBERS[0], NUMBERS[99], NUMBERS[199]]) {
        await checkTlsSecret(scenario, {
          path: `secrets/web/www-${number}-tls.yaml`,
          names: [`www-${number}.example.com`],
          key: 'EC PRIVATE KEY',
          roots: await ca.pebble.rootPem(),
        });
      }
      await assertNothingInClear(scenario, [run]);
    });
  }
});
