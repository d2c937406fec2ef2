import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isOpen,
  parseRequestRecord,
  type RequestRecord,
  renderRequestRecord,
} from '../../../src/status/request-document.ts';

const at = new Date('2026-01-01T10:00:00Z');

const PLAIN: RequestRecord = {
  certificate: { namespace: 'web', name: 'www' },
  revision: 2,
  createdAt: at,
  issuerRef: { kind: 'Issuer', name: 'ca', group: 'cert-manager.io' },
  csrPem: '-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n',
  durationMs: 5_400_000,
  isCA: true,
  usages: ['digital signature', 'cert sign'],
  trigger: 'Renewing',
  requestHash: 'abc',
  issuerHash: 'def',
  conditions: [
    { type: 'Ready', status: 'False', reason: 'Pending', message: 'Waiting', lastTransitionTime: at },
  ],
};

const OPEN: RequestRecord = {
  ...PLAIN,
  order: {
    url: 'https://ca.example.com/order/1',
    finalizeUrl: 'https://ca.example.com/order/1/finalize',
    state: 'pending',
    commonName: 'www.example.com',
    dnsNames: ['www.example.com', '*.example.com'],
    ipAddresses: ['192.0.2.1'],
    authorizations: [
      {
        url: 'https://ca.example.com/authz/1',
        identifier: 'www.example.com',
        identifierType: 'dns',
        wildcard: false,
        initialState: 'pending',
        challenge: { url: 'https://ca.example.com/chall/1', type: 'http-01', token: 'a-token' },
      },
      {
        url: 'https://ca.example.com/authz/3',
        identifier: 'example.com',
        identifierType: 'dns',
        wildcard: true,
        initialState: 'pending',
        challenge: { url: 'https://ca.example.com/chall/3', type: 'dns-01', token: 'another-token' },
      },
      {
        url: 'https://ca.example.com/authz/2',
        identifier: '192.0.2.1',
        identifierType: 'ip',
        wildcard: true,
        initialState: 'valid',
      },
    ],
  },
};

const RECORDS: readonly (readonly [
  name: string,
  record: RequestRecord,
  kinds: readonly string[],
  open: boolean,
])[] = [
  ['at work', PLAIN, ['CertificateRequest'], true],
  ['waiting for a CA', OPEN, ['CertificateRequest', 'Order', 'Challenge', 'Challenge'], true],
  [
    'issued',
    { ...OPEN, chainPem: 'chain\n', caPem: 'ca\n', order: OPEN.order && { ...OPEN.order, state: 'valid' } },
    ['CertificateRequest', 'Order'],
    false,
  ],
  [
    'failed',
    {
      ...OPEN,
      failureTime: at,
      order: OPEN.order && { ...OPEN.order, state: 'invalid', reason: 'no\nwell', failureTime: at },
    },
    ['CertificateRequest', 'Order'],
    false,
  ],
];

for (const [name, record, kinds, open] of RECORDS) {
  test(`a request is read as it was written: ${name}`, () => {
    const text = renderRequestRecord(record);

    const read = parseRequestRecord(text, 'request.yaml');

    assert.deepEqual(JSON.parse(JSON.stringify(read)), JSON.parse(JSON.stringify(record)));
    assert.deepEqual(
      [...text.matchAll(/^kind: (\w+)$/gm)].map(([, kind]) => kind),
      kinds,
    );
    assert.equal(isOpen(read), open);
  });
}

test('nobody can answer a challenge with what a record says', () => {
  const text = renderRequestRecord(OPEN);

  assert.match(text, /token: a-token/);
  assert.doesNotMatch(text, /^ {2,}key: /m);
});
