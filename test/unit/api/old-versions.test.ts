import assert from 'node:assert/strict';
import test from 'node:test';
import type { ManifestFile } from '../../../src/api/manifest.ts';
import { moderniseFile } from '../../../src/api/modernise-file.ts';
import { readManifestFile } from '../../../src/api/read-manifests.ts';

function read(text: string): ManifestFile {
  return readManifestFile(Buffer.from(text));
}

function fixed(text: string): string | undefined {
  const file = moderniseFile(Buffer.from(text));
  return file === undefined ? undefined : Buffer.from(file.bytes).toString('utf8');
}

/** Each before and after `certops lint --fix`, byte for byte. */
const FIXED: readonly (readonly [name: string, before: string, after: string])[] = [
  [
    'every old field of a Certificate, with comments, quotes and blank lines',
    `# who asked: web
---
apiVersion: cert-manager.io/v1alpha2 # old
kind: Certificate
metadata:
  name: www
spec:
  # as in the register of companies
  organization:
  - Example   # Ltd.
  - "Two"
  secretName: www-tls
  # large, on purpose
  keySize: 4096   # bits
  keyAlgorithm: rsa

  keyEncoding: "pkcs8"
  uriSANs: [ spiffe://x/y ] # for the mesh
  emailSANs:
    - a@b.example
  issuerRef: {name: ca}
# the end
`,
    `# who asked: web
---
apiVersion: cert-manager.io/v1 # old
kind: Certificate
metadata:
  name: www
spec:
  # as in the register of companies
  subject:
    organizations:
    - Example   # Ltd.
    - "Two"
  secretName: www-tls
  privateKey:
    algorithm: RSA
    # large, on purpose
    size: 4096   # bits
    encoding: "PKCS8"

  uris: [ spiffe://x/y ] # for the mesh
  emailAddresses:
    - a@b.example
  issuerRef: {name: ca}
# the end
`,
  ],
  [
    'a Certificate of v1alpha3 that has a privateKey already',
    `apiVersion: cert-manager.io/v1alpha3
kind: Certificate
metadata: {name: www}
spec:
  privateKey:
    rotationPolicy: Always # since 1.0
  keyAlgorithm: ecdsa
  keySize: 384
  secretName: www-tls
  dnsNames: [www.example.com]
  issuerRef: {name: ca}
`,
    `apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: www}
spec:
  privateKey:
    rotationPolicy: Always # since 1.0
    algorithm: ECDSA
    size: 384
  secretName: www-tls
  dnsNames: [www.example.com]
  issuerRef: {name: ca}
`,
  ],
  [
    'a Certificate on few lines',
    `apiVersion: cert-manager.io/v1alpha3
kind: Certificate
metadata: {name: www}
spec: {secretName: s, keyAlgorithm: ecdsa, keySize: 256, dnsNames: [a.example], issuerRef: {name: ca}}
`,
    `apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: www}
spec: {secretName: s, privateKey: {algorithm: ECDSA, size: 256}, dnsNames: [a.example], issuerRef: {name: ca}}
`,
  ],
  [
    'v1beta1, with CRLF line ends, a byte order mark and no last line end',
    '\ufeffapiVersion: cert-manager.io/v1beta1\r\nkind: Certificate\r\nmetadata: {name: www}\r\nspec:\r\n  secretName: s\r\n  issuerRef: {name: ca}\r\n  uriSANs: ["spiffe://a/b"]',
    '\ufeffapiVersion: cert-manager.io/v1\r\nkind: Certificate\r\nmetadata: {name: www}\r\nspec:\r\n  secretName: s\r\n  issuerRef: {name: ca}\r\n  uris: ["spiffe://a/b"]',
  ],
  [
    'only the old one of several documents',
    `apiVersion: v1
kind: ConfigMap
metadata: { name:   odd }
---
apiVersion: cert-manager.io/v1alpha2
kind: ClusterIssuer
metadata: {name: le}
spec:
  acme:
    server: https://acme.example.com/directory
    privateKeySecretRef: {name: le}
    solvers:
    - dns01:
        clouddns: # Google
          project: p
    - selector: {dnsZones: [b.example]}
      dns01: {acmedns: {host: h, accountSecretRef: {name: a, key: k}}}
...
`,
    `apiVersion: v1
kind: ConfigMap
metadata: { name:   odd }
---
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {name: le}
spec:
  acme:
    server: https://acme.example.com/directory
    privateKeySecretRef: {name: le}
    solvers:
    - dns01:
        cloudDNS: # Google
          project: p
    - selector: {dnsZones: [b.example]}
      dns01: {acmeDNS: {host: h, accountSecretRef: {name: a, key: k}}}
...
`,
  ],
  [
    'an issuer from before solvers, with HTTP-01 alone',
    `apiVersion: certmanager.k8s.io/v1alpha1
kind: Issuer
metadata: {name: le}
spec:
  acme:
    server: https://acme.example.com/directory
    http01: {}
    privateKeySecretRef:
      name: le
`,
    `apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: le}
spec:
  acme:
    server: https://acme.example.com/directory
    solvers:
      - http01:
          ingress: {}
    privateKeySecretRef:
      name: le
`,
  ],
  [
    'the annotation of a temporary certificate',
    `apiVersion: certmanager.k8s.io/v1alpha1
kind: Certificate
metadata:
  name: www
  annotations:
    certmanager.k8s.io/issue-temporary-certificate: "false"
spec: {secretName: s, issuerRef: {name: ca}, commonName: www}
`,
    `apiVersion: cert-manager.io/v1
kind: Certificate
metadata:
  name: www
  annotations:
    cert-manager.io/issue-temporary-certificate: "false"
spec: {secretName: s, issuerRef: {name: ca}, commonName: www}
`,
  ],
];

for (const [name, before, after] of FIXED) {
  test(`edits ${name}, and nothing else`, () => {
    assert.equal(fixed(before), after);
    assert.deepEqual(
      read(before).objects.map(({ object }) => ({ ...object, unserved: [] })),
      read(after).objects.map(({ object }) => ({ ...object, unserved: [] })),
    );
    assert.equal(fixed(after), undefined);
  });
}

test('reads an old Certificate as the new one that it would be, with a warning', () => {
  const { objects, problems } = read(FIXED[0]?.[1] ?? '');

  const [certificate] = objects.map(({ object }) => object);
  assert.ok(certificate?.kind === 'Certificate');
  assert.deepEqual(certificate.spec.privateKey, {
    algorithm: 'RSA',
    size: 4096,
    encoding: 'PKCS8',
    rotationPolicy: 'Always',
  });
  assert.deepEqual(certificate.spec.subject?.organizations, ['Example', 'Two']);
  assert.deepEqual(certificate.spec.uris, ['spiffe://x/y']);
  assert.deepEqual(
    problems.map(({ severity, rule, position }) => [severity, rule, position.line, position.column]),
    [['warning', 'deprecated-api-version', 3, 13]],
  );
  assert.match(problems[0]?.message ?? '', /spec\.keySize becomes spec\.privateKey\.size/);
});

const OLD_ACME = `apiVersion: certmanager.k8s.io/v1alpha1
kind: Certificate
metadata: {name: www}
spec:
  secretName: www-tls
  dnsNames: [www.example.com]
  issuerRef: {name: le}
  acme:
    config:
    - http01: {ingressClass: nginx}
      domains: [www.example.com]
`;

test('reads a Certificate with spec.acme without it, says what to do, and does not edit it', () => {
  const { objects, problems } = read(OLD_ACME);

  assert.equal(objects.length, 1);
  assert.equal(fixed(OLD_ACME), undefined);
  const told = problems.find(({ rule }) => rule === 'deprecated-field');
  assert.deepEqual([told?.severity, told?.field, told?.position.line], ['warning', 'spec.acme', 8]);
  assert.match(told?.message ?? '', /Give Issuer "le" a solver .*http01: \{ingress: \{class: nginx\}\}/);
});

/** Old manifests that stay as they are, each with the error that says why. */
const REFUSED: readonly (readonly [name: string, text: string, problem: string])[] = [
  [
    'an issuer whose Certificates said which of two ways is for which name',
    `apiVersion: certmanager.k8s.io/v1alpha1
kind: Issuer
metadata: {name: le}
spec:
  acme:
    server: https://acme.example.com/directory
    privateKeySecretRef: {name: le}
    http01: {}
    dns01: {providers: [{name: prod, clouddns: {project: p}}]}
`,
    '8:13 deprecated-field spec.acme.http01',
  ],
  [
    'a field that v1alpha3 no longer had',
    `apiVersion: cert-manager.io/v1alpha3
kind: Certificate
metadata: {name: www}
spec: {secretName: s, organization: [x], commonName: www, issuerRef: {name: ca}}
`,
    '4:23 unknown-field spec.organization',
  ],
  [
    'a field said in the old way and in the new',
    `apiVersion: cert-manager.io/v1alpha3
kind: Certificate
metadata: {name: www}
spec: {secretName: s, keySize: 4096, privateKey: {size: 2048}, commonName: www, issuerRef: {name: ca}}
`,
    '4:23 unknown-field spec.keySize',
  ],
  [
    'a value that neither version has, where it stands',
    `apiVersion: cert-manager.io/v1alpha2
kind: Certificate
metadata: {name: www}
spec: {secretName: s, keyAlgorithm: dsa, commonName: www, issuerRef: {name: ca}}
`,
    '4:37 invalid-value spec.privateKey.algorithm',
  ],
  [
    'a version that never was',
    'apiVersion: cert-manager.io/v1alpha1\nkind: Certificate\nmetadata: {name: www}\n',
    '1:13 unknown-api-version apiVersion',
  ],
];

for (const [name, text, problem] of REFUSED) {
  test(`refuses ${name}`, () => {
    const errors = read(text).problems.filter(({ severity }) => severity === 'error');

    assert.deepEqual(
      errors.map(({ position, rule, field }) => `${position.line}:${position.column} ${rule} ${field}`),
      [problem],
    );
    assert.equal(read(text).objects.length, 0);
  });
}

/** What an edit would have to touch besides: left alone, because the text would mean something else. */
const LEFT_ALONE: readonly (readonly [name: string, spec: string])[] = [
  ['a value that another one stands for', 'spec:\n  keySize: &size 4096\n  revisionHistoryLimit: *size\n'],
  ['a member that comes by a merge key', 'spec:\n  <<: {keySize: 4096}\n'],
  ['a comment that would lose its place', 'spec:\n  privateKey: {algorithm: RSA}\n  keySize: 4096 # bits\n'],
];

for (const [name, spec] of LEFT_ALONE) {
  test(`does not edit ${name} into something else`, () => {
    const text = `apiVersion: cert-manager.io/v1alpha2\nkind: Certificate\nmetadata: {name: www}\n${spec}  secretName: s\n  commonName: www\n  issuerRef: {name: ca}\n`;
    const before = read(text).objects.map(({ object }) => object);

    const after = fixed(text);

    assert.equal(before.length, 1);
    if (after !== undefined) {
      assert.deepEqual(
        read(after).objects.map(({ object }) => object),
        before,
      );
      assert.equal(after.match(/#/g)?.length, text.match(/#/g)?.length);
    }
  });
}
