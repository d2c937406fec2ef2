import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { loadClient } from '../../src/acme/signer.ts';
import type { AcmeIssuerSpec } from '../../src/api/issuer.ts';
import type { AcmeIssuerOptions } from '../../src/issuers/acme.ts';
import { createAcmeIssuer } from '../../src/issuers/acme.ts';
import {
  IssuanceError,
  type IssuerAdapter,
  type OrderRecord,
  type SigningRequest,
} from '../../src/issuers/issuer.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { type FaultStep, noFaults } from '../../src/lib/faults.ts';
import { silentLog } from '../../src/lib/log.ts';
import { Http01Listener } from '../../src/solvers/http01.ts';
import type { Presentation } from '../../src/solvers/presenter.ts';
import { type DnsResponder, startDnsResponder } from '../support/challtestsrv.ts';
import { startCountingProxy } from '../support/counting-proxy.ts';
import { type Pebble, startPebble } from '../support/pebble.ts';
import { signingRequest } from '../support/signing-request.ts';

const SIGNAL = new AbortController().signal;
const CONNECTIONS = 16;

let dns: DnsResponder;
let listener: Http01Listener;

before(async () => {
  dns = await startDnsResponder();
  listener = await Http01Listener.start({ port: 0, host: '127.0.0.1', log: silentLog });
});

after(async () => {
  await listener.close();
  await dns.stop();
});

function startValidatingPebble(nonceReject = 0): Promise<Pebble> {
  return startPebble({ httpPort: listener.port, dnsServer: dns.address, nonceReject, strict: true });
}

function specOf(pebble: Pebble, directoryUrl = pebble.directoryUrl): AcmeIssuerSpec {
  return {
    type: 'acme',
    server: directoryUrl,
    email: 'ops@example.test',
    privateKeySecretRef: { name: 'account', key: 'tls.key' },
    disableAccountKeyGeneration: false,
    skipTLSVerify: false,
    enableDurationFeature: false,
    renewalInformationSource: 'None',
    caBundle: pebble.caPem,
    solvers: [{ type: 'http-01', selector: { dnsNames: [], dnsZones: [], matchLabels: {} } }],
  };
}

function newIssuer(pebble: Pebble, more: Partial<AcmeIssuerOptions> = {}): IssuerAdapter {
  return createAcmeIssuer({
    spec: specOf(pebble),
    accountKey: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
    presenter: listener,
    clock: systemClock(),
    faults: noFaults,
    log: silentLog,
    version: '0.0.0',
    isOrderTaken: () => false,
    maxConnections: CONNECTIONS,
    ...more,
  });
}

async function begin(issuer: IssuerAdapter, request: SigningRequest): Promise<OrderRecord> {
  const result = await issuer.begin(request, SIGNAL);
  assert.equal(result.kind, 'pending');
  // Asserted above; node's assert does not narrow.
  return (result as { readonly record: OrderRecord }).record;
}

/** As the daemon does: what leaves the request standing is gone on with, as often as it takes. */
async function persist<T>(step: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await step();
    } catch (thrown) {
      if (!(thrown instanceof IssuanceError) || thrown.failsRequest || attempt >= 100) throw thrown;
    }
  }
}

function assertIsFor(request: SigningRequest, chainPem: readonly string[]): void {
  const leaf = new X509Certificate(chainPem[0] ?? '');
  assert.ok(leaf.checkPrivateKey(createPrivateKey(request.key.export({ type: 'pkcs8', format: 'pem' }))));
  assert.deepEqual(
    leaf.subjectAltName?.split(', ').sort(),
    request.spec.dnsNames.map((name) => `DNS:${name}`).sort(),
  );
  const above = new X509Certificate(chainPem[1] ?? '');
  assert.ok(leaf.verify(above.publicKey));
}

test('acme-client 5.4.0 still has the internals that certops replaces', async () => {
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;

  const { http, api } = await loadClient('https://ca.test/dir', key, undefined);

  for (const method of [
    'request',
    'getNonce',
    'getDirectory',
    'getJwk',
    'signedRequest',
    'createSignedBody',
  ]) {
    assert.equal(typeof Reflect.get(http, method), 'function', `http.${method}`);
  }
  for (const method of [
    ...['apiRequest', 'getAccountUrl', 'createAccount', 'updateAccount', 'createOrder', 'getOrder'],
    ...['finalizeOrder', 'getAuthorization', 'completeChallenge'],
  ]) {
    assert.equal(typeof Reflect.get(api, method), 'function', `api.${method}`);
  }
  assert.equal(api.http, http);
  assert.equal(Reflect.get(http, 'maxBadNonceRetries'), 5);
});

describe('24 certificates at once, validated by HTTP-01, arrive', () => {
  for (const percent of [0, 20, 90]) {
    test(`with ${percent} per cent of good nonces refused`, { timeout: 120_000 }, async (t) => {
      const pebble = await startValidatingPebble(percent);
      t.after(() => pebble.stop());
      const proxy = await startCountingProxy(pebble.port);
      t.after(() => proxy.close());
      const issuer = newIssuer(pebble, { spec: specOf(pebble, `https://localhost:${proxy.port}/dir`) });
      t.after(() => issuer.close());
      const requests = await Promise.all(
        Array.from({ length: 24 }, (_, index) => signingRequest({ name: `n${index}` })),
      );

      const chains = await Promise.all(
        requests.map(async (request) => {
          const record = await persist(() => begin(issuer, request));
          return await persist(() => issuer.complete(request, record, SIGNAL));
        }),
      );

      for (const [index, request] of requests.entries()) assertIsFor(request, chains[index]?.chainPem ?? []);
      const { orders, certificates, totalRequests, newNonces, requests: counted } = pebble.counters();
      assert.deepEqual([orders, certificates], [24, 24]);
      assert.equal(listener.shownTokens, 0);
      assert.ok(proxy.connections <= CONNECTIONS + 2, `${proxy.connections} connections`);
      if (percent === 0) {
        const polls = counted['POST /my-order/'] ?? 0;
        // Seven for each with two looks at the order; the directory twice and newAccount are nobody's.
        assert.ok(totalRequests - polls - newNonces <= 24 * 5 + 3, JSON.stringify(counted));
        assert.ok(newNonces <= CONNECTIONS, `${newNonces} nonces asked for`);
        assert.equal(counted['POST /authZ/'], 24);
      }
    });
  }
});

describe('an order that was recorded is gone on with by another process', () => {
  const steps: readonly FaultStep[] = [
    'challenge-presented',
    'challenge-accepted',
    'order-ready',
    'order-finalized',
    'certificate-downloaded',
  ];
  let pebble: Pebble;
  before(async () => {
    pebble = await startValidatingPebble(15);
  });
  after(() => pebble.stop());

  for (const step of steps) {
    test(`that was cut off at ${step}`, { timeout: 60_000 }, async (t) => {
      const accountKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
      const cut = new Error(`cut off at ${step}`);
      const shown: Presentation[] = [];
      const first = newIssuer(pebble, {
        accountKey,
        // The CA may look after the cut, as it does where another replica answers on the port.
        presenter: {
          present: async (challenge) => {
            shown.push(await listener.present(challenge));
            return { becomeVisible: async () => {}, remove: async () => {} };
          },
        },
        faults: {
          reach: (reached) => {
            if (reached === step) throw cut;
          },
        },
      });
      t.after(() => first.close());
      const request = await signingRequest({
        name: `cut-at-${step}`,
        dnsNames: [`a.${step}.test`, `b.${step}.test`],
      });
      const before = pebble.counters();

      const readiness = await first.setUp(SIGNAL);
      const record = await begin(first, request);
      await assert.rejects(first.complete(request, record, SIGNAL), cut);
      const second = newIssuer(pebble, { accountKey, accountUrl: readiness.acme?.uri });
      t.after(() => second.close());
      const chain = await second.complete(request, JSON.parse(JSON.stringify(record)), SIGNAL);

      assertIsFor(request, chain.chainPem);
      const now = pebble.counters();
      assert.equal(now.orders - before.orders, 1);
      assert.equal(now.certificates - before.certificates, 1);
      await Promise.all(shown.map((presentation) => presentation.remove()));
      assert.equal(listener.shownTokens, 0);
    });
  }
});

describe('with one Pebble', () => {
  let pebble: Pebble;
  before(async () => {
    pebble = await startValidatingPebble();
  });
  after(() => pebble.stop());

  test('an account is registered once, and found again with the same key', async (t) => {
    const accountKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const first = newIssuer(pebble, { accountKey });
    const second = newIssuer(pebble, { accountKey });
    t.after(() => {
      first.close();
      second.close();
    });

    const [one, same] = await Promise.all([first.setUp(SIGNAL), first.setUp(SIGNAL)]);
    const found = await second.setUp(SIGNAL);

    assert.equal(one.reason, 'ACMEAccountRegistered');
    assert.deepEqual(same, one);
    assert.deepEqual(found, one);
    assert.match(one.acme?.lastPrivateKeyHash ?? '', /^[A-Za-z0-9+/]{43}=$/);
  });

  test('every name that fails is told with the words of the CA', async (t) => {
    dns.set('gone.example.test', 'nxdomain');
    const issuer = newIssuer(pebble);
    t.after(() => issuer.close());
    const request = await signingRequest({
      name: 'bad',
      dnsNames: ['good.example.test', 'gone.example.test'],
    });

    const record = await begin(issuer, request);
    const completion = issuer.complete(request, record, SIGNAL);

    await assert.rejects(completion, (error: IssuanceError) => {
      assert.equal(error.code, 'issuers.validation-failed');
      assert.equal(error.failsRequest, true);
      assert.equal(error.data.problemType, 'connection');
      assert.deepEqual(error.data.identifiers, ['gone.example.test']);
      assert.match(error.explain(), /gone\.example\.test/);
      return true;
    });
    assert.equal(listener.shownTokens, 0);
  });

  test('two Certificates with the same names take turns', async (t) => {
    const issuer = newIssuer(pebble);
    t.after(() => issuer.close());
    const names = { dnsNames: ['same.example.test'] };
    const [one, other] = await Promise.all([
      signingRequest({ name: 'one', ...names }),
      signingRequest({ name: 'other', ...names }),
    ]);
    const ordersBefore = pebble.counters().orders;

    const record = await begin(issuer, one);
    await assert.rejects(begin(issuer, other), { code: 'issuers.order-taken', failsRequest: false });
    await issuer.complete(one, record, SIGNAL);
    await begin(issuer, other);

    assert.equal(pebble.counters().orders - ordersBefore, 2);
  });

  test('an order that the CA does not know is gone, and a forgotten account is told apart', async (t) => {
    const issuer = newIssuer(pebble);
    const stranger = newIssuer(pebble, {
      accountUrl: pebble.directoryUrl.replace('/dir', '/my-account/none'),
    });
    t.after(() => {
      issuer.close();
      stranger.close();
    });
    const request = await signingRequest({ name: 'unknown' });
    await issuer.setUp(SIGNAL);
    const record: OrderRecord = {
      orderUrl: pebble.directoryUrl.replace('/dir', '/my-order/none'),
      finalizeUrl: pebble.directoryUrl.replace('/dir', '/finalize-order/none'),
      state: 'pending',
      authorizations: [],
    };

    const gone = issuer.complete(request, record, SIGNAL);
    const forgotten = stranger.complete(request, record, SIGNAL);

    await assert.rejects(gone, { code: 'issuers.order-gone', failsRequest: true });
    await assert.rejects(forgotten, { code: 'issuers.account-gone', failsRequest: true });
  });

  test('a CA that falls silent leaves the request as it is', async (t) => {
    const silent = await startValidatingPebble();
    t.after(() => silent.stop());
    const issuer = newIssuer(silent, { requestTimeoutMs: 300 });
    t.after(() => issuer.close());
    const request = await signingRequest({ name: 'silent' });
    const record = await begin(issuer, request);

    silent.signal('SIGSTOP');
    const completion = issuer.complete(request, record, SIGNAL);

    await assert.rejects(completion, { code: 'issuers.ca-unavailable', failsRequest: false });
    silent.signal('SIGCONT');
    const chain = await issuer.complete(request, record, SIGNAL);
    assertIsFor(request, chain.chainPem);
    assert.equal(listener.shownTokens, 0);
  });
});
