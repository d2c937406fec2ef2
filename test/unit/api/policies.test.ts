import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { manifestJsonSchema } from '../../../src/api/json-schema.ts';
import { readManifestFile } from '../../../src/api/read-manifests.ts';

function read(...spec: readonly string[]) {
  const text = `apiVersion: policy.cert-manager.io/v1alpha1
kind: CertificateRequestPolicy
metadata:
  name: p
spec:
${spec.map((line) => `  ${line}\n`).join('')}`;
  return readManifestFile(Buffer.from(text));
}

const SELECTOR = 'selector: {issuerRef: {}}';

const INVALID: readonly (readonly [name: string, spec: readonly string[], field: string, says: RegExp])[] = [
  ['no selector', ['allowed: {}'], 'spec.selector', /Required value/],
  ['an empty selector', ['selector: {}'], 'spec.selector', /one of issuerRef or namespace must be defined/],
  [
    'an unknown field',
    [SELECTOR, 'allowed: {dnsName: {}}'],
    'spec.allowed.dnsName',
    /unknown field "spec\.allowed\.dnsName"/,
  ],
  [
    'values that are no list',
    [SELECTOR, 'allowed: {dnsNames: {values: x}}'],
    'spec.allowed.dnsNames.values',
    /must be of type array/,
  ],
  [
    'a usage that there is not',
    [SELECTOR, 'allowed: {usages: ["*"]}'],
    'spec.allowed.usages[0]',
    /Unsupported value/,
  ],
  [
    'required without a value',
    [SELECTOR, 'allowed: {commonName: {required: true}}'],
    'spec.allowed.commonName.value',
    /at least one of 'value' or 'validations' must be defined if field is 'required'/,
  ],
  [
    'required without values',
    [SELECTOR, 'allowed: {subject: {countries: {required: true}}}'],
    'spec.allowed.subject.countries.values',
    /at least one of 'values' or 'validations'/,
  ],
  [
    'a rule twice',
    [SELECTOR, 'allowed: {uris: {validations: [{rule: "true"}, {rule: "true"}]}}'],
    'spec.allowed.uris.validations[1].rule',
    /Duplicate value/,
  ],
  [
    'a rule without text',
    [SELECTOR, 'allowed: {uris: {validations: [{rule: ""}]}}'],
    'spec.allowed.uris.validations[0].rule',
    /Required value/,
  ],
  [
    'a message of two lines',
    [SELECTOR, 'allowed: {uris: {validations: [{rule: "true", message: "a\\nb"}]}}'],
    'spec.allowed.uris.validations[0].message',
    /must not contain line breaks/,
  ],
  [
    'a word for an OID',
    [SELECTOR, 'allowed: {otherNames: [{oid: upn}]}'],
    'spec.allowed.otherNames[0].oid',
    /dotted object identifier/,
  ],
  [
    'an OID twice',
    [SELECTOR, 'allowed: {subject: {otherAttributes: [{oid: 1.2.3}, {oid: 1.2.3}]}}'],
    'spec.allowed.subject.otherAttributes[1].oid',
    /Duplicate value/,
  ],
  [
    'a duration in days',
    [SELECTOR, 'constraints: {maxDuration: 90d}'],
    'spec.constraints.maxDuration',
    /must be a duration/,
  ],
  [
    'a negative duration',
    [SELECTOR, 'constraints: {minDuration: -1h}'],
    'spec.constraints.minDuration',
    /greater or equal to 0/,
  ],
  [
    'durations the wrong way round',
    [SELECTOR, 'constraints: {minDuration: 2h, maxDuration: 1h}'],
    'spec.constraints.maxDuration',
    /maxDuration must be the same value as minDuration or larger/,
  ],
  [
    'sizes the wrong way round',
    [SELECTOR, 'constraints: {privateKey: {minSize: 2, maxSize: 1}}'],
    'spec.constraints.privateKey.maxSize',
    /maxSize must be the same value as minSize or larger/,
  ],
  [
    'a size out of range',
    [SELECTOR, 'constraints: {privateKey: {minSize: 9000}}'],
    'spec.constraints.privateKey.minSize',
    /between 0 and 8192/,
  ],
  [
    'a size for Ed25519',
    [SELECTOR, 'constraints: {privateKey: {algorithm: Ed25519, minSize: 1}}'],
    'spec.constraints.privateKey.minSize',
    /cannot be defined with algorithm constraint Ed25519/,
  ],
  [
    'another algorithm',
    [SELECTOR, 'constraints: {privateKey: {algorithm: DSA}}'],
    'spec.constraints.privateKey.algorithm',
    /Unsupported value/,
  ],
];

describe('invalid policies', () => {
  for (const [name, spec, field, says] of INVALID) {
    test(name, () => {
      const { objects, problems } = read(...spec);

      const [problem] = problems;
      assert.equal(objects.length, 0);
      assert.equal(problem?.field, field);
      assert.match(problem.message, says);
      assert.equal(problem.kind, 'CertificateRequestPolicy');
    });
  }
});

test('a policy has no namespace, and says where its expressions stand', () => {
  const { objects, problems } = read(
    SELECTOR,
    'allowed:',
    '  dnsNames:',
    '    validations:',
    '      - message: no wildcards',
    '        rule: "!self.contains(\'*\')"',
  );

  const policy = objects[0]?.object;
  assert.deepEqual(problems, []);
  assert.ok(policy?.kind === 'CertificateRequestPolicy');
  assert.deepEqual(policy.name, { namespace: '', name: 'p' });
  assert.deepEqual(policy.rules, [
    { field: 'spec.allowed.dnsNames.validations[0]', rule: "!self.contains('*')", line: 11, column: 17 },
  ]);
});

test('plugins and labels of namespaces are told with their places, since nothing acts on them', () => {
  const { objects, problems } = read(
    'plugins: {rego: {values: {x: text}}}',
    'selector: {namespace: {matchLabels: {team: web}}}',
  );

  const policy = objects[0]?.object;
  assert.deepEqual(problems, []);
  assert.ok(policy?.kind === 'CertificateRequestPolicy');
  assert.deepEqual(
    policy.unserved.map(({ field, line }) => `${field}:${line}`),
    ['spec.plugins.rego:6', 'spec.selector.namespace.matchLabels:7'],
  );
});

test('another version of the group is an error', () => {
  const { problems } = readManifestFile(
    Buffer.from(
      'apiVersion: policy.cert-manager.io/v1beta1\nkind: CertificateRequestPolicy\nmetadata: {name: p}\n',
    ),
  );

  assert.deepEqual(
    problems.map(({ rule }) => rule),
    ['unknown-kind'],
  );
});

test('a file that cannot be read says whether it may hide policies', () => {
  const policy = 'apiVersion: policy.cert-manager.io/v1alpha1\n<<<<<<< ours\nkind: x\n';
  const certificate = 'apiVersion: cert-manager.io/v1\n<<<<<<< ours\nkind: x\n';

  const hidden = [policy, certificate].map((text) => readManifestFile(Buffer.from(text)).hidesPolicies);
  const wide = readManifestFile(Buffer.from(`\ufeff${policy}`, 'utf16le')).hidesPolicies;

  assert.deepEqual([...hidden, wide], [true, undefined, true]);
});

test('editors get its schema', () => {
  const schema = JSON.stringify(manifestJsonSchema('CertificateRequestPolicy'));

  assert.match(schema, /"validations"/);
  assert.match(schema, /policy\.cert-manager\.io\/v1alpha1/);
});
