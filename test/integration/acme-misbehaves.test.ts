import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { after, before, describe, type TestContext, test } from 'node:test';
import { IssuanceError, type IssuerAdapter, type SigningRequest } from '../../src/issuers/issuer.ts';
import { CertopsError } from '../../src/lib/errors.ts';
import { silentLog } from '../../src/lib/log.ts';
import { acmeNames } from '../../src/pki/certificate-names.ts';
import { checkIssuedChain } from '../../src/pki/check-issued.ts';
import { Http01Listener } from '../../src/solvers/http01.ts';
import { Authority } from '../support/acme-simulator/authority.ts';
import type { Misbehaviour } from '../support/acme-simulator/misbehaviour.ts';
import { REFUSED_ORDERS, REFUSED_REGISTRATIONS } from '../support/acme-simulator/refused-orders.ts';
import type { AcmeSimulator, AcmeSimulatorOptions } from '../support/acme-simulator/simulator.ts';
import {
  MENDED_BY_ITSELF,
  SPOILED_ORDERS,
  WRONG_CERTIFICATES,
} from '../support/acme-simulator/spoiled-orders.ts';
import { UNUSABLE_ANSWERS } from '../support/acme-simulator/unusable-answers.ts';
import { signingRequest } from '../support/signing-request.ts';
import { issuerAt, simulatedCa } from '../support/simulated-issuer.ts';

const SIGNAL = new AbortController().signal;
const NAME = 'www.example.test';
const MAX_DELAY_MS = 1_000;
const NS_PER_MS = 1e6;

let listener: Http01Listener;
let authority: Authority;
let delay: IntervalHistogram;

before(async () => {
  listener = await Http01Listener.start({ port: 0, host: '127.0.0.1', log: silentLog });
  authority = await Authority.create();
  delay = monitorEventLoopDelay({ resolution: 10 });
});

after(async () => {
  delay.disable();
  await listener.close();
  const worstMs = delay.max / NS_PER_MS;
  assert.ok(worstMs < MAX_DELAY_MS, `the event loop was held up for ${worstMs} ms`);
});

async function start(t: TestContext, options: AcmeSimulatorOptions = {}): Promise<AcmeSimulator> {
  return simulatedCa(t, { authority, validation: { httpPort: listener.port }, ...options });
}

function newIssuer(t: TestContext, ca: AcmeSimulator, row: Partial<Misbehaviour> = {}): IssuerAdapter {
  const { requestTimeoutMs = 15_000, orderTimeoutMs = 20_000 } = row;
  return issuerAt(t, ca, {}, { presenter: listener, requestTimeoutMs, orderTimeoutMs });
}

/** Every step that a certificate takes; `reached` is told each before it is taken. */
async function obtain(
  issuer: IssuerAdapter,
  request: SigningRequest,
  reached: (step: Misbehaviour['at']) => void = () => {},
): Promise<readonly string[]> {
  reached('setUp');
  await issuer.setUp(SIGNAL);
  reached('begin');
  const begun = await issuer.begin(request, SIGNAL);
  assert.equal(begun.kind, 'pending');
  // Asserted above; node's assert does not narrow.
  const { record } = begun as Extract<typeof begun, { kind: 'pending' }>;
  reached('complete');
  const { chainPem } = await issuer.complete(request, record, SIGNAL);
  reached('check');
  await checkIssuedChain({
    ...{ chainPem, key: request.key, spec: request.spec, now: new Date(), allowCa: false },
    expectedNames: acmeNames(request.spec),
  });
  return chainPem;
}

function requestOf({ dnsNames = [NAME], profile }: Partial<Misbehaviour>): Promise<SigningRequest> {
  const made = signingRequest({ name: 'www', dnsNames });
  return profile === undefined ? made : made.then((request) => ({ ...request, profile }));
}

async function failureOf(work: Promise<unknown>): Promise<CertopsError> {
  const thrown = await work.then(
    () => assert.fail('it was taken for good'),
    (error: unknown) => error,
  );
  assert.ok(thrown instanceof CertopsError, String(thrown));
  return thrown;
}

function assertAdvice({ retry }: CertopsError, wanted: Misbehaviour['retry']): void {
  if (typeof wanted === 'string') {
    assert.equal(retry.when, wanted);
    return;
  }
  assert.equal(retry.when, 'not-before');
  // Asserted above; node's assert does not narrow.
  const { at } = retry as Extract<typeof retry, { when: 'not-before' }>;
  const told = typeof wanted === 'number' ? new Date(Date.now() + wanted * 1000) : wanted;
  const offMs = Math.abs(at.getTime() - told.getTime());
  assert.ok(offMs < 5_000, `not before ${at.toISOString()}, and ${told.toISOString()} was told`);
}

test('a CA that behaves gives a certificate by eight requests and a look at the order', async (t) => {
  const ca = await start(t);

  await obtain(newIssuer(t, ca), await requestOf({}));

  assert.deepEqual([ca.counts.certificates, ca.violations], [1, []]);
  assert.equal(ca.counts.totalRequests - (ca.counts.requests.order ?? 0), 8);
  // What is loaded once (acme-client, the certificate writer) is no CA's doing.
  delay.enable();
});

const tables: readonly (readonly [string, readonly Misbehaviour[]])[] = [
  ['an order that is refused', REFUSED_ORDERS],
  ['an answer that cannot be used', UNUSABLE_ANSWERS],
  ['a registration that is refused', REFUSED_REGISTRATIONS],
  ['an order that is spoiled', SPOILED_ORDERS],
  ['a certificate that must not be stored', WRONG_CERTIFICATES],
];
for (const [title, rows] of tables) {
  describe(`${title} is a named failure with the right wait`, { concurrency: 4 }, () => {
    for (const row of rows) {
      test(row.name, { timeout: 30_000 }, async (t) => {
        const ca = await start(t, row.options);
        const issuer = newIssuer(t, ca, row);
        const request = await requestOf(row);
        let step: Misbehaviour['at'] = 'setUp';
        ca.behave(...row.behaviours);

        const failure = await failureOf(
          obtain(issuer, request, (reached) => {
            step = reached;
          }),
        );

        assert.equal(failure.code, row.code, failure.explain());
        assert.equal(step, row.at);
        assertAdvice(failure, row.retry);
        // Before it is stored the reconciler looks itself, and ends the attempt.
        if (row.at !== 'check') {
          assert.ok(failure instanceof IssuanceError);
          assert.equal(failure.failsRequest, row.failsRequest);
        }
        if (row.says !== undefined) assert.match(failure.explain(), row.says);
        if (row.identifiers !== undefined) assert.deepEqual(failure.data.identifiers, row.identifiers);
        assert.ok(failure.explain().length < 4000, 'the words of a CA are bounded');
        assert.doesNotMatch(failure.explain(), /[\p{Cc}\p{Cf}]/u, 'and plain');
        assert.deepEqual(ca.violations, []);
      });
    }
  });
}

describe('what stands open is gone on with, by the same order, once the CA is well again', {
  concurrency: 4,
}, () => {
  const rows = [...REFUSED_ORDERS, ...UNUSABLE_ANSWERS, ...SPOILED_ORDERS].filter(
    ({ failsRequest, at, behaviours }) =>
      // What an issuance came to stays with its order.
      !failsRequest && at !== 'setUp' && behaviours.every(({ endpoint }) => endpoint !== 'issue'),
  );
  for (const row of rows) {
    test(row.name, { timeout: 30_000 }, async (t) => {
      const ca = await start(t, row.options);
      const issuer = newIssuer(t, ca, row);
      const request = await requestOf(row);
      ca.behave(...row.behaviours);
      await issuer.setUp(SIGNAL);
      const begun = await issuer.begin(request, SIGNAL).catch(() => undefined);
      if (begun?.kind === 'pending') await issuer.complete(request, begun.record, SIGNAL).catch(() => {});
      ca.calmDown();

      const again = begun ?? (await issuer.begin(request, SIGNAL));
      assert.equal(again.kind, 'pending');
      // Asserted above; node's assert does not narrow.
      const { record } = again as Extract<typeof again, { kind: 'pending' }>;
      const { chainPem } = await issuer.complete(request, record, SIGNAL);

      assert.equal(new X509Certificate(chainPem[0] ?? '').subjectAltName, `DNS:${NAME}`);
      assert.deepEqual([ca.counts.orders, ca.counts.certificates, ca.counts.accounts], [1, 1, 1]);
      assert.equal(ca.counts.failedValidations, 0);
      assert.deepEqual(ca.violations, []);
    });
  }
});

describe('what a client gets over by itself is no failure', { concurrency: 4 }, () => {
  for (const row of MENDED_BY_ITSELF) {
    test(row.name, { timeout: 30_000 }, async (t) => {
      const ca = await start(t, row.options);
      const request = await requestOf({});
      ca.behave(...row.behaviours);

      const chainPem = await obtain(newIssuer(t, ca), request);

      const leaf = new X509Certificate(chainPem[0] ?? '');
      assert.ok(leaf.checkPrivateKey(createPrivateKey(request.key.export({ type: 'pkcs8', format: 'pem' }))));
      assert.deepEqual([ca.counts.orders, ca.counts.certificates, ca.counts.accounts], [1, 1, 1]);
      assert.deepEqual(ca.violations, []);
    });
  }

  test('a certificate that was replaced already is replaced without saying so', async (t) => {
    const ca = await start(t);
    const issuer = newIssuer(t, ca);
    const request = await requestOf({});
    await obtain(issuer, request);
    const replaces = ca.certificates[0]?.certificateId;
    assert.ok(replaces !== undefined);

    await obtain(issuer, { ...(await requestOf({})), replaces });
    await obtain(issuer, { ...(await requestOf({})), replaces });

    assert.deepEqual(
      ca.certificates.map((certificate) => certificate.replaces),
      [undefined, replaces, undefined],
    );
    assert.deepEqual([ca.counts.requests.newOrder, ca.counts.orders], [4, 3]);
  });
});
