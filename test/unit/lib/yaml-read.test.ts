import assert from 'node:assert/strict';
import test from 'node:test';
import { readYaml } from '../../../src/lib/yaml-read.ts';

function value(text: string): unknown {
  const { documents, problems } = readYaml(new TextEncoder().encode(text));
  assert.deepEqual(problems, []);
  assert.deepEqual(documents[0]?.problems, []);
  return documents[0]?.value;
}

/** As sigs.k8s.io/yaml (go-yaml v2) reads them. */
const SCALARS: readonly (readonly [text: string, expected: unknown])[] = [
  ['NO', false],
  ['on', true],
  ['y', true],
  ['"NO"', 'NO'],
  ['0777', 511],
  ['1_000', 1000],
  ['0x1F', 31],
  ['0b11', 3],
  ['1e3', 1000],
  ['.5', 0.5],
  ['5.', 5],
  ['-.5e3', -500],
  ['.', '.'],
  ['-.', '-.'],
  ['.e5', '.e5'],
  ['.inf', Number.POSITIVE_INFINITY],
  ['~', null],
  ['', null],
  ['2027-01-02', '2027-01-02'],
  ['2027-01-02T03:04:05Z', '2027-01-02T03:04:05Z'],
  ['1:20', '1:20'],
  ['190:20:30', '190:20:30'],
  ['!!str 12', '12'],
  ['2160h', '2160h'],
];

for (const [text, expected] of SCALARS) {
  test(`reads ${JSON.stringify(text)} as Kubernetes does`, () => {
    assert.deepEqual(value(`a: ${text}\n`), { a: expected });
  });
}

test('merge keys add what is not there, the nearer one first', () => {
  const text = 'a: &a {k: 1, l: 1}\nb: &b {l: 2, m: 2}\nc:\n  <<: [*a, *b]\n  k: 3\n';

  const merged = value(text);

  assert.deepEqual(merged, { a: { k: 1, l: 1 }, b: { l: 2, m: 2 }, c: { k: 3, l: 1, m: 2 } });
});

test('keys are strings, as in JSON', () => {
  assert.deepEqual(value('1: a\ntrue: b\n'), { 1: 'a', true: 'b' });
});

test('a byte order mark and CRLF change neither value nor position', () => {
  const { documents } = readYaml(new TextEncoder().encode('\ufeffa: 1\r\n---\r\nb:\r\n  c: 2\r\n'));

  assert.deepEqual(
    documents.map((document) => document.value),
    [{ a: 1 }, { b: { c: 2 } }],
  );
  assert.deepEqual(documents[1]?.locate(['b', 'c']), { line: 4, column: 6 });
});

test('documents are cut at markers in the first column, and nowhere else', () => {
  const text =
    '# first\n---\na: |\n  ---\n  x\n...\n# between\n%YAML 1.1\n---\nb: "--- y"\n--- {c: 1}\n---\n---- no\n';

  const { documents } = readYaml(new TextEncoder().encode(text));

  assert.deepEqual(
    documents.map((document) => document.value),
    [{ a: '---\nx\n' }, { b: '--- y' }, { c: 1 }, '---- no'],
  );
  assert.deepEqual(documents[2]?.position, { line: 11, column: 5 });
});

const PLACES: readonly (readonly [
  name: string,
  path: readonly (string | number)[],
  key: string | undefined,
  at: string,
])[] = [
  ['a scalar at its value', ['a', 'b'], undefined, '2:6'],
  ['a block at the key that holds it', ['a', 'list'], undefined, '3:3'],
  ['a flow map at its brace', ['a', 'list', 1], undefined, '5:10'],
  ['an item of a list', ['a', 'list', 0], undefined, '4:7'],
  ['a value within a flow map', ['a', 'list', 1, 'x'], undefined, '5:14'],
  ['a missing member at its parent', ['a', 'nothing', 'deeper'], undefined, '1:1'],
  ['a missing item at its list', ['a', 'list', 7], undefined, '3:3'],
  ['a foreign key at its own token', ['a'], 'list', '3:3'],
  ['a value behind an alias where it is written', ['c', 'x'], undefined, '5:14'],
  ['an alias where it stands', ['c'], undefined, '6:4'],
  ['a merged value where it is written', ['d', 'x'], undefined, '5:14'],
  ['the whole document at its beginning', [], undefined, '1:1'],
];

const PLACED = 'a:\n  b: 1\n  list:\n    - one\n    - &x {x: 2}\nc: *x\nd:\n  <<: *x\n  y: 1\n';

for (const [name, path, key, at] of PLACES) {
  test(`locates ${name}`, () => {
    const { documents } = readYaml(new TextEncoder().encode(PLACED));

    const position = documents[0]?.locate(path, key);

    assert.equal(`${position?.line}:${position?.column}`, at);
  });
}

test('documents that nobody wants are not parsed', () => {
  const { documents } = readYaml(new TextEncoder().encode('a: [\n---\nwanted: 1\n'), {
    isWanted: (text) => text.includes('wanted'),
  });

  assert.deepEqual(
    documents.map(({ index, value: each }) => [index, each]),
    [[1, { wanted: 1 }]],
  );
});

test('what stands where nothing may stand is not quoted: it may be a password', () => {
  const text = ' "name": "a"\n },\n "password": "kanarienvogel-9b1f"\n}\n';

  const { documents, problems } = readYaml(Buffer.from(text));

  const told = [...problems, ...documents.flatMap((document) => document.problems)];
  assert.ok(told.length > 0);
  assert.doesNotMatch(JSON.stringify(told), /kanarienvogel/);
});
