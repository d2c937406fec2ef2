import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ManifestFile } from '../../../src/api/manifest.ts';
import { readManifestFile } from '../../../src/api/read-manifests.ts';
import { type Tenancy, type TenancyRule, tenancyFault, withinTenancy } from '../../../src/api/tenancy.ts';
import { problemLines } from './problem-text.ts';

const NONE: Tenancy = [];
const WEB: TenancyRule = {
  path: 'teams/web/**',
  namespaces: ['web', 'web-*'],
  kinds: ['Certificate', 'Issuer', 'Secret'],
};
const SHOP: TenancyRule = { path: 'teams/shop/*.yaml', namespaces: ['shop'], kinds: ['Certificate'] };
const PLATFORM: TenancyRule = { path: 'platform/**', namespaces: ['*'], kinds: ['Secret', 'Certificate'] };
const CLUSTER: TenancyRule = { path: 'platform/**', namespaces: [], kinds: ['ClusterIssuer'] };
const RULES: Tenancy = [WEB, SHOP, PLATFORM, CLUSTER];

const DECISIONS: readonly (readonly [
  name: string,
  path: string,
  kind: string,
  namespace: string,
  field: 'allowed' | 'kind' | 'metadata.namespace',
  who?: string,
])[] = [
  ['its own namespace', 'teams/web/www.yaml', 'Certificate', 'web', 'allowed'],
  ['its own namespace, deeper', 'teams/web/a/b/www.yaml', 'Certificate', 'web', 'allowed'],
  ['a namespace by glob', 'teams/web/www.yaml', 'Issuer', 'web-staging', 'allowed'],
  [
    'a namespace that only begins alike',
    'teams/web/x.yaml',
    'Issuer',
    'webshop',
    'metadata.namespace',
    'no rule lets any file do so',
  ],
  [
    'another tenant’s namespace',
    'teams/web/x.yaml',
    'Certificate',
    'shop',
    'metadata.namespace',
    'teams/shop/*.yaml and platform/** may',
  ],
  ['a kind that is not its own', 'teams/shop/x.yaml', 'Secret', 'shop', 'kind', 'platform/** may'],
  [
    'a file deeper than its glob',
    'teams/shop/a/x.yaml',
    'Certificate',
    'shop',
    'metadata.namespace',
    'teams/shop/*.yaml',
  ],
  [
    'a folder that only begins alike',
    'teams/webby/x.yaml',
    'Certificate',
    'web',
    'metadata.namespace',
    'teams/web/** and platform/** may',
  ],
  ['a path that no rule names', 'x.yaml', 'Certificate', 'web', 'metadata.namespace', 'teams/web/**'],
  [
    'another case of its path',
    'Teams/web/x.yaml',
    'Certificate',
    'web',
    'metadata.namespace',
    'teams/web/**',
  ],
  ['every namespace', 'platform/x.yaml', 'Certificate', 'shop', 'allowed'],
  ['a ClusterIssuer, which has no namespace', 'platform/x.yaml', 'ClusterIssuer', '', 'allowed'],
  ['a ClusterIssuer of a tenant', 'teams/web/x.yaml', 'ClusterIssuer', '', 'kind', 'platform/** may'],
  [
    'a policy that no rule names',
    'platform/x.yaml',
    'CertificateRequestPolicy',
    '',
    'kind',
    'no rule lets any file do so',
  ],
  ['settings in another file', 'platform/x.yaml', 'Repository', '', 'kind', 'no rule'],
];

describe('tenancy', () => {
  for (const [name, path, kind, namespace, field, who = ''] of DECISIONS) {
    it(`decides about ${name}`, () => {
      const fault = tenancyFault({ repository: RULES, floor: NONE }, path, kind, namespace);

      assert.equal(fault?.field ?? 'allowed', field);
      assert.ok(fault === undefined || fault.detail.includes(who), fault?.detail);
    });
  }

  it('without rules every file may declare everything', () => {
    assert.equal(tenancyFault({ repository: NONE, floor: NONE }, 'x.yaml', 'ClusterIssuer', ''), undefined);
  });

  it('the operator’s floor and the repository must both allow', () => {
    const everything: Tenancy = [{ path: '**', namespaces: ['*'], kinds: ['Certificate', 'ClusterIssuer'] }];
    const ask = (repository: Tenancy, floor: Tenancy, path: string) =>
      tenancyFault({ repository, floor }, path, 'Certificate', 'web')?.detail;

    assert.equal(ask(everything, [WEB], 'teams/web/x.yaml'), undefined);
    assert.match(
      ask(everything, [WEB], 'x.yaml') ?? '',
      /^tenancy in the configuration of the daemon .*teams\/web/,
    );
    assert.match(ask([WEB], everything, 'x.yaml') ?? '', /^spec\.tenancy of certops\.yaml /);
    assert.match(ask(NONE, [WEB], 'x.yaml') ?? '', /^tenancy in the configuration/);
  });

  it('a file keeps what it may declare, and what it may not is an error at its field', () => {
    const text = [
      'apiVersion: cert-manager.io/v1',
      'kind: Certificate',
      'metadata: {name: www, namespace: web}',
      'spec: {secretName: x, dnsNames: [a.example], issuerRef: {name: ca}}',
      '---',
      'apiVersion: cert-manager.io/v1',
      'kind: Certificate',
      'metadata: {name: stolen, namespace: shop}',
      'spec: {secretName: x, dnsNames: [a.example], issuerRef: {name: ca}}',
      '---',
      'apiVersion: cert-manager.io/v1',
      'kind: ClusterIssuer',
      'metadata: {name: everybody}',
      'spec: {selfSigned: {}}',
      '',
    ].join('\n');
    const read: ManifestFile = readManifestFile(Buffer.from(text));

    const { objects, problems, isReadable } = withinTenancy(
      read,
      'teams/web/x.yaml',
      { repository: RULES, floor: NONE },
      (document, field) => (document === 1 ? { line: 8, column: field.length } : undefined),
    );

    assert.deepEqual(
      objects.map(({ object }) => object.name.name),
      ['www'],
    );
    assert.deepEqual(
      problems.map(({ rule, severity, kind, name, field, position, document }) => [
        ...[rule, severity, kind, name?.name, field, position.line, position.column, document],
      ]),
      [
        ['tenancy', 'error', 'Certificate', 'stolen', 'metadata.namespace', 8, 2, 1],
        ['tenancy', 'error', 'ClusterIssuer', 'everybody', 'kind', 11, 1, 2],
      ],
    );
    assert.equal(isReadable, true);
    assert.match(
      problems[0]?.message ?? '',
      /^metadata\.namespace: Forbidden: .* a Certificate in namespace "shop"; teams\/shop/,
    );
  });
});

function repository(...rule: readonly string[]): string {
  return [
    'apiVersion: certops.dev/v1alpha1',
    'kind: Repository',
    'metadata: {name: certificates}',
    'spec:',
    '  tenancy:',
    ...rule.map((line) => `    ${line}`),
    '',
  ].join('\n');
}

const [PATH, SPACES, KINDS] = ['path: "a/**"', 'namespaces: [a]', 'kinds: [Secret]'];

const REFUSED: readonly (readonly [name: string, rule: string, problem: string, words: string])[] = [
  ['no path', `- {${SPACES}, ${KINDS}}`, '6:7 required spec.tenancy[0].path', 'Required'],
  ['an empty path', `- {path: "", ${SPACES}, ${KINDS}}`, '6:14 invalid-value spec.tenancy[0].path', 'empty'],
  ['a folder', `- {path: a/b, ${SPACES}, ${KINDS}}`, '6:14 invalid-value spec.tenancy[0].path', 'add "/**"'],
  [
    'a folder with a slash',
    `- {path: a/, ${SPACES}, ${KINDS}}`,
    '6:14 invalid-value spec.tenancy[0].path',
    '"/**"',
  ],
  [
    'a path that climbs',
    `- {path: ../**, ${SPACES}, ${KINDS}}`,
    '6:14 invalid-value spec.tenancy[0].path',
    '".."',
  ],
  [
    'an absolute path',
    `- {path: /a/**, ${SPACES}, ${KINDS}}`,
    '6:14 invalid-value spec.tenancy[0].path',
    'relative',
  ],
  [
    'a backslash',
    `- {path: 'a\\**', ${SPACES}, ${KINDS}}`,
    '6:14 invalid-value spec.tenancy[0].path',
    'backslashes',
  ],
  [
    'a path of 1,100 bytes',
    `- {path: ${'a'.repeat(1100)}*, ${SPACES}, ${KINDS}}`,
    '6:14 invalid-value spec.tenancy[0].path',
    'Too long',
  ],
  ['no kinds', `- {${PATH}, ${SPACES}}`, '6:7 required spec.tenancy[0].kinds', 'Required'],
  [
    'an empty list of kinds',
    `- {${PATH}, ${SPACES}, kinds: []}`,
    '6:46 required spec.tenancy[0].kinds',
    'at least one kind',
  ],
  [
    'a misspelt kind',
    `- {${PATH}, ${SPACES}, kinds: [Certifcate]}`,
    '6:47 invalid-value spec.tenancy[0].kinds[0]',
    'Unsupported value',
  ],
  [
    'no namespaces',
    `- {${PATH}, ${KINDS}}`,
    '6:7 required spec.tenancy[0].namespaces',
    'at least one namespace',
  ],
  [
    'a namespace that nothing can have',
    `- {${PATH}, namespaces: [Web], ${KINDS}}`,
    '6:35 invalid-value spec.tenancy[0].namespaces[0]',
    'must be a namespace',
  ],
  [
    'an unknown member',
    `- {${PATH}, ${SPACES}, ${KINDS}, deny: true}`,
    '6:56 unknown-field spec.tenancy[0].deny',
    'unknown field',
  ],
  ['a text', 'teams/**', '5:12 invalid-value spec.tenancy', 'must be of type array'],
];

describe('rules of certops.yaml', () => {
  for (const [name, rule, problem, words] of REFUSED) {
    it(`refuses ${name} where it stands`, () => {
      const lines = problemLines(
        rule.startsWith('-') ? repository(rule) : repository().replace('tenancy:', `tenancy: ${rule}`),
      );

      assert.equal(lines.length, 1, lines.join('\n'));
      assert.equal(lines[0]?.split(' | ')[0], problem);
      assert.ok(lines[0]?.includes(words), lines[0]);
    });
  }

  it('takes what the contract shows, and a ClusterIssuer’s rule without namespaces', () => {
    const lines = problemLines(
      repository(
        '- {path: "teams/web/**", namespaces: [web, "web-*"], kinds: [Certificate, Issuer, Secret]}',
        '- {path: "platform/*.yaml", kinds: [ClusterIssuer, CertificateRequestPolicy]}',
        '- {path: one.yaml, namespaces: ["*"], kinds: [Ingress, Gateway]}',
      ),
    );

    assert.deepEqual(lines, []);
  });
});
