import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Behaviour } from '../support/acme-simulator/behaviour.ts';
import { overloaded, paused, rateLimited } from '../support/acme-simulator/boulder-words.ts';
import type { AcmeSimulator } from '../support/acme-simulator/simulator.ts';
import { conditionOf, messageOf, selfSigned, statusOf } from '../support/offline-scenario.ts';
import { assertNothingInClear } from '../support/promises.ts';
import { certificate, type Scenario } from '../support/scenario.ts';
import { onNewMachine, simulatedIssuer, startSimulated } from '../support/simulated-scenario.ts';

const FOR_GOOD = { times: Number.POSITIVE_INFINITY } as const;
const ELSEWHERE = 'https://elsewhere.example.net/x';
const HOUR_MS = 3_600_000;
/** Longer than the first back-off of an hour. */
const TOLD_HOURS = 2;
const inHours = (hours: number) => new Date(Date.now() + hours * HOUR_MS);
const inTwoHours = () => inHours(TOLD_HOURS);

interface Way {
  readonly name: string;
  readonly behaviours: readonly Behaviour[];
  /** `Issuing` of the Certificate, or `Ready` of its issuer. */
  readonly reason: string;
  readonly message: RegExp;
  readonly isAboutIssuer?: boolean;
  /** What happens once the CA is well again and two hours are over. */
  readonly afterwards: 'issued' | 'nothing';
  /** Whether the CA hears nothing at all from the next machine that looks at once. */
  readonly isQuiet: boolean;
  /** Orders at the CA in the end; default 1. */
  readonly orders?: number;
}

const ways: readonly Way[] = [
  {
    name: 'limited',
    behaviours: [
      {
        ...{ endpoint: 'newOrder', ...FOR_GOOD },
        problem: rateLimited('new-orders-per-account', inTwoHours(), String(TOLD_HOURS * 3600)),
      },
    ],
    reason: 'False IssuerUnreachable',
    message: /too many new orders \(300\)/,
    ...{ afterwards: 'issued', isQuiet: true },
  },
  {
    name: 'dated',
    behaviours: [
      {
        ...{ endpoint: 'challenge', ...FOR_GOOD },
        problem: rateLimited('new-orders-per-account', inTwoHours(), inTwoHours().toUTCString()),
      },
    ],
    reason: 'False IssuerUnreachable',
    message: /too many new orders \(300\)/,
    ...{ afterwards: 'issued', isQuiet: true },
  },
  {
    name: 'overloaded',
    behaviours: [{ endpoint: 'directory', ...FOR_GOOD, problem: overloaded(String(TOLD_HOURS * 3600)) }],
    isAboutIssuer: true,
    reason: 'False ErrRegisterACMEAccount',
    message: /Service busy; retry later/,
    ...{ afterwards: 'issued', isQuiet: true },
  },
  {
    name: 'paused',
    behaviours: [{ endpoint: 'newOrder', ...FOR_GOOD, problem: paused('paused.example.com') }],
    reason: 'False Failed',
    message: /portal\.letsencrypt\.example\/sfe\/v1\/unpause/,
    ...{ afterwards: 'nothing', isQuiet: true, orders: 0 },
  },
  {
    name: 'disagreed',
    behaviours: [
      {
        ...{ endpoint: 'newAccount', ...FOR_GOOD },
        problem: { type: 'userActionRequired', fields: { instance: 'https://ca.example/agree' } },
      },
    ],
    isAboutIssuer: true,
    reason: 'False ErrRegisterACMEAccount',
    message: /userActionRequired/,
    ...{ afterwards: 'nothing', isQuiet: true, orders: 0 },
  },
  {
    name: 'rejected',
    behaviours: [
      {
        ...{ endpoint: 'newOrder', ...FOR_GOOD },
        problem: {
          type: 'rejectedIdentifier',
          subproblems: [
            {
              ...{ type: 'rejectedIdentifier', detail: 'on the blocked list' },
              identifier: { type: 'dns', value: 'rejected.example.com' },
            },
          ],
        },
      },
    ],
    reason: 'False Failed',
    message: /rejected\.example\.com: on the blocked list/,
    ...{ afterwards: 'nothing', isQuiet: true, orders: 0 },
  },
  {
    name: 'unvalidated',
    behaviours: [{ endpoint: 'validation', problem: { type: 'caa', detail: 'CAA record forbids issuance' } }],
    reason: 'False Failed',
    message: /unvalidated\.example\.com.*CAA record forbids issuance/,
    ...{ afterwards: 'issued', isQuiet: true, orders: 2 },
  },
  {
    name: 'other-key',
    behaviours: [{ endpoint: 'issue', certificate: 'other-key' }],
    reason: 'False Failed',
    message: /certificate that cannot be used/,
    ...{ afterwards: 'issued', isQuiet: true, orders: 2 },
  },
  {
    name: 'elsewhere',
    behaviours: [{ endpoint: 'newOrder', ...FOR_GOOD, edit: { finalize: ELSEWHERE } }],
    reason: 'False IssuerUnreachable',
    message: /not on the directory's origin/,
    ...{ afterwards: 'issued', isQuiet: false },
  },
  {
    name: 'climbing',
    behaviours: [{ endpoint: 'authorization', ...FOR_GOOD, edit: { 'challenges.*.token': '../../x' } }],
    reason: 'False IssuerUnreachable',
    message: /token is not base64url/,
    ...{ afterwards: 'issued', isQuiet: false },
  },
  {
    name: 'endless',
    behaviours: [{ endpoint: 'certificate', ...FOR_GOOD, transport: 'endless-body' }],
    reason: 'False IssuerUnreachable',
    message: /more than \d+ bytes/,
    ...{ afterwards: 'issued', isQuiet: false },
  },
];

interface InUse {
  readonly name: string;
  readonly behaviour: Behaviour;
  readonly reason: string;
  readonly message: RegExp;
}

const inUse: readonly InUse[] = [
  ...(
    [
      ['other-key', /certificate that cannot be used/],
      ['expired', /certificate that cannot be used/],
      ['extra-name', /certificate that cannot be used/],
      ['is-a-ca', /certificate that cannot be used/],
    ] as const
  ).map(([wrong, message]) => ({
    name: wrong,
    behaviour: { endpoint: 'issue' as const, certificate: wrong },
    reason: 'False Failed',
    message,
  })),
  {
    name: 'gone',
    behaviour: { endpoint: 'validation', problem: { type: 'dns', detail: 'NXDOMAIN looking up A' } },
    reason: 'False Failed',
    message: /gone\.example\.com.*NXDOMAIN looking up A/,
  },
  {
    name: 'limited',
    behaviour: {
      ...{ endpoint: 'newOrder', ...FOR_GOOD },
      problem: rateLimited('new-certificates-per-exact-set-of-identifiers', inTwoHours(), '7200'),
    },
    reason: 'False IssuerUnreachable',
    message: /too many certificates \(5\) already issued for this exact set/,
  },
];

/** Namespace `web`, one name each. */
function wish(name: string, issuer = `ClusterIssuer/${name}`, spec = ''): string {
  return certificate({ name, dnsNames: [`${name}.example.com`], issuer, spec });
}

function statusOfCertificate(scenario: Scenario, name: string) {
  return statusOf(scenario, `web/certificates/${name}`);
}

function requestsAt(cas: ReadonlyMap<string, AcmeSimulator>): Record<string, number> {
  return Object.fromEntries([...cas].map(([name, ca]) => [name, ca.counts.totalRequests]));
}

describe('a CA that misbehaves', { concurrency: 2 }, () => {
  it('is told by its name, holds up nobody else, and is not asked before the time it told', async (context) => {
    const scenario = await startSimulated('ways', context);
    const cas = new Map<string, AcmeSimulator>();
    const files: Record<string, string> = { 'plain.yaml': selfSigned('plain') };
    for (const { name, behaviours } of [...ways, { name: 'good', behaviours: [] }]) {
      const ca = await scenario.startCa();
      ca.behave(...behaviours);
      cas.set(name, ca);
      files[`${name}.yaml`] = `${simulatedIssuer(ca, name)}---\n${wish(name)}`;
    }
    await scenario.push(files);

    const startedAt = new Date();
    const first = await scenario.runOnce();
    const [tip, asked] = [await scenario.tip(), requestsAt(cas)];
    const secrets = await scenario.list('secrets');
    const states = await Promise.all(
      ways.map(async (way) => {
        const issuing = await statusOfCertificate(scenario, way.name);
        const [status, type] =
          way.isAboutIssuer === true
            ? [await statusOf(scenario, `_cluster/issuers/${way.name}`), 'Ready']
            : [issuing, 'Issuing'];
        return {
          way,
          ready: conditionOf(issuing, 'Ready'),
          told: conditionOf(status, type),
          words: messageOf(status, type),
        };
      }),
    );
    // However slow the machine is: for the next one no time has passed.
    const second = await scenario.runOnce(onNewMachine('second', startedAt));
    const [tipAfter, askedAfter] = [await scenario.tip(), requestsAt(cas)];
    for (const ca of cas.values()) ca.calmDown();
    const third = await scenario.runOnce(onNewMachine('third', inHours(TOLD_HOURS + 0.1)));

    assert.deepEqual([first.code, second.code, third.code], [1, 1, 1], first.stderr);
    assert.deepEqual(
      secrets.filter((path) => path.startsWith('secrets/web/')),
      ['secrets/web/good-tls.yaml', 'secrets/web/plain-tls.yaml'],
    );
    for (const { way, ready, told, words } of states) {
      assert.deepEqual([told, ready], [way.reason, 'False DoesNotExist'], way.name);
      assert.match(words, way.message, way.name);
      assert.doesNotMatch(words, /\n/);
      if (way.isQuiet) assert.equal(askedAfter[way.name], asked[way.name], `${way.name} was asked too early`);
    }
    assert.equal(tipAfter, tip, 'nothing is said again');
    assert.equal(askedAfter.good, asked.good);
    for (const { name, afterwards, orders = 1 } of ways) {
      const ready = conditionOf(await statusOfCertificate(scenario, name), 'Ready');
      assert.equal(ready, afterwards === 'issued' ? 'True Ready' : 'False DoesNotExist', name);
      const ca = cas.get(name);
      if (afterwards === 'nothing') assert.equal(ca?.counts.totalRequests, asked[name], name);
      assert.equal(ca?.counts.orders, orders, name);
      assert.deepEqual(ca?.violations, [], name);
    }
    await scenario.verifyCommits();
    await assertNothingInClear(scenario, [first, second, third]);
  });

  it('takes no good certificate away, whatever it answers to the renewal', async (context) => {
    const scenario = await startSimulated('in-use', context);
    const ca = await scenario.startCa();
    const names = [...inUse.map(({ name }) => name), 'well'];
    await scenario.push({
      'issuer.yaml': simulatedIssuer(ca, 'sim'),
      'all.yaml': names.map((name) => wish(name, 'ClusterIssuer/sim')).join('---\n'),
    });
    const due = inHours(61 * 24);

    const first = await scenario.runOnce();
    const before = await secretsOf(scenario, names);
    for (const { name, behaviour } of inUse) ca.behave({ ...behaviour, identifier: `${name}.example.com` });
    const renewal = await scenario.runOnce(onNewMachine('renewal', due));
    const [during, tip, asked] = [await secretsOf(scenario, names), await scenario.tip(), ca.counts];
    const states = await Promise.all(
      names.map(async (name) => ({ name, status: await statusOfCertificate(scenario, name) })),
    );
    const again = await scenario.runOnce(onNewMachine('again', due));
    const [tipAfter, askedAfter] = [await scenario.tip(), ca.counts];
    ca.calmDown();
    const healed = await scenario.runOnce(onNewMachine('healed', new Date(due.getTime() + 4 * HOUR_MS)));
    const afterwards = await secretsOf(scenario, names);

    assert.deepEqual([first.code, renewal.code, again.code, healed.code], [0, 1, 1, 0], renewal.stderr);
    for (const { name, reason, message } of inUse) {
      const status = states.find((state) => state.name === name)?.status;
      assert.ok(status !== undefined);
      assert.equal(during.get(name), before.get(name), `${name} has another Secret`);
      assert.deepEqual([conditionOf(status, 'Ready'), status.revision], ['True Ready', 1], name);
      assert.equal(conditionOf(status, 'Issuing'), reason, name);
      assert.match(messageOf(status, 'Issuing'), message);
    }
    assert.notEqual(
      during.get('well'),
      before.get('well'),
      'the well-served one was renewed in the same pass',
    );
    assert.deepEqual(
      [tipAfter, askedAfter.totalRequests],
      [tip, asked.totalRequests],
      'nobody asks too early',
    );
    for (const name of names) {
      assert.notEqual(afterwards.get(name), before.get(name), `${name} was not renewed in the end`);
      assert.equal((await statusOfCertificate(scenario, name)).revision, 2, name);
    }
    const { certificatesByNames, mostFailedValidationsAnHour } = ca.counts;
    assert.ok(Math.max(...Object.values(certificatesByNames)) <= 5, JSON.stringify(certificatesByNames));
    assert.ok(mostFailedValidationsAnHour <= 5);
    assert.deepEqual(ca.violations, []);
    await assertNothingInClear(scenario, [first, renewal, again, healed]);
  });

  it('hears of no name more than five times an hour in vain, however often people try', async (context) => {
    const scenario = await startSimulated('five-an-hour', context);
    const ca = await scenario.startCa();
    ca.behave({ endpoint: 'validation', ...FOR_GOOD, problem: { type: 'connection', detail: 'no route' } });
    await scenario.push({ 'issuer.yaml': simulatedIssuer(ca, 'sim') });

    const codes: (number | null)[] = [];
    for (let attempt = 1; attempt <= 6; attempt += 1) {
      // A changed specification is tried at once.
      const spec = `  duration: ${2160 + attempt}h\n`;
      await scenario.push({ 'www.yaml': wish('www', 'ClusterIssuer/sim', spec) });
      codes.push((await scenario.runOnce(onNewMachine(`machine-${attempt}`))).code);
    }
    const status = await statusOfCertificate(scenario, 'www');

    assert.deepEqual(
      codes,
      Array.from({ length: 6 }, () => 1),
    );
    const { mostFailedValidationsAnHour, orders } = ca.counts;
    assert.ok(mostFailedValidationsAnHour >= 3, 'people are not made to wait for nothing');
    assert.ok(mostFailedValidationsAnHour <= 5, `${mostFailedValidationsAnHour} failed validations`);
    assert.ok(orders <= 5, `${orders} orders`);
    assert.match(conditionOf(status, 'Issuing') ?? '', /^False /);
    assert.deepEqual(ca.violations, []);
  });
});

async function secretsOf(scenario: Scenario, names: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const texts = await Promise.all(
    names.map(async (name) => [name, await scenario.show(`secrets/web/${name}-tls.yaml`)] as const),
  );
  return new Map(texts.map(([name, text]) => [name, text ?? '']));
}
