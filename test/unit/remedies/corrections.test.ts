import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readManifestFile } from '../../../src/api/read-manifests.ts';
import type { Remedy, RemedyInput } from '../../../src/remedies/remedy.ts';
import { remedyFor } from '../../../src/remedies/remedy-for.ts';
import { causeOf, NOW, situation } from './situation.ts';

const HEAD =
  'apiVersion: cert-manager.io/v1\nkind: Certificate\nmetadata: {name: www, namespace: web}\nspec:\n';
const SPEC = '  secretName: www-tls\n  issuerRef: {name: ca, kind: Issuer}\n';
const NAMES = '  dnsNames: [www.example.com]\n';
const NAME = { namespace: 'web', name: 'www' };

function withLines(...lines: readonly string[]): string {
  return HEAD + SPEC + lines.map((line) => `  ${line}\n`).join('');
}

function remedyOfFile(
  text: string,
  more: Partial<NonNullable<RemedyInput['subject']>> = {},
): Remedy | undefined {
  const subject = { file: { path: 'web/www.yaml', text }, name: NAME, kind: 'Certificate', ...more };
  return remedyFor(situation({ cause: causeOf('manifest-invalid', { class: 'specification' }), subject }));
}

function errorsIn(text: string): readonly string[] {
  const { problems } = readManifestFile(Buffer.from(text));
  return problems.filter(({ severity }) => severity === 'error').map(({ message }) => message);
}

const CORRECTED: readonly {
  readonly name: string;
  readonly before: string;
  readonly after: string;
  readonly title: string;
}[] = [
  {
    name: 'days that Go does not know',
    before: withLines('dnsNames: [a.example.com]', 'duration: 90d # three months'),
    after: withLines('dnsNames: [a.example.com]', 'duration: 2160h # three months'),
    title: 'correct spec.duration',
  },
  {
    name: 'weeks, quoted',
    before: withLines('dnsNames: [a.example.com]', 'duration: "12 weeks"', "renewBefore: '10d'"),
    after: withLines('dnsNames: [a.example.com]', 'duration: "2016h"', "renewBefore: '240h'"),
    title: 'correct spec.duration and 1 more',
  },
  {
    name: 'a renewal before the certificate begins',
    before: withLines('dnsNames: [a.example.com]', 'duration: 720h', 'renewBefore: 720h # early'),
    after: withLines('dnsNames: [a.example.com]', 'duration: 720h'),
    title: 'correct spec.renewBefore',
  },
  {
    name: 'a misspelt field',
    before: withLines('dnsName: [a.example.com] # one'),
    after: withLines('dnsNames: [a.example.com] # one'),
    title: 'correct spec.dnsNames',
  },
  {
    name: 'a field in another case, within another',
    before: withLines('dnsNames: [a.example.com]', 'privatekey:', '  rotation_policy: Always'),
    after: withLines('dnsNames: [a.example.com]', 'privateKey:', '  rotationPolicy: Always'),
    title: 'correct spec.privateKey and 1 more',
  },
  {
    name: 'a field of an older version',
    before: withLines('dnsNames: [a.example.com]', 'keyAlgorithm: ecdsa', 'keySize: 256'),
    after: withLines('dnsNames: [a.example.com]', 'privateKey:', '  algorithm: ECDSA', '  size: 256'),
    title: 'correct spec',
  },
  {
    name: 'an API version that never was',
    before: withLines('dnsNames: [a.example.com]').replace('cert-manager.io/v1', 'cert-manager.io/v2'),
    after: withLines('dnsNames: [a.example.com]'),
    title: 'correct apiVersion',
  },
  {
    name: 'the kind of the issuer in another case',
    before: withLines('dnsNames: [a.example.com]').replace('kind: Issuer}', 'kind: clusterissuer}'),
    after: withLines('dnsNames: [a.example.com]').replace('kind: Issuer}', 'kind: ClusterIssuer}'),
    title: 'correct spec.issuerRef.kind',
  },
  {
    name: 'words of a list of choices',
    before: withLines('dnsNames: [a.example.com]', 'usages: [server-auth, Digital Signature]'),
    after: withLines('dnsNames: [a.example.com]', 'usages: [server auth, digital signature]'),
    title: 'correct spec.usages[0] and 1 more',
  },
  {
    name: 'an annotation of ours that is misspelt',
    before: withLines('dnsNames: [a.example.com]').replace(
      'namespace: web}',
      'namespace: web, annotations: {certops.dev/suspended: x}}',
    ),
    after: withLines('dnsNames: [a.example.com]').replace(
      'namespace: web}',
      'namespace: web, annotations: {certops.dev/suspend: x}}',
    ),
    title: 'correct metadata.annotations[certops.dev/suspend]',
  },
  {
    name: 'an annotation that is a flag and no text',
    before: `${HEAD.replace('{name: www, namespace: web}', '\n  name: www\n  namespace: web\n  annotations:\n    team.example/paged: true')}${SPEC}${NAMES}`,
    after: `${HEAD.replace('{name: www, namespace: web}', '\n  name: www\n  namespace: web\n  annotations:\n    team.example/paged: "true"')}${SPEC}${NAMES}`,
    title: 'correct metadata.annotations[team.example/paged]',
  },
  {
    name: 'a text where a flag, a number and a list belong',
    before: withLines(
      'dnsNames: a.example.com, b.example.com',
      'isCA: "true"',
      'renewBeforePercentage: "30"',
    ),
    after: withLines(
      ...['dnsNames:', '  - a.example.com', '  - b.example.com', 'isCA: true', 'renewBeforePercentage: 30'],
    ),
    title: 'correct spec.dnsNames and 2 more',
  },
  {
    name: 'a common name that is too long and a DNS name already',
    before: withLines(
      `commonName: ${'a'.repeat(60)}.example.com`,
      `dnsNames: [b.example.com, ${'a'.repeat(60)}.example.com]`,
    ),
    after: withLines(`dnsNames: [b.example.com, ${'a'.repeat(60)}.example.com]`),
    title: 'correct spec.commonName',
  },
  {
    name: 'a common name that is too long and can be a DNS name',
    before: withLines(`commonName: ${'a'.repeat(60)}.example.com`, 'dnsNames:', '- b.example.com'),
    after: withLines('dnsNames:', '- b.example.com', `- ${'a'.repeat(60)}.example.com`),
    title: 'correct spec.commonName',
  },
  {
    name: 'DNS names that are nearly such',
    before: withLines(
      'dnsNames:',
      '- www.example.com. # rooted',
      '- https://api.example.com/',
      '- "mail.example.com:443"',
      '- bücher.example',
    ),
    after: withLines(
      'dnsNames:',
      '- www.example.com # rooted',
      '- api.example.com',
      '- "mail.example.com"',
      '- xn--bcher-kva.example',
    ),
    title: 'correct spec.dnsNames[0] and 3 more',
  },
  {
    name: 'a name that stands there twice',
    before: withLines('dnsNames: [a.example.com, A.example.com]'),
    after: withLines('dnsNames: [a.example.com]'),
    title: 'correct spec.dnsNames[1]',
  },
  {
    name: 'an address among names',
    before: withLines('dnsNames: [a.example.com, 192.0.2.1]'),
    after: withLines('dnsNames: [a.example.com]', 'ipAddresses:', '  - 192.0.2.1'),
    title: 'correct spec.dnsNames[1]',
  },
  {
    name: 'a name among addresses',
    before: withLines('dnsNames:', '  - a.example.com', 'ipAddresses: [b.example.com]'),
    after: withLines('dnsNames:', '  - a.example.com', '  - b.example.com'),
    title: 'correct spec.ipAddresses[0]',
  },
  {
    name: 'upper case in the name of the Secret',
    before: withLines('dnsNames: [a.example.com]').replace('www-tls', 'WWW-TLS'),
    after: withLines('dnsNames: [a.example.com]'),
    title: 'correct spec.secretName',
  },
];

for (const { name, before, after, title } of CORRECTED) {
  test(`it corrects ${name}`, () => {
    const remedy = remedyOfFile(before);

    assert.notDeepEqual(errorsIn(before), []);
    assert.deepEqual([remedy?.kind, remedy?.title], ['correct-field', title]);
    assert.equal(remedy?.files.get('web/www.yaml'), after);
    assert.deepEqual(errorsIn(after), []);
  });
}

test('it corrects the second document of a file with CRLF and a byte order mark, and nothing else', () => {
  const [wrong, right] = ['duration: 90d', 'duration: 2160h'].map((line) =>
    withLines('dnsNames: [a.example.com]', line).replaceAll('\n', '\r\n'),
  );
  const other = withLines('dnsNames: [a.example.com]', 'duration: 90d').replace('name: www', 'name: two');

  const remedy = remedyOfFile(`\ufeff# one\r\n${other}---\r\n# two\r\n${wrong}---\r\n{a: [`);

  assert.equal(
    remedy?.files.get('web/www.yaml'),
    `\ufeff# one\r\n${other}---\r\n# two\r\n${right}---\r\n{a: [`,
  );
});

test('it corrects an issuer, and the settings of a repository', () => {
  const issuer =
    'apiVersion: cert-manager.io/v1\nkind: ClusterIssuer\nmetadata: {name: www}\nspec: {selfsigned: {}}\n';
  const settings =
    'apiVersion: certops.dev/v1alpha1\nkind: Repository\nmetadata: {name: www}\nspec:\n  output:\n    Secrets: out\n';
  const of = (text: string, kind: string): Remedy | undefined =>
    remedyOfFile(text, { kind, name: { namespace: '', name: 'www' } });

  const remedies = [of(issuer, 'ClusterIssuer'), of(settings, 'Repository')];

  assert.deepEqual(
    remedies.map((remedy) => remedy?.files.get('web/www.yaml')),
    [issuer.replace('selfsigned', 'selfSigned'), settings.replace('Secrets', 'secrets')],
  );
});

const UNKNOWABLE: readonly (readonly [name: string, text: string])[] = [
  ['months', withLines('dnsNames: [a.example.com]', 'duration: 3 months')],
  ['a duration without a unit', withLines('dnsNames: [a.example.com]', 'duration: "90"')],
  ['a name of a Secret with a blank', withLines('dnsNames: [a.example.com]').replace('www-tls', '"www tls"')],
  [
    'both ways to say when to renew',
    withLines('dnsNames: [a.example.com]', 'renewBefore: 9999h', 'renewBeforePercentage: 3'),
  ],
  ['no name at all', withLines('isCA: false')],
  [
    'two wrong things, one of which nobody can mend',
    withLines('dnsNames: [a.example.com]', 'duration: 90d', 'privateKey: {algorithm: DSA}'),
  ],
  ['a URL with a path', withLines('dnsNames: [https://a.example.com/shop]')],
];

for (const [name, text] of UNKNOWABLE) {
  test(`it does not guess at ${name}, and makes room for a person's correction`, () => {
    const remedy = remedyOfFile(text);

    assert.deepEqual([remedy?.kind, remedy?.title], ['retry', 'correct it and try again']);
    assert.match(remedy?.promise ?? '', /alone does not mend it/);
    assert.ok(remedy?.files.get('web/www.yaml')?.includes(NOW.toISOString().slice(0, 19)));
  });
}

test('it leaves out names that no certificate can hold, and fields that nothing reads, where the rest can go on', () => {
  const remedy = remedyOfFile(
    withLines(
      'dnsNames:',
      '- a.example.com',
      '- a_b.example.com # fremd',
      '- "*.*.example.com"',
      'colour: red',
      'isCA: false',
    ),
  );

  assert.equal(remedy?.files.get('web/www.yaml'), withLines('dnsNames:', '- a.example.com', 'isCA: false'));
  assert.deepEqual(
    [remedy?.kind, remedy?.title],
    ['drop-names', 'drop what nothing reads and what cannot be a name'],
  );
});

test('a field with two near names is taken for neither', () => {
  const text = withLines(
    'dnsNames: [a.example.com]',
    'keystores: {jks: {create: true, passwrd: x, password: y}}',
  );

  const remedy = remedyOfFile(text);

  assert.notEqual(remedy?.title, 'correct spec.keystores.jks.password');
});

const ACCEPTED = withLines('dnsNames: [a.example.com]', '# reviewed', 'duration: 720h');

test('what cannot be known becomes what it was when it was last accepted, alone in its file', () => {
  const broken = withLines('dnsNames: [a.example.com', 'duration: soon');
  const other = withLines('dnsNames: [a.example.com]').replace('name: www', 'name: two');

  const remedy = remedyOfFile(`${other}---\n${broken}---\n${other}`, { lastAccepted: ACCEPTED });

  assert.equal(remedy?.files.get('web/www.yaml'), `${other}---\n${ACCEPTED}---\n${other}`);
  assert.deepEqual([remedy?.kind, remedy?.title], ['take-back', 'take back the last edit']);
});

test('a correction is proposed before the last edit is taken back', () => {
  const remedy = remedyOfFile(withLines('dnsNames: [a.example.com]', 'duration: 60d'), {
    lastAccepted: ACCEPTED,
  });

  assert.equal(remedy?.kind, 'correct-field');
});

const NOTHING: readonly (readonly [name: string, text: string, lastAccepted?: string])[] = [
  ['a text that is no YAML', `${HEAD}  secretName: [`],
  [
    'a text that is no YAML, with an accepted one that is not valid',
    `${HEAD}  secretName: [`,
    withLines('isCA: 3'),
  ],
  ['an object that is declared twice', `${withLines('duration: 90d')}---\n${withLines('duration: 90d')}`],
  ['an object that is not there', withLines('duration: 90d').replace('name: www', 'name: else')],
  ['a document of hundreds of kilobytes', `${withLines('duration: 90d')}# ${'x'.repeat(300_000)}\n`],
];

for (const [name, text, lastAccepted] of NOTHING) {
  test(`it proposes nothing for ${name}`, () => {
    assert.equal(remedyOfFile(text, { lastAccepted }), undefined);
  });
}

test('a file that cannot be read at all becomes what it was when all of it was accepted', () => {
  const path = 'web/www.yaml';
  const subject = { file: { path, text: `${ACCEPTED}<<<<<<< HEAD\n` }, kind: 'File' };
  const name = { namespace: '', name: path };
  const cause = causeOf('manifest-invalid', { scope: 'repository', subject: { ...name, kind: 'File' } });
  const remedyOf = (lastAccepted: string) =>
    remedyFor(situation({ cause, subject: { ...subject, name, lastAccepted } }));

  const remedy = remedyOf(ACCEPTED);

  assert.deepEqual([...(remedy?.files ?? [])], [[path, ACCEPTED]]);
  assert.deepEqual([remedy?.kind, remedy?.title], ['take-back', 'take back the last edit']);
  assert.equal(remedyOf(subject.file.text), undefined, 'nothing would change');
  assert.equal(remedyOf(withLines('isCA: 3')), undefined, 'that was no better');
});

test('it never leaves out of an issuer what nothing reads, since it may be all that narrows it', () => {
  const text = [
    'apiVersion: cert-manager.io/v1',
    'kind: Issuer',
    'metadata: {name: le, namespace: web}',
    'spec:',
    '  onlyForNamesBelow: example.com',
    '  ca: {secretName: x}',
    '',
  ].join('\n');
  const name = { namespace: 'web', name: 'le' };
  const cause = causeOf('manifest-invalid', { scope: 'issuer', subject: { ...name, kind: 'Issuer' } });

  const remedy = remedyFor(
    situation({ cause, subject: { file: { path: 'le.yaml', text }, kind: 'Issuer', name } }),
  );

  assert.equal(remedy?.title, 'correct it and try again');
  assert.match(remedy?.files.get('le.yaml') ?? '', /onlyForNamesBelow: example\.com/);
});
