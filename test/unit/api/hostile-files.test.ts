import assert from 'node:assert/strict';
import test from 'node:test';
import { readManifestFile, readManifestFileBounded } from '../../../src/api/read-manifests.ts';
import { certificateWith } from './problem-text.ts';

const GOOD = certificateWith();
const OURS = '# cert-manager.io/v1\n';

function alphabetBomb(): string {
  const names = [...'abcdefghij'];
  const lines = names.map((name, index) => {
    const item = index === 0 ? 'x' : `*${names[index - 1]}`;
    return `${name}: &${name} [${Array.from({ length: 9 }, () => item).join(', ')}]`;
  });
  return `${OURS}${lines.join('\n')}\n`;
}

/** Each is refused by this rule; `at` where there is one place to point to. */
const REFUSED: readonly (readonly [name: string, bytes: Uint8Array | string, rule: string, at?: string])[] = [
  ['an alias bomb', alphabetBomb(), 'yaml-too-many-aliases'],
  [
    'a merge bomb',
    `${OURS}a: &a {k: v}\n${Array.from({ length: 101 }, (_, i) => `b${i}: {<<: *a}`).join('\n')}\n`,
    'yaml-too-many-aliases',
    '103:12',
  ],
  ['an alias to itself', `${OURS}a: &a [*a]\n`, 'yaml-syntax', '2:8'],
  ['an alias to nothing', `${OURS}a: *b\n`, 'yaml-syntax', '2:4'],
  ['100,000 lists in one another', `${OURS}a: ${'['.repeat(100_000)}`, 'yaml-too-deep'],
  ['100,000 maps in one another', `${OURS}a: ${'{a: '.repeat(100_000)}`, 'yaml-too-deep'],
  ['100,000 dashes', `${OURS}${'- '.repeat(100_000)}`, 'yaml-too-deep'],
  [
    'a staircase of 1,000 steps',
    `${OURS}${Array.from({ length: 1000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n')}`,
    'yaml-too-deep',
  ],
  [
    'a flow map of 170,000 keys',
    `${OURS}{${Array.from({ length: 170_000 }, (_, i) => i.toString(36)).join(',')}}`,
    'yaml-too-large',
  ],
  ['200,000 lines of tabs', `${OURS}${'a:\t\n'.repeat(200_000)}`, 'yaml-too-large'],
  ['10,000 documents', `${'a: 1\n---\n'.repeat(10_000)}${OURS}a: 1\n`, 'yaml-too-many-documents', '2000:1'],
  ['more than 1 MiB', `${GOOD}#${'x'.repeat(1 << 20)}`, 'yaml-too-large', '1:1'],
  ['UTF-16 with a byte order mark', Buffer.from(`\ufeff${GOOD}`, 'utf16le'), 'yaml-encoding', '1:1'],
  ['UTF-16 without one', Buffer.from(GOOD, 'utf16le'), 'yaml-encoding', '1:1'],
  ['Latin-1', Buffer.from(`${GOOD}  commonName: Bücher\n`, 'latin1'), 'yaml-encoding', '8:16'],
  [
    'a tab that indents',
    'apiVersion: cert-manager.io/v1\nkind: Certificate\nspec:\n\tsecretName: x\n',
    'yaml-syntax',
    '4:1',
  ],
  ['a control character', GOOD.replace('www-tls', 'www\u0007'), 'yaml-syntax', '5:18'],
  ['a custom tag', GOOD.replace('www-tls', '!!js/function x'), 'yaml-tag', '5:15'],
  ['a timestamp tag', GOOD.replace('www-tls', '!!timestamp 2027-01-01'), 'yaml-tag', '5:15'],
  ['an unclosed list', certificateWith('dnsNames: [a.example'), 'yaml-syntax'],
  ['a map for a key', certificateWith('? {a: b}', ': c'), 'yaml-syntax', '8:5'],
  ['Git conflict markers', GOOD.replace('  uris', '<<<<<<< HEAD\n  uris'), 'merge-conflict', '7:1'],
];

for (const [name, content, rule, at] of REFUSED) {
  test(`refuses ${name}, and the file counts as unreadable`, () => {
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;

    const { objects, problems, isReadable } = readManifestFile(bytes);

    const [problem] = problems;
    assert.deepEqual(objects, []);
    assert.equal(isReadable, false);
    assert.equal(problem?.rule, rule, JSON.stringify(problem));
    if (at !== undefined) assert.equal(`${problem?.position.line}:${problem?.position.column}`, at);
  });
}

const BROKEN: readonly (readonly [name: string, text: string, line: number])[] = [
  ['an unclosed quote', GOOD.replace('www-tls', '"www-tls'), 0],
  ['an unclosed list', certificateWith('dnsNames: [a'), 0],
  ['conflict markers', GOOD.replace('  uris', '<<<<<<< HEAD\n  uris').concat('>>>>>>> x\n'), 0],
  ['a duplicate key', certificateWith('isCA: true', 'isCA: false'), 17],
];

for (const [name, text, line] of BROKEN) {
  test(`a second document with ${name} does not stop the first and the third`, () => {
    const third = GOOD.replace('name: www', 'name: third');
    const file = readManifestFile(new TextEncoder().encode(`${GOOD}---\n${text}---\n${third}`));

    assert.deepEqual(
      file.objects.map(({ object, document }) => [object.name.name, document]),
      [
        ['www', 0],
        ['third', 2],
      ],
    );
    assert.ok(file.problems.length > 0);
    assert.ok(file.problems.every(({ document }) => document === 1));
    if (line > 0) assert.equal(file.problems[0]?.position.line, line);
  });
}

test('a duplicate key in the spec leaves the object known, one in its name does not', () => {
  const inSpec = readManifestFile(new TextEncoder().encode(certificateWith('isCA: true', 'isCA: true')));
  const inName = readManifestFile(new TextEncoder().encode(GOOD.replace('name: www', 'name: a, name: b')));

  assert.equal(inSpec.problems[0]?.rule, 'duplicate-key');
  assert.equal(inSpec.problems[0]?.field, 'spec.isCA');
  assert.deepEqual(inSpec.problems[0]?.name, { namespace: 'web', name: 'www' });
  assert.equal(inSpec.isReadable, true);
  assert.equal(inName.isReadable, false);
});

test('one object with thousands of unknown fields tells only the first hundred', () => {
  const fields = Array.from({ length: 5000 }, (_, index) => `k${index}: 1`);

  const { problems } = readManifestFile(new TextEncoder().encode(certificateWith(...fields)));

  assert.equal(problems.length, 100);
});

test('a member named __proto__ is an unknown field and nothing else', () => {
  const { problems } = readManifestFile(new TextEncoder().encode(certificateWith('__proto__: {isCA: true}')));

  assert.equal(problems[0]?.field, 'spec.__proto__');
  assert.equal(Object.hasOwn(Object.prototype, 'isCA'), false);
});

test('a large file is read in a thread, with the same result', async () => {
  const bytes = new TextEncoder().encode(
    `${GOOD}---\n${certificateWith('duration: 1m')}#${'x'.repeat(70_000)}\n`,
  );

  const inThread = await readManifestFileBounded(bytes);

  assert.deepEqual(inThread, readManifestFile(bytes));
});

test('a small file that is dense with YAML does not hold the event loop', async () => {
  const bytes = new TextEncoder().encode(`${OURS}a: [${','.repeat(60_000)}]`);
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);

  const file = await readManifestFileBounded(bytes);

  clearInterval(timer);
  assert.equal(file.isReadable, false);
  assert.ok(ticks > 0);
});

test('an aborted reader rejects with the reason, and the next file is read', async () => {
  const bytes = new TextEncoder().encode(`${GOOD}#${'x'.repeat(70_000)}\n`);
  const controller = new AbortController();

  const aborted = readManifestFileBounded(bytes, controller.signal);
  controller.abort(new Error('enough'));

  await assert.rejects(aborted, { message: 'enough' });
  assert.equal((await readManifestFileBounded(bytes)).objects.length, 1);
});
