import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CAUSE_WORDS } from '../../../src/diagnosis/cause-words.ts';
import { ERROR_RULES } from '../../../src/diagnosis/error-rules.ts';
import { CONTEXT, diagnose, failure, gist, SETUP } from './failures.ts';

const source = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../src');

/** Every code of the rooms that an attempt can fail in, but for a CA's problems and beginnings of codes. */
function codesInSource(): readonly string[] {
  const codes = readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.startsWith('diagnosis'))
    .flatMap((file) => [
      ...readFileSync(path.join(source, file), 'utf8').matchAll(
        /'(?<code>(?:solvers|sops|issuers|pki|acme|reconcile)\.[a-z][a-z0-9-]*[a-z0-9])'/g,
      ),
    ])
    .map(({ groups }) => groups?.code ?? '');
  // Pull requests and their review fail beside attempts, not in them.
  return [...new Set(codes)].filter((code) => !/^reconcile\.(?:proposal|review)-/.test(code));
}

test('every error that an attempt can end in has a diagnosis', () => {
  const codes = codesInSource();

  const silent = codes.filter((code) => !Object.hasOwn(ERROR_RULES, code));

  assert.ok(codes.length > 80);
  assert.deepEqual(silent, []);
});

const OF_SOLVER = 'environment solver ClusterIssuer';
const MANIFEST = 'manifest-invalid specification certificate Certificate';
const ISSUER = 'issuer-misconfigured specification issuer ClusterIssuer';
const AWAY = 'ca-unavailable time issuer ClusterIssuer';
const WAITS = 'ca-unavailable time certificate Certificate';
const CREDENTIAL = 'credential-missing specification issuer ClusterIssuer';
const WRONG = 'wrong-certificate specification certificate Certificate';
const RULES = 'sealing-rules-broken encryption repository File';
const SEALED = 'secret-unreadable encryption repository File';
const UNKNOWN = 'unknown environment certificate Certificate';
const PASSWORD = 'credential-missing specification certificate Certificate';
const ACCOUNT = 'account-unusable account issuer ClusterIssuer';

const GISTS: Readonly<Record<string, string>> = {
  'acme.answer-too-large': AWAY,
  'acme.bad-answer': AWAY,
  'acme.host-refused': ISSUER,
  'acme.no-key-change': ACCOUNT,
  'acme.order-unknown': WAITS,
  'acme.redirected': ISSUER,
  'acme.refused': AWAY,
  'acme.timed-out': AWAY,
  'acme.unreachable': AWAY,
  'acme.unsupported-account-key': ACCOUNT,
  'acme.url-refused': ISSUER,
  'config.no-account-key': CREDENTIAL,
  'issuers.account-deactivated': ACCOUNT,
  'issuers.account-gone': 'account-unusable time issuer ClusterIssuer',
  'issuers.budget-spent': 'rate-limited time certificate Certificate',
  'issuers.ca-busy': WAITS,
  'issuers.ca-key-pair': ISSUER,
  'issuers.ca-unavailable': AWAY,
  'issuers.contact-update-failed': ISSUER,
  'issuers.external-account-binding': 'account-binding-required account issuer ClusterIssuer',
  'issuers.no-challenge': 'no-challenge specification certificate Certificate',
  'issuers.no-identifiers': MANIFEST,
  'issuers.no-presenter': `presenter-unavailable ${OF_SOLVER}`,
  'issuers.no-solver': 'no-solver specification certificate Certificate',
  'issuers.order-gone': WAITS,
  'issuers.order-slow': WAITS,
  'issuers.order-taken': WAITS,
  'issuers.paused': 'paused account certificate Certificate',
  'issuers.profile-unknown': 'profile-unknown specification certificate Certificate',
  'issuers.registration-failed': ACCOUNT,
  'issuers.request-refused': 'request-refused specification certificate Certificate',
  'issuers.validation-failed': 'validation-failed environment certificate Certificate',
  'issuers.validation-interrupted': 'validation-failed environment certificate Certificate',
  'pki.bad-literal-subject': MANIFEST,
  'pki.broken-chain': WRONG,
  'pki.ca-key-mismatch': ISSUER,
  'pki.expired': WRONG,
  'pki.is-ca': WRONG,
  'pki.not-a-ca': ISSUER,
  'pki.not-yet-valid': WRONG,
  'pki.request-key-mismatch': UNKNOWN,
  'pki.unencodable-name': MANIFEST,
  'pki.unreadable-certificate': WRONG,
  'pki.unreadable-key': 'secret-unreadable encryption certificate Certificate',
  'pki.unreadable-request': UNKNOWN,
  'pki.unsupported-key': MANIFEST,
  'pki.wrong-key': WRONG,
  'pki.wrong-names': WRONG,
  'pki.wrong-signature-algorithm': MANIFEST,
  'reconcile.credential-ambiguous': CREDENTIAL,
  'reconcile.credential-incomplete': CREDENTIAL,
  'reconcile.credential-missing': CREDENTIAL,
  'reconcile.key-missing': 'secret-unreadable encryption certificate Certificate',
  'reconcile.keystore-password-ambiguous': PASSWORD,
  'reconcile.keystore-password-incomplete': PASSWORD,
  'reconcile.keystore-password-missing': PASSWORD,
  'reconcile.no-chain': WRONG,
  'reconcile.no-world': UNKNOWN,
  'reconcile.settings': 'manifest-invalid specification repository File',
  'reconcile.unvouched-outputs': UNKNOWN,
  'solvers.bad-token': WAITS,
  'solvers.cannot-listen': `presenter-unavailable ${OF_SOLVER}`,
  'solvers.dns-bad-answer': `dns-server-unreachable ${OF_SOLVER}`,
  'solvers.dns-bad-name': MANIFEST,
  'solvers.dns-bad-nameserver': 'issuer-misconfigured specification solver ClusterIssuer',
  'solvers.dns-cname-chain': 'dns-trouble environment certificate Certificate',
  'solvers.dns-cname-in-the-way': 'dns-trouble environment certificate Certificate',
  'solvers.dns-cname-loop': 'dns-trouble environment certificate Certificate',
  'solvers.dns-no-answer': `dns-server-unreachable ${OF_SOLVER}`,
  'solvers.dns-not-visible': 'dns-record-missing environment certificate Certificate',
  'solvers.dns-resolver-failed': `dns-trouble ${OF_SOLVER}`,
  'solvers.dns-server-refused': 'issuer-misconfigured specification solver ClusterIssuer',
  'solvers.dns-server-unknown': `dns-server-unreachable ${OF_SOLVER}`,
  'solvers.dns-update-refused': `dns-update-refused ${OF_SOLVER}`,
  'solvers.dns-zone-elsewhere': 'issuer-misconfigured specification solver ClusterIssuer',
  'solvers.dns-zone-not-found': 'dns-trouble environment certificate Certificate',
  'solvers.token-conflict': 'presenter-unavailable environment certificate Certificate',
  'solvers.too-many-tokens': 'presenter-unavailable time solver ClusterIssuer',
  'solvers.tsig-bad-secret': `dns-credential-refused ${OF_SOLVER}`,
  'solvers.tsig-bad-signature': `dns-credential-refused ${OF_SOLVER}`,
  'solvers.tsig-refused': `dns-credential-refused ${OF_SOLVER}`,
  'solvers.tsig-unknown-key': `dns-credential-refused ${OF_SOLVER}`,
  'solvers.tsig-unverified': `dns-credential-refused ${OF_SOLVER}`,
  'solvers.tsig-wrong-time': `dns-credential-refused ${OF_SOLVER}`,
  'solvers.webroot-unusable': `presenter-unavailable ${OF_SOLVER}`,
  'sops.cannot-open-own': 'no-recipient encryption repository File',
  'sops.clear-value': SEALED,
  'sops.identity-invalid': SEALED,
  'sops.identity-unreadable': SEALED,
  'sops.mac-mismatch': SEALED,
  'sops.mac-missing': SEALED,
  'sops.malformed': SEALED,
  'sops.no-identity': SEALED,
  'sops.no-recipient': 'no-recipient encryption repository File',
  'sops.no-rule': RULES,
  'sops.readers-disagree': SEALED,
  'sops.rule-unsupported': RULES,
  'sops.rules-missing': RULES,
  'sops.rules-unreadable': RULES,
  'sops.secret-invalid': SEALED,
  'sops.tampered': SEALED,
  'sops.unsupported': SEALED,
  'sops.wrong-object': SEALED,
};

describe('what an error of ours is', () => {
  for (const [code, expected] of Object.entries(GISTS)) {
    test(code, () => {
      assert.equal(gist(diagnose(failure(code))), expected);
    });
  }

  test('every rule stands in this table', () => {
    assert.deepEqual(Object.keys(ERROR_RULES).sort(), Object.keys(GISTS).sort());
  });

  test('where no Certificate was tried, nothing is one of a Certificate', () => {
    for (const code of Object.keys(GISTS))
      assert.notEqual(diagnose(failure(code), SETUP).scope, 'certificate');
  });

  test('a code that nobody knows is told all the same', () => {
    assert.equal(gist(diagnose(failure('worker.failed'))), UNKNOWN);
    assert.equal(gist(diagnose(failure('internal'))), UNKNOWN);
    assert.equal(gist(diagnose(failure('constructor'))), UNKNOWN);
    assert.equal(gist(diagnose(failure('sops.from-the-future'))), SEALED);
  });
});

describe('whose it is, where the attempt knows', () => {
  const cases = [
    { code: 'issuers.profile-unknown', expected: 'profile-unknown specification issuer ClusterIssuer' },
    { code: 'issuers.budget-spent', expected: 'rate-limited time issuer ClusterIssuer' },
    { code: 'solvers.dns-bad-name', expected: ISSUER },
  ];
  for (const { code, expected } of cases) {
    test(`${code} of the issuer`, () => {
      assert.equal(gist(diagnose(failure(code, { owner: 'issuer' }))), expected);
    });
  }
});

test('a broken Secret is one cause for all that need it, and a missing identity is one for everything', () => {
  const other = { ...CONTEXT, certificate: { namespace: 'shop', name: 'api' } };
  const ofFile = failure('sops.mac-mismatch', { secret: 'issuers/dns.yaml' });
  const ofAll = failure('sops.no-identity');

  assert.deepEqual(diagnose(ofFile).subject, { kind: 'File', namespace: '', name: 'issuers/dns.yaml' });
  assert.equal(diagnose(ofFile).key, diagnose(ofFile, other).key);
  assert.notEqual(diagnose(ofFile).key, diagnose({ ...ofFile, secret: 'issuers/eab.yaml' }).key);
  assert.deepEqual(diagnose(ofAll).subject, { kind: 'File', namespace: '', name: '.sops.yaml' });
  assert.equal(diagnose(ofAll).key, diagnose(ofAll, other).key);
});

test('all titles and sentences are ours, short, and say something', () => {
  const rules = Object.values(ERROR_RULES);
  const titles = [...Object.values(CAUSE_WORDS), ...rules].flatMap(({ title }) => title ?? []);
  const sentences = [
    ...Object.values(CAUSE_WORDS).flatMap(({ why, next, cures }) => [why, next, ...cures]),
    ...rules.flatMap(({ why, next }) => [why ?? [], next ?? []].flat()),
  ];

  for (const title of titles) assert.match(title, /^[A-Za-z.][^\n`<>@#]{8,70}(?<!\.)$/, title);
  for (const text of sentences) assert.match(text, /^(?:[A-Z]|certops)[^\n`<>@#]{10,260}[.]$/, text);
});
