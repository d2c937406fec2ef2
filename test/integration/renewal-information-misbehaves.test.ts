import assert from 'node:assert/strict';
import { before, describe, type TestContext, test } from 'node:test';
import { IssuanceError, type IssuerAdapter } from '../../src/issuers/issuer.ts';
import { Authority } from '../support/acme-simulator/authority.ts';
import type { Behaviour } from '../support/acme-simulator/behaviour.ts';
import { overloaded } from '../support/acme-simulator/boulder-words.ts';
import type { AcmeSimulator, RenewalWindow } from '../support/acme-simulator/simulator.ts';
import { signingRequest } from '../support/signing-request.ts';
import { issue, issuerAt, simulatedCa } from '../support/simulated-issuer.ts';

const SIGNAL = new AbortController().signal;
const HOUR_MS = 3_600_000;
const FOR_GOOD = { times: Number.POSITIVE_INFINITY } as const;
const inHours = (hours: number) => new Date(Date.now() + hours * HOUR_MS);

let authority: Authority;
before(async () => {
  authority = await Authority.create();
});

interface Issued {
  readonly ca: AcmeSimulator;
  readonly issuer: IssuerAdapter;
  readonly leafPem: string;
}

async function issued(t: TestContext): Promise<Issued> {
  const ca = await simulatedCa(t, { authority });
  const issuer = issuerAt(t, ca);
  const { chainPem } = await issue(issuer, await signingRequest({ name: 'www' }));
  return { ca, issuer, leafPem: chainPem[0] ?? '' };
}

async function ask({ issuer, leafPem }: Issued) {
  assert.ok(issuer.renewalInformation !== undefined);
  return issuer.renewalInformation(leafPem, SIGNAL);
}

test('renewal information is that of the very certificate, for two thirds of its life', async (t) => {
  const world = await issued(t);

  const information = await ask(world);

  assert.ok(information !== undefined);
  assert.equal(information.certificateId, world.ca.certificates[0]?.certificateId);
  const middleMs = (information.start.getTime() + information.end.getTime()) / 2;
  assert.ok(Math.abs(middleMs - inHours(60 * 24).getTime()) < HOUR_MS);
  assert.equal(information.retryAfterMs, 6 * HOUR_MS);
  assert.deepEqual(world.ca.violations, []);
});

describe('what a CA says beside the window is bounded', () => {
  const window = { start: inHours(1), end: inHours(2) };
  const rows: readonly {
    readonly name: string;
    readonly window: RenewalWindow;
    readonly retryAfterMs?: number;
    readonly explanationUrl?: string | undefined;
  }[] = [
    { name: 'no Retry-After', window: { ...window, retryAfter: null }, retryAfterMs: 6 * HOUR_MS },
    { name: 'Retry-After: 0', window: { ...window, retryAfter: '0' }, retryAfterMs: 60_000 },
    {
      name: 'Retry-After of a year',
      window: { ...window, retryAfter: '31536000' },
      retryAfterMs: 24 * HOUR_MS,
    },
    { name: 'Retry-After: soon', window: { ...window, retryAfter: 'soon' }, retryAfterMs: 6 * HOUR_MS },
    {
      name: 'an explanation',
      window: { ...window, explanationURL: 'https://ca.example/why' },
      explanationUrl: 'https://ca.example/why',
    },
    { name: 'a script for an explanation', window: { ...window, explanationURL: 'javascript:alert(1)' } },
    {
      name: 'an explanation with a password',
      window: { ...window, explanationURL: 'https://a:b@ca.example/' },
    },
    {
      name: 'an explanation without end',
      window: { ...window, explanationURL: `https://ca.example/${'x'.repeat(9000)}` },
    },
    { name: 'a window in the past', window: { start: inHours(-2), end: inHours(-1) } },
  ];
  for (const { name, window: suggested, retryAfterMs = 6 * HOUR_MS, explanationUrl } of rows) {
    test(name, async (t) => {
      const world = await issued(t);
      world.ca.suggestRenewal('all', suggested);

      const information = await ask(world);

      assert.deepEqual(
        [information?.start, information?.end, information?.retryAfterMs, information?.explanationUrl],
        [suggested.start, suggested.end, retryAfterMs, explanationUrl],
      );
    });
  }
});

describe('renewal information that cannot be had is a named failure with the right wait', () => {
  const rows: readonly {
    readonly name: string;
    readonly behaviour: Behaviour;
    readonly code: string;
    readonly inSeconds?: number;
  }[] = [
    {
      name: 'a window that ends before it starts',
      behaviour: { endpoint: 'renewalInfo', edit: { 'suggestedWindow.end': '2020-01-01T00:00:00Z' } },
      code: 'issuers.ca-unavailable',
    },
    {
      name: 'a window of no time at all',
      behaviour: {
        endpoint: 'renewalInfo',
        edit: { suggestedWindow: { start: '2030-01-01T00:00:00Z', end: '2030-01-01T00:00:00Z' } },
      },
      code: 'issuers.ca-unavailable',
    },
    {
      name: 'a window of words',
      behaviour: { endpoint: 'renewalInfo', edit: { suggestedWindow: 'soon' } },
      code: 'issuers.ca-unavailable',
    },
    {
      name: 'HTML',
      behaviour: { endpoint: 'renewalInfo', answer: { body: '<html>' } },
      code: 'issuers.ca-unavailable',
    },
    {
      name: 'a body without end',
      behaviour: { endpoint: 'renewalInfo', transport: 'endless-body' },
      code: 'issuers.ca-unavailable',
    },
    {
      name: 'a redirect',
      behaviour: {
        endpoint: 'renewalInfo',
        answer: { status: 302, headers: { Location: 'https://elsewhere.example.net/' } },
      },
      code: 'issuers.ca-unavailable',
    },
    {
      name: 'too many questions',
      behaviour: { endpoint: 'renewalInfo', problem: overloaded('90') },
      code: 'issuers.ca-busy',
      inSeconds: 90,
    },
    {
      name: 'an error of the server',
      behaviour: { endpoint: 'renewalInfo', problem: { type: 'serverInternal' } },
      code: 'issuers.ca-busy',
    },
  ];
  for (const { name, behaviour, code, inSeconds } of rows) {
    test(name, async (t) => {
      const world = await issued(t);
      world.ca.behave({ ...behaviour, ...FOR_GOOD });

      const thrown = await ask(world).then(
        () => assert.fail('it was believed'),
        (error: unknown) => error,
      );

      assert.ok(thrown instanceof IssuanceError, String(thrown));
      assert.deepEqual([thrown.code, thrown.failsRequest], [code, false], thrown.explain());
      assert.equal(thrown.retry.when, inSeconds === undefined ? 'backoff' : 'not-before');
      if (thrown.retry.when === 'not-before') {
        assert.ok(Math.abs(thrown.retry.at.getTime() - Date.now() - (inSeconds ?? 0) * 1000) < 5_000);
      }
    });
  }

  test('a CA without it is not asked', async (t) => {
    const ca = await simulatedCa(t, { authority, hasRenewalInformation: false });
    const issuer = issuerAt(t, ca);
    const { chainPem } = await issue(issuer, await signingRequest({ name: 'www' }));

    const information = await ask({ ca, issuer, leafPem: chainPem[0] ?? '' });

    assert.equal(information, undefined);
    assert.equal(ca.counts.requests.renewalInfo, undefined);
  });
});
