import assert from 'node:assert/strict';
import test from 'node:test';
import type { Issuer } from '../../../src/api/issuer.ts';
import type { ManifestObject } from '../../../src/api/manifest.ts';
import { mayDeclareManifests, readManifestFile } from '../../../src/api/read-manifests.ts';
import { acmeIssuerWith, certificateWith, problemLines } from './problem-text.ts';

function read(text: string): readonly ManifestObject[] {
  const file = readManifestFile(new TextEncoder().encode(text));
  const errors = file.problems.filter(({ severity }) => severity === 'error');
  assert.deepEqual(errors, []);
  assert.equal(file.isReadable, true);
  return file.objects.map(({ object }) => object);
}

type ObjectOf<K> =
  Extract<ManifestObject, { readonly kind: K }> extends never
    ? Issuer
    : Extract<ManifestObject, { readonly kind: K }>;

function only<const K extends ManifestObject['kind']>(text: string, kind: K): ObjectOf<K> {
  const [object, ...others] = read(text);
  assert.equal(others.length, 0);
  assert.equal(object?.kind, kind);
  // The assertion above is the proof that the type system cannot follow.
  return object as ObjectOf<K>;
}

// The example of cert-manager's documentation ("Certificate resource"), 1.21.
const DOCUMENTED_CERTIFICATE = `apiVersion: cert-manager.io/v1
kind: Certificate
metadata:
  name: example-com
  namespace: sandbox
spec:
  # Secret names are always required.
  secretName: example-com-tls
  secretTemplate:
    annotations:
      my-secret-annotation-1: "foo"
      my-secret-annotation-2: "bar"
    labels:
      my-secret-label: foo
  privateKey:
    algorithm: RSA
    encoding: PKCS1
    size: 2048
    rotationPolicy: Always
  isCA: false
  usages:
    - server auth
    - client auth
  subject:
    organizations:
      - cert-manager
  commonName: example.com
  dnsNames:
    - example.com
    - www.example.com
  emailAddresses:
    - team@example.com
  ipAddresses:
    - 192.168.0.5
  uris:
    - spiffe://cluster.local/ns/sandbox/sa/example
  duration: 2160h # 90d
  renewBefore: 360h # 15d
  issuerRef:
    name: ca-issuer
    kind: Issuer
    group: cert-manager.io
`;

test('reads the documented Certificate field by field', () => {
  const { spec, name, unserved } = only(DOCUMENTED_CERTIFICATE, 'Certificate');

  assert.deepEqual(name, { namespace: 'sandbox', name: 'example-com' });
  assert.deepEqual(unserved, []);
  assert.deepEqual(spec, {
    secretName: 'example-com-tls',
    issuerRef: { name: 'ca-issuer', kind: 'Issuer', group: 'cert-manager.io' },
    commonName: 'example.com',
    subject: {
      organizations: ['cert-manager'],
      countries: [],
      organizationalUnits: [],
      localities: [],
      provinces: [],
      streetAddresses: [],
      postalCodes: [],
    },
    dnsNames: ['example.com', 'www.example.com'],
    ipAddresses: ['192.168.0.5'],
    uris: ['spiffe://cluster.local/ns/sandbox/sa/example'],
    emailAddresses: ['team@example.com'],
    otherNames: [],
    durationMs: 2160 * 3_600_000,
    renewBeforeMs: 360 * 3_600_000,
    usages: ['server auth', 'client auth'],
    encodeUsagesInRequest: true,
    isCA: false,
    privateKey: { algorithm: 'RSA', size: 2048, encoding: 'PKCS1', rotationPolicy: 'Always' },
    secretTemplate: {
      annotations: { 'my-secret-annotation-1': 'foo', 'my-secret-annotation-2': 'bar' },
      labels: { 'my-secret-label': 'foo' },
    },
    keystores: {},
    additionalOutputFormats: [],
    revisionHistoryLimit: 1,
  });
});

test('applies the defaults of cert-manager', () => {
  const text =
    'apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: a}\n' +
    'spec: {secretName: a, issuerRef: {name: ca}, dnsNames: [A.Example]}\n';

  const { name, spec } = only(text, 'Certificate');

  assert.deepEqual(name, { namespace: 'default', name: 'a' });
  assert.deepEqual(spec, {
    secretName: 'a',
    issuerRef: { name: 'ca', kind: 'Issuer', group: 'cert-manager.io' },
    dnsNames: ['a.example'],
    ipAddresses: [],
    uris: [],
    emailAddresses: [],
    otherNames: [],
    usages: ['digital signature', 'key encipherment'],
    encodeUsagesInRequest: true,
    isCA: false,
    privateKey: { algorithm: 'RSA', size: 2048, encoding: 'PKCS1', rotationPolicy: 'Always' },
    keystores: {},
    additionalOutputFormats: [],
    revisionHistoryLimit: 1,
  });
});

test('a member that is null is absent, as in Kubernetes', () => {
  const { spec } = only(
    certificateWith('dnsNames:', 'privateKey: {size: null, algorithm: ECDSA}'),
    'Certificate',
  );

  assert.deepEqual(spec.dnsNames, []);
  assert.deepEqual([spec.privateKey.algorithm, spec.privateKey.size], ['ECDSA', 256]);
});

const UNSERVED: readonly (readonly [text: string, field: string, line: number, column: number])[] = [
  [
    certificateWith().replace('{name: ca}', '{name: ca, kind: AWSPCAIssuer, group: awspca.cert-manager.io}'),
    'spec.issuerRef.group',
    6,
    52,
  ],
];

for (const [text, field, line, column] of UNSERVED) {
  test(`names ${field} as valid and not served`, () => {
    const certificate = only(text, 'Certificate');

    const [unserved] = certificate.unserved;
    assert.equal(certificate.unserved.length, 1);
    assert.equal(unserved?.field, field);
    assert.deepEqual([unserved?.line, unserved?.column], [line, column]);
  });
}

test('a keystore that is not created is not asked for', () => {
  const { spec } = only(certificateWith('keystores: {jks: {create: false, password: x}}'), 'Certificate');

  assert.deepEqual(spec.keystores, {});
});

test('reads an ACME issuer whose solver was written for a cluster, and says what has no effect', () => {
  const text = acmeIssuerWith(
    'email: team@example.com',
    'solvers:',
    '- http01:',
    '    ingress:',
    '      ingressClassName: nginx',
    '      podTemplate: {spec: {nodeSelector: {kubernetes.io/os: linux}}}',
    '- selector: {dnsZones: [example.com], dnsNames: ["*.a.example"], matchLabels: {a: b}}',
    '  http01: {gatewayHTTPRoute: {parentRefs: [{kind: Gateway, name: g}]}}',
  );

  const { spec, unserved } = only(text, 'Issuer');

  assert.deepEqual(unserved, []);
  assert.deepEqual(spec, {
    type: 'acme',
    server: 'https://acme.example.com/directory',
    email: 'team@example.com',
    privateKeySecretRef: { name: 'le-account', key: 'tls.key' },
    disableAccountKeyGeneration: false,
    skipTLSVerify: false,
    enableDurationFeature: false,
    renewalInformationSource: 'ARI',
    solvers: [
      { type: 'http-01', selector: { dnsNames: [], dnsZones: [], matchLabels: {} } },
      {
        type: 'http-01',
        selector: { dnsNames: ['*.a.example'], dnsZones: ['example.com'], matchLabels: { a: 'b' } },
      },
    ],
  });
  assert.deepEqual(
    problemLines(text).map((line) => line.split(' | ')[0]),
    [
      '12:29 no-effect spec.acme.solvers[0].http01.ingress.ingressClassName',
      '13:24 no-effect spec.acme.solvers[0].http01.ingress.podTemplate',
      '15:47 no-effect spec.acme.solvers[1].http01.gatewayHTTPRoute.parentRefs',
    ],
  );
});

test('reads everything that an ACME issuer can say', () => {
  const text = acmeIssuerWith(
    'externalAccountBinding: {keyID: k, keySecretRef: {name: eab, key: secret}}',
    'skipTLSVerify: true',
    'preferredChain: ISRG Root X1',
    'profile: shortlived',
    'enableDurationFeature: true',
    'renewalInformationSource: None',
    'solvers:',
    '- waitInsteadOfSelfCheck: 90s',
    '  dns01:',
    '    cnameStrategy: Follow',
    '    nameservers: ["192.0.2.1:53", "https://dns.example/dns-query"]',
    '    rfc2136:',
    '      nameserver: "[2001:db8::1]:5353"',
    '      protocol: TCP',
    '      tsigKeyName: certops',
    '      tsigAlgorithm: hmacsha512',
    '      tsigSecretSecretRef: {name: tsig, key: secret}',
    '- dns01: {rfc2136: {nameserver: ns.example}}',
    '- dns01: {cnameStrategy: Follow, route53: {region: eu-west-1}}',
  );

  const { spec, unserved } = only(text, 'Issuer');

  const selector = { dnsNames: [], dnsZones: [], matchLabels: {} };
  assert.deepEqual(spec, {
    type: 'acme',
    server: 'https://acme.example.com/directory',
    privateKeySecretRef: { name: 'le-account', key: 'tls.key' },
    disableAccountKeyGeneration: false,
    externalAccountBinding: { keyID: 'k', keySecretRef: { name: 'eab', key: 'secret' } },
    skipTLSVerify: true,
    preferredChain: 'ISRG Root X1',
    enableDurationFeature: true,
    profile: 'shortlived',
    renewalInformationSource: 'None',
    solvers: [
      {
        type: 'dns-01',
        selector,
        waitInsteadOfSelfCheckMs: 90_000,
        cnameStrategy: 'Follow',
        nameservers: ['192.0.2.1:53', 'https://dns.example/dns-query'],
        provider: {
          type: 'rfc2136',
          nameserver: '[2001:db8::1]:5353',
          protocol: 'TCP',
          tsig: {
            keyName: 'certops',
            algorithm: 'HMACSHA512',
            secretRef: { name: 'tsig', key: 'secret' },
          },
        },
      },
      {
        type: 'dns-01',
        selector,
        cnameStrategy: 'None',
        nameservers: [],
        provider: { type: 'rfc2136', nameserver: 'ns.example', protocol: 'UDP' },
      },
    ],
  });
  assert.deepEqual(
    unserved.map(({ field, line }) => `${line} ${field}`),
    ['26 spec.acme.solvers[2].dns01.route53'],
  );
});

const OTHER_ISSUERS: readonly (readonly [
  name: string,
  spec: string,
  expected: unknown,
  unserved: readonly string[],
])[] = [
  ['selfSigned', '{selfSigned: {}}', { type: 'selfSigned', crlDistributionPoints: [] }, []],
  [
    'ca',
    '{ca: {secretName: root, ocspServers: ["http://ocsp.example"]}}',
    {
      type: 'ca',
      secretName: 'root',
      crlDistributionPoints: [],
      ocspServers: ['http://ocsp.example'],
      issuingCertificateURLs: [],
    },
    [],
  ],
  [
    'vault',
    '{vault: {server: "https://v", path: pki/sign/x, auth: {aws: {role: r, region: eu}}}}',
    { type: 'vault' },
    ['spec.vault'],
  ],
  [
    'venafi',
    '{venafi: {zone: z, cloud: {apiTokenSecretRef: {name: t, key: k}}}}',
    { type: 'venafi' },
    ['spec.venafi'],
  ],
];

for (const [name, spec, expected, unserved] of OTHER_ISSUERS) {
  test(`reads a ClusterIssuer of type ${name}, whatever namespace it names`, () => {
    const text = `apiVersion: cert-manager.io/v1\nkind: ClusterIssuer\nmetadata: {name: i, namespace: web}\nspec: ${spec}\n`;

    const issuer = only(text, 'ClusterIssuer');

    assert.deepEqual(issuer.name, { namespace: '', name: 'i' });
    assert.deepEqual(issuer.spec, expected);
    assert.deepEqual(
      issuer.unserved.map(({ field }) => field),
      unserved,
    );
  });
}

for (const server of ['http://localhost:14000/dir', 'http://127.0.0.1/dir', 'http://[::1]:14000/dir']) {
  test(`takes plain http to loopback: ${server}`, () => {
    const issuer = only(
      acmeIssuerWith().replace('https://acme.example.com/directory', `"${server}"`),
      'Issuer',
    );

    assert.equal(issuer.spec.type === 'acme' && issuer.spec.server, server);
  });
}

test('repository settings have every default', () => {
  const text = 'apiVersion: certops.dev/v1alpha1\nkind: Repository\nmetadata: {name: certificates}\n';

  const { settings } = only(text, 'Repository');

  assert.deepEqual(settings, {
    paths: ['.'],
    exclude: [],
    clusterResourceNamespace: 'cert-manager',
    output: { secrets: 'secrets', status: 'status', prune: false },
    tenancy: [],
    commit: { name: 'certops', email: 'certops@localhost', trailer: '' },
    confirmed: [],
    pullRequests: { isEnabled: true, maxOpen: 10, labels: ['certops'], reviewers: [] },
  });
});

test('the documented repository settings are accepted', () => {
  const text = `apiVersion: certops.dev/v1alpha1
kind: Repository
metadata: { name: certificates }
spec:
  paths: ["teams", "./infra/"]
  exclude: ["**/charts/**"]
  ingressShim: false
  clusterResourceNamespace: kube-system
  output: { branch: "", secrets: out/secrets/, status: out/status, prune: true }
  tenancy: []
  commit: { name: robot, email: robot@example.com, trailer: "[skip ci]" }
  confirmed: []
  pullRequests: { enabled: true, maxOpen: 10, labels: [certops], reviewers: [] }
`;

  const { settings } = only(text, 'Repository');

  assert.deepEqual(settings.output, { secrets: 'out/secrets', status: 'out/status', prune: true });
  assert.deepEqual(settings.commit, { name: 'robot', email: 'robot@example.com', trailer: '[skip ci]' });
  assert.equal(settings.clusterResourceNamespace, 'kube-system');
});

test('a Secret that people sealed shows what is in clear', () => {
  const text =
    'apiVersion: v1\nkind: Secret\nmetadata: {name: token, namespace: web}\ntype: Opaque\n' +
    'stringData: {token: "ENC[AES256_GCM,data:a,iv:b,tag:c,type:str]"}\nsops: {version: 3.9.0}\n';

  const secret = only(text, 'Secret');

  assert.deepEqual(secret, { kind: 'Secret', name: { namespace: 'web', name: 'token' }, type: 'Opaque' });
});

const PEM = `-----BEGIN ${'RSA '}PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n`;
const AGE = `AGE-SECRET-${'KEY'}-1${'Q'.repeat(58)}`;
const BASE64 = Buffer.from(PEM).toString('base64');
const SECRET = 'apiVersion: v1\nkind: Secret\nmetadata: {name: k}\n';

const BURNT: readonly (readonly [name: string, text: string, at: string])[] = [
  ['a Secret in clear', `${SECRET}data:\n  tls.key: ${BASE64}\n`, '5:12 data[tls.key]'],
  [
    'a Secret in clear with an age identity',
    `${SECRET}stringData:\n  keys.txt: ${AGE}\n`,
    '5:13 stringData[keys.txt]',
  ],
  [
    'a sealed Secret with one value left out',
    `${SECRET}sops: {version: 3.9.0}\ndata:\n  a: ${BASE64}\n`,
    '6:6 data.a',
  ],
  [
    'an annotation',
    certificateWith().replace('namespace: web', `annotations: {a: "${AGE}"}`),
    '3:40 metadata.annotations.a',
  ],
  ['a comment', `${certificateWith()}# ${AGE}\n`, '8:3 '],
  ['a document that is broken besides', `${certificateWith('dnsNames: [')}# ${AGE}\n`, '9:3 '],
];

for (const [name, text, at] of BURNT) {
  test(`a private key in ${name} is an alarm, alone, and is not quoted`, () => {
    const bytes = new TextEncoder().encode(text);

    const { objects, problems } = readManifestFile(bytes);

    const [problem, ...others] = problems;
    assert.equal(mayDeclareManifests(bytes), true);
    assert.deepEqual(objects, []);
    assert.deepEqual(others, []);
    assert.equal(problem?.rule, 'clear-private-key');
    assert.equal(`${problem?.position.line}:${problem?.position.column} ${problem?.field}`, at);
    assert.match(problem?.message ?? '', /burnt/);
    assert.doesNotMatch(problem?.message ?? '', /MIIE|QQQQ|LS0t/);
  });
}

const SKIPPED: readonly (readonly [name: string, text: string])[] = [
  [
    'an Ingress with annotations of cert-manager',
    'apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {annotations: {cert-manager.io/issuer: x}}\n',
  ],
  [
    'a broken template of another kind',
    'apiVersion: apps/v1\nkind: Deployment\n{{ if .Values.x }} cert-manager.io [\n',
  ],
  ['a CertificateRequest', 'apiVersion: cert-manager.io/v1\nkind: CertificateRequest\nmetadata: {name: x}\n'],
  ['an Order', 'apiVersion: acme.cert-manager.io/v1\nkind: Order\nmetadata: {name: x}\n'],
  ['a status document', 'apiVersion: status.certops.dev/v1\nkind: Certificate\nmetadata: {name: x}\n'],
  ['a Secret in clear without a key', `${SECRET}data: {sops: eA==}\n`],
  ['a list of words', '- cert-manager.io\n- certops.dev\n'],
];

for (const [name, text] of SKIPPED) {
  test(`skips ${name} without a word`, () => {
    const file = readManifestFile(new TextEncoder().encode(text));

    assert.deepEqual(file, { objects: [], problems: [], isReadable: true });
  });
}

test('a blob that mentions none of the groups is not worth parsing', () => {
  const may = (text: string): boolean => mayDeclareManifests(new TextEncoder().encode(text));

  assert.equal(may('apiVersion: apps/v1\nkind: Deployment\n'), false);
  assert.equal(may('apiVersion: v1\nkind: Secret\nstringData: {a: b}\n'), false);
  assert.equal(may('apiVersion: v1\nkind: Secret\nsops: {}\n'), true);
  assert.equal(may('apiVersion: certmanager.k8s.io/v1alpha1\n'), true);
  assert.equal(mayDeclareManifests(Buffer.from('apiVersion: cert-manager.io/v1\n', 'utf16le')), true);
});
