import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { type HeldPush, holdPush } from '../support/held-push.ts';
import { assertLinear, assertNothingInClear } from '../support/promises.ts';
import { acmeIssuer, certificate, type Scenario, startScenario } from '../support/scenario.ts';
import { checkTlsSecret } from '../support/tls-secret.ts';

const SECRET = 'secrets/web/www-tls.yaml';

interface Opened {
  readonly scenario: Scenario;
  readonly source: string;
  readonly held: HeldPush;
}

async function open(context: TestContext, name: string, heldSubject: string): Promise<Opened> {
  const scenario = await startScenario(name, context);
  context.after(() => scenario.stop());
  const source = await scenario.push({
    'issuers/pebble.yaml': acmeIssuer(scenario),
    'web.yaml': certificate({ name: 'www', dnsNames: ['www.example.com'] }),
  });
  return { scenario, source, held: await holdPush(scenario.remote, heldSubject) };
}

/** The next run brings exactly one certificate, and all is as if nobody had stopped anything. */
async function assertGoesOn({ scenario, source }: Opened, orders: readonly number[]): Promise<void> {
  const next = await scenario.runOnce();

  assert.equal(next.code, 0, next.stdout + next.stderr);
  const { pebble } = scenario;
  const counters = pebble.counters();
  assert.deepEqual([counters.accounts, counters.certificates], [1, 1]);
  assert.ok(orders.includes(counters.orders), `${counters.orders} orders`);
  const roots = await pebble.rootPem();
  await checkTlsSecret(scenario, { path: SECRET, names: ['www.example.com'], key: 'EC PRIVATE KEY', roots });
  await scenario.verifyCommits();
  await assertLinear(scenario, [source]);
  await assertNothingInClear(scenario, [next]);
}

describe('stopped by SIGTERM', { concurrency: 2 }, () => {
  test('while it pushes the Start, the daemon ends well and the next run goes on with the order', async (context) => {
    const opened = await open(context, 'stopped-at-start', '^Start web/www');
    const daemon = opened.scenario.startDaemon();
    await opened.held.arrived;

    const ended = daemon.kill('SIGTERM');
    await opened.held.release();

    assert.deepEqual(await ended, { code: 0, signal: null }, daemon.stderr());
    assert.equal(opened.scenario.pebble.counters().certificates, 0, 'nothing was finalized');
    await assertGoesOn(opened, [1]);
  });

  test('while it pushes the Secret, the daemon ends when the remote has it', async (context) => {
    const opened = await open(context, 'stopped-at-issue', '^Issue web/www');
    const { scenario, held } = opened;
    const daemon = scenario.startDaemon();
    await held.arrived;

    const ended = daemon.kill('SIGTERM');
    await held.release();

    assert.deepEqual(await ended, { code: 0, signal: null }, daemon.stderr());
    const subjects = await scenario.subjects();
    const { totalRequests } = scenario.pebble.counters();
    assert.ok((await scenario.show(SECRET)) !== undefined, 'the Secret has arrived');
    await assertGoesOn(opened, [1]);
    const later = (await scenario.subjects()).slice(subjects.length);
    assert.deepEqual(
      later.filter(
        (subject) => !['Update the board', 'Accept the recipients of .sops.yaml'].includes(subject),
      ),
      [],
      'nothing was left to do',
    );
    assert.equal(scenario.pebble.counters().totalRequests, totalRequests, 'the CA is not asked again');
  });

  test('while the CA is silent, the daemon does not wait for it', async (context) => {
    const opened = await open(context, 'stopped-in-silence', '^Start web/www');
    const { scenario, held } = opened;
    const daemon = scenario.startDaemon({ args: ['--log-level', 'debug'] });
    await held.arrived;
    scenario.pebble.signal('SIGSTOP');
    await held.release();
    await daemon.waitForLine(/challenge presented/);

    const startedMs = performance.now();
    const ended = await daemon.kill('SIGTERM');

    assert.deepEqual(ended, { code: 0, signal: null }, daemon.stderr());
    // A request to the CA may take 30 s before it is given up.
    assert.ok(performance.now() - startedMs < 15_000, 'it waited for the CA');
    scenario.pebble.signal('SIGCONT');
    // What the CA finds in its mail may make it knock at a listener that is gone; only a new order helps then.
    await assertGoesOn(opened, [1, 2]);
  });

  test('a run in a CI job says that it was stopped, with its own exit code', async (context) => {
    const opened = await open(context, 'stopped-once', '^Start web/www');
    const run = opened.scenario.startDaemon({ args: ['--once'] });
    await opened.held.arrived;

    const ended = run.kill('SIGTERM');
    await opened.held.release();

    assert.deepEqual(await ended, { code: 2, signal: null });
    assert.match(run.stderr(), /certops: stopped; what was begun is gone on with at the next run/);
    await assertGoesOn(opened, [1]);
  });
});
