import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import { alternateUrls } from '../../../src/acme/chain-choice.ts';
import { RateLedger } from '../../../src/acme/rate-ledger.ts';
import type { AcmeIssuerSpec } from '../../../src/api/issuer.ts';
import type { IssuanceError, RenewalInformation, SigningRequest } from '../../../src/issuers/issuer.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import type { AcmeSimulator, AcmeSimulatorOptions } from '../../support/acme-simulator/simulator.ts';
import { signingRequest } from '../../support/signing-request.ts';
import { issue, issuerAt, simulatedCa } from '../../support/simulated-issuer.ts';

const SIGNAL = new AbortController().signal;
const DAY_MS = 86_400_000;

/** What newOrder was asked, each time. */
function orders(ca: AcmeSimulator): readonly Readonly<Record<string, unknown>>[] {
  return ca.requests
    .filter(({ endpoint }) => endpoint === 'newOrder')
    .map(({ payload }) => payload as Readonly<Record<string, unknown>>); // certops sends JSON objects
}

function count(ca: AcmeSimulator, endpoint: string): number {
  return ca.requests.filter((request) => request.endpoint === endpoint).length;
}

describe('the profile of an order', () => {
  const profiles = { classic: {}, shortlived: { lifetimeMs: 6 * DAY_MS } };
  const cases: readonly {
    name: string;
    issuers: string | undefined;
    certificates: string | undefined;
    expected: string | undefined;
  }[] = [
    {
      name: 'is the CA’s default where nobody names one',
      issuers: undefined,
      certificates: undefined,
      expected: undefined,
    },
    { name: 'is the issuer’s', issuers: 'shortlived', certificates: undefined, expected: 'shortlived' },
    {
      name: 'is the Certificate’s over the issuer’s',
      issuers: 'shortlived',
      certificates: 'classic',
      expected: 'classic',
    },
  ];
  for (const { name, issuers, certificates, expected } of cases) {
    test(name, async (t) => {
      const ca = await simulatedCa(t, { profiles });
      const issuer = issuerAt(t, ca, issuers === undefined ? {} : { profile: issuers });
      const request = { ...(await signingRequest({ name: 'www' })), profile: certificates };

      await issue(issuer, request);

      assert.equal(orders(ca)[0]?.profile, expected);
      assert.equal(ca.certificates[0]?.profile, expected);
    });
  }

  const unknown = [
    { name: 'lists what there is', offered: profiles, why: /It offers classic, shortlived/ },
    { name: 'says that there are none', offered: {}, why: /It offers no profiles at all/ },
  ];
  for (const { name, offered, why } of unknown) {
    test(`that the CA does not offer is refused before anything is ordered, and ${name}`, async (t) => {
      const ca = await simulatedCa(t, { profiles: offered });
      const issuer = issuerAt(t, ca, { profile: 'tlsclient' });

      const order = issuer.begin(await signingRequest({ name: 'www' }), SIGNAL);

      await assert.rejects(order, (error: IssuanceError) => {
        assert.deepEqual(
          [error.code, error.failsRequest, error.retry.when],
          ['issuers.profile-unknown', true, 'never'],
        );
        assert.match(error.explain(), why);
        return true;
      });
      assert.equal(count(ca, 'newOrder'), 0);
    });
  }

  test('that the CA refuses all the same is terminal', async (t) => {
    const ca = await simulatedCa(t, { profiles });
    ca.behave({ endpoint: 'newOrder', problem: { type: 'invalidProfile', detail: 'not for this account' } });
    const issuer = issuerAt(t, ca, { profile: 'classic' });

    const order = issuer.begin(await signingRequest({ name: 'www' }), SIGNAL);

    await assert.rejects(order, { code: 'issuers.request-refused', retry: { when: 'never' } });
  });
});

describe('an order that takes the place of a certificate', () => {
  async function first(t: TestContext, options: AcmeSimulatorOptions = {}) {
    const ca = await simulatedCa(t, options);
    const issuer = issuerAt(t, ca);
    const request = await signingRequest({ name: 'www' });
    await issue(issuer, request);
    return { ca, issuer, request, replaces: ca.certificates[0]?.certificateId };
  }

  test('says so', async (t) => {
    const { ca, issuer, request, replaces } = await first(t);

    await issue(issuer, { ...request, replaces });

    assert.equal(ca.certificates[1]?.replaces, replaces);
  });

  for (const type of ['alreadyReplaced', 'conflict', 'malformed']) {
    test(`is made once more without saying so after ${type}`, async (t) => {
      const { ca, issuer, request, replaces } = await first(t);
      ca.behave({ endpoint: 'newOrder', problem: { type } });

      await issue(issuer, { ...request, replaces });

      assert.deepEqual(
        orders(ca).map((order) => order.replaces),
        [undefined, replaces, undefined],
      );
    });
  }

  test('is not made a third time', async (t) => {
    const { ca, issuer, request, replaces } = await first(t);
    ca.behave({ endpoint: 'newOrder', times: 2, problem: { type: 'malformed' } });

    await assert.rejects(issue(issuer, { ...request, replaces }), { code: 'issuers.request-refused' });

    assert.equal(count(ca, 'newOrder'), 3);
  });

  test('does not say so to a CA without renewal information', async (t) => {
    const { ca, issuer, request, replaces } = await first(t, { hasRenewalInformation: false });

    await issue(issuer, { ...request, replaces });

    assert.equal(orders(ca)[1]?.replaces, undefined);
  });
});

describe('the end that an order asks for', () => {
  const cases = [
    {
      name: 'is spec.duration where enableDurationFeature is on',
      isOn: true,
      durationMs: 30 * DAY_MS,
      asked: true,
    },
    { name: 'is none where it is off', isOn: false, durationMs: 30 * DAY_MS, asked: false },
    { name: 'is none without a duration', isOn: true, durationMs: undefined, asked: false },
  ];
  for (const { name, isOn, durationMs, asked } of cases) {
    test(name, async (t) => {
      const ca = await simulatedCa(t, { allowsNotAfter: true });
      const issuer = issuerAt(t, ca, { enableDurationFeature: isOn });
      const request = await signingRequest({
        name: 'www',
        ...(durationMs === undefined ? {} : { durationMs }),
      });

      const { chainPem } = await issue(issuer, request);

      assert.equal(orders(ca)[0]?.notAfter !== undefined, asked);
      const inMs = Date.parse(new X509Certificate(chainPem[0] ?? '').validTo) - Date.now();
      assert.equal(Math.abs(inMs - 30 * DAY_MS) < 60_000, asked);
    });
  }
});

describe('names', () => {
  const cases: readonly {
    name: string;
    wanted: Partial<SigningRequest['spec']>;
    expected: readonly string[];
  }[] = [
    {
      name: 'the commonName is one of the names that are ordered',
      wanted: { commonName: 'cn.example.test', dnsNames: ['www.example.test'] },
      expected: ['DNS:cn.example.test', 'DNS:www.example.test'],
    },
    {
      name: 'an IP address is ordered as one (RFC 8738)',
      wanted: { dnsNames: [], ipAddresses: ['127.0.0.1', '::1'] },
      expected: ['IP Address:0:0:0:0:0:0:0:1', 'IP Address:127.0.0.1'],
    },
    {
      name: 'names and addresses come in one certificate',
      wanted: { dnsNames: ['www.example.test'], ipAddresses: ['127.0.0.1'] },
      expected: ['DNS:www.example.test', 'IP Address:127.0.0.1'],
    },
  ];
  for (const { name, wanted, expected } of cases) {
    test(name, async (t) => {
      const ca = await simulatedCa(t);

      const { chainPem } = await issue(issuerAt(t, ca), await signingRequest({ name: 'www', ...wanted }));

      const names = new X509Certificate(chainPem[0] ?? '').subjectAltName?.split(', ').sort();
      assert.deepEqual(names, expected);
      assert.deepEqual(ca.violations, []);
    });
  }
});

describe('the chain', () => {
  const topOf = (chainPem: readonly string[]) => new X509Certificate(chainPem.at(-1) ?? '').issuer;
  const cases = [
    { name: 'is the default without a preference', preferredChain: undefined, root: 'X1', downloads: 1 },
    {
      name: 'is the default where that is preferred, and no other is fetched',
      preferredChain: 'Simulated Root X1',
      root: 'X1',
      downloads: 1,
    },
    {
      name: 'is the alternate that is preferred',
      preferredChain: 'Simulated Root X2',
      root: 'X2',
      downloads: 2,
    },
    { name: 'is the default where none is preferred', preferredChain: 'Nobody', root: 'X1', downloads: 2 },
  ];
  for (const { name, preferredChain, root, downloads } of cases) {
    test(name, async (t) => {
      const ca = await simulatedCa(t);
      const spec: Partial<AcmeIssuerSpec> = preferredChain === undefined ? {} : { preferredChain };

      const { chainPem } = await issue(issuerAt(t, ca, spec), await signingRequest({ name: 'www' }));

      assert.match(topOf(chainPem), new RegExp(`CN=Simulated Root ${root}$`));
      assert.equal(count(ca, 'certificate'), downloads);
    });
  }

  test('is the default where the alternate cannot be had', async (t) => {
    const ca = await simulatedCa(t);
    ca.behave({ endpoint: 'certificate', after: 1, answer: { status: 200, body: '<html>' } });

    const issuer = issuerAt(t, ca, { preferredChain: 'Simulated Root X2' });
    const { chainPem } = await issue(issuer, await signingRequest({ name: 'www' }));

    assert.match(topOf(chainPem), /X1$/);
  });

  test('is found by links in any form, and hostile ones cost no time', () => {
    const certificate = 'https://ca.test/c';
    const links: readonly (readonly [string, readonly string[]])[] = [
      ['</a>;rel="alternate"', ['https://ca.test/a']],
      ['</a>; REL = Alternate', ['https://ca.test/a']],
      ['</a>;title="x";rel="up alternate", </b>;rel=up', ['https://ca.test/a']],
      ['</a>;rel="up", </b>;rel="alternate"', ['https://ca.test/b']],
      ['</a>;rel="alternates", </b>;rel="x-alternate", </c>;relation="alternate"', []],
      [`</a>;rel=${' '.repeat(16_000)}x`, []],
      ['</a>;rel= '.repeat(1_500), []],
    ];

    const startedMs = performance.now();
    for (const [link, expected] of links) {
      assert.deepEqual(
        alternateUrls(link, certificate, () => true),
        expected,
      );
    }

    assert.ok(performance.now() - startedMs < 100, 'hostile links take long');
  });

  test('is not looked for in thousands of places, nor on other hosts', async (t) => {
    const ca = await simulatedCa(t);
    const own = Array.from(
      { length: 50 },
      (_, index) => `<${ca.origin}/certificate/${index}>;rel="alternate"`,
    );
    const link = ['<https://other.test/c>;rel="alternate"', '<x>;rel="up"', ...own].join(', ');
    ca.behave({ endpoint: 'certificate', headers: { Link: link } });

    const issuer = issuerAt(t, ca, { preferredChain: 'Nobody' });
    await issue(issuer, await signingRequest({ name: 'www' }));

    assert.equal(count(ca, 'certificate'), 11);
  });
});

describe('a server whose TLS certificate nobody vouches for', () => {
  for (const skipTLSVerify of [true, false]) {
    test(`is ${skipTLSVerify ? 'taken' : 'refused'} where skipTLSVerify is ${skipTLSVerify}`, async (t) => {
      const ca = await simulatedCa(t);
      const { caBundle: _, ...rest } = { caBundle: undefined };
      const issuer = issuerAt(t, ca, { ...rest, caBundle: undefined, skipTLSVerify });

      const setUp = issuer.setUp(SIGNAL);

      if (skipTLSVerify) assert.equal((await setUp).ready, true);
      else await assert.rejects(setUp, { code: 'issuers.registration-failed' });
    });
  }
});

describe('renewal information', () => {
  async function ask(
    t: TestContext,
    arrange: (ca: AcmeSimulator) => void = () => {},
    spec: Partial<AcmeIssuerSpec> = {},
    options: AcmeSimulatorOptions = {},
  ): Promise<{ readonly ca: AcmeSimulator; readonly answer: RenewalInformation | undefined }> {
    const ca = await simulatedCa(t, options);
    const issuer = issuerAt(t, ca, spec);
    const { chainPem } = await issue(issuer, await signingRequest({ name: 'www' }));
    arrange(ca);
    return { ca, answer: await issuer.renewalInformation?.(chainPem[0] ?? '', SIGNAL) };
  }
  const start = new Date('2027-01-01T00:00:00Z');
  const end = new Date('2027-01-02T00:00:00Z');

  test('names the certificate as the CA does, and the window', async (t) => {
    const { ca, answer } = await ask(t, (simulator) => {
      simulator.suggestRenewal('all', {
        start,
        end,
        explanationURL: 'https://ca.test/why',
        retryAfter: '7200',
      });
    });

    assert.deepEqual(answer, {
      certificateId: ca.certificates[0]?.certificateId,
      start,
      end,
      explanationUrl: 'https://ca.test/why',
      retryAfterMs: 7_200_000,
    });
    assert.equal(ca.requests.at(-1)?.payload, undefined);
    assert.deepEqual(ca.violations, []);
  });

  const waits = [
    { retryAfter: '5', expectedMs: 60_000 },
    { retryAfter: '9999999', expectedMs: DAY_MS },
    { retryAfter: null, expectedMs: 6 * 3_600_000 },
    { retryAfter: 'soon', expectedMs: 6 * 3_600_000 },
  ];
  for (const { retryAfter, expectedMs } of waits) {
    test(`is asked for again after ${expectedMs / 60_000} min where Retry-After is ${retryAfter}`, async (t) => {
      const { answer } = await ask(t, (ca) => ca.suggestRenewal('all', { start, end, retryAfter }));

      assert.equal(answer?.retryAfterMs, expectedMs);
    });
  }

  for (const explanationURL of [
    'javascript:alert(1)',
    'https://u:p@ca.test/',
    `https://ca.test/${'a'.repeat(3000)}`,
    'x',
  ]) {
    test(`is not explained by ${explanationURL.slice(0, 30)}`, async (t) => {
      const { answer } = await ask(t, (ca) => ca.suggestRenewal('all', { start, end, explanationURL }));

      assert.deepEqual([answer?.start, answer?.explanationUrl], [start, undefined]);
    });
  }

  const bad: readonly { name: string; body: unknown }[] = [
    { name: 'a window that ends before it starts', body: { suggestedWindow: { start: end, end: start } } },
    { name: 'an empty window', body: { suggestedWindow: { start, end: start } } },
    { name: 'no window', body: {} },
    { name: 'no times', body: { suggestedWindow: { start: 1, end: 2 } } },
    { name: 'HTML', body: '<html>' },
  ];
  for (const { name, body } of bad) {
    test(`is refused when it is ${name}`, async (t) => {
      const asked = ask(t, (ca) => ca.behave({ endpoint: 'renewalInfo', answer: { body } }));

      await assert.rejects(asked, { code: 'issuers.ca-unavailable', failsRequest: false });
    });
  }

  test('that is limited waits as long as the CA says', async (t) => {
    const problem = { type: 'rateLimited', retryAfter: '600' };

    const asked = ask(t, (ca) => ca.behave({ endpoint: 'renewalInfo', problem }));

    await assert.rejects(asked, { code: 'issuers.ca-busy', failsRequest: false });
  });

  test('is not asked for where the issuer turns it off, or the CA has none', async (t) => {
    const off = await ask(t, () => {}, { renewalInformationSource: 'None' });
    const none = await ask(t, () => {}, {}, { hasRenewalInformation: false });

    assert.deepEqual([off.answer, none.answer], [undefined, undefined]);
    assert.deepEqual([count(off.ca, 'renewalInfo'), count(none.ca, 'renewalInfo')], [0, 0]);
  });
});

describe('the limits of the CA', () => {
  test('a name that failed four times is not ordered again within the hour', async (t) => {
    const ca = await simulatedCa(t);
    const ledger = new RateLedger();
    const issuer = issuerAt(t, ca, {}, { ledger });
    const request = await signingRequest({ name: 'www' });
    ca.behave({
      endpoint: 'validation',
      times: Number.POSITIVE_INFINITY,
      problem: { type: 'connection', detail: 'refused' },
    });

    const outcomes: string[] = [];
    for (let times = 0; times < 7; times += 1) {
      await issue(issuer, request).catch((error: IssuanceError) => outcomes.push(error.code));
    }

    assert.deepEqual(outcomes, [
      ...Array(4).fill('issuers.validation-failed'),
      ...Array(3).fill('issuers.budget-spent'),
    ]);
    assert.equal(ca.counts.mostFailedValidationsAnHour, 4);
  });

  test('ten Certificates that share a bad name fail it four times together, not ten', async (t) => {
    const ca = await simulatedCa(t);
    const issuer = issuerAt(t, ca, {}, { ledger: new RateLedger() });
    ca.behave({
      endpoint: 'validation',
      times: Number.POSITIVE_INFINITY,
      identifier: 'bad.example.test',
      problem: { type: 'dns', detail: 'no such domain' },
    });
    const requests = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        signingRequest({ name: `n${index}`, dnsNames: ['bad.example.test', `n${index}.example.test`] }),
      ),
    );

    const outcomes = await Promise.allSettled(requests.map((request) => issue(issuer, request)));

    const codes = outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.code : 'issued'));
    assert.equal(codes.filter((code) => code === 'issuers.validation-failed').length, 4);
    assert.equal(ca.counts.mostFailedValidationsAnHour, 4);
  });

  test('a budget that is spent leaves the request standing until there is one, by the clock that decides', async (t) => {
    const ca = await simulatedCa(t);
    const aheadMs = 30 * DAY_MS;
    const clock = { ...systemClock(), now: () => new Date(Date.now() + aheadMs) };
    const issuer = issuerAt(t, ca, {}, { ledger: new RateLedger({ ordersPerMinute: 1 }), clock });
    await issuer.begin(await signingRequest({ name: 'a' }), SIGNAL);

    const second = issuer.begin(await signingRequest({ name: 'b' }), SIGNAL);

    await assert.rejects(second, (error: IssuanceError) => {
      assert.deepEqual([error.code, error.failsRequest], ['issuers.budget-spent', false]);
      const inMs = error.retry.when === 'not-before' ? error.retry.at.getTime() - Date.now() - aheadMs : 0;
      assert.ok(inMs > 50_000 && inMs <= 60_000, `${inMs} ms`);
      return true;
    });
    assert.equal(count(ca, 'newOrder'), 1);
  });
});
