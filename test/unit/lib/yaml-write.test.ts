import assert from 'node:assert/strict';
import test from 'node:test';
import { CertopsError } from '../../../src/lib/errors.ts';
import { readYaml } from '../../../src/lib/yaml-read.ts';
import { readOrderedYaml, readPlainYaml, writeYaml } from '../../../src/lib/yaml-write.ts';

// Text that some reader takes for something else when it is not quoted.
const AMBIGUOUS = [
  'NO',
  'y',
  'on',
  '0777',
  '0o17',
  '1_000',
  '1:20',
  '2027-01-02',
  '2027-01-02T03:04:05Z',
  '1e3',
  '.inf',
  '~',
  'null',
  '',
  ' x ',
  '- a',
  'a: b',
  'a #b',
  '<<',
  '=',
  '*a',
  '&a',
  '!a',
  '%a',
  '@a',
  '`a',
  '---',
  'a\nb\n',
  '\n',
  '\ttab',
  'ENC[AES256_GCM,data:a,iv:b,tag:c,type:str]',
  'x'.repeat(300),
];

test('what is written comes back the same by the rules of YAML 1.2 and of Kubernetes', () => {
  const documents = [
    { values: AMBIGUOUS, nested: { NO: { '0777': true } } },
    { number: 12, none: null, list: [] },
  ];

  const text = writeYaml(documents);

  assert.deepEqual(readPlainYaml(text), documents);
  assert.deepEqual(
    readYaml(new TextEncoder().encode(text)).documents.map(({ value }) => value),
    documents,
  );
});

test('the layout is fixed', () => {
  const shared = { a: 1 };

  const text = writeYaml(
    [{ kind: 'X', list: [shared, shared], long: 'word '.repeat(40).trim() }, { b: 'NO' }],
    {
      comment: 'Not for applying.\n\nMade by certops.',
    },
  );

  const long = 'word '.repeat(40).trim();
  assert.equal(
    text,
    `# Not for applying.\n#\n# Made by certops.\nkind: X\nlist:\n  - a: 1\n  - a: 1\nlong: ${long}\n---\nb: "NO"\n`,
  );
});

test('maps keep the order of the document even where keys look like numbers', () => {
  const text = 'b: one\n"10": two\n"9": three\n';

  const [document] = readOrderedYaml(text);

  assert.ok(document instanceof Map);
  assert.deepEqual([...document.keys()], ['b', '10', '9']);
  assert.equal(writeYaml([document]), text);
});

const MALFORMED: readonly (readonly [name: string, text: string])[] = [
  ['an unclosed list', 'a: [1\n'],
  ['a key twice', 'a: 1\na: 2\n'],
  ['an alias', 'a: &x 1\nb: *x\n'],
  ['a tag', 'a: !x 1\n'],
  ['deep nesting', '['.repeat(1000)],
];

for (const [name, text] of MALFORMED) {
  test(`refuses ${name} in what certops wrote`, () => {
    assert.throws(
      () => readPlainYaml(text),
      (thrown) => thrown instanceof CertopsError && thrown.code === 'yaml.malformed',
    );
  });
}
