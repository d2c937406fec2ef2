import fc from 'fast-check';
import { parseCertificateStatus } from '../../src/status/certificate-status.ts';
import { parseIssuerStatus } from '../../src/status/issuer-status.ts';
import { parseRecipientsStatus } from '../../src/status/recipients-status.ts';
import { parseRequestRecord } from '../../src/status/request-document.ts';
import { fuzz, hostileText, mutated, mutations, outcome } from './fuzz.ts';

const WORDS = [
  ...[
    'apiVersion: status.certops.dev/v1',
    'kind: ',
    'Certificate',
    'CertificateRequest',
    'Order',
    'Challenge',
    'Issuer',
  ],
  ...[
    '\n',
    '\n  ',
    '\n    ',
    '- ',
    '---\n',
    'metadata: ',
    'status: ',
    'spec: ',
    'conditions: ',
    'type: ',
    'reason: ',
  ],
  ...[
    'certops: ',
    'revision: ',
    '1',
    '-1',
    '1e400',
    '"',
    "'",
    '[',
    ']',
    '{',
    '}',
    '*a',
    '&a ',
    '!!str ',
    '~',
    'True',
  ],
  ...[
    'notAfter: ',
    '"2027-01-01T00:00:00Z"',
    '../../x',
    '\u202e',
    '<<: ',
    '__proto__: ',
    '-----BEGIN CERTIFICATE-----',
  ],
];
const LIKELY = [
  'apiVersion: status.certops.dev/v1\nkind: Certificate\nmetadata:\n  name: www\n  namespace: web\nstatus:\n  conditions:\n    - type: Ready\n      status: "True"\n      reason: Ready\n      message: x\n      lastTransitionTime: "2026-11-22T00:00:00Z"\n      observedGeneration: 1\n  revision: 1\n  notAfter: "2027-01-01T00:00:00Z"\n  certops:\n    serialNumber: "01"\n    sourceCommit: a\n',
  'apiVersion: status.certops.dev/v1\nkind: CertificateRequest\nmetadata:\n  name: www-1\n  namespace: web\nspec:\n  request: QQ==\n  issuerRef:\n    name: le\nstatus:\n  conditions: []\n---\napiVersion: status.certops.dev/v1\nkind: Order\nmetadata:\n  name: www-1\nstatus:\n  url: https://acme.example.com/order/1\n  state: pending\n  authorizations: []\n',
];

const READERS: readonly (readonly [name: string, read: (text: string) => unknown])[] = [
  ['of a Certificate', (text) => parseCertificateStatus(text, 'a.yaml')],
  ['of a request', (text) => parseRequestRecord(text, 'a.yaml')],
  ['of an issuer', (text) => parseIssuerStatus(text, 'Issuer', 'a.yaml')],
  ['of recipients', (text) => parseRecipientsStatus(text, 'a.yaml')],
];

for (const [name, read] of READERS) {
  fuzz(
    `a status document ${name} that anybody wrote is read or refused`,
    fc.oneof(
      hostileText(WORDS, 40),
      fc.tuple(fc.constantFrom(...LIKELY), mutations(WORDS)).map(([text, changes]) => mutated(text, changes)),
    ),
    async (text) => {
      await outcome(() => read(text));
    },
    300,
  );
}
