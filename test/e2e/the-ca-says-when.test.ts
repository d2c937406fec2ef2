import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import {
  type AcmeSimulator,
  type RenewalWindow,
  startAcmeSimulator,
} from '../support/acme-simulator/simulator.ts';
import { inDays, startOffline, statusOf } from '../support/offline-scenario.ts';
import { certificate, freePort, type Scenario } from '../support/scenario.ts';

const DAY_MS = 86_400_000;
const inDaysFromNow = (days: number): Date => new Date(Date.now() + days * DAY_MS);

function issuer({ directoryUrl, caPem }: AcmeSimulator, more = ''): string {
  return `apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata:
  name: simulated
spec:
  acme:
    server: ${directoryUrl}
    caBundle: ${Buffer.from(caPem).toString('base64')}
    privateKeySecretRef:
      name: simulated-account
${more}    solvers:
      - http01:
          ingress: {}
`;
}

interface Story {
  readonly scenario: Scenario;
  readonly ca: AcmeSimulator;
  /** Runs with the clock that many days ahead and gives the revision it ended with. */
  readonly revisionAfter: (days: number) => Promise<number | undefined>;
  readonly looks: () => number;
}

async function begin(
  context: TestContext,
  name: string,
  options: { readonly issuerSpec?: string; readonly spec?: string; readonly window?: RenewalWindow } = {},
): Promise<Story> {
  const httpPort = await freePort();
  const ca = await startAcmeSimulator({ validation: { httpPort } });
  context.after(() => ca.close());
  ca.suggestRenewal('all', options.window);
  const scenario = await startOffline(name, context);
  await scenario.push({
    'issuers/simulated.yaml': issuer(ca, options.issuerSpec),
    'www.yaml': certificate({
      name: 'www',
      dnsNames: ['www.example.com'],
      issuer: 'ClusterIssuer/simulated',
      spec: options.spec ?? '',
    }),
  });
  const revisionAfter = async (days: number) => {
    const run = await scenario.runOnce({
      ...(days === 0 ? {} : inDays(days)),
      args: ['--http01-port', String(httpPort)],
    });
    assert.equal(run.code, 0, run.stdout + run.stderr);
    return (await statusOf(scenario, 'web/certificates/www')).revision;
  };
  return {
    ...{ scenario, ca, revisionAfter },
    looks: () => ca.requests.filter(({ endpoint }) => endpoint === 'renewalInfo').length,
  };
}

/** `replaces` of every new order that was asked for, in order. */
function replacesOf({ requests }: AcmeSimulator): readonly (string | undefined)[] {
  return (
    requests
      .filter(({ endpoint }) => endpoint === 'newOrder')
      // The payload of newOrder is a JSON object.
      .map(({ payload }) => (payload as { readonly replaces?: string }).replaces)
  );
}

describe('renewal information', { concurrency: 3 }, () => {
  it('is asked for, recorded, and followed; the new order says what it replaces', async (context) => {
    const window = {
      start: inDaysFromNow(20),
      end: inDaysFromNow(21),
      explanationURL: 'https://ca.example.com/why',
    };
    const { scenario, ca, revisionAfter, looks } = await begin(context, 'ari-followed', { window });

    const atFirst = [await revisionAfter(0), looks()];
    const nextDay = [await revisionAfter(1), looks()];
    const recorded = await scenario.show('status/web/certificates/www.yaml');
    const sameDay = [await revisionAfter(1), looks()];
    const before = await revisionAfter(19.9);
    const after = await revisionAfter(21.1);

    assert.deepEqual(atFirst, [1, 0], 'a fresh certificate needs no advice');
    assert.deepEqual(nextDay, [1, 1]);
    assert.deepEqual(sameDay, [1, 1], 'another run the same day does not ask again');
    assert.match(recorded ?? '', /^ {6}explanationURL: https:\/\/ca\.example\.com\/why$/m);
    assert.deepEqual([before, after], [1, 2]);
    const [first, second] = replacesOf(ca);
    assert.equal(first, undefined);
    assert.match(String(second), /^[\w-]+\.[\w-]+$/);
    assert.deepEqual(ca.violations, []);
  });

  it('a revoked certificate is renewed at once', async (context) => {
    const { ca, revisionAfter } = await begin(context, 'ari-revoked');
    await revisionAfter(0);

    ca.suggestRenewal('all', { start: inDaysFromNow(1), end: inDaysFromNow(1.01) });
    const revision = await revisionAfter(2);

    assert.equal(revision, 2);
  });

  it('a CA that answers nonsense or nothing changes nothing', async (context) => {
    const { ca, revisionAfter, looks } = await begin(context, 'ari-nonsense');
    await revisionAfter(0);

    ca.suggestRenewal('all', { start: inDaysFromNow(2), end: inDaysFromNow(1) });
    const backwards = await revisionAfter(3);
    ca.behave({ endpoint: 'renewalInfo', answer: { status: 500, body: 'oops' } });
    const silent = await revisionAfter(5);
    const due = await revisionAfter(61);

    assert.deepEqual([backwards, silent, due], [1, 1, 2]);
    assert.ok(looks() >= 3);
  });

  it('renewalInformationSource: None asks nothing', async (context) => {
    const { ca, revisionAfter, looks } = await begin(context, 'ari-off', {
      issuerSpec: '    renewalInformationSource: None\n',
    });

    await revisionAfter(0);
    const revision = await revisionAfter(61);

    assert.equal(revision, 2);
    assert.equal(looks(), 0);
    assert.equal(replacesOf(ca).length, 2);
  });

  it('an earlier renewBefore of one’s own stands', async (context) => {
    const { revisionAfter } = await begin(context, 'ari-own-wish', {
      window: { start: inDaysFromNow(50), end: inDaysFromNow(51) },
      spec: '  renewBefore: 1680h\n',
    });
    await revisionAfter(0);

    const revisions = [await revisionAfter(19), await revisionAfter(21)];

    assert.deepEqual(revisions, [1, 2]);
  });
});
