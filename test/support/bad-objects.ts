import type { BadFile } from './bad-batch.ts';
import { selfSigned } from './offline-scenario.ts';
import { certificate } from './scenario.ts';

/** A Certificate that was good before these lines came into its spec. */
function spec(name: string, lint: string, ...lines: readonly string[]): BadFile {
  const content = selfSigned(name, lines.map((line) => `  ${line}\n`).join(''));
  return { name, content, lint: `* ${lint}`, before: selfSigned(name) };
}

/** A Certificate that was good before it asked for these names. */
function names(name: string, lint: string, ...dnsNames: readonly string[]): BadFile {
  return { name, content: selfSigned(name, '', [...dnsNames]), lint: `* ${lint}`, before: selfSigned(name) };
}

/** A Certificate that was good before its key was asked for like this. */
function key(name: string, lint: string, ...lines: readonly string[]): BadFile {
  const before = selfSigned(name);
  const content = before.replace('    algorithm: ECDSA\n', lines.map((line) => `    ${line}\n`).join(''));
  return { name, content, lint: `* ${lint}`, before };
}

const FIRST = 'invalid-value spec.dnsNames[0]';

/** The row "Certificate" of what is refused by itself; a new one is a line. */
export const BAD_CERTIFICATES: readonly BadFile[] = [
  names('no-name', 'invalid-value spec'),
  spec('common-name-65', 'invalid-value spec.commonName', `commonName: ${'a'.repeat(65)}`),
  names('international', FIRST, 'bücher.example.com'),
  names('punycode', FIRST, 'xn--0.example.com'),
  names('trailing-dot', FIRST, 'www.example.com.'),
  names('long-label', FIRST, `${'a'.repeat(64)}.example.com`),
  names('long-name', FIRST, `${'a.'.repeat(124)}example.com`),
  names(
    'names-1001',
    'invalid-value spec.dnsNames',
    ...Array.from({ length: 1001 }, (_, i) => `n${i}.example.com`),
  ),
  names('duplicates', 'invalid-value spec.dnsNames[1]', 'a.example.com', 'A.example.com'),
  names('star', FIRST, '*'),
  names('star-in-the-middle', FIRST, 'a.*.example.com'),
  names('star-over-a-tld', FIRST, '*.com'),
  names('ip-as-dns-name', FIRST, '192.0.2.1'),
  names('ipv6-as-dns-name', FIRST, '2001:db8::1'),
  spec('dns-name-as-ip', 'invalid-value spec.ipAddresses[0]', 'ipAddresses: [www.example.com]'),
  names('port', FIRST, 'www.example.com:443'),
  names('url', FIRST, 'https://www.example.com'),
  names('underscore', FIRST, 'a_b.example.com'),
  names('bidirectional', FIRST, 'a\u202eb.example.com'),
  spec('days', 'invalid-value spec.duration', 'duration: 90d'),
  spec('negative-duration', 'invalid-value spec.duration', 'duration: -24h'),
  spec('huge-duration', 'invalid-value spec.duration', 'duration: 99999999h'),
  spec('renew-at-once', 'invalid-value spec.renewBefore', 'duration: 24h', 'renewBefore: 24h'),
  spec('renew-before-it-began', 'invalid-value spec.renewBefore', 'duration: 24h', 'renewBefore: 48h'),
  spec('both-renewals', 'invalid-value spec.renewBefore', 'renewBefore: 24h', 'renewBeforePercentage: 20'),
  spec('unknown-usage', 'invalid-value spec.usages[1]', 'usages: [signing, browsing]'),
  key('rsa-1024', 'invalid-value spec.privateKey.size', 'algorithm: RSA', 'size: 1024'),
  key('rsa-16384', 'invalid-value spec.privateKey.size', 'algorithm: RSA', 'size: 16384'),
  key('ecdsa-255', 'invalid-value spec.privateKey.size', 'algorithm: ECDSA', 'size: 255'),
  key('dsa', 'invalid-value spec.privateKey.algorithm', 'algorithm: DSA'),
  spec('jks', 'invalid-value spec.keystores.jks', 'keystores: {jks: {create: true}}'),
];

/** An Issuer `web/<name>` with this spec. */
function issuer(name: string, lint: string, ...lines: readonly string[]): BadFile {
  const head = `apiVersion: cert-manager.io/v1\nkind: Issuer\nmetadata: {name: ${name}, namespace: web}\nspec:\n`;
  return { name, content: `${head}${lines.map((line) => `  ${line}\n`).join('')}`, lint: `* ${lint}` };
}

/** An ACME issuer's spec with this server and these solvers. */
function acme(server: string, ...solvers: readonly string[]): readonly string[] {
  return [
    'acme:',
    `  server: ${server}`,
    '  privateKeySecretRef: {name: account}',
    ...(solvers.length === 0 ? [] : ['  solvers:', ...solvers.map((line) => `    ${line}`)]),
  ];
}

const SERVER = 'https://acme.example.com/directory';
const TSIG =
  '{nameserver: "192.0.2.53", tsigKeyName: k, tsigSecretSecretRef: {name: tsig, key: key}, tsigAlgorithm: HMACMD4}';

/** The row "Issuer" of what is refused by itself; a new one is a line. */
export const BAD_ISSUERS: readonly BadFile[] = [
  issuer('two-types', 'invalid-value spec.selfSigned', 'ca: {secretName: ca}', 'selfSigned: {}'),
  issuer('no-type', 'required spec', '{}'),
  issuer('plain-http', 'invalid-value spec.acme.server', ...acme('http://acme.example.com/directory')),
  issuer('local-file', 'invalid-value spec.acme.server', ...acme('file:///etc/passwd')),
  issuer(
    'both-challenges',
    'invalid-value spec.acme.solvers[0]',
    ...acme(SERVER, '- http01: {ingress: {}}', `  dns01: {cloudDNS: {project: p}}`),
  ),
  issuer(
    'tsig-algorithm',
    'invalid-value spec.acme.solvers[0].dns01.rfc2136.tsigAlgorithm',
    ...acme(SERVER, `- dns01: {rfc2136: ${TSIG}}`),
  ),
  issuer(
    'vault-climbs',
    'invalid-value spec.vault.path',
    'vault: {server: "https://v.example", path: pki/../sign/x, auth: {tokenSecretRef: {name: x}}}',
  ),
  issuer('ca-climbs', 'invalid-value spec.ca.secretName', 'ca: {secretName: ../x}'),
];

/** An ACME issuer with HTTP-01 alone, whose server answers nobody. */
export const ABSENT_CA: BadFile = {
  ...issuer('absent-ca', '', ...acme('https://127.0.0.1:1/directory', '- http01: {ingress: {}}')),
  lint: '',
  pass: /^Issuer web\/absent-ca: /m,
};

/** What only the issuer makes wrong; a new one is a line. */
export const BAD_FOR_ACME: readonly BadFile[] = [
  forAcme('wildcard-by-http', '* wildcard-needs-dns01 spec.dnsNames[0]', ['*.example.com']),
  forAcme('ca-from-acme', '* acme-unsupported spec.isCA', ['ca.example.com'], '  isCA: true\n'),
];

function forAcme(name: string, lint: string, dnsNames: readonly string[], more = ''): BadFile {
  const content = certificate({ name, dnsNames, issuer: `Issuer/absent-ca`, spec: more });
  return { name, content, lint, pass: new RegExp(`^Certificate web/${name}: `, 'm') };
}
