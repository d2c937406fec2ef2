import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Certificate } from '../../../src/api/certificate.ts';
import { Sensitive } from '../../../src/lib/sensitive.ts';
import {
  CERTIFICATE_SECRET_LABELS,
  certificateSecretAnnotations,
  certificateSecretMetadata,
  restatedSecretMetadata,
  temporarySecretMetadata,
  tlsSecretDocument,
} from '../../../src/secrets/secret-manifest.ts';

const CERTIFICATE: Certificate = {
  kind: 'Certificate',
  name: { namespace: 'web', name: 'www' },
  labels: {},
  annotations: {},
  unserved: [],
  directives: { fallbackIssuers: [], wantsTemporaryCertificate: false },
  spec: {
    secretName: 'www-tls',
    issuerRef: { kind: 'ClusterIssuer', name: 'letsencrypt', group: 'cert-manager.io' },
    dnsNames: ['www.example.com'],
    ipAddresses: [],
    uris: [],
    emailAddresses: [],
    otherNames: [],
    usages: [],
    encodeUsagesInRequest: true,
    isCA: false,
    privateKey: { algorithm: 'ECDSA', size: 256, encoding: 'PKCS8', rotationPolicy: 'Always' },
    keystores: {},
    additionalOutputFormats: [],
    revisionHistoryLimit: 1,
  },
};

test('builds a TLS Secret with sorted, encoded data', () => {
  const document = tlsSecretDocument({
    name: 'www-tls',
    namespace: 'web',
    labels: CERTIFICATE_SECRET_LABELS,
    annotations: {},
    data: {
      'tls.key': new Sensitive('KEY'),
      'tls.crt': 'CERT',
      'ca.crt': new Sensitive(Buffer.from([0, 255])),
    },
  });

  assert.equal(
    JSON.stringify(document),
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'www-tls', namespace: 'web', labels: { 'controller.cert-manager.io/fao': 'true' } },
      type: 'kubernetes.io/tls',
      data: { 'ca.crt': 'AP8=', 'tls.crt': 'Q0VSVA==', 'tls.key': 'S0VZ' },
    }),
  );
});

test('annotates as cert-manager does, with empty names kept and an empty subject left out', () => {
  const annotations = certificateSecretAnnotations(CERTIFICATE, {
    commonName: 'www.example.com',
    dnsNames: ['www.example.com', 'example.com'],
    ipAddresses: [],
    uris: [],
    emailAddresses: [],
  });

  assert.deepEqual(annotations, {
    'cert-manager.io/alt-names': 'www.example.com,example.com',
    'cert-manager.io/certificate-name': 'www',
    'cert-manager.io/common-name': 'www.example.com',
    'cert-manager.io/ip-sans': '',
    'cert-manager.io/issuer-group': 'cert-manager.io',
    'cert-manager.io/issuer-kind': 'ClusterIssuer',
    'cert-manager.io/issuer-name': 'letsencrypt',
    'cert-manager.io/uri-sans': '',
  });
});

test('writes the subject as CSV', () => {
  const annotations = certificateSecretAnnotations(CERTIFICATE, {
    dnsNames: [],
    ipAddresses: ['192.0.2.1', '::1'],
    uris: ['spiffe://a/b'],
    emailAddresses: ['a@example.com', 'b@example.com'],
    subject: {
      organizations: ['Example, Inc.', 'The "Other"'],
      countries: ['DE'],
      organizationalUnits: [],
      localities: [' Köln'],
      provinces: [],
      streetAddresses: [],
      postalCodes: [],
      serialNumber: '42',
    },
  });

  assert.equal(annotations['cert-manager.io/subject-organizations'], '"Example, Inc.","The ""Other"""');
  assert.equal(annotations['cert-manager.io/subject-countries'], 'DE');
  assert.equal(annotations['cert-manager.io/subject-localities'], '" Köln"');
  assert.equal(annotations['cert-manager.io/subject-serialnumber'], '42');
  assert.equal(annotations['cert-manager.io/email-sans'], 'a@example.com,b@example.com');
  assert.equal(annotations['cert-manager.io/ip-sans'], '192.0.2.1,::1');
  assert.ok(!('cert-manager.io/subject-provinces' in annotations));
});

test('quotes names with commas, as cert-manager does', () => {
  const annotations = certificateSecretAnnotations(CERTIFICATE, {
    ...{ dnsNames: [], ipAddresses: [], emailAddresses: [] },
    uris: ['https://a/?x=1,2', 'https://b'],
  });

  assert.equal(annotations['cert-manager.io/uri-sans'], '"https://a/?x=1,2",https://b');
});

const FACTS = {
  ...{
    commonName: 'issued',
    dnsNames: ['issued.example.com'],
    ipAddresses: [],
    uris: [],
    emailAddresses: [],
  },
  subject: {
    ...{ organizations: ['Org'], countries: [], organizationalUnits: [], localities: [] },
    ...{ provinces: [], streetAddresses: [], postalCodes: [] },
  },
};
const TEMPLATED: Certificate = {
  ...CERTIFICATE,
  spec: {
    ...CERTIFICATE.spec,
    secretTemplate: {
      labels: { team: 'shop' },
      annotations: { note: '1', 'cert-manager.io/common-name': 'no' },
    },
  },
};

test('says what the certificate says, whatever the template wants', () => {
  const { labels, annotations } = certificateSecretMetadata(TEMPLATED, FACTS);

  assert.deepEqual(labels, { team: 'shop', 'controller.cert-manager.io/fao': 'true' });
  assert.equal(annotations.note, '1');
  assert.equal(annotations['cert-manager.io/common-name'], 'issued');
  assert.equal(annotations['cert-manager.io/alt-names'], 'issued.example.com');
});

test('restates what it says of the certificate, and nothing else of what is there', () => {
  const written = certificateSecretMetadata(TEMPLATED, FACTS);
  const { spec } = CERTIFICATE;
  const issuerRef = { ...spec.issuerRef, name: 'other' };

  const same = restatedSecretMetadata(TEMPLATED, written.annotations);
  const changed = restatedSecretMetadata(
    { ...CERTIFICATE, spec: { ...spec, issuerRef } },
    written.annotations,
  );

  assert.deepEqual(same, written);
  const { note, ...others } = written.annotations;
  assert.deepEqual(changed, {
    labels: CERTIFICATE_SECRET_LABELS,
    annotations: { ...others, 'cert-manager.io/issuer-name': 'other' },
  });
});

test('names no issuer of a stand-in', () => {
  const { annotations } = temporarySecretMetadata(CERTIFICATE, FACTS);

  assert.equal(annotations['cert-manager.io/certificate-name'], 'www');
  assert.equal(annotations['cert-manager.io/common-name'], 'issued');
  assert.ok(!Object.keys(annotations).some((name) => name.includes('issuer')));
});
