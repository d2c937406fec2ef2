import assert from 'node:assert/strict';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import type { Dns01SolverSpec, Http01SolverSpec, SolverSpec } from '../../src/api/issuer.ts';
import { type AcmeIssuerOptions, createAcmeIssuer } from '../../src/issuers/acme.ts';
import type { IssuerAdapter, OrderRecord, SigningRequest } from '../../src/issuers/issuer.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { CertopsError } from '../../src/lib/errors.ts';
import { type FaultStep, noFaults } from '../../src/lib/faults.ts';
import { silentLog } from '../../src/lib/log.ts';
import { Sensitive } from '../../src/lib/sensitive.ts';
import { Dns01 } from '../../src/solvers/dns01/dns01.ts';
import { Http01Listener } from '../../src/solvers/http01.ts';
import { type Bind, startBind } from '../support/bind.ts';
import { type Pebble, startPebble } from '../support/pebble.ts';
import { signingRequest } from '../support/signing-request.ts';

const SIGNAL = new AbortController().signal;
const EVERYTHING = { dnsNames: [], dnsZones: [], matchLabels: {} };

let bind: Bind;
let listener: Http01Listener;
let pebble: Pebble;

before(async () => {
  bind = await startBind([
    {
      name: 'example.test',
      records: ['_acme-challenge.cn CNAME cn.challenges.test.', 'web A 127.0.0.1', 'both A 127.0.0.1'],
    },
    { name: 'challenges.test' },
    { name: 'locked.test', isDynamic: false },
  ]);
  listener = await Http01Listener.start({ port: 0, host: '127.0.0.1', log: silentLog });
  pebble = await startPebble({
    httpPort: listener.port,
    dnsServer: bind.address,
    strict: true,
    nonceReject: 5,
  });
});
after(async () => {
  await pebble.stop();
  await listener.close();
  await bind.stop();
});

function dns01Solver(more: Partial<Dns01SolverSpec> = {}): Dns01SolverSpec {
  return {
    type: 'dns-01',
    selector: EVERYTHING,
    cnameStrategy: 'Follow',
    nameservers: [],
    provider: bind.provider('HMACSHA256'),
    ...more,
  };
}

const http01Solver: Http01SolverSpec = {
  type: 'http-01',
  selector: { ...EVERYTHING, dnsNames: ['web.example.test'] },
};

function newIssuer(solvers: readonly SolverSpec[], more: Partial<AcmeIssuerOptions> = {}): IssuerAdapter {
  const clock = systemClock();
  return createAcmeIssuer({
    spec: {
      type: 'acme',
      server: pebble.directoryUrl,
      privateKeySecretRef: { name: 'account', key: 'tls.key' },
      disableAccountKeyGeneration: false,
      skipTLSVerify: false,
      enableDurationFeature: false,
      renewalInformationSource: 'None',
      caBundle: pebble.caPem,
      solvers,
    },
    accountKey: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
    presenter: listener,
    dns01: new Dns01({ resolvers: [bind.address], clock, log: silentLog, propagationLimitMs: 10_000 }),
    credential: async () => new Sensitive(Buffer.from(bind.secret('HMACSHA256'))),
    clock,
    faults: noFaults,
    log: silentLog,
    version: '0.0.0',
    isOrderTaken: () => false,
    ...more,
  });
}

async function begin(issuer: IssuerAdapter, request: SigningRequest): Promise<OrderRecord> {
  const result = await issuer.begin(request, SIGNAL);
  assert.equal(result.kind, 'pending');
  // Asserted above; node's assert does not narrow.
  return (result as { readonly record: OrderRecord }).record;
}

function namesOf(chainPem: readonly string[]): readonly string[] {
  return (new X509Certificate(chainPem[0] ?? '').subjectAltName ?? '').split(', ').sort();
}

describe('a certificate by DNS-01', () => {
  const cases: readonly {
    readonly name: string;
    readonly dnsNames: readonly string[];
    readonly written: readonly string[];
  }[] = [
    { name: 'for one name', dnsNames: ['one.example.test'], written: ['_acme-challenge.one.example.test'] },
    {
      name: 'for a wildcard and its apex, which share a name in DNS',
      dnsNames: ['apex.example.test', '*.apex.example.test'],
      written: ['_acme-challenge.apex.example.test'],
    },
    {
      name: 'for a name whose challenges are delegated',
      dnsNames: ['cn.example.test', '*.cn.example.test'],
      written: ['cn.challenges.test'],
    },
    {
      name: 'beside a name by HTTP-01',
      dnsNames: ['web.example.test', 'mixed.example.test'],
      written: ['_acme-challenge.mixed.example.test'],
    },
  ];
  for (const { name, dnsNames, written } of cases) {
    test(name, { timeout: 60_000 }, async (t) => {
      const issuer = newIssuer([dns01Solver(), http01Solver]);
      t.after(() => issuer.close());
      const request = await signingRequest({ name: 'www', dnsNames });

      const record = await begin(issuer, request);
      const { chainPem } = await issuer.complete(request, record, SIGNAL);

      assert.deepEqual(namesOf(chainPem), dnsNames.map((dnsName) => `DNS:${dnsName}`).sort());
      const types = record.authorizations.map(({ identifier, challenge }) => [identifier, challenge?.type]);
      assert.deepEqual(
        new Map(types.map(([identifier, type]) => [identifier, type])).get('web.example.test') ?? 'http-01',
        'http-01',
      );
      assert.ok(types.some(([, type]) => type === 'dns-01'));
      assert.deepEqual((await Promise.all(written.map((txt) => bind.txt(txt)))).flat(), []);
      assert.equal(listener.shownTokens, 0);
    });
  }

  test('for many Certificates of one name at once', { timeout: 60_000 }, async (t) => {
    const issuer = newIssuer([dns01Solver()]);
    t.after(() => issuer.close());
    const requests = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        signingRequest({ name: `many-${index}`, dnsNames: ['many.example.test', `m${index}.example.test`] }),
      ),
    );

    const chains = await Promise.all(
      requests.map(async (request) => issuer.complete(request, await begin(issuer, request), SIGNAL)),
    );

    assert.equal(new Set(chains.map(({ chainPem }) => chainPem[0])).size, 8);
    assert.deepEqual(await bind.txt('_acme-challenge.many.example.test'), []);
  });
});

describe('an order by DNS-01 is gone on with by another process, and nothing is left in DNS', () => {
  const steps: readonly FaultStep[] = [
    'challenge-presented',
    'challenge-accepted',
    'order-ready',
    'order-finalized',
  ];
  for (const step of steps) {
    test(`that was cut off at ${step}`, { timeout: 60_000 }, async (t) => {
      const accountKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
      const cut = new Error(`cut off at ${step}`);
      const dead = new Dns01({ resolvers: [bind.address], clock: systemClock(), log: silentLog });
      const first = newIssuer([dns01Solver()], {
        accountKey,
        dns01: withoutRemoval(dead),
        faults: {
          reach: (reached) => {
            if (reached === step) throw cut;
          },
        },
      });
      t.after(() => first.close());
      const name = `${step}.example.test`;
      const request = await signingRequest({ name: `cut-at-${step}`, dnsNames: [name, `*.${name}`] });

      const readiness = await first.setUp(SIGNAL);
      const record = await begin(first, request);
      await assert.rejects(first.complete(request, record, SIGNAL), cut);
      const leftBehind = await bind.txt(`_acme-challenge.${name}`);
      const second = newIssuer([dns01Solver()], { accountKey, accountUrl: readiness.acme?.uri });
      t.after(() => second.close());
      const { chainPem } = await second.complete(request, JSON.parse(JSON.stringify(record)), SIGNAL);

      assert.deepEqual(namesOf(chainPem), [`DNS:${name}`, `DNS:*.${name}`].sort());
      assert.ok(leftBehind.length > 0);
      assert.deepEqual(await bind.txt(`_acme-challenge.${name}`), []);
    });
  }
});

describe('what is wrong with DNS', () => {
  test('leaves the order open and costs no validation', { timeout: 60_000 }, async (t) => {
    const issuer = newIssuer([dns01Solver()]);
    t.after(() => issuer.close());
    const request = await signingRequest({ name: 'locked', dnsNames: ['www.locked.test'] });

    const record = await begin(issuer, request);
    const completion = issuer.complete(request, record, SIGNAL);

    await assert.rejects(completion, { code: 'solvers.dns-update-refused', failsRequest: false });
  });

  test('with the TSIG key is told before anything is ordered', async (t) => {
    const missing = new CertopsError('reconcile.credential-missing', { what: 'no such Secret' });
    const issuer = newIssuer([dns01Solver()], { credential: () => Promise.reject(missing) });
    t.after(() => issuer.close());
    const request = await signingRequest({ name: 'keyless', dnsNames: ['keyless.example.test'] });
    const before = pebble.counters().orders;

    await assert.rejects(issuer.begin(request, SIGNAL), missing);

    assert.equal(pebble.counters().orders, before);
  });

  test('a wildcard without a DNS-01 solver is refused before anything is ordered', async (t) => {
    const issuer = newIssuer([{ ...http01Solver, selector: EVERYTHING }]);
    t.after(() => issuer.close());
    const request = await signingRequest({ name: 'wild', dnsNames: ['*.wild.example.test'] });
    const before = pebble.counters().orders;

    await assert.rejects(issuer.begin(request, SIGNAL), { code: 'issuers.no-solver' });

    assert.equal(pebble.counters().orders, before);
  });
});

/** A process that is killed removes nothing. */
function withoutRemoval(dns01: Dns01): Dns01 {
  const killed: Pick<Dns01, 'presenter'> = {
    presenter: (solver, secret) => {
      const presenter = dns01.presenter(solver, secret);
      return {
        present: async (challenge, signal) => ({
          ...(await presenter.present(challenge, signal)),
          remove: async () => {},
        }),
      };
    },
  };
  // Nothing but `presenter` is public.
  return killed as Dns01;
}
