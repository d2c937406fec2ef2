import assert from 'node:assert/strict';
import test from 'node:test';
import type { LintedFile } from '../../../src/api/lint/catalogue.ts';
import type { Finding } from '../../../src/api/lint/finding.ts';
import { lintFiles } from '../../../src/api/lint/lint-files.ts';
import { LINT_RULES } from '../../../src/api/lint/rules.ts';
import { isManifestPath } from '../../../src/api/manifest-paths.ts';
import { readManifestFile } from '../../../src/api/read-manifests.ts';
import { DEFAULT_SETTINGS } from '../../../src/api/repository.ts';

/** Lints files given by path and text. */
function lint(files: Readonly<Record<string, string>>): readonly Finding[] {
  const read = Object.entries(files).map(([path, text]): LintedFile => {
    const bytes = Buffer.from(text);
    return { path, bytes, manifests: readManifestFile(bytes) };
  });
  return lintFiles(read, DEFAULT_SETTINGS);
}

/** `file:line:column severity rule path` of every finding. */
function lines(findings: readonly Finding[]): readonly string[] {
  return findings.map(
    ({ file, line, column, severity, rule, path }) => `${file}:${line}:${column} ${severity} ${rule} ${path}`,
  );
}

function certificate(name: string, ...spec: readonly string[]): string {
  return [
    'apiVersion: cert-manager.io/v1',
    'kind: Certificate',
    `metadata: {name: ${name}, namespace: web}`,
    'spec:',
    `  secretName: ${name}-tls`,
    '  issuerRef: {name: le}',
    ...spec.map((line) => `  ${line}`),
    '',
  ].join('\n');
}

/** An ACME issuer at line 1 to 7, and its solvers from line 9 on. */
function acme(...solvers: readonly string[]): string {
  return [
    'apiVersion: cert-manager.io/v1',
    'kind: Issuer',
    'metadata: {name: le, namespace: web}',
    'spec:',
    '  acme:',
    '    server: https://acme.example.com/directory',
    '    privateKeySecretRef: {name: le}',
    ...(solvers.length === 0 ? [] : ['    solvers:', ...solvers.map((line) => `    ${line}`)]),
    '',
  ].join('\n');
}

const HTTP01 = '- http01: {ingress: {}}';
const DNS01 = '- dns01: {cloudDNS: {project: p}}';
const SELF_SIGNED =
  'apiVersion: cert-manager.io/v1\nkind: Issuer\nmetadata: {name: le, namespace: web}\nspec: {selfSigned: {}}\n';
const CA =
  'apiVersion: cert-manager.io/v1\nkind: Issuer\nmetadata: {name: le, namespace: web}\nspec: {ca: {secretName: ca-tls}}\n';
const SECRET =
  'apiVersion: v1\nkind: Secret\nmetadata: {name: ca-tls, namespace: web}\nsops: {version: 3.9.0}\ndata: {tls.key: "ENC[AES256_GCM,data:x]"}\n';

const WWW = certificate('www', 'dnsNames: [www.example.com]');

/** What files are told together, beside what one file says by itself. */
const CASES: readonly (readonly [
  name: string,
  files: Readonly<Record<string, string>>,
  ...lines: string[],
])[] = [
  ['nothing of a Certificate with its issuer', { 'a.yaml': WWW, 'i.yaml': acme(HTTP01) }],
  ['an issuer that is not there', { 'a.yaml': WWW }, 'a.yaml:6:14 warning issuer-not-found spec.issuerRef'],
  [
    'nothing of an issuer that is there with an error',
    { 'a.yaml': WWW, 'i.yaml': SELF_SIGNED.replace('{}', '{x: 1}') },
    'i.yaml:4:21 error unknown-field spec.selfSigned.x',
  ],
  [
    'nothing of an issuer of somebody else',
    { 'a.yaml': WWW.replace('{name: le}', '{name: le, kind: K, group: g.example}') },
    'a.yaml:6:41 warning not-served spec.issuerRef.group',
  ],
  [
    'one object in two files, at the later one',
    { 'b.yaml': WWW, 'a.yaml': WWW, 'i.yaml': SELF_SIGNED },
    'b.yaml:3:18 error duplicate-object metadata.name',
  ],
  [
    'two Certificates for one Secret, at the later one',
    {
      'a.yaml': `${WWW}---\n${certificate('x', 'commonName: x').replace('x-tls', 'www-tls')}`,
      'i.yaml': SELF_SIGNED,
    },
    'a.yaml:13:15 error duplicate-secret-name spec.secretName',
  ],
  [
    'nothing of one Secret name in two namespaces',
    {
      'a.yaml': WWW,
      'b.yaml': WWW.replace('namespace: web', 'namespace: other'),
      'i.yaml': SELF_SIGNED,
      'j.yaml': SELF_SIGNED.replace('namespace: web', 'namespace: other'),
    },
  ],
  [
    'a Certificate for a Secret that people wrote',
    { 'a.yaml': WWW.replace('www-tls', 'ca-tls'), 's.yaml': SECRET, 'i.yaml': SELF_SIGNED },
    'a.yaml:5:15 error secret-not-owned spec.secretName',
  ],
  [
    'a Certificate for the Secret of its own CA',
    { 'a.yaml': certificate('ca', 'commonName: ca', 'isCA: true'), 'i.yaml': CA },
    'a.yaml:5:15 error secret-of-issuer spec.secretName',
  ],
  [
    'a CA whose Secret nobody makes',
    { 'i.yaml': CA },
    'i.yaml:4:25 warning ca-secret-not-found spec.ca.secretName',
  ],
  ['nothing of a CA whose Secret people sealed', { 'i.yaml': CA, 's.yaml': SECRET }],
  [
    'nothing of a CA whose Secret a Certificate makes',
    {
      'i.yaml': CA,
      'a.yaml': certificate('ca', 'commonName: ca', 'isCA: true').replace('{name: le}', '{name: root}'),
      'r.yaml': SELF_SIGNED.replace('name: le', 'name: root'),
    },
  ],
  [
    'a CA whose Secret a Certificate makes that is none',
    {
      'i.yaml': CA,
      'a.yaml': certificate('ca', 'commonName: ca').replace('{name: le}', '{name: root}'),
      'r.yaml': SELF_SIGNED.replace('name: le', 'name: root'),
    },
    'i.yaml:4:25 warning ca-secret-not-a-ca spec.ca.secretName',
  ],
  [
    'a ClusterIssuer’s Secret in the namespace of its credentials',
    {
      'i.yaml': CA.replace('Issuer', 'ClusterIssuer'),
      's.yaml': SECRET.replace('namespace: web', 'namespace: cert-manager'),
    },
  ],
  [
    'an ACME issuer without solvers',
    { 'a.yaml': WWW, 'i.yaml': acme() },
    'a.yaml:7:14 warning no-solver spec.dnsNames[0]',
  ],
  [
    'a name that no selector takes',
    {
      'a.yaml': certificate('www', 'dnsNames:', '- a.example.org', '- www.example.com'),
      'i.yaml': acme(HTTP01, '  selector: {dnsZones: [example.com]}'),
    },
    'a.yaml:8:5 warning no-solver spec.dnsNames[0]',
  ],
  [
    'labels that a selector wants',
    { 'a.yaml': WWW, 'i.yaml': acme(HTTP01, '  selector: {matchLabels: {team: web}}') },
    'a.yaml:7:14 warning no-solver spec.dnsNames[0]',
  ],
  [
    'nothing of labels that a selector wants and gets',
    {
      'a.yaml': WWW.replace('namespace: web', 'namespace: web, labels: {team: web}'),
      'i.yaml': acme(HTTP01, '  selector: {matchLabels: {team: web}}'),
    },
  ],
  [
    'a wildcard with HTTP-01 alone',
    { 'a.yaml': certificate('www', 'dnsNames: ["*.example.com", example.com]'), 'i.yaml': acme(HTTP01) },
    'a.yaml:7:14 error wildcard-needs-dns01 spec.dnsNames[0]',
  ],
  [
    'a common name that is a wildcard',
    { 'a.yaml': certificate('www', 'commonName: "*.example.com"'), 'i.yaml': acme(HTTP01) },
    'a.yaml:7:15 error wildcard-needs-dns01 spec.commonName',
    'a.yaml:7:15 warning common-name-not-listed spec.commonName',
  ],
  [
    'only what is not served of a wildcard with DNS-01',
    { 'a.yaml': certificate('www', 'dnsNames: ["*.example.com"]'), 'i.yaml': acme(DNS01) },
    'i.yaml:9:25 warning not-served spec.acme.solvers[0].dns01.cloudDNS',
  ],
  [
    'an IP address with DNS-01 alone',
    { 'a.yaml': certificate('www', 'ipAddresses: [192.0.2.1]'), 'i.yaml': acme(DNS01) },
    'a.yaml:7:17 error ip-needs-http01 spec.ipAddresses[0]',
    'i.yaml:9:25 warning not-served spec.acme.solvers[0].dns01.cloudDNS',
  ],
  [
    'what no ACME CA signs',
    {
      'a.yaml': certificate(
        'www',
        'dnsNames: [a.example.com]',
        'isCA: true',
        'duration: 720h',
        'subject: {organizations: [O]}',
      ),
      'i.yaml': acme(HTTP01),
    },
    'a.yaml:8:9 error acme-unsupported spec.isCA',
    'a.yaml:9:13 warning acme-unsupported spec.duration',
    'a.yaml:10:28 warning acme-unsupported spec.subject.organizations',
  ],
  [
    'more names than Let’s Encrypt takes',
    {
      'a.yaml': certificate(
        'www',
        `dnsNames: [${Array.from({ length: 101 }, (_, i) => `h${i}.example.com`).join(', ')}]`,
      ),
      'i.yaml': acme(HTTP01).replace('acme.example.com', 'acme-v02.api.letsencrypt.org'),
    },
    'a.yaml:7:13 error ca-limits spec.dnsNames',
  ],
  [
    'fields of an old manifest where they stand in it',
    {
      'a.yaml': `${WWW}---\n${certificate('x', 'commonName: x', 'keySize: 4096').replace('io/v1', 'io/v1alpha3').replace('x-tls', 'www-tls')}`,
      'i.yaml': SELF_SIGNED,
    },
    'a.yaml:9:13 warning deprecated-api-version apiVersion',
    'a.yaml:13:15 error duplicate-secret-name spec.secretName',
  ],
  [
    'settings in the wrong file and manifests among the settings',
    {
      'certops.yaml': `apiVersion: certops.dev/v1alpha1\nkind: Repository\nmetadata: {name: r}\n---\n${SELF_SIGNED}`,
      'x.yaml': 'apiVersion: certops.dev/v1alpha1\nkind: Repository\nmetadata: {name: r}\n',
    },
    'certops.yaml:5:1 warning misplaced-object ',
    'x.yaml:1:1 warning misplaced-object ',
  ],
  [
    'groups, kinds and annotations that are nearly ours',
    {
      'a.yaml': SELF_SIGNED.replace('cert-manager.io', 'certmanager.io'),
      'b.yaml': SELF_SIGNED.replace('kind: Issuer', 'kind: Isssuer'),
      'c.yaml': SELF_SIGNED.replace(
        'namespace: web',
        'namespace: web, annotations: {certops.dev/suspend: "x"}',
      ),
      'd.yaml': SELF_SIGNED.replace(
        'namespace: web',
        'namespace: web, annotations: {certop.dev/suspend: "x"}',
      ).replace('name: le', 'name: d'),
    },
    'a.yaml:1:13 warning near-miss apiVersion',
    'b.yaml:2:7 warning near-miss kind',
    'c.yaml:3:73 warning no-effect metadata.annotations[certops.dev/suspend]',
    'd.yaml:3:71 warning near-miss metadata.annotations[certop.dev/suspend]',
  ],
];

for (const [name, files, ...expected] of CASES) {
  test(`tells ${name}`, () => {
    const findings = lint(files);

    assert.deepEqual(lines(findings), expected);
  });
}

test('says which annotation was meant', () => {
  const [finding] = lint({
    'a.yaml': WWW.replace('namespace: web', 'namespace: web, annotations: {certops.dev/suspnd: x}'),
  });

  assert.equal(finding?.rule, 'unknown-field');
  assert.match(finding?.message ?? '', /did you mean "certops\.dev\/suspend"/);
});

test('names the object of every finding, in strings', () => {
  const [finding] = lint({ 'a.yaml': WWW });

  const { kind, namespace, name } = finding ?? {};
  assert.deepEqual([kind, namespace, name], ['Certificate', 'web', 'www']);
});

test('every rule that a finding of these tests names is described', () => {
  const told = new Set(CASES.flatMap(([, files]) => lint(files).map(({ rule }) => rule)));

  assert.ok(told.size > 15);
  assert.deepEqual(
    [...told].filter((rule) => !Object.hasOwn(LINT_RULES, rule)),
    [],
  );
});

const settings = { ...DEFAULT_SETTINGS, paths: ['teams'], exclude: ['**/skip/**', 'teams/*.tmpl.yaml'] };
const PATHS: readonly (readonly [path: string, is: boolean])[] = [
  ['teams/a.yaml', true],
  ['teams/x/y/a.yml', true],
  ['teams/a.json', false],
  ['teamsters/a.yaml', false],
  ['a.yaml', false],
  ['teams/.hidden/a.yaml', false],
  ['teams/.a.yaml', false],
  ['teams/x/skip/y/a.yaml', false],
  ['teams/a.tmpl.yaml', false],
  ['secrets/web/a.yaml', false],
];

for (const [path, is] of PATHS) {
  test(`${is ? 'looks' : 'does not look'} into ${path}`, () => {
    assert.equal(isManifestPath(path, settings), is);
  });
}
