import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { concernedBy } from '../../../src/policy/changes.ts';
import { type BrokenPolicy, judge, policySet } from '../../../src/policy/judge.ts';
import { requestOf } from '../../../src/policy/request.ts';
import { RuleRunner } from '../../../src/policy/rule-runner.ts';
import { matchesWildcard } from '../../../src/policy/wildcard.ts';
import { certificateIn, policiesIn, policyText, verdictOf } from './judging.ts';

const runner = new RuleRunner();
after(() => runner.close());

const USAGES = 'usages: [digital signature, key encipherment]';
const ALLOWS_ALL = policyText(
  'allowed: {dnsNames: {values: ["*"]}, usages: [digital signature, key encipherment]}',
);

/** approver-policy's own examples (docs/examples), where they are not about RBAC. */
const DENY_ALL = policyText('allowed: {dnsNames: {values: [], required: true}}');
const EXAMPLE_COM = policyText(
  'allowed:',
  '  commonName: {value: "example.com"}',
  '  dnsNames: {values: ["example.com", "*.example.com"]}',
  '  usages: ["server auth"]',
  'constraints: {privateKey: {algorithm: RSA, minSize: 2048}}',
  'selector: {issuerRef: {name: letsencrypt-prod, kind: Issuer, group: cert-manager.io}}',
);
const ALLOW_ALL = policyText(
  'allowed:',
  '  commonName: {value: "*"}',
  ...['dnsNames', 'ipAddresses', 'uris', 'emailAddresses'].map((name) => `  ${name}: {values: ["*"]}`),
  '  isCA: true',
  '  usages: [signing, digital signature, key encipherment, cert sign, crl sign, server auth, client auth, code signing]',
  '  subject:',
  ...[
    'organizations',
    'countries',
    'organizationalUnits',
    'localities',
    'provinces',
    'streetAddresses',
    'postalCodes',
  ].map((name) => `    ${name}: {values: ["*"]}`),
  '    serialNumber: {value: "*"}',
);
const ALL_OPTIONS = policyText(
  'allowed:',
  '  commonName: {required: true, value: "example.com", validations: [{rule: "self.endsWith(\'.com\')"}]}',
  '  dnsNames: {values: [example.com, "*.example.com"], validations: [{rule: self.size() <= 24, message: too long}]}',
  `  ipAddresses: {values: ["*"], validations: [{rule: 'self.matches("\\\\d+\\\\.\\\\d+\\\\.\\\\d+\\\\.\\\\d+")', message: no IPv4}]}`,
  '  uris:',
  '    values: ["spiffe://example.org/ns/*/sa/*"]',
  '    validations:',
  "      - rule: self.startsWith('spiffe://%s/ns/%s/sa/'.format(['example.org',cr.namespace]))",
  '        message: not bound to request namespace',
  '  usages: [server auth, client auth]',
  '  subject: {organizations: {values: ["*"], validations: []}, otherAttributes: [{oid: 1.2.840.113549.1.9.1, values: ["*@example.com"]}]}',
  'constraints: {minDuration: 1h, maxDuration: 24h, privateKey: {algorithm: RSA, minSize: 2048, maxSize: 4096}}',
  'selector: {issuerRef: {name: "my-ca-*", kind: "*Issuer", group: cert-manager.io}}',
);
const MY_CA = [
  'issuerRef: {name: my-ca-1}',
  'usages: [server auth]',
  'duration: 24h',
  'commonName: example.com',
];
const PROD = ['issuerRef: {name: letsencrypt-prod}', 'usages: [server auth]'];

const EXAMPLES: readonly {
  readonly name: string;
  readonly policy: string;
  readonly asked: readonly string[];
  readonly kind: 'approved' | 'denied' | 'unapproved';
  readonly says: RegExp;
}[] = [
  {
    name: 'deny-all: names',
    policy: DENY_ALL,
    asked: ['dnsNames: [a.test]'],
    kind: 'denied',
    says: /dnsNames\.values/,
  },
  {
    name: 'deny-all: no names',
    policy: DENY_ALL,
    asked: ['commonName: a'],
    kind: 'denied',
    says: /dnsNames\.required: Required value: true/,
  },
  {
    name: 'example.com: its names',
    policy: EXAMPLE_COM,
    asked: [...PROD, 'commonName: example.com', 'dnsNames: [example.com, www.example.com]'],
    kind: 'approved',
    says: /^Approved by CertificateRequestPolicy: "p"$/,
  },
  {
    name: 'example.com: a wildcard',
    policy: EXAMPLE_COM,
    asked: [...PROD, 'dnsNames: ["*.example.com"]'],
    kind: 'approved',
    says: /p/,
  },
  {
    name: 'example.com: another name',
    policy: EXAMPLE_COM,
    asked: [...PROD, 'dnsNames: [example.com, example.org]'],
    kind: 'denied',
    says: /^No policy approved this request: \[p: spec\.allowed\.dnsNames\.values: Invalid value: \["example\.com","example\.org"\]: example\.com, \*\.example\.com\]$/,
  },
  {
    name: 'example.com: another key and name',
    policy: EXAMPLE_COM,
    asked: [...PROD, 'dnsNames: [a.test]', 'privateKey: {algorithm: ECDSA}'],
    kind: 'denied',
    says: /^No policy approved this request: \[p: \[spec\.allowed.*, spec\.constraints\.privateKey\.algorithm: Invalid value: "ECDSA": RSA, .*\]\]$/,
  },
  {
    name: 'example.com: another issuer',
    policy: EXAMPLE_COM,
    asked: ['dnsNames: [example.com]'],
    kind: 'unapproved',
    says: /^No CertificateRequestPolicies bound or applicable$/,
  },
  {
    name: 'example.com: a ClusterIssuer of the name',
    policy: EXAMPLE_COM,
    asked: ['issuerRef: {name: letsencrypt-prod, kind: ClusterIssuer}', 'dnsNames: [example.com]'],
    kind: 'unapproved',
    says: /applicable/,
  },
  {
    name: 'allow-all: everything it names',
    policy: ALLOW_ALL,
    asked: [
      'commonName: x',
      'dnsNames: [a.test]',
      'uris: ["x://y"]',
      'isCA: true',
      'subject: {organizations: [O]}',
    ],
    kind: 'approved',
    says: /p/,
  },
  {
    name: 'allow-all: what has no rule',
    policy: ALLOW_ALL,
    asked: ['dnsNames: [a.test]', 'otherNames: [{oid: 1.3.6.1.4.1.311.20.2.3, utf8Value: root@corp}]'],
    kind: 'denied',
    says: /spec\.allowed\.otherNames\[1\.3\.6\.1\.4\.1\.311\.20\.2\.3\]: Invalid value: \["root@corp"\]: no allowed value/,
  },
  {
    name: 'all-options: what it describes',
    policy: ALL_OPTIONS,
    asked: [
      ...MY_CA,
      'dnsNames: [www.example.com]',
      'ipAddresses: [10.0.0.1]',
      'uris: ["spiffe://example.org/ns/web/sa/x"]',
    ],
    kind: 'approved',
    says: /p/,
  },
  {
    name: 'all-options: another namespace’s identity',
    policy: ALL_OPTIONS,
    asked: [...MY_CA, 'uris: ["spiffe://example.org/ns/shop/sa/x"]'],
    kind: 'denied',
    says: /spec\.allowed\.uris\.validations\[0\]: Invalid value: "spiffe:\/\/example\.org\/ns\/shop\/sa\/x": not bound to request namespace/,
  },
  {
    name: 'all-options: IPv6',
    policy: ALL_OPTIONS,
    asked: [...MY_CA, 'ipAddresses: ["2001:DB8::1"]'],
    kind: 'denied',
    says: /ipAddresses\.validations\[0\]: Invalid value: "2001:db8::1": no IPv4/,
  },
  {
    name: 'all-options: a long name',
    policy: ALL_OPTIONS,
    asked: [...MY_CA, 'dnsNames: [a-very-long-name-indeed.example.com]'],
    kind: 'denied',
    says: /too long/,
  },
];

describe('approver-policy’s own examples', { concurrency: true }, () => {
  for (const { name, policy, asked, kind, says } of EXAMPLES) {
    test(name, async () => {
      const verdict = await verdictOf(policy, asked, { runner });

      assert.equal(verdict.kind, kind, verdict.message);
      assert.match(verdict.message, says);
    });
  }
});

describe('names that hide', { concurrency: true }, () => {
  const allowing = (...rules: readonly string[]) =>
    policyText(
      'allowed:',
      ...['dnsNames: {values: ["*.tenant.test"]}', USAGES, ...rules].map((line) => `  ${line}`),
    );
  const dns = 'dnsNames: [a.tenant.test]';
  const cases: readonly (readonly [
    name: string,
    policy: string,
    asked: readonly string[],
    isAcme: boolean,
    says: RegExp | undefined,
  ])[] = [
    [
      'two common names of which one is allowed',
      allowing('commonName: {value: "*.tenant.test"}'),
      [dns, 'literalSubject: "CN=kubernetes-admin,CN=a.tenant.test"'],
      false,
      /commonName\.value: Invalid value: "kubernetes-admin"/,
    ],
    [
      'two common names that are allowed',
      allowing('commonName: {value: "*.tenant.test"}'),
      [dns, 'literalSubject: "CN=a.tenant.test,CN=b.tenant.test"'],
      false,
      undefined,
    ],
    [
      'an attribute without a field',
      allowing('commonName: {value: "*.tenant.test"}'),
      [dns, 'literalSubject: "CN=a.tenant.test,DC=corp"'],
      false,
      /subject\.otherAttributes\[0\.9\.2342\.19200300\.100\.1\.25\]: Invalid value: \["corp"\]/,
    ],
    [
      'an organization in a literal subject',
      allowing(),
      [dns, 'literalSubject: "O=system:masters"'],
      false,
      /subject\.organizations: Invalid value: \["system:masters"\]/,
    ],
    [
      'an organization beside an allowed one',
      allowing('subject: {organizations: {values: [dev]}}'),
      [dns, 'commonName: ""', 'literalSubject: "O=dev+O=system:masters"'],
      false,
      /organizations\.values: Invalid value/,
    ],
    [
      'a common name that an ACME CA makes an alternative name of',
      allowing('commonName: {value: "*"}'),
      [dns, 'commonName: evil.test'],
      true,
      /dnsNames\.values: Invalid value: \["evil\.test","a\.tenant\.test"\]/,
    ],
    [
      'the same at an issuer that does not',
      allowing('commonName: {value: "*"}'),
      [dns, 'commonName: evil.test'],
      false,
      undefined,
    ],
    [
      'name constraints where no CA is allowed',
      allowing(),
      [dns, 'isCA: true', 'nameConstraints: {permitted: {dnsDomains: [x]}}'],
      false,
      /spec\.allowed\.isCA: Invalid value: "nameConstraints"/,
    ],
    [
      'name constraints of a CA',
      allowing('isCA: true'),
      [dns, 'isCA: true', 'nameConstraints: {permitted: {dnsDomains: [x]}}'],
      false,
      undefined,
    ],
    [
      'a wildcard name where the pattern has letters',
      policyText('allowed:', '  dnsNames: {values: ["a.tenant.test"]}', `  ${USAGES}`),
      ['dnsNames: ["*.tenant.test"]'],
      false,
      /dnsNames\.values/,
    ],
  ];
  for (const [name, policy, asked, isAcme, says] of cases) {
    test(name, async () => {
      const verdict = await verdictOf(policy, asked, { runner, isAcme });

      assert.equal(verdict.kind, says === undefined ? 'approved' : 'denied', verdict.message);
      if (says !== undefined) assert.match(verdict.message, says);
    });
  }
});

describe('several policies', () => {
  const dns = ['dnsNames: [a.test]'];
  const named = (text: string, name: string) => text.replace('{name: p}', `{name: ${name}}`);

  test('one that passes is enough, whatever the others say', async () => {
    const verdict = await verdictOf(`${named(DENY_ALL, 'a')}---\n${named(ALLOWS_ALL, 'b')}`, dns, { runner });

    assert.deepEqual(verdict, {
      kind: 'approved',
      reason: 'policy.cert-manager.io',
      message: 'Approved by CertificateRequestPolicy: "b"',
    });
  });

  test('without any, requests are approved as cert-manager does', async () => {
    const { verdict } = await judge(
      policySet([], []),
      requestOf(certificateIn(dns), { revision: 1, isAcme: false }),
      runner,
    );

    assert.deepEqual(verdict, {
      kind: 'approved',
      reason: 'cert-manager.io',
      message: 'Certificate request has been approved by cert-manager.io',
    });
  });

  test('all that is against a request is told, in the order of the policies', async () => {
    const verdict = await verdictOf(
      `${named(DENY_ALL, 'b')}---\n${named(EXAMPLE_COM, 'c')}---\n${named(DENY_ALL, 'a')}`,
      dns,
      { runner },
    );

    assert.match(verdict.message, /^No policy approved this request: \[a: .*\] \[b: .*\]$/);
  });

  const selected: readonly (readonly [name: string, selector: string, isSelected: boolean])[] = [
    ['every issuer', '{issuerRef: {}}', true],
    ['every namespace', '{namespace: {}}', true],
    ['a name', '{issuerRef: {name: ca}}', true],
    ['another name', '{issuerRef: {name: ca-2}}', false],
    ['names by wildcard', '{issuerRef: {name: "c*"}}', true],
    ['a kind', '{issuerRef: {kind: ClusterIssuer}}', false],
    ['a group', '{issuerRef: {group: "*.io"}}', true],
    ['a namespace', '{namespace: {matchNames: [web]}}', true],
    ['namespaces by wildcard', '{namespace: {matchNames: [x, "w*"]}}', true],
    ['another namespace', '{namespace: {matchNames: [web-1]}}', false],
    ['the issuer, but another namespace', '{issuerRef: {name: ca}, namespace: {matchNames: [shop]}}', false],
  ];
  for (const [name, selector, isSelected] of selected) {
    test(`a selector of ${name}`, async () => {
      const verdict = await verdictOf(
        policyText(
          'allowed: {dnsNames: {values: ["*"]}, usages: [digital signature, key encipherment]}',
          `selector: ${selector}`,
        ),
        dns,
        { runner },
      );

      assert.equal(verdict.kind, isSelected ? 'approved' : 'unapproved');
    });
  }

  test('one that is broken approves nothing, forbids nothing, and keeps others from denying', async () => {
    const request = requestOf(certificateIn(dns), { revision: 1, isAcme: false });
    const [denying] = policiesIn(DENY_ALL);
    const [allowing] = policiesIn(ALLOWS_ALL);
    const [elsewhere] = policiesIn(policyText('selector: {issuerRef: {name: other}}'));
    assert.ok(denying && allowing && elsewhere);
    const broken: BrokenPolicy = { name: 'broken', why: 'x.yaml:1:1: it is broken' };
    const apart: BrokenPolicy = { ...broken, selector: elsewhere.spec.selector };
    const verdictBy = async (...set: Parameters<typeof policySet>) =>
      (await judge(policySet(...set), request, runner)).verdict;

    const alone = await verdictBy([], [broken]);
    const besideDenial = await verdictBy([denying], [broken]);
    const besideApproval = await verdictBy([allowing], [broken]);
    const forOthers = await verdictBy([denying], [apart]);
    const forOthersAlone = await verdictBy([], [apart]);

    assert.deepEqual(
      [alone, besideDenial, besideApproval, forOthers, forOthersAlone].map(({ kind }) => kind),
      ['unapproved', 'unapproved', 'approved', 'denied', 'unapproved'],
    );
    assert.match(
      besideDenial.message,
      /refusing to deny pending policy readiness: \[p: .*\] \[broken: x\.yaml:1:1: it is broken\]/,
    );
  });

  test('what a change concerns is whom the changed ones select, and everybody with the first and the last', () => {
    const [web] = policiesIn(policyText('selector: {namespace: {matchNames: [web]}}'));
    const [shop] = policiesIn(named(policyText('selector: {namespace: {matchNames: [shop]}}'), 'shop'));
    assert.ok(web && shop);
    const of = (namespace: string) => ({
      namespace,
      issuerRef: { name: 'ca', kind: 'Issuer', group: 'cert-manager.io' },
    });
    const [none, one, both] = [policySet([], []), policySet([web], []), policySet([web, shop], [])];

    const concerned = [
      concernedBy(one, both),
      concernedBy(both, one),
      concernedBy(none, one),
      concernedBy(both, none),
      concernedBy(both, both),
    ].map((isConcerned) => ['web', 'shop'].filter((namespace) => isConcerned(of(namespace))));

    assert.deepEqual(concerned, [['shop'], ['shop'], ['web', 'shop'], ['web', 'shop'], []]);
  });
});

test('wildcards match as approver-policy’s do, and in time that does not explode', () => {
  const cases: readonly (readonly [pattern: string, text: string, isMatch: boolean])[] = [
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['*foo', 'foo', true],
    ['*foo', 'bar-foo', true],
    ['foo*', 'foobar', true],
    ['foo', 'foobar', false],
    ['*a*b', 'xaxxb', true],
    ['*a*b', 'xbxxa', false],
    ['a**b', 'ab', true],
    ['*.example.com', 'example.com', false],
    ['*.example.com', 'a.b.example.com', true],
    ['a.c', 'abc', false],
    ['[a]', 'a', false],
  ];
  assert.deepEqual(
    cases.filter(([pattern, text, isMatch]) => matchesWildcard(pattern, text) !== isMatch),
    [],
  );

  const startedAt = performance.now();
  assert.equal(matchesWildcard(`${'*a'.repeat(30)}b`, 'a'.repeat(4000)), false);
  assert.ok(performance.now() - startedAt < 500);
});
