import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type CertificateStatus,
  parseCertificateStatus,
  renderCertificateStatus,
} from '../../../src/status/certificate-status.ts';

const at = (text: string) => new Date(`2026-${text}T10:00:00Z`);

const FULL: CertificateStatus = {
  name: { namespace: 'web', name: 'www' },
  createdAt: at('01-01'),
  conditions: [
    {
      type: 'Ready',
      status: 'True',
      reason: 'Ready',
      message: 'Certificate is up to date and has not expired',
      lastTransitionTime: at('01-02'),
    },
    {
      type: 'Issuing',
      status: 'False',
      reason: 'Failed',
      message: 'no: "it" is #1',
      lastTransitionTime: at('03-01'),
    },
  ],
  issued: {
    revision: 3,
    serialNumber: '0123',
    fingerprintSHA256: 'ab'.repeat(32),
    issuerRef: { kind: 'ClusterIssuer', name: 'letsencrypt', group: 'cert-manager.io' },
    dnsNames: ['www.example.com', '*.example.com'],
    notBefore: at('01-01'),
    notAfter: at('04-01'),
    renewalTime: at('03-01'),
    secretName: 'www-tls',
    secretBlob: '1'.repeat(40),
    requestHash: '2e10'.repeat(8),
    issuedAt: at('01-02'),
    issuerIdentity: 'acme https://ca.example.com/directory',
    contentHash: '6'.repeat(32),
    recipients: ['age1first', 'age1second'],
    certificateId: 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE',
    renewRequestedAt: at('01-01'),
    previous: { secretBlob: '7'.repeat(40), statusBlob: '8'.repeat(40), requestBlob: '9'.repeat(40) },
  },
  suggestedWindow: { start: at('02-27'), end: at('02-28'), explanationUrl: 'https://ca.example.com/why' },
  lastFailureTime: at('03-01'),
  failedIssuanceAttempts: 2,
  nextPrivateKeySecretName: 'www-4',
  source: { commit: '3'.repeat(40), blob: '4'.repeat(40), path: 'web/www.yaml', specHash: '5'.repeat(32) },
  problem: 'web/www.yaml:3:1: spec.nonsense: Unknown field',
};

// How the file looks is what people read in a forge: a change of it is a change of the product.
const GOLDEN = `apiVersion: status.certops.dev/v1
kind: Certificate
metadata:
  name: www
  namespace: web
  creationTimestamp: "2026-01-01T10:00:00Z"
  annotations:
    kustomize.toolkit.fluxcd.io/reconcile: disabled
    argocd.argoproj.io/hook: Skip
status:
  conditions:
    - type: Ready
      status: "True"
      reason: Ready
      message: Certificate is up to date and has not expired
      lastTransitionTime: "2026-01-02T10:00:00Z"
    - type: Issuing
      status: "False"
      reason: Failed
      message: "no: \\"it\\" is #1"
      lastTransitionTime: "2026-03-01T10:00:00Z"
  notBefore: "2026-01-01T10:00:00Z"
  notAfter: "2026-04-01T10:00:00Z"
  renewalTime: "2026-03-01T10:00:00Z"
  revision: 3
  nextPrivateKeySecretName: www-4
  lastFailureTime: "2026-03-01T10:00:00Z"
  failedIssuanceAttempts: 2
  acme:
    ari:
      suggestedWindow:
        start: "2026-02-27T10:00:00Z"
        end: "2026-02-28T10:00:00Z"
      explanationURL: https://ca.example.com/why
  certops:
    serialNumber: "0123"
    fingerprintSHA256: ${'ab'.repeat(32)}
    issuerRef:
      kind: ClusterIssuer
      name: letsencrypt
      group: cert-manager.io
    dnsNames:
      - www.example.com
      - "*.example.com"
    secretName: www-tls
    secretBlob: "${'1'.repeat(40)}"
    requestHash: "${'2e10'.repeat(8)}"
    issuedAt: "2026-01-02T10:00:00Z"
    issuerIdentity: acme https://ca.example.com/directory
    contentHash: "66666666666666666666666666666666"
    recipients:
      - age1first
      - age1second
    certificateId: aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE
    renewRequestedAt: "2026-01-01T10:00:00Z"
    previous:
      secretBlob: "7777777777777777777777777777777777777777"
      statusBlob: "8888888888888888888888888888888888888888"
      requestBlob: "9999999999999999999999999999999999999999"
    sourceCommit: "${'3'.repeat(40)}"
    sourceBlob: "${'4'.repeat(40)}"
    sourcePath: web/www.yaml
    specHash: "${'5'.repeat(32)}"
    problem: "web/www.yaml:3:1: spec.nonsense: Unknown field"
`;

test('a status looks like this', () => {
  assert.equal(renderCertificateStatus(FULL), GOLDEN);
});

const STATUSES: readonly (readonly [name: string, status: CertificateStatus])[] = [
  ['everything', FULL],
  ['never issued', { name: FULL.name, createdAt: FULL.createdAt, conditions: FULL.conditions }],
  [
    'digits that YAML could take for numbers',
    {
      ...FULL,
      name: { namespace: '1e3', name: '0777' },
      issued: FULL.issued && { ...FULL.issued, serialNumber: '1234567890123456789012', requestHash: '1e10' },
      problem: 'null',
    },
  ],
];

for (const [name, status] of STATUSES) {
  test(`a status is read as it was written: ${name}`, () => {
    const read = parseCertificateStatus(renderCertificateStatus(status), 'status.yaml');

    assert.deepEqual(withoutUndefined(read), withoutUndefined(status));
  });
}

const BROKEN: readonly (readonly [name: string, text: string, message: RegExp])[] = [
  [
    'another kind',
    GOLDEN.replace('kind: Certificate', 'kind: Issuer'),
    /is not a status\.certops\.dev\/v1 Certificate/,
  ],
  [
    'another group',
    GOLDEN.replace('status.certops.dev/v1', 'cert-manager.io/v1'),
    /is not a status\.certops\.dev/,
  ],
  ['no serial', GOLDEN.replace(/ +serialNumber.*\n/, ''), /\.status\.certops\.serialNumber is missing/],
  [
    'a date that is none',
    GOLDEN.replace('2026-04-01T', '2026-04-99T'),
    /\.status\.notAfter is not an RFC 3339 time/,
  ],
  [
    'a negative revision',
    GOLDEN.replace('revision: 3', 'revision: -3'),
    /\.status\.revision is not a whole number/,
  ],
  ['names that are none', GOLDEN.replace('- www.example.com', '- 7'), /\.dnsNames is not a list of strings/],
  ['a list', '- 1\n', /is not a map/],
];

for (const [name, text, message] of BROKEN) {
  test(`a status with ${name} is refused by name`, () => {
    assert.throws(() => parseCertificateStatus(text, 'status.yaml'), { code: 'status.malformed', message });
  });
}

function withoutUndefined(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
