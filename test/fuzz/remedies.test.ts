import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readManifestFile } from '../../src/api/read-manifests.ts';
import { CAUSE_CODES } from '../../src/diagnosis/cause.ts';
import type { Remedy, RemedyInput } from '../../src/remedies/remedy.ts';
import { remedyFor } from '../../src/remedies/remedy-for.ts';
import { causeOf, patientsIn, STRANGER, situation } from '../unit/remedies/situation.ts';
import { fuzz, hostileText, mutated, mutations } from './fuzz.ts';

const CERTIFICATE = [
  'apiVersion: cert-manager.io/v1',
  'kind: Certificate',
  'metadata:',
  '  name: www # the site',
  '  namespace: web',
  '  annotations:',
  '    certops.dev/fallback-issuers: ClusterIssuer/backup',
  'spec:',
  '  secretName: www-tls',
  '  issuerRef: {name: le}',
  '  duration: 2160h',
  '  dnsNames:',
  '  - www.example.com',
  '  - "old.example.com" # old',
  '  ipAddresses: [192.0.2.1]',
  '',
];
const SHARED = [...CERTIFICATE, '---', '# others', 'kind: ConfigMap', 'data: {a: b}', '...', ''].join('\n');
const TEXTS = [
  CERTIFICATE.join('\n'),
  SHARED,
  CERTIFICATE.join('\r\n'),
  `\ufeff${SHARED}---\n${CERTIFICATE.join('\n').replace('name: www', 'name: two')}`,
  `{"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": {"name": "www", "namespace": "web"},
 "spec": {"secretName": "www-tls", "issuerRef": {"name": "le"}, "dnsNames": ["www.example.com", "old.example.com"]}}`,
];
const WORDS = [
  ...[
    '\n',
    '  ',
    '- ',
    ': ',
    '# ',
    ', ',
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    '&a ',
    '*a',
    '<<: *a\n',
    '|\n',
    '\r\n',
    '---\n',
  ],
  ...['90d', 'dnsName', '.', 'true', '~', 'www.example.com', 'spec:', 'metadata:', '\u202e', 'Issuer'],
];
const NAME = { namespace: 'web', name: 'www' };

/** The texts of the documents that do not declare the Certificate. */
function others(text: string): readonly string[] {
  return text
    .replace(/^\ufeff/, '')
    .split(/^(?=---|\.\.\.)/m)
    .filter((part) => !part.includes('www'));
}

function check(input: RemedyInput, text: string, remedy: Remedy): void {
  const after = remedy.files.get('web/www.yaml');
  assert.ok(remedy.files.size > 0);
  assert.ok(!JSON.stringify([[...remedy.files.values()], remedy.title, remedy.promise]).includes(STRANGER));
  assert.doesNotMatch(remedy.title, /[\p{C}\p{Zl}\p{Zp}]/u);
  if (after === undefined) return;
  assert.notEqual(after, text);
  assert.deepEqual(others(after), others(text));
  if (remedy.title === 'correct it and try again') return;
  const { objects } = readManifestFile(Buffer.from(after));
  const found = objects.filter(({ object }) => object.kind === 'Certificate' && object.name.name === 'www');
  assert.equal(found.length, 1, 'the manifest is not valid afterwards');
  const before = readManifestFile(Buffer.from(text)).objects.length;
  assert.equal(
    objects.length,
    // What could not be read before may be read afterwards.
    input.cause.code === 'manifest-invalid' || remedy.kind === 'take-back'
      ? Math.max(before, objects.length)
      : before,
  );
}

fuzz(
  'a remedy for any file is valid afterwards, touches one document alone, and quotes no stranger; or there is none',
  fc.tuple(
    fc.constantFrom(...TEXTS),
    mutations(WORDS, 2),
    fc.boolean(),
    fc.constantFrom(...CAUSE_CODES),
    fc.subarray(['www.example.com', 'old.example.com', '192.0.2.1']),
    fc.boolean(),
  ),
  ([original, changes, isChanged, code, failing, isNearEnd]) => {
    const text = isChanged ? mutated(original, changes) : original;
    const file = { path: 'web/www.yaml', text };
    // What is in force may be an older revision than what stands on the branch.
    const patients = patientsIn(original)
      .slice(0, 1)
      .map((patient) => ({ ...patient, file, isNearEnd }));
    const input = situation({
      ...{ cause: causeOf(code, { failing }), patients, readyIssuers: ['ClusterIssuer/backup'] },
      subject: { file, name: NAME, kind: 'Certificate', lastAccepted: isNearEnd ? original : undefined },
    });
    const remedy = remedyFor(input);
    if (remedy !== undefined) check(input, text, remedy);
  },
  800,
);

fuzz(
  'what stands in .sops.yaml and certops.yaml is extended or left alone',
  fc.tuple(
    hostileText([...WORDS, 'creation_rules:', 'path_regex: ', 'age: ', 'kms: ', 'spec:', 'confirmed:'], 12),
    fc.constantFrom('no-recipient', 'plan-held'),
  ),
  ([text, code]) => {
    const file = { path: 'x.yaml', text };
    const recipient = `age1${'q'.repeat(58)}`;
    const input = situation({
      ...{ cause: causeOf(code), sopsRules: file, settings: file, heldPlanId: '0123456789abcdef' },
      ...{ ownRecipients: [recipient], sealedPath: 'secrets/web/www.yaml' },
    });
    const remedy = remedyFor(input);
    const after = remedy?.files.get('x.yaml');
    if (after !== undefined) assert.ok(after.length > text.length);
  },
  400,
);
