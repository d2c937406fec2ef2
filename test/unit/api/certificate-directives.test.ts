import assert from 'node:assert/strict';
import test from 'node:test';
import type { CertificateDirectives } from '../../../src/api/certificate.ts';
import { readManifestFile } from '../../../src/api/read-manifests.ts';
import { certificateWith, problemLines } from './problem-text.ts';

function annotated(...annotations: readonly string[]): string {
  return certificateWith().replace(
    'namespace: web}',
    `namespace: web, annotations: {${annotations.join(', ')}}}`,
  );
}

const NONE: CertificateDirectives = {
  fallbackIssuers: [],
  wantsTemporaryCertificate: false,
  renewRequestedAt: undefined,
  retryRequestedAt: undefined,
};

const READ: readonly (readonly [name: string, annotation: string, means: Partial<CertificateDirectives>])[] =
  [
    ['nothing', 'team: web', {}],
    [
      'a suspension without an end',
      'certops.dev/suspend: moving house',
      { suspend: { reason: 'moving house', until: undefined } },
    ],
    [
      'a suspension until a time with an offset',
      'certops.dev/suspend: moving, certops.dev/suspend-until: "2027-02-20T12:22:33+01:00"',
      { suspend: { reason: 'moving', until: new Date('2027-02-20T11:22:33Z') } },
    ],
    [
      'a wish for a new certificate',
      'certops.dev/renew-requested-at: "2026-11-22T05:00:00Z"',
      { renewRequestedAt: new Date('2026-11-22T05:00:00Z') },
    ],
    [
      // What YAML 1.1 takes for a timestamp is text to Kubernetes.
      'a wish for another attempt, not quoted',
      'certops.dev/retry-requested-at: 2026-11-22T05:00:00Z',
      { retryRequestedAt: new Date('2026-11-22T05:00:00Z') },
    ],
    ['a profile', 'certops.dev/profile: shortlived', { profile: 'shortlived' }],
    [
      'issuers to fall back to, in order',
      'certops.dev/fallback-issuers: "ClusterIssuer/backup, Issuer/own.ca,Issuer/last"',
      {
        fallbackIssuers: [
          { kind: 'ClusterIssuer', name: 'backup' },
          { kind: 'Issuer', name: 'own.ca' },
          { kind: 'Issuer', name: 'last' },
        ],
      },
    ],
    [
      'a temporary certificate',
      'cert-manager.io/issue-temporary-certificate: "true"',
      { wantsTemporaryCertificate: true },
    ],
    [
      'no temporary certificate for another word than "true"',
      'cert-manager.io/issue-temporary-certificate: "yes"',
      { wantsTemporaryCertificate: false },
    ],
  ];

for (const [name, annotation, means] of READ) {
  test(`reads ${name}`, () => {
    const text = annotated(annotation);

    const { objects } = readManifestFile(Buffer.from(text));

    const [certificate] = objects.map(({ object }) => object);
    assert.deepEqual(problemLines(text), []);
    assert.ok(certificate?.kind === 'Certificate');
    assert.deepEqual(certificate.directives, { ...NONE, ...means });
    assert.deepEqual(certificate.unserved, []);
  });
}

const REFUSED: readonly (readonly [name: string, annotation: string, rule: string])[] = [
  ['a suspension without a reason', 'certops.dev/suspend: ""', 'required'],
  ['a suspension for blanks', 'certops.dev/suspend: "  "', 'required'],
  ['a flag for a reason', 'certops.dev/suspend: true', 'invalid-value'],
  [
    'a suspension until a day',
    'certops.dev/suspend: x, certops.dev/suspend-until: 2027-02-20',
    'invalid-value',
  ],
  [
    'a suspension until a thirteenth month',
    'certops.dev/suspend: x, certops.dev/suspend-until: "2027-13-20T11:22:33Z"',
    'invalid-value',
  ],
  ['a renewal tomorrow', 'certops.dev/renew-requested-at: tomorrow', 'invalid-value'],
  ['a retry without a zone', 'certops.dev/retry-requested-at: "2026-11-22T05:00:00"', 'invalid-value'],
  ['a profile with a space', 'certops.dev/profile: "short lived"', 'invalid-value'],
  ['a profile of 65 letters', `certops.dev/profile: ${'a'.repeat(65)}`, 'invalid-value'],
  ['an empty profile', 'certops.dev/profile: ""', 'invalid-value'],
  ['no issuer to fall back to', 'certops.dev/fallback-issuers: ""', 'invalid-value'],
  ['a fallback issuer without a kind', 'certops.dev/fallback-issuers: backup', 'invalid-value'],
  ['a fallback issuer of another kind', 'certops.dev/fallback-issuers: Secret/backup', 'invalid-value'],
  ['a fallback issuer elsewhere', 'certops.dev/fallback-issuers: Issuer/other/backup', 'invalid-value'],
  ['a fallback issuer of no name', 'certops.dev/fallback-issuers: "Issuer/a, Issuer/"', 'invalid-value'],
  ['a comma behind a fallback issuer', 'certops.dev/fallback-issuers: "Issuer/a,"', 'invalid-value'],
  [
    'eleven fallback issuers',
    `certops.dev/fallback-issuers: "${Array.from({ length: 11 }, (_, index) => `Issuer/a${index}`).join(',')}"`,
    'invalid-value',
  ],
  ['a misspelt suspension', 'certops.dev/suspended: x', 'unknown-field'],
  ['an annotation that certops never had', 'certops.dev/frobnicate: x', 'unknown-field'],
  ['a suspension in another case', 'certops.dev/Suspend: x', 'unknown-field'],
];

for (const [name, annotation, rule] of REFUSED) {
  test(`refuses ${name}, and so issues nothing by mistake`, () => {
    const { objects, problems } = readManifestFile(Buffer.from(annotated(annotation)));

    assert.deepEqual(objects, []);
    assert.deepEqual(
      problems.map((problem) => [problem.severity, problem.rule]),
      [['error', rule]],
    );
  });
}

test('an end without a suspension is told to have no effect', () => {
  const { objects, problems } = readManifestFile(
    Buffer.from(annotated('certops.dev/suspend-until: "2027-02-20T11:22:33Z"')),
  );

  const [certificate] = objects.map(({ object }) => object);
  assert.ok(certificate?.kind === 'Certificate');
  assert.equal(certificate.directives.suspend, undefined);
  assert.deepEqual(
    problems.map(({ rule }) => rule),
    ['no-effect'],
  );
});
