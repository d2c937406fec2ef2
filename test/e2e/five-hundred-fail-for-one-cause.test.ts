import assert from 'node:assert/strict';
import { createPrivateKey, randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { SignedRequests } from '../../src/acme/signed-requests.ts';
import { formatInstant, systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { type Bind, startBind } from '../support/bind.ts';
import { assertReadable, failureBranches, onlyFailureBranch } from '../support/failure-branches.ts';
import { openIndependently } from '../support/independent-sops.ts';
import type { PebbleCounters } from '../support/pebble.ts';
import type { FinishedProcess } from '../support/process.ts';
import { assertNothingInClear } from '../support/promises.ts';
import {
  acmeIssuer,
  certificate,
  freePort,
  type LocalCa,
  type Scenario,
  startLocalCa,
  startScenario,
} from '../support/scenario.ts';
import { sealedSecret } from '../support/sealed-secret.ts';

const COUNT = 500;
const HOUR_MS = 3_600_000;
/** Registration takes five requests, an order that nobody presents three; some for nonces. */
const A_HANDFUL = 20;
const HOUSEKEEPING =
  /^(?:Update the board|Accept the recipients of \.sops\.yaml|\w+ clusterissuer selfsigned)$/;

function certificates(prefix: string, issuer: string, count = COUNT): string {
  return Array.from({ length: count }, (_, index) => `${prefix}${String(index).padStart(3, '0')}`)
    .map((name) => certificate({ name, dnsNames: [`${name}.many.test`], issuer: `ClusterIssuer/${issuer}` }))
    .join('---\n');
}

/** `tsig`: the Secret with the key; without one nothing is signed. */
function dnsIssuer(scenario: Scenario, name: string, nameserver: string, tsig?: string): string {
  const key =
    tsig === undefined
      ? ''
      : `            tsigKeyName: acme-hmacsha256
            tsigAlgorithm: HMACSHA256
            tsigSecretSecretRef: { name: ${tsig}, key: key }
`;
  const solver = `      - dns01:\n          rfc2136:\n            nameserver: ${nameserver}\n${key}`;
  return acmeIssuer(scenario, name).replace(/ {6}- http01:[\s\S]*/, solver);
}

/** What happened at the CA between two looks. */
function between(from: PebbleCounters, to: PebbleCounters) {
  return {
    orders: to.orders - from.orders,
    certificates: to.certificates - from.certificates,
    requests: to.totalRequests - from.totalRequests,
  };
}

/** The account's owner gives it up (RFC 8555, section 7.3.6). */
async function deactivateAccount(scenario: Scenario, issuer: string): Promise<void> {
  const status = (await scenario.show(`status/_cluster/issuers/${issuer}.yaml`)) ?? '';
  const sealed = (await scenario.show(`status/_cluster/issuers/${issuer}.key.yaml`)) ?? '';
  const { data } = await openIndependently(sealed, scenario.identityFile);
  const pem = (data as Readonly<Record<string, string>>)['tls.key'] ?? '';
  const { directoryUrl, caPem } = scenario.pebble;
  const requests = new SignedRequests({
    ...{ directoryUrl, caBundle: caPem, clock: systemClock(), log: silentLog, userAgent: 'test' },
    accountKey: createPrivateKey(Buffer.from(pem, 'base64')),
    accountUrl: / {4}uri: "?([^"\n]+)/.exec(status)?.[1],
  });
  const { signal } = new AbortController();
  await requests.call(signal, (api) => api.updateAccount({ status: 'deactivated' }));
  requests.close();
}

describe('500 Certificates that fail for one cause', () => {
  let bind: Bind;
  let ca: LocalCa;
  before(async () => {
    bind = await startBind([{ name: 'many.test' }]);
    ca = await startLocalCa({ dnsServer: bind.address });
  });
  after(async () => {
    await Promise.all([ca.stop(), bind.stop()]);
  });

  const begin = async (scenario: Scenario) => {
    const startMs = Date.now();
    const said: FinishedProcess[] = [];
    let known = (await scenario.subjects()).length;
    return {
      said,
      /** Subjects of what certops committed in a run so many hours from now, but for the board and the first set-up. */
      run: async (hours: number, code: number): Promise<readonly string[]> => {
        const at = formatInstant(new Date(startMs + hours * HOUR_MS));
        known = (await scenario.subjects()).length;
        const finished = await scenario.runOnce({
          args: ['--dns-resolver', bind.address, '--max-in-flight', '100'],
          env: { CERTOPS_TESTING: '1', CERTOPS_CLOCK: at },
        });
        said.push(finished);
        assert.equal(finished.code, code, finished.stdout + finished.stderr.slice(-5_000));
        const subjects = (await scenario.subjects()).slice(known);
        return subjects.filter((subject) => !HOUSEKEEPING.test(subject));
      },
    };
  };

  it('a TSIG key that BIND refuses: one pull request, two commits, a handful of requests, and all go on', async (context) => {
    const scenario = await startScenario('five-hundred', context, { ca });
    const { run, said } = await begin(scenario);
    const key = randomBytes(32).toString('base64');
    await scenario.push({
      'credentials/tsig.yaml': await sealedSecret(
        scenario,
        { namespace: 'cert-manager', name: 'tsig' },
        { key },
      ),
      'dns.yaml': dnsIssuer(scenario, 'dns', bind.address, 'tsig'),
      'web.yaml': certificates('c', 'dns'),
    });
    const start = ca.pebble.counters();

    const first = await run(0, 1);
    const afterFirst = ca.pebble.counters();
    const second = await run(1, 1);
    const early = await failureBranches(scenario);
    const third = await run(2, 1);
    const branch = await onlyFailureBranch(scenario);
    const fourth = await run(3, 1);
    const stillThere = await onlyFailureBranch(scenario);
    const afterFourth = ca.pebble.counters();
    await bind.setSecret('HMACSHA256', key);
    const healed = await run(4, 0);
    const end = ca.pebble.counters();
    const left = await failureBranches(scenario);

    assert.deepEqual(first, [
      ...['Start clusterissuer dns', 'Register clusterissuer dns'],
      ...['Start web/c000 (DoesNotExist)', `Hold ${COUNT} Certificates: the DNS server refuses the TSIG key`],
    ]);
    assert.deepEqual([second, third, fourth], [[], [], []], 'nothing is said again');
    assert.deepEqual([early, stillThere.commit], [[], branch.commit]);
    // With their number it would be too long for a subject; the text has it.
    assert.equal(branch.subject, 'ClusterIssuer dns: the DNS server refuses the TSIG key');
    await assertReadable(scenario, branch);
    const text = branch.message.replace(/\s+/g, ' ');
    assert.match(text, /500 Certificates cannot be issued: the DNS server refuses the TSIG key\./);
    assert.match(text, /certops tries web\/c000 again at once.*and what waits for the same cause follows/);
    assert.match(text, /Seal the key that the server has into the Secret that the solver names/);
    const broken = between(start, afterFirst);
    assert.equal(broken.orders, 1);
    assert.ok(broken.requests <= A_HANDFUL, `${broken.requests} requests`);
    const whileBroken = between(afterFirst, afterFourth);
    assert.deepEqual([whileBroken.orders, whileBroken.certificates], [0, 0]);
    assert.ok(whileBroken.requests <= A_HANDFUL, `${whileBroken.requests} requests`);

    const total = between(start, end);
    assert.deepEqual([total.orders, total.certificates], [COUNT, COUNT], 'one order each');
    assert.equal(healed.filter((subject) => subject.startsWith('Issue web/c')).length, COUNT);
    assert.deepEqual(
      healed.filter((subject) => /^(?:Resume|Hold|Fail)/.test(subject)),
      ['Resume ClusterIssuer dns: it serves again'],
    );
    assert.deepEqual(left, []);
    await assertNothingInClear(scenario, said, [key]);
  });

  it('three independent causes open three, and when one heals the others stay', async (context) => {
    const scenario = await startScenario('three-causes', context, { ca });
    const { run, said } = await begin(scenario);
    const [key, closed] = [randomBytes(32).toString('base64'), await freePort()];
    await scenario.push({
      'account.yaml': dnsIssuer(scenario, 'old', bind.address),
    });
    await run(0, 0);
    await deactivateAccount(scenario, 'old');
    await scenario.push({
      'credentials/tsig.yaml': await sealedSecret(
        scenario,
        { namespace: 'cert-manager', name: 'tsig' },
        { key },
      ),
      'tsig.yaml': dnsIssuer(scenario, 'tsig', bind.address, 'tsig'),
      'away.yaml': dnsIssuer(scenario, 'away', `127.0.0.1:${closed}`),
      'a.yaml': certificates('a', 'old'),
      'b.yaml': certificates('b', 'tsig', 10),
      'c.yaml': certificates('c', 'away'),
    });
    const start = ca.pebble.counters();

    const first = await run(0, 1);
    const atOnce = await failureBranches(scenario);
    await run(1, 1);
    await run(2, 1);
    const all = await failureBranches(scenario);
    const broken = between(start, ca.pebble.counters());
    const subjects = all.map(({ subject }) => subject).sort();
    await bind.setSecret('HMACSHA256', key);
    const healed = await run(3, 1);
    const left = await failureBranches(scenario);

    const held = first.filter((subject) => subject.startsWith('Hold'));
    assert.equal(held.length, 3, first.join('\n'));
    assert.ok(first.length <= 12, first.join('\n'));
    assert.equal(broken.orders, 2, 'one for each solver');
    assert.ok(broken.requests <= 3 * A_HANDFUL, `${broken.requests} requests`);
    assert.deepEqual(
      atOnce.map(({ subject }) => subject),
      [`ClusterIssuer old: the ACME account was deactivated (${COUNT} Certificates)`],
      'what time cannot heal is told of at once',
    );
    assert.deepEqual(subjects, [
      `ClusterIssuer away: the DNS server does not answer (${COUNT} Certificates)`,
      `ClusterIssuer old: the ACME account was deactivated (${COUNT} Certificates)`,
      'ClusterIssuer tsig: the DNS server refuses the TSIG key',
    ]);
    for (const branch of all) await assertReadable(scenario, branch);
    assert.deepEqual(
      left.map(({ subject }) => subject).sort(),
      subjects.filter((subject) => !subject.startsWith('ClusterIssuer tsig')),
    );
    const told = healed.filter((subject) => !/^(?:Start|Issue) web\/b\d+/.test(subject));
    assert.deepEqual(told, ['Resume ClusterIssuer tsig: it serves again']);
    assert.equal(healed.filter((subject) => subject.startsWith('Issue web/b')).length, 10);
    await assertNothingInClear(scenario, said, [key]);
  });
});
