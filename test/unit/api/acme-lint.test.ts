import assert from 'node:assert/strict';
import test from 'node:test';
import { lintFiles } from '../../../src/api/lint/lint-files.ts';
import { readManifestFile } from '../../../src/api/read-manifests.ts';
import { DEFAULT_SETTINGS } from '../../../src/api/repository.ts';

const PRODUCTION = 'https://acme-v02.api.letsencrypt.org/directory';
const STAGING = 'https://acme-staging-v02.api.letsencrypt.org/directory';
const OTHER_CA = 'https://acme.example.com/directory';

function issuer(server: string, ...fields: readonly string[]): string {
  const lines = [
    `server: ${server}`,
    'privateKeySecretRef: {name: le}',
    'solvers: [{http01: {ingress: {}}}]',
  ];
  const acme = [...lines, ...fields].map((line) => `    ${line}\n`).join('');
  return `apiVersion: cert-manager.io/v1\nkind: ClusterIssuer\nmetadata: {name: le}\nspec:\n  acme:\n${acme}`;
}

function certificate(...fields: readonly string[]): string {
  return named('www', '{}', ...fields);
}

function named(name: string, annotations: string, ...fields: readonly string[]): string {
  const lines = [`secretName: ${name}`, 'issuerRef: {kind: ClusterIssuer, name: le}', ...fields];
  const spec = lines.map((line) => `  ${line}\n`).join('');
  return `apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: ${name}, namespace: web, annotations: ${annotations}}\nspec:\n${spec}`;
}

/** `severity rule path` of every finding that has nothing to do with a cluster. */
function lint(issuerText: string, ...certificates: readonly string[]): readonly string[] {
  const texts = { 'c.yaml': certificates.join('---\n'), 'i.yaml': issuerText };
  const files = Object.entries(texts).map(([path, text]) => {
    const bytes = Buffer.from(text);
    return { path, bytes, manifests: readManifestFile(bytes) };
  });
  return lintFiles(files, DEFAULT_SETTINGS).map(({ severity, rule, path }) => `${severity} ${rule} ${path}`);
}

function hosts(count: number, domain = 'example.com'): string {
  return `dnsNames: [${Array.from({ length: count }, (_, index) => `h${index}.${domain}`).join(', ')}]`;
}

const WWW = 'dnsNames: [www.example.com]';

/** What is told of a Certificate with these fields, from this issuer. */
const CASES: readonly (readonly [
  name: string,
  issuer: string,
  fields: readonly string[],
  ...told: string[],
])[] = [
  ['nothing of a plain Certificate', issuer(PRODUCTION), [WWW]],
  [
    'nothing of a common name that is listed, in another case',
    issuer(PRODUCTION),
    [WWW, 'commonName: WWW.example.com'],
  ],
  [
    'a common name that is not listed, which cert-manager would not issue',
    issuer(OTHER_CA),
    [WWW, 'commonName: example.com'],
    'warning common-name-not-listed spec.commonName',
  ],
  [
    'a common name that is no host name',
    issuer(OTHER_CA),
    [WWW, 'commonName: root'],
    'error common-name-not-listed spec.commonName',
  ],
  [
    'a common name under tlsserver',
    issuer(PRODUCTION, 'profile: tlsserver'),
    [WWW, 'commonName: www.example.com'],
    'warning ca-limits spec.commonName',
  ],
  [
    'a common name under shortlived, in staging as well',
    issuer(STAGING, 'profile: shortlived'),
    [WWW, 'commonName: www.example.com'],
    'warning ca-limits spec.commonName',
  ],
  ['nothing of 100 names under classic', issuer(PRODUCTION), [hosts(100)]],
  ['101 names', issuer(PRODUCTION), [hosts(101)], 'error ca-limits spec.dnsNames'],
  [
    'a common name as the 101st',
    issuer(PRODUCTION),
    [hosts(100), 'commonName: example.com'],
    'error ca-limits spec.dnsNames',
    'warning common-name-not-listed spec.commonName',
  ],
  ['nothing of 25 names under tlsserver', issuer(PRODUCTION, 'profile: tlsserver'), [hosts(25)]],
  [
    '26 names under shortlived',
    issuer(PRODUCTION, 'profile: shortlived'),
    [hosts(26)],
    'error ca-limits spec.dnsNames',
  ],
  ['nothing of 101 names at a CA that is not known', issuer(OTHER_CA), [hosts(101)]],
  [
    'an IP address under classic',
    issuer(PRODUCTION),
    ['ipAddresses: [192.0.2.1]'],
    'error ca-limits spec.ipAddresses',
  ],
  [
    'an IP address under tlsserver',
    issuer(PRODUCTION, 'profile: tlsserver'),
    ['ipAddresses: ["2001:db8::1"]'],
    'error ca-limits spec.ipAddresses',
  ],
  [
    'nothing of an IP address under shortlived',
    issuer(PRODUCTION, 'profile: shortlived'),
    ['ipAddresses: [192.0.2.1]'],
  ],
  [
    'an IP address as common name under shortlived',
    issuer(PRODUCTION, 'profile: shortlived'),
    ['commonName: 192.0.2.1', 'ipAddresses: [192.0.2.1]'],
    'warning ca-limits spec.commonName',
  ],
  [
    'a wildcard with HTTP-01 alone',
    issuer(PRODUCTION),
    ['dnsNames: ["*.example.com"]'],
    'error wildcard-needs-dns01 spec.dnsNames[0]',
  ],
  [
    'a duration, which the CA decides',
    issuer(PRODUCTION),
    [WWW, 'duration: 720h'],
    'warning acme-unsupported spec.duration',
  ],
  [
    'a duration that Let’s Encrypt is asked for',
    issuer(PRODUCTION, 'enableDurationFeature: true'),
    [WWW, 'duration: 720h'],
    'error ca-limits spec.duration',
    'warning ca-limits spec.acme.enableDurationFeature',
  ],
  [
    'nothing of a duration that another CA is asked for',
    issuer(OTHER_CA, 'enableDurationFeature: true'),
    [WWW, 'duration: 720h'],
  ],
  ['a CA', issuer(OTHER_CA), [WWW, 'isCA: true'], 'error acme-unsupported spec.isCA'],
  [
    'each usage that no web server has',
    issuer(OTHER_CA),
    [WWW, 'usages: [server auth, client auth, digital signature, code signing]'],
    'warning acme-unsupported spec.usages[1]',
    'warning acme-unsupported spec.usages[3]',
  ],
  [
    'names that ACME cannot validate',
    issuer(OTHER_CA),
    [
      WWW,
      'uris: ["spiffe://a/b"]',
      'emailAddresses: [a@b.example]',
      'otherNames: [{oid: 1.2.3, utf8Value: x}]',
    ],
    'warning acme-unsupported spec.uris',
    'warning acme-unsupported spec.emailAddresses',
    'warning acme-unsupported spec.otherNames',
  ],
  [
    'an organization and a country',
    issuer(OTHER_CA),
    [WWW, 'subject: {countries: [DE], organizations: [Example]}'],
    'warning acme-unsupported spec.subject',
    'warning acme-unsupported spec.subject.organizations',
  ],
  [
    'a literal subject of more than a common name',
    issuer(OTHER_CA),
    [WWW, 'literalSubject: "CN=www.example.com,O=Example"'],
    'warning acme-unsupported spec.literalSubject',
  ],
  ['nothing of an ECDSA key', issuer(PRODUCTION), [WWW, 'privateKey: {algorithm: ECDSA, size: 384}']],
  [
    'a curve that Let’s Encrypt does not sign',
    issuer(PRODUCTION),
    [WWW, 'privateKey: {algorithm: ECDSA, size: 521}'],
    'error ca-limits spec.privateKey.size',
  ],
  [
    'a key of 8192 bits',
    issuer(PRODUCTION),
    [WWW, 'privateKey: {size: 8192}'],
    'error ca-limits spec.privateKey.size',
  ],
  [
    'an Ed25519 key',
    issuer(PRODUCTION),
    [WWW, 'privateKey: {algorithm: Ed25519}'],
    'error ca-limits spec.privateKey.algorithm',
  ],
  ['nothing of an Ed25519 key at another CA', issuer(OTHER_CA), [WWW, 'privateKey: {algorithm: Ed25519}']],
  [
    '30 days of renewBefore with certificates of 160 hours',
    issuer(PRODUCTION, 'profile: shortlived'),
    [WWW, 'renewBefore: 720h'],
    'warning renew-before-of-profile spec.renewBefore',
  ],
  [
    'a day of renewBefore with certificates of 160 hours',
    issuer(PRODUCTION, 'profile: shortlived'),
    [WWW, 'renewBefore: 24h'],
    'warning renew-before-of-profile spec.renewBefore',
  ],
  [
    'a fifth of 160 hours',
    issuer(PRODUCTION, 'profile: shortlived'),
    [WWW, 'renewBeforePercentage: 20'],
    'warning renew-before-of-profile spec.renewBeforePercentage',
  ],
  [
    'nothing of half of 160 hours',
    issuer(PRODUCTION, 'profile: shortlived'),
    [WWW, 'renewBeforePercentage: 50'],
  ],
  ['nothing of 30 days under classic', issuer(PRODUCTION), [WWW, 'renewBefore: 720h']],
  [
    '45 days of renewBefore under classic, which is its whole life from 2028 on',
    issuer(PRODUCTION),
    [WWW, 'renewBefore: 1080h'],
    'warning renew-before-of-profile spec.renewBefore',
  ],
  [
    'a profile that Let’s Encrypt does not have, at the issuer',
    issuer(PRODUCTION, 'profile: short-lived'),
    [WWW],
    'error unknown-profile spec.acme.profile',
  ],
  [
    'a profile that ended',
    issuer(STAGING, 'profile: tlsclient'),
    [WWW],
    'error unknown-profile spec.acme.profile',
  ],
  ['nothing of a profile that another CA may have', issuer(OTHER_CA, 'profile: gold'), [WWW]],
  [
    'a chain that is gone',
    issuer(PRODUCTION, 'preferredChain: DST Root CA X3'),
    [WWW],
    'warning preferred-chain-gone spec.acme.preferredChain',
  ],
  ['nothing of a chain that is there', issuer(PRODUCTION, 'preferredChain: ISRG Root X1'), [WWW]],
  [
    'an address that nobody writes to',
    issuer(PRODUCTION, 'email: ops@example.com'),
    [WWW],
    'warning no-effect spec.acme.email',
  ],
  ['nothing of an address at another CA', issuer(OTHER_CA, 'email: ops@example.com'), [WWW]],
];

for (const [name, issuerText, fields, ...told] of CASES) {
  test(`tells ${name}`, () => {
    const found = lint(issuerText, certificate(...fields));

    assert.deepEqual([...found].sort(), [...told].sort());
  });
}

test('the profile of a Certificate counts over that of its issuer', () => {
  const found = lint(
    issuer(PRODUCTION, 'profile: tlsserver'),
    named('ip', '{certops.dev/profile: shortlived}', 'ipAddresses: [192.0.2.1]'),
    named('gone', '{certops.dev/profile: tlsclient}', WWW),
  );

  assert.deepEqual(found, ['error unknown-profile metadata.annotations[certops.dev/profile]']);
});

test('a profile of a Certificate that no ACME issuer signs has no effect', () => {
  const selfSigned =
    'apiVersion: cert-manager.io/v1\nkind: ClusterIssuer\nmetadata: {name: le}\nspec: {selfSigned: {}}\n';

  const found = lint(selfSigned, named('www', '{certops.dev/profile: shortlived}', WWW));

  assert.deepEqual(found, ['warning no-effect metadata.annotations[certops.dev/profile]']);
});

function many(count: number, names: (index: number) => string): readonly string[] {
  return Array.from({ length: count }, (_, index) => named(`c${index}`, '{}', `dnsNames: [${names(index)}]`));
}

test('51 Certificates under one registered domain are told once; 50 are not', () => {
  const under = (index: number): string => `h${index}.example.co.uk`;

  assert.deepEqual(lint(issuer(PRODUCTION), ...many(50, under)), []);
  assert.deepEqual(lint(issuer(PRODUCTION), ...many(51, under)), ['warning ca-rate-limit spec.dnsNames']);
  assert.deepEqual(lint(issuer(STAGING), ...many(51, under)), []);
});

test('51 domains under one public suffix are nobody’s limit', () => {
  assert.deepEqual(lint(issuer(PRODUCTION), ...many(51, (index) => `www.h${index}.co.uk`)), []);
});

test('a sixth Certificate for exactly the same names is told, in whatever order they stand', () => {
  const same = (index: number): string =>
    index % 2 === 0 ? 'a.example.com, b.example.com' : 'b.example.com, a.example.com';

  assert.deepEqual(lint(issuer(PRODUCTION), ...many(5, same)), []);
  assert.deepEqual(lint(issuer(PRODUCTION), ...many(6, same)), ['warning ca-rate-limit spec.dnsNames']);
});

test('301 Certificates of one account are told at the 301st', () => {
  const found = lint(issuer(PRODUCTION), ...many(301, (index) => `www.h${index}.example`));

  assert.deepEqual(found, ['warning ca-rate-limit spec.issuerRef']);
});
