import assert from 'node:assert/strict';
import fc from 'fast-check';
import { manifestJsonSchema, SCHEMA_KINDS } from '../../src/api/json-schema.ts';
import { findingsOf, lintFiles } from '../../src/api/lint/lint-files.ts';
import { LINT_RULES } from '../../src/api/lint/rules.ts';
import type { ManifestFile } from '../../src/api/manifest.ts';
import { moderniseFile } from '../../src/api/modernise-file.ts';
import { mayConcernLint, mayDeclareManifests, readManifestFile } from '../../src/api/read-manifests.ts';
import { DEFAULT_SETTINGS } from '../../src/api/repository.ts';
import { generatePrivateKey } from '../../src/pki/private-key.ts';
import { createSigningRequest } from '../../src/pki/signing-request.ts';
import { manifestCases } from '../unit/api/manifest-cases.ts';
import { assertTellsNothing, CANARY, fuzz, hostileText, mutated, mutations } from './fuzz.ts';

const YAML_WORDS = [
  ...[
    'apiVersion: ',
    'cert-manager.io/v1',
    'certops.dev/v1alpha1',
    'kind: ',
    'Certificate',
    'Issuer',
    'Secret',
  ],
  ...[
    '\n',
    '\n  ',
    '\n    ',
    '\n---\n',
    '\n...\n',
    '- ',
    '? ',
    ': ',
    '{',
    '}',
    '[',
    ']',
    ', ',
    '"',
    "'",
    '|',
    '>-',
  ],
  ...[
    '&a ',
    '*a',
    '<<: ',
    '!!binary ',
    '!!str ',
    '!x ',
    '%YAML 1.1\n',
    '# ',
    '~',
    'null',
    'NO',
    '0x1f',
    '1_000',
  ],
  ...['0777', '.inf', '1e400', '2024-01-02', '12:30:45', '\u0000', '\ufeff', '<<<<<<< HEAD\n', '=======\n'],
  ...['metadata: ', 'spec: ', 'name: ', '__proto__: ', 'constructor: ', 'hasOwnProperty: ', 'length: '],
];
const LINES_END = /[\r\n\u2028\u2029]/;

/** Reads and lints a file, and checks what is always true of the answer. */
function read(text: string): ManifestFile {
  const bytes = Buffer.from(text);
  mayDeclareManifests(bytes);
  mayConcernLint(bytes);
  const manifests = readManifestFile(bytes);
  const file = { path: 'a.yaml', bytes, manifests };
  for (const finding of [...findingsOf(file), ...lintFiles([file], DEFAULT_SETTINGS)]) {
    assert.ok(Object.hasOwn(LINT_RULES, finding.rule), finding.rule);
    assert.ok(finding.line >= 1 && finding.column >= 1);
    assert.ok(finding.message.length < 2000, 'a message is endless');
    assert.doesNotMatch(finding.message, LINES_END);
    assertTellsNothing(`${finding.message} ${finding.path}`);
  }
  const valid = manifests.objects.map(({ document }) => document);
  const refused = manifests.problems.filter(({ severity }) => severity === 'error');
  assert.deepEqual(
    refused.filter(({ document }) => document !== undefined && valid.includes(document)),
    [],
    'a document with an error stands for an object',
  );
  // Equal bytes are read equally.
  assert.deepEqual(readManifestFile(bytes), manifests);
  return manifests;
}

fuzz('a file of any text is read or refused', hostileText(YAML_WORDS, 40), (text) => {
  read(text);
});

const HEAD = 'apiVersion: cert-manager.io/v1\nkind: Certificate\n';

fuzz('a manifest of any text is read or refused', hostileText(YAML_WORDS, 40), (text) => {
  read(HEAD + text);
});

const texts = manifestCases().map(({ text }) => text);

fuzz(
  'a manifest with a few changes is read or refused, and edited to v1 only once',
  fc.tuple(fc.constantFrom(...texts), mutations(YAML_WORDS)),
  ([text, changes]) => {
    const changed = mutated(text, changes);
    const { objects } = read(changed);
    const modern = moderniseFile(Buffer.from(changed));
    if (modern === undefined) return;
    const again = readManifestFile(modern.bytes);
    assert.equal(again.objects.length, objects.length);
    assert.equal(moderniseFile(modern.bytes), undefined);
  },
  400,
);

interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly additionalProperties?: boolean | JsonSchema;
}

const LEAVES = [
  ...[
    '',
    'a',
    'www.example.com',
    '*.example.com',
    '192.0.2.1',
    '::1',
    '2160h',
    '90d',
    '-1h',
    '0',
    '../x',
    'CN=a',
  ],
  ...[
    'https://acme.example.com/x',
    'spiffe://a/b',
    'a@b.example',
    '0 2 * * *',
    'Europe/Berlin',
    '1.2.3',
    '%',
    '\\',
  ],
  ...[
    'a'.repeat(300),
    '\u202ea',
    'ä',
    'HMACSHA256',
    'ns.example:53',
    '[::1]:53',
    'CN=a\\',
    '"',
    '#',
    '+',
    ',',
    '=',
  ],
];
const hostileLeaf = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...LEAVES) },
  { weight: 1, arbitrary: hostileText(LEAVES, 4) },
);
const hostileValue = fc.oneof(
  hostileLeaf,
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.constant([]),
  fc.constant({}),
);

/** Values of a schema, and now and then others. */
function anyOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 30, arbitrary: shapedValue(schema) }, { weight: 1, arbitrary: hostileValue });
}

function shapedValue({ type, enum: values, const: only, ...schema }: JsonSchema): fc.Arbitrary<unknown> {
  if (only !== undefined) return fc.constant(only);
  if (values !== undefined) return fc.constantFrom(...values);
  if (type === 'string') return hostileLeaf;
  if (type === 'integer') return fc.constantFrom(-1, 0, 1, 20, 99, 100, 256, 521, 2048, 4096, 2 ** 31);
  if (type === 'boolean') return fc.boolean();
  if (type === 'array') return fc.array(anyOf(schema.items ?? {}), { maxLength: 3 });
  if (schema.properties !== undefined) return members(schema.properties);
  if (type === 'object') return fc.dictionary(hostileLeaf, hostileLeaf, { maxKeys: 3 });
  return hostileValue;
}

function members(properties: Readonly<Record<string, JsonSchema>>): fc.Arbitrary<unknown> {
  const model = Object.fromEntries(Object.entries(properties).map(([name, member]) => [name, anyOf(member)]));
  return fc.record(model, { requiredKeys: [] });
}

const NAMED = { apiVersion: '', kind: '', metadata: { name: 'a', namespace: 'b' } };

for (const kind of SCHEMA_KINDS) {
  const { properties } = manifestJsonSchema(kind);
  // JSON Schema of our own making: an object whose members are schemas.
  const { spec = {}, apiVersion: version } = properties as Readonly<Record<string, JsonSchema>>;
  const apiVersion = version?.const ?? version?.enum?.[0];
  assert.equal(typeof apiVersion, 'string');

  fuzz(`a ${kind} of any members is read or refused`, shapedValue(spec), (value) => {
    read(JSON.stringify({ ...NAMED, apiVersion, kind, spec: value }));
  });
}

const name = fc.constantFrom('a', 'www.example.com', '*.example.com', 'a-1.example', 'xn--bcher-kva.example');
const subjectText = hostileText(['Example', ', ', '+', '=', '\\', '"', '#', 'ä', ' '], 4);
const likelyCertificate = fc.record(
  {
    secretName: fc.constant('a'),
    issuerRef: fc.constant({ name: 'ca' }),
    commonName: fc.oneof(name, subjectText),
    dnsNames: fc.uniqueArray(name, { maxLength: 3 }),
    ipAddresses: fc.uniqueArray(fc.oneof(fc.ipV4(), fc.ipV6()), { maxLength: 3 }),
    uris: fc.uniqueArray(fc.webUrl(), { maxLength: 2 }),
    emailAddresses: fc.uniqueArray(fc.emailAddress(), { maxLength: 2 }),
    otherNames: fc.array(
      fc.record({
        oid: fc.constantFrom('1.2.3', '2.999.1', '1.39.0', '0.0', '2.5.29.17'),
        utf8Value: subjectText,
      }),
      { maxLength: 2 },
    ),
    subject: fc.record(
      {
        organizations: fc.array(subjectText, { maxLength: 2 }),
        countries: fc.array(subjectText, { maxLength: 1 }),
      },
      { requiredKeys: [] },
    ),
    literalSubject: hostileText(
      ['CN=a', 'O=b', ',', '+', '=', '\\', '\\2C', '"', '#0c0161', '1.2.3=x', 'DC=c', ' '],
      6,
    ),
    isCA: fc.boolean(),
    nameConstraints: fc.record(
      {
        critical: fc.boolean(),
        permitted: fc.record(
          {
            dnsDomains: fc.array(name, { maxLength: 2 }),
            ipRanges: fc.array(fc.constantFrom('10.0.0.0/8', '::/0', '10.0.0.1', 'x'), { maxLength: 2 }),
            emailAddresses: fc.array(fc.constantFrom('a@b.example', '.b.example', 'ä'), { maxLength: 2 }),
            uriDomains: fc.array(fc.constantFrom('.example.com', 'example.com', 'ä'), { maxLength: 2 }),
          },
          { requiredKeys: [] },
        ),
      },
      { requiredKeys: ['permitted'] },
    ),
  },
  { requiredKeys: ['secretName', 'issuerRef'] },
);
const key = await generatePrivateKey({
  algorithm: 'ECDSA',
  size: 256,
  encoding: 'PKCS8',
  rotationPolicy: 'Always',
});

fuzz(
  'for every Certificate that is valid a signing request can be made',
  likelyCertificate,
  async (spec) => {
    const { objects } = read(
      JSON.stringify({ ...NAMED, apiVersion: 'cert-manager.io/v1', kind: 'Certificate', spec }),
    );
    const [certificate] = objects.map(({ object }) => object);
    if (certificate?.kind !== 'Certificate') return;
    const request = await createSigningRequest(certificate.spec, key);
    assert.ok(request.length > 0);
  },
  300,
);

const PEM = `-----BEGIN ${'EC '}PRIVATE KEY-----\n${CANARY}\n-----END EC PRIVATE KEY-----\n`;
const SECRETS: readonly ((secret: string) => unknown)[] = [
  (secret) => ({ keystores: { jks: { create: true, password: secret } } }),
  (secret) => ({
    keystores: { jks: { create: true, password: secret, passwordSecretRef: { name: 'a', key: 'b' } } },
  }),
  (secret) => ({ keystores: { pkcs12: { create: true, profile: 'none', password: secret } } }),
  (secret) => ({ keystores: { pkcs12: { create: true, password: [secret] } } }),
  (secret) => ({ commonName: `-----BEGIN PRIVATE KEY-----\n${secret}\n-----END PRIVATE KEY-----` }),
  (secret) => ({ acme: { server: `https://user:${secret}@acme.example.com/directory` } }),
  (secret) => ({
    acme: {
      server: `https://user:${secret}@acme.example.com:99999/directory`,
      privateKeySecretRef: { name: 'a' },
    },
  }),
  (secret) => ({
    acme: { server: `http://user:${secret}@acme.example.com/`, privateKeySecretRef: { name: 'a' } },
  }),
];

fuzz(
  'no password and no key in a manifest is told',
  fc.tuple(
    fc.constantFrom(...SECRETS),
    fc.constantFrom(CANARY, PEM),
    fc.constantFrom('Certificate', 'Issuer'),
    mutations(['\n', '"', '{', '}', ',', ': '], 1),
    fc.boolean(),
  ),
  ([spec, secret, kind, changes, isChanged]) => {
    const text = JSON.stringify(
      { ...NAMED, apiVersion: 'cert-manager.io/v1', kind, spec: spec(secret) },
      undefined,
      1,
    );
    const { objects } = read(isChanged ? mutated(text, changes) : text);
    for (const { object } of objects) assertTellsNothing(JSON.stringify(object));
  },
  600,
);
