import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assess, readiness } from '../../../src/plan/assess.ts';
import type { Observed, ObservedIssued } from '../../../src/plan/observed.ts';

const DAY_MS = 86_400_000;
const day = (days: number) => new Date(Date.UTC(2026, 0, 1) + days * DAY_MS);

/** 90 days, to be renewed after 60, as cert-manager does by default. */
const ISSUED: ObservedIssued = {
  issuer: 'Issuer/ca',
  notBefore: day(0),
  notAfter: day(90),
  issuedAt: day(-0.01),
  differences: [],
  lostRecipients: [],
};

const GOOD: Observed = {
  secret: { kind: 'issued' },
  issued: ISSUED,
  wantedIssuer: 'Issuer/ca',
  requestHash: 'spec-1',
  issuerHash: 'issuer-1',
};

function observed(change: Partial<Observed>, issued: Partial<ObservedIssued> = {}): Observed {
  return { ...GOOD, issued: { ...ISSUED, ...issued }, ...change };
}

const FAILED = { requestHash: 'spec-1', issuerHash: 'issuer-1', isIssuersWord: false };

const DECISIONS: readonly {
  readonly name: string;
  readonly observed: Observed;
  readonly at: Date;
  readonly kind: 'up-to-date' | 'issue' | 'wait' | 'suspended';
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
    observed: observed({ secret: { kind: 'absent' } }),
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
    observed: observed(
      { secret: { kind: 'absent' }, wantedIssuer: 'x' },
      { keyMismatch: 'k', differences: ['d'] },
    ),
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
    observed: observed({ secret: { kind: 'absent' }, failure: { ...FAILED, retryAt: day(2) } }),
    at: day(1),
    kind: 'wait',
    reason: 'DoesNotExist',
    when: day(2),
  },
  {
    name: 'a failed attempt at its time',
    observed: observed({ secret: { kind: 'absent' }, failure: { ...FAILED, retryAt: day(2) } }),
    at: day(2),
    kind: 'issue',
    reason: 'DoesNotExist',
  },
  {
    name: 'a failed attempt that time cannot heal',
    observed: observed({ secret: { kind: 'absent' }, failure: FAILED }),
    at: day(1),
    kind: 'wait',
    reason: 'DoesNotExist',
  },
  {
    name: 'a failed attempt at another specification',
    observed: observed({ secret: { kind: 'absent' }, failure: { ...FAILED, requestHash: 'spec-0' } }),
    at: day(1),
    kind: 'issue',
    reason: 'DoesNotExist',
  },
  {
    name: 'a failed attempt with another issuer',
    observed: observed({
      secret: { kind: 'absent' },
      failure: { ...FAILED, issuerHash: 'issuer-0', retryAt: day(9) },
    }),
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
    observed: observed({}, { notBefore: day(-60), notAfter: day(30), issuedAt: day(0) }),
    at: day(30),
    kind: 'issue',
    reason: 'Expired',
  },
  {
    name: 'a Secret without a key',
    observed: observed({ secret: { kind: 'missing-data', detail: 'has no private key' } }),
    at: day(1),
    kind: 'issue',
    reason: 'MissingData',
  },
  {
    name: 'a Secret whose key is another one’s',
    observed: observed({ secret: { kind: 'invalid-key-pair', detail: 'x' } }),
    at: day(1),
    kind: 'issue',
    reason: 'InvalidKeyPair',
  },
  {
    name: 'a Secret with a certificate that cannot be read',
    observed: observed({ secret: { kind: 'invalid-certificate', detail: 'x' } }),
    at: day(1),
    kind: 'issue',
    reason: 'InvalidCertificate',
  },
  {
    name: 'a Secret of a Certificate that was renamed',
    observed: observed({ secret: { kind: 'other-certificate', owner: 'old' } }),
    at: day(1),
    kind: 'issue',
    reason: 'IncorrectCertificate',
  },
  {
    name: 'a Secret that nothing is known of',
    observed: observed({ secret: { kind: 'unrecorded' } }),
    at: day(1),
    kind: 'issue',
    reason: 'SecretNotRecorded',
  },
  {
    name: 'the same issuer at another server',
    observed: observed({ wantedIssuerIdentity: 'acme https://b' }, { issuerIdentity: 'acme https://a' }),
    at: day(1),
    kind: 'issue',
    reason: 'IncorrectIssuer',
  },
  {
    name: 'an issuer that is not there',
    observed: observed({ wantedIssuerIdentity: undefined }, { issuerIdentity: 'acme https://a' }),
    at: day(1),
    kind: 'up-to-date',
    when: day(60),
  },
  {
    name: 'a request that cannot be read',
    observed: observed({}, { hasUnreadableRequest: true }),
    at: day(1),
    kind: 'issue',
    reason: 'InvalidCertificateRequest',
  },
  {
    name: 'a recipient taken away',
    observed: observed({}, { lostRecipients: ['age1x'] }),
    at: day(1),
    kind: 'issue',
    reason: 'RecipientRemoved',
  },
  {
    name: 'somebody asked for a new one',
    observed: observed({ renewRequestedAt: day(1) }),
    at: day(1),
    kind: 'issue',
    reason: 'ManuallyTriggered',
  },
  {
    name: 'asked for, and answered',
    observed: observed({ renewRequestedAt: day(1) }, { renewRequestedAt: day(1) }),
    at: day(2),
    kind: 'up-to-date',
    when: day(60),
  },
  {
    name: 'asked for again',
    observed: observed({ renewRequestedAt: day(2) }, { renewRequestedAt: day(1) }),
    at: day(2),
    kind: 'issue',
    reason: 'ManuallyTriggered',
  },
  {
    name: 'asked for a time to come',
    observed: observed({ renewRequestedAt: day(3) }),
    at: day(2),
    kind: 'up-to-date',
    when: day(3),
  },
  {
    name: 'suspended, whatever else is wrong',
    observed: observed({ secret: { kind: 'absent' }, suspend: { reason: 'moving' } }),
    at: day(1),
    kind: 'suspended',
  },
  {
    name: 'suspended for a while',
    observed: observed({ secret: { kind: 'absent' }, suspend: { reason: 'moving', until: day(2) } }),
    at: day(1),
    kind: 'suspended',
    when: day(2),
  },
  {
    name: 'suspended until now',
    observed: observed({ secret: { kind: 'absent' }, suspend: { reason: 'moving', until: day(2) } }),
    at: day(2),
    kind: 'issue',
    reason: 'DoesNotExist',
  },
  {
    name: 'mended, somebody says',
    observed: observed({
      secret: { kind: 'absent' },
      failure: { ...FAILED, retryAt: day(9) },
      retryRequestedAt: day(1),
    }),
    at: day(1),
    kind: 'issue',
    reason: 'DoesNotExist',
  },
  {
    name: 'mended, but it failed again since',
    observed: observed({
      secret: { kind: 'absent' },
      failure: { ...FAILED, retryAt: day(9), retryRequestedAt: day(1) },
      retryRequestedAt: day(1),
    }),
    at: day(2),
    kind: 'wait',
    reason: 'DoesNotExist',
    when: day(9),
  },
  {
    name: 'mended, but the CA itself named the time',
    observed: observed({
      secret: { kind: 'absent' },
      failure: { ...FAILED, retryAt: day(9), isIssuersWord: true },
      retryRequestedAt: day(1),
    }),
    at: day(1),
    kind: 'wait',
    reason: 'DoesNotExist',
    when: day(9),
  },
  {
    name: 'never renewed by itself',
    observed: observed({}, { renewal: { policy: 'Disabled', windows: [] } }),
    at: day(100),
    kind: 'up-to-date',
  },
];

describe('what a Certificate needs', () => {
  for (const { name, observed: facts, at, kind, reason, when } of DECISIONS) {
    it(`${name}: ${reason ?? kind}`, () => {
      const decision = assess(facts, at);

      assert.equal(decision.kind, kind);
      assert.equal('because' in decision ? decision.because.reason : undefined, reason);
      assert.deepEqual(
        decision.kind === 'up-to-date'
          ? decision.lookAgainAt
          : decision.kind === 'issue'
            ? undefined
            : decision.until,
        when,
      );
    });
  }

  it('says why in cert-manager’s words', () => {
    const messages = [
      assess(observed({ secret: { kind: 'absent' } }), day(1)),
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
  ['without a Secret', observed({ secret: { kind: 'absent' } }), day(1), 'false DoesNotExist'],
  ['from another issuer', observed({ wantedIssuer: 'x' }), day(1), 'false IncorrectIssuer'],
  ['with another key', observed({}, { keyMismatch: 'k' }), day(1), 'false SecretMismatch'],
  [
    'with the same issuer at another server',
    observed({ wantedIssuerIdentity: 'acme b' }, { issuerIdentity: 'acme a' }),
    day(1),
    'false IncorrectIssuer',
  ],
  ['with a recipient taken away', observed({}, { lostRecipients: ['age1x'] }), day(1), 'true Ready'],
  ['suspended', observed({ suspend: { reason: 'x' } }), day(1), 'true Ready'],
  [
    'never renewed, at its end',
    observed({}, { renewal: { policy: 'Disabled', windows: [] } }),
    day(90),
    'false Expired',
  ],
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
