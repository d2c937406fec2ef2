import assert from 'node:assert/strict';
import test from 'node:test';
import { acmeIssuerWith, problemLines } from './problem-text.ts';

const CA = ['apiVersion: cert-manager.io/v1', 'kind: Issuer', 'metadata: {name: ca}', 'spec:'];
const REPOSITORY = ['apiVersion: certops.dev/v1alpha1', 'kind: Repository', 'metadata: {name: r}', 'spec:'];

function issuer(...lines: readonly string[]): string {
  return [...CA, ...lines, ''].join('\n');
}

function repository(...lines: readonly string[]): string {
  return [...REPOSITORY, ...lines, ''].join('\n');
}

const ACME = acmeIssuerWith();

const CASES: readonly (readonly [name: string, text: string, problem: string, words: string])[] = [
  ['an issuer without a type', issuer('  {}'), '5:3 required spec', 'at least one issuer must be configured'],
  [
    'an issuer of two types',
    issuer('  selfSigned: {}', '  ca: {secretName: x}'),
    '5:15 invalid-value spec.selfSigned',
    'more than one issuer type',
  ],
  [
    'an issuer of an unknown type',
    issuer('  selfsigned: {}'),
    '5:3 unknown-field spec.selfsigned',
    'unknown field',
  ],
  [
    'an issuer whose status would stand where an account key does',
    issuer('  selfSigned: {}').replace(/name: \w+/, 'name: le.key'),
    '3:18 invalid-value metadata.name',
    'must not end in ".key"',
  ],
  ['a CA without a Secret', issuer('  ca: {}'), '5:3 required spec.ca.secretName', 'Required value'],
  [
    'a CA whose Secret climbs',
    issuer('  ca: {secretName: ../x}'),
    '5:20 invalid-value spec.ca.secretName',
    'RFC 1123',
  ],
  [
    'a CRL that is no URL',
    issuer('  ca:', '    secretName: x', '    crlDistributionPoints: [nowhere]'),
    '7:29 invalid-value spec.ca.crlDistributionPoints[0]',
    'valid URL',
  ],
  [
    'ACME over plain http',
    ACME.replace('https:', 'http:'),
    '6:13 invalid-value spec.acme.server',
    'https URL',
  ],
  [
    'ACME from a file',
    ACME.replace('https://', 'file:///'),
    '6:13 invalid-value spec.acme.server',
    'https URL',
  ],
  [
    'ACME at a host that only begins like loopback',
    ACME.replace('https://acme.example.com', 'http://127.0.0.1.example.com'),
    '6:13 invalid-value spec.acme.server',
    'https URL',
  ],
  [
    'ACME with a password in the URL',
    ACME.replace('https://', 'https://a:b@'),
    '6:13 invalid-value spec.acme.server',
    'password',
  ],
  [
    'ACME without a server',
    ACME.replace(/ {4}server.*\n/, ''),
    '5:3 required spec.acme.server',
    'Required value',
  ],
  [
    'ACME without an account key',
    ACME.replace(/ {4}privateKey.*\n/, ''),
    '5:3 required spec.acme.privateKeySecretRef',
    'Required value',
  ],
  [
    'a caBundle that is not base64',
    acmeIssuerWith('caBundle: "-----BEGIN"'),
    '8:15 invalid-value spec.acme.caBundle',
    'base64',
  ],
  [
    'a caBundle without certificates',
    acmeIssuerWith(`caBundle: ${Buffer.from('hello').toString('base64')}`),
    '8:15 invalid-value spec.acme.caBundle',
    'PEM certificates',
  ],
  [
    'a caBundle with a broken certificate',
    acmeIssuerWith(
      `caBundle: ${Buffer.from('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n').toString('base64')}`,
    ),
    '8:15 invalid-value spec.acme.caBundle',
    'certificate 1',
  ],
  [
    'a solver of no type',
    acmeIssuerWith('solvers:', '- selector: {}'),
    '9:7 required spec.acme.solvers[0]',
    'no solver type configured',
  ],
  [
    'a solver of both types',
    acmeIssuerWith(
      'solvers:',
      '- http01: {ingress: {}}',
      '  dns01: {digitalocean: {tokenSecretRef: {name: x}}}',
    ),
    '9:7 invalid-value spec.acme.solvers[0]',
    'more than one solver type',
  ],
  [
    'an http01 without a way',
    acmeIssuerWith('solvers:', '- http01: {}'),
    '9:15 required spec.acme.solvers[0].http01',
    'no HTTP01 solver type',
  ],
  [
    'two DNS providers',
    acmeIssuerWith(
      'solvers:',
      '- dns01:',
      '    digitalocean: {tokenSecretRef: {name: x}}',
      '    cloudflare: {apiTokenSecretRef: {name: x, key: token}}',
    ),
    '10:23 invalid-value spec.acme.solvers[0].dns01.digitalocean',
    'more than one provider',
  ],
  [
    'an unknown TSIG algorithm',
    acmeIssuerWith('solvers:', '- dns01:', '    rfc2136: {nameserver: "192.0.2.1", tsigAlgorithm: HMACMD4}'),
    '10:59 invalid-value spec.acme.solvers[0].dns01.rfc2136.tsigAlgorithm',
    'Unsupported value',
  ],
  [
    'a selector with a bad name',
    acmeIssuerWith('solvers:', '- http01: {ingress: {}}', '  selector: {dnsNames: [a_b.example]}'),
    '10:29 invalid-value spec.acme.solvers[0].selector.dnsNames[0]',
    'underscores',
  ],
  [
    'a negative wait',
    acmeIssuerWith('solvers:', '- http01: {ingress: {}}', '  waitInsteadOfSelfCheck: -5s'),
    '10:31 invalid-value spec.acme.solvers[0].waitInsteadOfSelfCheck',
    'negative',
  ],
  [
    'a preferred chain of 65 bytes',
    acmeIssuerWith(`preferredChain: ${'a'.repeat(65)}`),
    '8:21 invalid-value spec.acme.preferredChain',
    'Too long',
  ],
  [
    'an e-mail address that adds a header',
    acmeIssuerWith('email: "a@b.example?cc=c@d.example"'),
    '8:12 invalid-value spec.acme.email',
    'bare email',
  ],
  [
    'a Vault path that climbs',
    issuer(
      '  vault:',
      '    server: https://v.example',
      '    path: pki/../sign/x',
      '    auth: {tokenSecretRef: {name: x}}',
    ),
    '7:11 invalid-value spec.vault.path',
    "'..' path segments",
  ],
  [
    'an output folder that climbs',
    repository('  output: {secrets: ../x}'),
    '5:21 invalid-value spec.output.secrets',
    '".."',
  ],
  [
    'an absolute output folder',
    repository('  output: {status: /x}'),
    '5:20 invalid-value spec.output.status',
    'relative',
  ],
  [
    'output folders within each other',
    repository('  output: {status: secrets/status}'),
    '5:20 invalid-value spec.output.status',
    'apart',
  ],
  [
    'another output branch',
    repository('  output: {branch: out}'),
    '5:20 not-served spec.output.branch',
    'Not served yet',
  ],
  [
    'the ingress shim',
    repository('  ingressShim: true'),
    '5:16 not-served spec.ingressShim',
    'Not served yet',
  ],
  [
    'a confirmation of nothing',
    repository('  confirmed: [abc]'),
    '5:15 invalid-value spec.confirmed[0]',
    'must be the id of a plan',
  ],
  [
    'a negative number of pull requests',
    repository('  pullRequests: {maxOpen: -1}'),
    '5:27 invalid-value spec.pullRequests.maxOpen',
    'must be from 0 to 1000',
  ],
  [
    'a label of two lines',
    repository('  pullRequests: {labels: ["a\\nb"]}'),
    '5:27 invalid-value spec.pullRequests.labels[0]',
    'must be one line of 1 to 100 characters',
  ],
  [
    'a trailer of two lines',
    repository('  commit: {trailer: "a\\nb"}'),
    '5:21 invalid-value spec.commit.trailer',
    'one line',
  ],
  [
    'a committer with an angle bracket',
    repository('  commit: {name: "a <b"}'),
    '5:18 invalid-value spec.commit.name',
    '< and >',
  ],
  ['an unknown setting', repository('  prune: true'), '5:3 unknown-field spec.prune', 'unknown field'],
  [
    'a policy without a spec',
    'apiVersion: policy.cert-manager.io/v1alpha1\nkind: CertificateRequestPolicy\nmetadata: {name: p}\n',
    '1:1 required spec',
    'Required value',
  ],
];

for (const [name, text, problem, words] of CASES) {
  test(`refuses ${name} where it stands`, () => {
    const lines = problemLines(text).filter((line) => !line.includes(' no-effect '));

    assert.equal(lines.length, 1, lines.join('\n'));
    assert.equal(lines[0]?.split(' | ')[0], problem);
    assert.ok(lines[0]?.includes(words), lines[0]);
  });
}

test('refuses caBundle together with skipTLSVerify at both', () => {
  const lines = problemLines(acmeIssuerWith('skipTLSVerify: true', 'caBundle: AAAA'));

  assert.deepEqual(
    lines.slice(0, 2).map((line) => line.split(' ')[2]),
    ['spec.acme.caBundle', 'spec.acme.skipTLSVerify'],
  );
});
