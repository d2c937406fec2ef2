import assert from 'node:assert/strict';
import test from 'node:test';
import { readManifestFile } from '../../../src/api/read-manifests.ts';
import { certificateWith, problemLines } from './problem-text.ts';

const LONG_LABEL = 'a'.repeat(64);

/** Each is refused with exactly this one problem: position, rule, field, and a part of the message. */
const CASES: readonly (readonly [name: string, text: string, problem: string, words: string])[] = [
  [
    'an unknown field',
    certificateWith('organisation: [x]'),
    '8:3 unknown-field spec.organisation',
    'unknown field "spec.organisation"',
  ],
  [
    'an unknown nested field',
    certificateWith('privateKey:', '  algoritm: RSA'),
    '9:5 unknown-field spec.privateKey.algoritm',
    'unknown field',
  ],
  [
    'a number for a text',
    certificateWith('commonName: 12'),
    '8:15 invalid-value spec.commonName',
    'must be of type string: "integer"',
  ],
  [
    'a YAML 1.1 boolean for a text',
    certificateWith('commonName: NO'),
    '8:15 invalid-value spec.commonName',
    'must be of type string: "boolean"',
  ],
  [
    'an octal number for a text',
    certificateWith('commonName: 0777'),
    '8:15 invalid-value spec.commonName',
    'must be of type string',
  ],
  [
    'a text for a boolean',
    certificateWith('isCA: "true"'),
    '8:9 invalid-value spec.isCA',
    'must be of type boolean: "string"',
  ],
  [
    'a text for a list',
    certificateWith('dnsNames: a.example'),
    '8:13 invalid-value spec.dnsNames',
    'must be of type array: "string"',
  ],
  [
    'a fraction for an integer',
    certificateWith('renewBeforePercentage: 20.5'),
    '8:26 invalid-value spec.renewBeforePercentage',
    'must be of type integer: "number"',
  ],
  [
    'a common name of 65 bytes',
    certificateWith(`commonName: ${'a'.repeat(65)}`),
    '8:15 invalid-value spec.commonName',
    'spec.commonName: Too long: must have at most 64 bytes',
  ],
  [
    'a common name of 33 two-byte letters',
    certificateWith(`commonName: ${'ä'.repeat(33)}`),
    '8:15 invalid-value spec.commonName',
    'Too long',
  ],
  [
    'a common name that turns the writing direction',
    certificateWith('commonName: "a\\u202eb"'),
    '8:15 invalid-value spec.commonName',
    'writing direction',
  ],
  [
    'a subject with a line break',
    certificateWith('subject:', '  organizations: ["a\\nb"]'),
    '9:21 invalid-value spec.subject.organizations[0]',
    'control characters',
  ],
  [
    'a DNS name with a port',
    certificateWith('dnsNames: ["a.example:443"]'),
    '8:14 invalid-value spec.dnsNames[0]',
    'without a port',
  ],
  [
    'a URL for a DNS name',
    certificateWith('dnsNames: ["https://a.example"]'),
    '8:14 invalid-value spec.dnsNames[0]',
    'not a URL',
  ],
  [
    'an IPv4 address for a DNS name',
    certificateWith('dnsNames: [192.0.2.1]'),
    '8:14 invalid-value spec.dnsNames[0]',
    'ipAddresses',
  ],
  [
    'an IPv6 address for a DNS name',
    certificateWith('dnsNames: ["2001:db8::1"]'),
    '8:14 invalid-value spec.dnsNames[0]',
    'ipAddresses',
  ],
  [
    'a space in a DNS name',
    certificateWith('dnsNames: ["a b.example"]'),
    '8:14 invalid-value spec.dnsNames[0]',
    'letters, digits',
  ],
  [
    'an underscore in a DNS name',
    certificateWith('dnsNames: [a_b.example]'),
    '8:14 invalid-value spec.dnsNames[0]',
    'underscores',
  ],
  [
    'a trailing dot',
    certificateWith('dnsNames: [a.example.]'),
    '8:14 invalid-value spec.dnsNames[0]',
    'end with a dot',
  ],
  [
    'an empty label',
    certificateWith('dnsNames: [a..example]'),
    '8:14 invalid-value spec.dnsNames[0]',
    'empty labels',
  ],
  [
    'an empty DNS name',
    certificateWith('dnsNames: [""]'),
    '8:14 invalid-value spec.dnsNames[0]',
    'must not be empty',
  ],
  [
    'a label of 64 letters',
    certificateWith(`dnsNames: [${LONG_LABEL}.example]`),
    '8:14 invalid-value spec.dnsNames[0]',
    '63 characters',
  ],
  [
    'a name of 254 letters',
    certificateWith(`dnsNames: [${'abcdefg.'.repeat(31)}abcdef]`),
    '8:14 invalid-value spec.dnsNames[0]',
    '253 characters',
  ],
  [
    'a label that ends with a dash',
    certificateWith('dnsNames: [a-.example]'),
    '8:14 invalid-value spec.dnsNames[0]',
    'start and end',
  ],
  ['a lone star', certificateWith('dnsNames: ["*"]'), '8:14 invalid-value spec.dnsNames[0]', 'wildcard'],
  [
    'a star over a top-level domain',
    certificateWith('dnsNames: ["*.com"]'),
    '8:14 invalid-value spec.dnsNames[0]',
    'at least two labels',
  ],
  [
    'a star in the middle',
    certificateWith('dnsNames: ["a.*.example"]'),
    '8:14 invalid-value spec.dnsNames[0]',
    'whole first label',
  ],
  [
    'a star within a label',
    certificateWith('dnsNames: ["a*.b.example"]'),
    '8:14 invalid-value spec.dnsNames[0]',
    'whole first label',
  ],
  [
    'an international name',
    certificateWith('dnsNames: [bücher.example]'),
    '8:14 invalid-value spec.dnsNames[0]',
    'xn--bcher-kva.example',
  ],
  [
    'bad punycode',
    certificateWith('dnsNames: [xn--0.example]'),
    '8:14 invalid-value spec.dnsNames[0]',
    'punycode',
  ],
  [
    'a bidirectional mark in a DNS name',
    certificateWith('dnsNames: ["a\\u202e.example"]'),
    '8:14 invalid-value spec.dnsNames[0]',
    'ASCII',
  ],
  [
    'a name twice, but for case',
    certificateWith('dnsNames:', '- a.example', '- A.example'),
    '10:5 invalid-value spec.dnsNames[1]',
    'Duplicate value',
  ],
  [
    '1,001 names',
    certificateWith(`dnsNames: [${Array.from({ length: 1001 }, (_, i) => `a${i}.example`).join(', ')}]`),
    '8:13 invalid-value spec.dnsNames',
    'Too many: 1001',
  ],
  [
    'a DNS name for an IP address',
    certificateWith('ipAddresses: [a.example]'),
    '8:17 invalid-value spec.ipAddresses[0]',
    'invalid IP address',
  ],
  [
    'an IP address with a zone',
    certificateWith('ipAddresses: ["fe80::1%eth0"]'),
    '8:17 invalid-value spec.ipAddresses[0]',
    'invalid IP address',
  ],
  [
    'an IPv6 address twice, spelt differently',
    certificateWith('ipAddresses: ["2001:db8::1", "2001:db8:0::1"]'),
    '8:32 invalid-value spec.ipAddresses[1]',
    'Duplicate',
  ],
  [
    'an e-mail address with a name',
    certificateWith('emailAddresses: ["A <a@example.com>"]'),
    '8:20 invalid-value spec.emailAddresses[0]',
    'only contains the email address itself',
  ],
  [
    'a negative duration',
    certificateWith('duration: -2160h'),
    '8:13 invalid-value spec.duration',
    'must be greater than 1h0m0s',
  ],
  ['a duration in days', certificateWith('duration: 90d'), '8:13 invalid-value spec.duration', 'Go duration'],
  [
    'a duration of 59 minutes',
    certificateWith('duration: 59m'),
    '8:13 invalid-value spec.duration',
    'must be greater than 1h0m0s',
  ],
  [
    'a duration beyond an int64',
    certificateWith('duration: 9999999h'),
    '8:13 invalid-value spec.duration',
    'Go duration',
  ],
  [
    'a renewBefore as long as the duration',
    certificateWith('duration: 2h', 'renewBefore: 120m'),
    '9:16 invalid-value spec.renewBefore',
    'certificate duration 2h0m0s must be greater than renewBefore 2h0m0s',
  ],
  [
    'a renewBefore of 4 minutes',
    certificateWith('renewBefore: 4m'),
    '8:16 invalid-value spec.renewBefore',
    'greater than 5m0s',
  ],
  [
    'a percentage of 0',
    certificateWith('renewBeforePercentage: 0'),
    '8:26 invalid-value spec.renewBeforePercentage',
    'between 1 and 99',
  ],
  [
    'a percentage of 100',
    certificateWith('renewBeforePercentage: 100'),
    '8:26 invalid-value spec.renewBeforePercentage',
    'between 1 and 99',
  ],
  [
    'a percentage that leaves less than 5 minutes',
    certificateWith('duration: 1h', 'renewBeforePercentage: 8'),
    '9:26 invalid-value spec.renewBeforePercentage',
    'renewBefore greater than 5m0s',
  ],
  [
    'an unknown usage',
    certificateWith('usages:', '- server auth', '- browsing'),
    '10:5 invalid-value spec.usages[1]',
    'Unsupported value: "browsing"',
  ],
  [
    'an unknown key algorithm',
    certificateWith('privateKey: {algorithm: DSA}'),
    '8:27 invalid-value spec.privateKey.algorithm',
    'supported values: "RSA", "ECDSA", "Ed25519"',
  ],
  [
    'an RSA key of 1024 bits',
    certificateWith('privateKey: {size: 1024}'),
    '8:22 invalid-value spec.privateKey.size',
    'must be between 2048 and 8192',
  ],
  [
    'an RSA key of 16384 bits',
    certificateWith('privateKey: {size: 16384}'),
    '8:22 invalid-value spec.privateKey.size',
    'must be between 2048 and 8192',
  ],
  [
    'an EC key of 255 bits',
    certificateWith('privateKey:', '  algorithm: ECDSA', '  size: 255'),
    '10:11 invalid-value spec.privateKey.size',
    'supported values: "256", "384", "521"',
  ],
  [
    'an unknown encoding',
    certificateWith('privateKey: {encoding: PEM}'),
    '8:26 invalid-value spec.privateKey.encoding',
    '"PKCS1", "PKCS8"',
  ],
  [
    'an unknown rotation policy',
    certificateWith('privateKey: {rotationPolicy: Sometimes}'),
    '8:32 invalid-value spec.privateKey.rotationPolicy',
    '"Never", "Always"',
  ],
  [
    'a signature that the key cannot make',
    certificateWith('signatureAlgorithm: PureEd25519'),
    '8:23 invalid-value spec.signatureAlgorithm',
    'for key algorithm RSA',
  ],
  [
    'name constraints without a CA',
    certificateWith('nameConstraints: {permitted: {dnsDomains: [a]}}'),
    '8:20 invalid-value spec.nameConstraints',
    'isCa should be true',
  ],
  [
    'a JKS keystore without a password',
    certificateWith('keystores:', '  jks: {create: true}'),
    '9:10 invalid-value spec.keystores.jks',
    'exactly one of passwordSecretRef and password',
  ],
  [
    'a foreign annotation in the template',
    certificateWith('secretTemplate:', '  annotations: {cert-manager.io/common-name: x}'),
    '9:48 invalid-value spec.secretTemplate.annotations',
    'not allowed',
  ],
  [
    'a label value with a space',
    certificateWith('secretTemplate: {labels: {a: "b c"}}'),
    '8:32 invalid-value spec.secretTemplate.labels',
    'valid label',
  ],
  [
    'a history limit of 0',
    certificateWith('revisionHistoryLimit: 0'),
    '8:25 invalid-value spec.revisionHistoryLimit',
    'must not be less than 1',
  ],
  [
    'an output format twice',
    certificateWith('additionalOutputFormats: [{type: DER}, {type: DER}]'),
    '8:49 invalid-value spec.additionalOutputFormats[1].type',
    'Duplicate',
  ],
  [
    'a misspelt annotation of ours',
    certificateWith().replace('namespace: web', 'annotations: {certops.dev/supend: x}'),
    '3:37 unknown-field metadata.annotations[certops.dev/supend]',
    'unknown field',
  ],
  [
    'a renewal request that is no time',
    certificateWith().replace('namespace: web', 'annotations: {certops.dev/renew-requested-at: now}'),
    '3:69 invalid-value metadata.annotations[certops.dev/renew-requested-at]',
    'RFC 3339',
  ],
  [
    'no name of any kind',
    certificateWith().replace(/ {2}uris.*\n/, ''),
    '4:1 invalid-value spec',
    'spec: Invalid value: "": at least one of commonName',
  ],
  [
    'no secretName',
    certificateWith().replace(/ {2}secretName.*\n/, ''),
    '4:1 required spec.secretName',
    'spec.secretName: Required value',
  ],
  [
    'an empty secretName',
    certificateWith().replace('www-tls', '""'),
    '5:15 required spec.secretName',
    'Required value',
  ],
  [
    'a secretName that climbs',
    certificateWith().replace('www-tls', '../x'),
    '5:15 invalid-value spec.secretName',
    'RFC 1123 subdomain',
  ],
  [
    'a secretName with a slash',
    certificateWith().replace('www-tls', 'a/b'),
    '5:15 invalid-value spec.secretName',
    'RFC 1123 subdomain',
  ],
  [
    'a secretName in upper case',
    certificateWith().replace('www-tls', 'Www'),
    '5:15 invalid-value spec.secretName',
    'lower case',
  ],
  [
    'a secretName of kustomization',
    certificateWith().replace('www-tls', 'kustomization'),
    '5:15 invalid-value spec.secretName',
    'Kustomization',
  ],
  [
    'a secretName whose path is too long',
    certificateWith().replace('www-tls', 'a'.repeat(214)),
    '5:15 invalid-value spec.secretName',
    'at most 230 fit',
  ],
  [
    'a name whose path is too long',
    certificateWith().replace('name: www', `name: ${'a'.repeat(200)}`),
    '3:18 invalid-value metadata.name',
    'at most 230 fit',
  ],
  [
    'a name of 254 letters',
    certificateWith().replace('name: www', `name: ${'a'.repeat(254)}`),
    '3:18 invalid-value metadata.name',
    '253 bytes',
  ],
  [
    'a name that climbs',
    certificateWith().replace('name: www', 'name: ../www'),
    '3:18 invalid-value metadata.name',
    'RFC 1123 subdomain',
  ],
  [
    'a namespace with a dot',
    certificateWith().replace('namespace: web', 'namespace: a.b'),
    '3:34 invalid-value metadata.namespace',
    'RFC 1123 label',
  ],
  [
    'no name',
    certificateWith().replace('name: www, ', ''),
    '3:1 required metadata.name',
    'metadata.name: Required value',
  ],
  [
    'an unknown field of the metadata',
    certificateWith().replace('name: www', 'name: www, nmespace: x'),
    '3:23 unknown-field metadata.nmespace',
    'unknown field',
  ],
  [
    'an unknown field of the root',
    `${certificateWith()}data: {}\n`,
    '8:1 unknown-field data',
    'unknown field "data"',
  ],
  [
    'no issuer',
    certificateWith().replace(/ {2}issuerRef.*\n/, ''),
    '4:1 required spec.issuerRef',
    'Required value',
  ],
  [
    'an issuer without a name',
    certificateWith().replace('{name: ca}', '{kind: Issuer}'),
    '6:3 required spec.issuerRef.name',
    'Required value',
  ],
  [
    'an issuer of an unknown kind',
    certificateWith().replace('{name: ca}', '{name: ca, kind: Isuer}'),
    '6:31 invalid-value spec.issuerRef.kind',
    'must be one of Issuer or ClusterIssuer (did you forget',
  ],
  [
    'a literal subject with an unknown type',
    certificateWith('literalSubject: "FOO=x,CN=www"'),
    '8:19 invalid-value spec.literalSubject',
    'unrecognized key with value [x]',
  ],
  [
    'a literal subject that is no list of pairs',
    certificateWith('literalSubject: "www"'),
    '8:19 invalid-value spec.literalSubject',
    'no TYPE=value pair',
  ],
  [
    'a literal subject with a wrong escape',
    certificateWith('literalSubject: "CN=a\\\\zb"'),
    '8:19 invalid-value spec.literalSubject',
    'escaped wrongly',
  ],
  [
    'a common name of 65 bytes in a literal subject',
    certificateWith(`literalSubject: "O=x,CN=${'a'.repeat(65)}"`),
    '4:1 invalid-value spec.commonName',
    'Too long',
  ],
  [
    'a literal subject beside a common name',
    certificateWith('literalSubject: "CN=www"', 'commonName: www'),
    '9:15 invalid-value spec.commonName',
    'no `commonName` may be provided',
  ],
  [
    'a renewal without a policy',
    certificateWith('renewal: {}'),
    '8:3 invalid-value spec.renewal.policy',
    'Unsupported value',
  ],
  [
    'windows for a renewal that is disabled',
    certificateWith('renewal: {policy: Disabled, windows: [{cron: "0 2 * * 6", windowDuration: 2h}]}'),
    '8:40 invalid-value spec.renewal.windows',
    'windows cannot be set',
  ],
  [
    'a window of no length',
    certificateWith('renewal: {policy: RenewBefore, windows: [{cron: "0 2 * * 6", windowDuration: 0s}]}'),
    '8:80 invalid-value spec.renewal.windows[0].windowDuration',
    'greater than 0',
  ],
  [
    'a window by a cron expression of six fields',
    certificateWith('renewal: {policy: RenewBefore, windows: [{cron: "0 0 2 * * 6", windowDuration: 2h}]}'),
    '8:51 invalid-value spec.renewal.windows[0].cron',
    'invalid cron syntax',
  ],
  [
    'more windows than anybody needs',
    certificateWith(
      `renewal: {policy: RenewBefore, windows: [${Array(101).fill('{cron: "0 2 * * 6", windowDuration: 2h}').join(', ')}]}`,
    ),
    '8:43 invalid-value spec.renewal.windows',
    'Too many: 101',
  ],
  [
    'a window in a time zone that is none',
    certificateWith(
      'renewal: {policy: RenewBefore, windows: [{cron: "0 2 * * 6", windowDuration: 2h, timezone: Mars/Base}]}',
    ),
    '8:94 invalid-value spec.renewal.windows[0].timezone',
    'IANA',
  ],
  [
    'an apiVersion from the future',
    certificateWith().replace('io/v1', 'io/v9'),
    '1:13 unknown-api-version apiVersion',
    'write cert-manager.io/v1',
  ],
  [
    'a misspelt group',
    certificateWith().replace('cert-manager.io/v1', 'cert-manger.io/v1'),
    '1:13 near-miss apiVersion',
    'nearly a group',
  ],
  [
    'a misspelt kind',
    certificateWith().replace('kind: Certificate', 'kind: Certficate'),
    '2:7 near-miss kind',
    'did you mean Certificate?',
  ],
];

for (const [name, text, problem, words] of CASES) {
  test(`refuses ${name} where it stands`, () => {
    const lines = problemLines(text);

    assert.equal(lines.length, 1, lines.join('\n'));
    assert.equal(lines[0]?.split(' | ')[0], problem);
    assert.ok(lines[0]?.includes(words), lines[0]);
    assert.equal(readManifestFile(new TextEncoder().encode(text)).objects.length, 0);
  });
}

test('refuses renewBefore together with its percentage at both', () => {
  const lines = problemLines(certificateWith('renewBefore: 24h', 'renewBeforePercentage: 20'));

  assert.deepEqual(
    lines.map((line) => line.split(' | ')[0]),
    ['8:16 invalid-value spec.renewBefore', '9:26 invalid-value spec.renewBeforePercentage'],
  );
});

test('tells every mistake of one document at once', () => {
  const lines = problemLines(
    certificateWith('dnsNames: [a_b.example]', 'duration: 1m', 'privateKey: {size: 1}'),
  );

  assert.deepEqual(
    lines.map((line) => line.split(' ')[2]),
    ['spec.dnsNames[0]', 'spec.duration', 'spec.privateKey.size'],
  );
});

test('a document whose name cannot be told makes the file unreadable', () => {
  const unnamed = readManifestFile(new TextEncoder().encode(certificateWith().replace('name: www, ', '')));
  const invalid = readManifestFile(new TextEncoder().encode(certificateWith('duration: 1m')));

  assert.equal(unnamed.isReadable, false);
  assert.equal(invalid.isReadable, true);
  assert.deepEqual(invalid.problems[0]?.name, { namespace: 'web', name: 'www' });
  assert.equal(invalid.problems[0]?.kind, 'Certificate');
});
