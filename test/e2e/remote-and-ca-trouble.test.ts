import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { formatInstant } from '../../src/lib/clock.ts';
import { readPlainYaml } from '../../src/lib/yaml-write.ts';
import { startCountingProxy } from '../support/counting-proxy.ts';
import { refusePushes } from '../support/git-repo.ts';
import { type GitServer, startGitServer } from '../support/git-server.ts';
import { holdPush } from '../support/held-push.ts';
import type { PebbleOptions } from '../support/pebble.ts';
import { assertLinear, assertNothingInClear } from '../support/promises.ts';
import { acmeIssuer, certificate, type Scenario, startScenario } from '../support/scenario.ts';
import { checkTlsSecret } from '../support/tls-secret.ts';

const NAMES = ['one.example.com', 'two.example.com'];

async function open(
  context: TestContext,
  name: string,
  options: Partial<PebbleOptions> = {},
): Promise<Scenario> {
  const scenario = await startScenario(name, context, options);
  context.after(() => scenario.stop());
  return scenario;
}

function wish(scenario: Pick<Scenario, 'pebble'>): Record<string, string> {
  return {
    'issuers/pebble.yaml': acmeIssuer(scenario),
    'web.yaml': certificate({ name: 'www', dnsNames: NAMES }),
  };
}

async function assertArrived(scenario: Scenario): Promise<void> {
  await checkTlsSecret(scenario, {
    path: 'secrets/web/www-tls.yaml',
    names: NAMES,
    key: 'EC PRIVATE KEY',
    roots: await scenario.pebble.rootPem(),
  });
  await scenario.verifyCommits();
}

async function overHttp(context: TestContext, scenario: Scenario) {
  const server = await startGitServer(scenario.remote);
  context.after(() => server.close());
  const token = { CERTOPS_GIT_USERNAME: server.username, CERTOPS_GIT_TOKEN: server.password };
  return { server, token, run: (env = token) => scenario.runOnce({ repo: server.url, env }) };
}

describe('trouble with the remote', { concurrency: 3 }, () => {
  test('over HTTP with a token all goes its way, and the token is nowhere', async (context) => {
    const scenario = await open(context, 'http-remote');
    const source = await scenario.push(wish(scenario));
    const { server, run } = await overHttp(context, scenario);

    const first = await run();
    const tip = await scenario.tip();
    const second = await run();

    assert.deepEqual([first.code, second.code], [0, 0], first.stderr + second.stderr);
    assert.equal(await scenario.tip(), tip);
    await assertArrived(scenario);
    await assertLinear(scenario, [source]);
    assert.deepEqual(scenario.pebble.counters().certificates, 1);
    const basic = Buffer.from(`${server.username}:${server.password}`).toString('base64');
    await assertNothingInClear(scenario, [first, second], [server.password, basic]);
  });

  const answers: readonly {
    readonly name: string;
    readonly make: (server: GitServer) => unknown;
    readonly says: RegExp;
  }[] = [
    { name: 'answers 503', make: (server) => (server.faults.status = 503), says: /cannot be reached/ },
    { name: 'answers 404', make: (server) => (server.faults.status = 404), says: /cannot be reached/ },
    {
      name: 'does not know the token',
      make: (server) => (server.faults.status = 401),
      says: /credentials|token/i,
    },
    { name: 'is not there', make: (server) => server.close(), says: /cannot be reached/ },
    { name: 'never answers', make: (server) => (server.faults.isHanging = true), says: /cannot be reached/ },
  ];
  for (const { name, make, says } of answers) {
    test(`a remote that ${name} ends the run with 2, and the CA hears nothing`, async (context) => {
      const scenario = await open(context, 'remote-away');
      await scenario.push(wish(scenario));
      const { server, run } = await overHttp(context, scenario);
      const { totalRequests } = scenario.pebble.counters();
      await make(server);

      const ended = await run();

      assert.equal(ended.code, 2, ended.stdout + ended.stderr);
      assert.match(ended.stderr, says);
      assert.ok(!ended.stderr.includes(server.password));
      assert.equal(scenario.pebble.counters().totalRequests, totalRequests);
    });
  }

  test('a remote that takes no commits after the Start loses nothing: what was issued is fetched later', async (context) => {
    const scenario = await open(context, 'remote-refuses');
    await scenario.push(wish(scenario));
    const hold = await holdPush(scenario.remote, '^Start web/www');
    const running = scenario.startDaemon({ args: ['--once'] });
    await hold.arrived;
    // The push that is held is let through; the hook that lies there then refuses every later one.
    await refusePushes(scenario.remote, true);
    await hold.release();

    const refused = await running.exited;

    assert.deepEqual(refused, { code: 2, signal: null }, running.stderr());
    assert.match(running.stderr(), /The Git server does not take our commits/);
    assert.match(running.stderr(), /protected branch/);
    await refusePushes(scenario.remote, false);
    const next = await scenario.runOnce();
    assert.equal(next.code, 0, next.stdout + next.stderr);
    const { orders, certificates } = scenario.pebble.counters();
    assert.deepEqual([orders, certificates], [1, 1], 'what was finalized is fetched, not made again');
    await assertArrived(scenario);
    await assertNothingInClear(scenario, [next]);
  });

  test('while the remote takes no commits the CA is asked for nothing', async (context) => {
    const scenario = await open(context, 'remote-read-only');
    await scenario.push(wish(scenario));
    await refusePushes(scenario.remote, true);

    const refused = await scenario.runOnce();

    assert.equal(refused.code, 2, refused.stdout + refused.stderr);
    assert.match(refused.stderr, /The Git server does not take our commits/);
    const { accounts, orders, certificates } = scenario.pebble.counters();
    assert.deepEqual([accounts, orders, certificates], [0, 0, 0], 'not even an account was made');
    await refusePushes(scenario.remote, false);
    assert.equal((await scenario.runOnce()).code, 0);
    await assertArrived(scenario);
  });
});

describe('trouble with the CA', { concurrency: 2 }, () => {
  test('a CA that goes away leaves the order open, and the same order is completed later', async (context) => {
    const scenario = await open(context, 'ca-away');
    const { pebble } = scenario;
    const proxy = await startCountingProxy(pebble.port);
    const directoryUrl = pebble.directoryUrl.replace(String(pebble.port), String(proxy.port));
    await scenario.push(wish({ pebble: { ...pebble, directoryUrl } }));
    const hold = await holdPush(scenario.remote, '^Start web/www');
    const running = scenario.startDaemon({ args: ['--once'] });
    await hold.arrived;
    await proxy.close();
    await hold.release();

    const away = await running.exited;

    assert.deepEqual(away, { code: 1, signal: null }, running.stderr());
    assert.match(running.stdout(), /1 Certificate, 0 ready/);
    const [document] = readPlainYaml((await scenario.show('status/web/certificates/www.yaml')) ?? '');
    const { conditions } = (document as StatusDocument).status;
    const issuing = conditions.find(({ type }) => type === 'Issuing');
    assert.deepEqual([issuing?.status, issuing?.reason], ['False', 'IssuerUnreachable']);
    const tip = await scenario.tip();
    const tooSoon = await scenario.runOnce();
    assert.deepEqual([tooSoon.code, await scenario.tip()], [1, tip], 'it is not said again');

    const back = await startCountingProxy(pebble.port, proxy.port);
    context.after(() => back.close());
    const later = formatInstant(new Date(Date.now() + 600_000));
    const next = await scenario.runOnce({ env: { CERTOPS_TESTING: '1', CERTOPS_CLOCK: later } });

    assert.equal(next.code, 0, next.stdout + next.stderr);
    const { accounts, orders, certificates } = pebble.counters();
    assert.deepEqual([accounts, orders, certificates], [1, 1, 1]);
    await assertArrived(scenario);
  });

  test('a CA that refuses every fifth nonce is only slower', async (context) => {
    const scenario = await open(context, 'bad-nonces', { nonceReject: 20 });
    await scenario.push({
      ...wish(scenario),
      'more.yaml': Array.from({ length: 10 }, (_, index) =>
        certificate({ name: `more-${index}`, dnsNames: [`more-${index}.example.com`] }),
      ).join('---\n'),
    });

    const run = await scenario.runOnce();

    assert.equal(run.code, 0, run.stdout + run.stderr);
    const { accounts, orders, certificates } = scenario.pebble.counters();
    assert.deepEqual([accounts, orders, certificates], [1, 11, 11]);
    await assertArrived(scenario);
  });
});

interface StatusDocument {
  readonly status: {
    readonly conditions: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason: string;
    }[];
  };
}
