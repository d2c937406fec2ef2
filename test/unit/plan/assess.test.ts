import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assess, type Observed, type ObservedIssued, readiness } from '../../../src/plan/assess.ts';

const DAY_MS = 86_400_000;
const day = (days: number) => new Date(Date.UTC(2026, 0, 1) + days * DAY_MS);

/** 90 days, to be renewed after 60, as cert-manager does by default. */
const ISSUED: ObservedIssued = {
  issuer: 'Issuer/ca',
  notBefore: day(0),
  notAfter: day(90),
  renewalTime: day(60),
  issuedAt: day(0),
  differences: [],
};

const GOOD: Observed = {
  secret: 'issued',
  issued: ISSUED,
  wantedIssuer: 'Issuer/ca',
  requestHash: 'spec-1',
  issuerHash: 'issuer-1',
};

function observed(change: Partial<Observed>, issued: Partial<ObservedIssued> = {}): Observed {
  return { ...GOOD, issued: { ...ISSUED, ...issued }, ...change };
}

const FAILED = { requestHash: 'spec-1', issuerHash: 'issuer-1' };

const DECISIONS: readonly {
  readonly name: string;
  readonly observed: Observed;
  readonly at: Date;
  readonly kind: 'up-to-date' | 'issue' | 'wait';
  readonly reason?: string;
  readonly when?: Date | undefined;
}[] = [
  { name: 'all is well', observed: GOOD, at: day(1), kind: 'up-to-date', when: day(60) },
  {
    name: 'a second before renewal',
    observed: GOOD,
    at: new Date(day(60).getTime() - 1),
    kind: 'up-to-date',
    when: day(60),
  },
  { name: 'at the moment of renewal', observed: GOOD, at: day(60), kind: 'issue', reason: 'Renewing' },
  {
    name: 'a second before the end',
    observed: GOOD,
    at: new Date(day(90).getTime() - 1),
    kind: 'issue',
    reason: 'Renewing',
  },
  { name: 'at the end', observed: GOOD, at: day(90), kind: 'issue', reason: 'Expired' },
  {
    name: 'no Secret',
    observed: observed({ secret: 'absent' }),
    at: day(1),
    kind: 'issue',
    reason: 'DoesNotExist',
  },
  {
    name: 'a Secret without a record',
    observed: { ...GOOD, issued: undefined },
    at: day(1),
    kind: 'issue',
    reason: 'DoesNotExist',
  },
  {
    name: 'another issuer',
    observed: observed({ wantedIssuer: 'ClusterIssuer/le' }),
    at: day(1),
    kind: 'issue',
    reason: 'IncorrectIssuer',
  },
  {
    name: 'another key',
    observed: observed({}, { keyMismatch: 'spec.privateKey.size' }),
    at: day(1),
    kind: 'issue',
    reason: 'SecretMismatch',
  },
  {
    name: 'another name',
    observed: observed({}, { differences: ['spec.dnsNames'] }),
    at: day(1),
    kind: 'issue',
    reason: 'RequestChanged',
  },
  {
    name: 'everything at once: the Secret first',
    observed: observed({ secret: 'absent', wantedIssuer: 'x' }, { keyMismatch: 'k', differences: ['d'] }),
    at: day(100),
    kind: 'issue',
    reason: 'DoesNotExist',
  },
  {
    name: 'everything else at once: the issuer first',
    observed: observed({ wantedIssuer: 'x' }, { keyMismatch: 'k', differences: ['d'] }),
    at: day(100),
    kind: 'issue',
    reason: 'IncorrectIssuer',
  },
  {
    name: 'key, request and time: the key first',
    observed: observed({}, { keyMismatch: 'k', differences: ['d'] }),
    at: day(100),
    kind: 'issue',
    reason: 'SecretMismatch',
  },
  {
    name: 'request and time: the request first',
    observed: observed({}, { differences: ['d'] }),
    at: day(100),
    kind: 'issue',
    reason: 'RequestChanged',
  },
  {
    name: 'a failed attempt before its time',
    observed: observed({ secret: 'absent', failure: { ...FAILED, retryAt: day(2) } }),
    at: day(1),
    kind: 'wait',
    reason: 'DoesNotExist',
    when: day(2),
  },
  {
    name: 'a failed attempt at its time',
    observed: observed({ secret: 'absent', failure: { ...FAILED, retryAt: day(2) } }),
    at: day(2),
    kind: 'issue',
    reason: 'DoesNotExist',
  },
  {
    name: 'a failed attempt that time cannot heal',
    observed: observed({ secret: 'absent', failure: FAILED }),
    at: day(1),
    kind: 'wait',
    reason: 'DoesNotExist',
  },
  {
    name: 'a failed attempt at another specification',
    observed: observed({ secret: 'absent', failure: { ...FAILED, requestHash: 'spec-0' } }),
    at: day(1),
    kind: 'issue',
    reason: 'DoesNotExist',
  },
  {
    name: 'a failed attempt with another issuer',
    observed: observed({ secret: 'absent', failure: { ...FAILED, issuerHash: 'issuer-0', retryAt: day(9) } }),
    at: day(1),
    kind: 'issue',
    reason: 'DoesNotExist',
  },
  {
    name: 'a failed attempt at what is no longer asked for',
    observed: observed({ failure: { ...FAILED, retryAt: day(2) } }),
    at: day(1),
    kind: 'up-to-date',
    when: day(60),
  },
  {
    name: 'due when it arrived: kept for a third of its life',
    observed: observed({}, { issuedAt: day(61) }),
    at: day(89),
    kind: 'up-to-date',
    when: day(91),
  },
  {
    name: 'due when it arrived: due a third of its life later',
    observed: observed({}, { issuedAt: day(30), renewalTime: day(30) }),
    at: day(60),
    kind: 'issue',
    reason: 'Renewing',
  },
];

describe('what a Certificate needs', () => {
  for (const { name, observed: facts, at, kind, reason, when } of DECISIONS) {
    it(`${name}: ${reason ?? kind}`, () => {
      const decision = assess(facts, at);

      assert.equal(decision.kind, kind);
      assert.equal(decision.kind === 'up-to-date' ? undefined : decision.because.reason, reason);
      assert.deepEqual(
        decision.kind === 'up-to-date'
          ? decision.lookAgainAt
          : decision.kind === 'wait'
            ? decision.until
            : undefined,
        when,
      );
    });
  }

  it('says why in cert-manager’s words', () => {
    const messages = [
      assess(observed({ secret: 'absent' }), day(1)),
      assess(observed({ wantedIssuer: 'Issuer/b' }), day(1)),
      assess(observed({}, { keyMismatch: 'spec.privateKey.size' }), day(1)),
      assess(observed({}, { differences: ['spec.dnsNames', 'spec.duration'] }), day(1)),
      assess(GOOD, day(60)),
      assess(GOOD, day(90)),
    ].map((decision) => (decision.kind === 'issue' ? decision.because.message : decision.kind));

    assert.deepEqual(messages, [
      'Issuing certificate as Secret does not exist',
      'Issuing certificate as Secret was previously issued by "Issuer/ca"',
      'Existing private key is not up to date for spec: [spec.privateKey.size]',
      'Fields on existing CertificateRequest resource not up to date: [spec.dnsNames spec.duration]',
      'Renewing certificate as renewal was scheduled at 2026-03-02T00:00:00Z',
      'Certificate expired on 2026-04-01T00:00:00Z',
    ]);
  });
});

const READINESS: readonly (readonly [name: string, facts: Observed, at: Date, ready: string])[] = [
  ['up to date', GOOD, day(1), 'true Ready'],
  ['due for renewal', GOOD, day(60), 'true Ready'],
  ['at its end', GOOD, day(90), 'false Expired'],
  ['without a Secret', observed({ secret: 'absent' }), day(1), 'false DoesNotExist'],
  ['from another issuer', observed({ wantedIssuer: 'x' }), day(1), 'false IncorrectIssuer'],
  ['with another key', observed({}, { keyMismatch: 'k' }), day(1), 'false SecretMismatch'],
  ['with other names', observed({}, { differences: ['d'] }), day(100), 'false RequestChanged'],
];

describe('whether a Certificate is ready', () => {
  for (const [name, facts, at, expected] of READINESS) {
    it(`${name}: ${expected}`, () => {
      const { ready, reason } = readiness(facts, at);

      assert.equal(`${ready} ${reason}`, expected);
    });
  }
});
