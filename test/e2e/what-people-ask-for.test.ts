import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { git } from '../support/git-repo.ts';
import {
  conditionOf,
  inDays,
  messageOf,
  selfSigned,
  startOffline,
  statusOf,
} from '../support/offline-scenario.ts';
import { acmeIssuer, certificate, startLocalCa, startScenario } from '../support/scenario.ts';

const SECRET = 'secrets/web/www-tls.yaml';

/** The Certificate with annotations. */
function annotated(manifest: string, annotations: Readonly<Record<string, string>>): string {
  const lines = Object.entries(annotations).map(([name, value]) => `    certops.dev/${name}: "${value}"\n`);
  return manifest.replace('  namespace: web\n', `  namespace: web\n  annotations:\n${lines.join('')}`);
}

const at = (fromNowMs: number): string => new Date(Date.now() + fromNowMs).toISOString();

describe('what people ask for by annotations', { concurrency: 2 }, () => {
  it('renew-requested-at: a new certificate once for each new value, none for the future', async (context) => {
    const scenario = await startOffline('renew-requested', context);
    const runs: string[] = [];
    const push = async (annotations: Readonly<Record<string, string>>) => {
      await scenario.push({ 'www.yaml': annotated(selfSigned('www'), annotations) });
      const run = await scenario.runOnce();
      const { revision } = await statusOf(scenario, 'web/certificates/www');
      runs.push(`${run.code} ${revision}`);
    };
    await scenario.push({ 'www.yaml': selfSigned('www') });
    await scenario.runOnce();

    const first = at(-60_000);
    await push({ 'renew-requested-at': first });
    await push({ 'renew-requested-at': first, probe: 'www.example.com:443' });
    await push({ 'renew-requested-at': at(3_600_000) });
    await push({ 'renew-requested-at': at(-1_000) });

    assert.deepEqual(runs, ['0 2', '0 2', '0 2', '0 3']);
    const reasons = await scenario.person
      .pull()
      .then(() =>
        scenario.person.log(
          '--reverse',
          '--format=%(trailers:key=Certops-Reason,valueonly)',
          '--grep=^Issue',
        ),
      );
    assert.deepEqual(
      reasons.split('\n').filter((line) => line !== ''),
      ['DoesNotExist', 'ManuallyTriggered', 'ManuallyTriggered'],
    );
  });

  it('suspend: nothing is issued, all is said, and it ends when the time comes', async (context) => {
    const scenario = await startOffline('suspended', context);
    await scenario.push({
      'www.yaml': annotated(selfSigned('www'), { suspend: 'moving to the new site' }),
      'later.yaml': annotated(selfSigned('later'), { suspend: 'not yet', 'suspend-until': at(86_400_000) }),
      'good.yaml': selfSigned('good'),
    });

    const run = await scenario.runOnce();
    const suspended = await statusOf(scenario, 'web/certificates/www');
    const secrets = await scenario.list('secrets');
    await scenario.runOnce(inDays(2));
    const secretsLater = await scenario.list('secrets');
    await scenario.push({ 'www.yaml': selfSigned('www') });
    await scenario.runOnce();
    const issued = await statusOf(scenario, 'web/certificates/www');

    assert.equal(run.code, 0, `a wish is no failure: ${run.stdout}`);
    assert.equal(conditionOf(suspended, 'Ready'), 'False DoesNotExist');
    assert.equal(conditionOf(suspended, 'Issuing'), 'False Suspended');
    assert.match(messageOf(suspended, 'Issuing'), /moving to the new site/);
    assert.deepEqual(secrets, ['secrets/web/good-tls.yaml']);
    assert.deepEqual(secretsLater, ['secrets/web/good-tls.yaml', 'secrets/web/later-tls.yaml']);
    assert.equal(conditionOf(issued, 'Ready'), 'True Ready');
    assert.equal(conditionOf(issued, 'Issuing'), undefined);
  });

  it('a suspended certificate keeps what it has, and its end is noticed', async (context) => {
    const scenario = await startOffline('suspended-in-use', context);
    await scenario.push({ 'www.yaml': selfSigned('www') });
    await scenario.runOnce();
    const secret = await scenario.show(SECRET);
    const manifest = selfSigned('www', '', ['www.example.com', 'more.example.com']);
    await scenario.push({ 'www.yaml': annotated(manifest, { suspend: 'freeze' }) });

    const frozen = await scenario.runOnce(inDays(70));
    const ended = await scenario.runOnce(inDays(100));
    const status = await statusOf(scenario, 'web/certificates/www');

    assert.equal(await scenario.show(SECRET), secret);
    assert.equal(frozen.code, 0, frozen.stdout);
    assert.equal(ended.code, 1, ended.stdout);
    assert.equal(status.revision, 1);
  });

  it('retry-requested-at: the back-off is forgotten, once', async (context) => {
    const scenario = await startScenario('retry-requested', context);
    context.after(() => scenario.stop());
    const manifest = certificate({ name: 'www', dnsNames: ['away.example.com'] });
    scenario.dns.set('away.example.com', 'nxdomain');
    await scenario.push({ 'issuers/pebble.yaml': acmeIssuer(scenario), 'www.yaml': manifest });
    await scenario.runOnce();
    await scenario.runOnce();
    const before = scenario.pebble.counters().orders;

    scenario.dns.set('away.example.com', 'loopback');
    await scenario.push({ 'www.yaml': annotated(manifest, { 'retry-requested-at': at(-1_000) }) });
    const run = await scenario.runOnce();

    assert.equal(before, 1, 'a failed attempt waits');
    assert.equal(scenario.pebble.counters().orders, 2);
    assert.equal(run.code, 0, run.stdout);
  });
});

describe('another issuer, and back', { concurrency: 2 }, () => {
  it('the certificate before fits again after git revert: it is put back, and nothing is issued', async (context) => {
    const scenario = await startOffline('going-back', context);
    const serial = async () => (await statusOf(scenario, 'web/certificates/www')).certops.serialNumber;
    await scenario.push({ 'www.yaml': selfSigned('www') });
    await scenario.runOnce();
    const [first, secret] = [await serial(), await scenario.show(SECRET)];
    await scenario.push({ 'www.yaml': selfSigned('www', '', ['other.example.com']) });
    await scenario.runOnce();
    const second = await serial();

    await scenario.person.pull();
    const change = await scenario.person.log('-1', '--format=%H', '--author=Person', '--', 'www.yaml');
    await git(['-C', scenario.person.dir, 'revert', '--no-edit', change.trim()]);
    await scenario.person.pushPatiently();
    const run = await scenario.runOnce();
    const again = await scenario.runOnce();

    assert.deepEqual([run.code, again.code], [0, 0], run.stdout);
    assert.notEqual(second, first);
    assert.equal(await serial(), first);
    assert.equal(await scenario.show(SECRET), secret);
    const status = await statusOf(scenario, 'web/certificates/www');
    assert.equal(conditionOf(status, 'Ready'), 'True Ready');
    assert.equal(status.revision, 3);
    assert.ok((await scenario.subjects()).slice(-2).includes('Restore web/www'));
    await scenario.verifyCommits();
  });

  it('an issuer whose server is edited: issued again there, and the old one stays until then', async (context) => {
    const [staging, production] = [await startLocalCa(), await startLocalCa()];
    context.after(() => Promise.all([staging.stop(), production.stop()]));
    const scenario = await startScenario('staging-to-production', context, { ca: staging });
    await scenario.push({
      'issuers/ca.yaml': acmeIssuer(staging, 'ca'),
      'www.yaml': certificate({ name: 'www', dnsNames: ['www.example.com'], issuer: 'ClusterIssuer/ca' }),
    });
    await scenario.runOnce();
    const secret = await scenario.show(SECRET);
    const at = (httpPort: number) => ({ args: ['--http01-port', String(httpPort)] });

    await production.pebble.stop();
    await scenario.push({ 'issuers/ca.yaml': acmeIssuer(production, 'ca') });
    const away = await scenario.runOnce(at(production.httpPort));
    const meanwhile = await scenario.show(SECRET);
    const status = await statusOf(scenario, 'web/certificates/www');

    assert.equal(away.code, 1);
    assert.equal(meanwhile, secret, 'the old certificate stays');
    assert.equal(conditionOf(status, 'Ready'), 'False IncorrectIssuer');

    const other = await startLocalCa();
    context.after(() => other.stop());
    await scenario.push({ 'issuers/ca.yaml': acmeIssuer(other, 'ca') });
    const moved = await scenario.runOnce(at(other.httpPort));
    const issued = await scenario.show(SECRET);
    const orders = [staging, other].map(({ pebble }) => pebble.counters().orders);
    await scenario.push({ 'issuers/ca.yaml': acmeIssuer(staging, 'ca') });
    const back = await scenario.runOnce(at(staging.httpPort));

    assert.deepEqual([moved.code, back.code], [0, 0], moved.stdout + back.stdout);
    assert.notEqual(issued, secret);
    assert.equal(await scenario.show(SECRET), secret, 'the old one fits again');
    assert.deepEqual(
      [staging, other].map(({ pebble }) => pebble.counters().orders),
      orders,
    );
    assert.ok((await scenario.subjects()).slice(-4).includes('Restore web/www'));
  });
});
