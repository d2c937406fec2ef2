import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unifiedDiff } from '../../../src/lib/unified-diff.ts';

const numbered = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, index) => `${from + index}\n`).join('');

const cases: readonly { readonly name: string; readonly diff: string; readonly expected: string }[] = [
  { name: 'nothing where nothing differs', diff: unifiedDiff('a.yaml', 'a\n', 'a\n'), expected: '' },
  {
    name: 'a line that goes away, with three lines around it',
    diff: unifiedDiff('web/www.yaml', numbered(1, 9), numbered(1, 4) + numbered(6, 9)),
    expected: '--- a/web/www.yaml\n+++ b/web/www.yaml\n@@ -2,7 +2,6 @@\n 2\n 3\n 4\n-5\n 6\n 7\n 8\n',
  },
  {
    name: 'a new file',
    diff: unifiedDiff('a.yaml', undefined, 'one\ntwo\n'),
    expected: '--- /dev/null\n+++ b/a.yaml\n@@ -0,0 +1,2 @@\n+one\n+two\n',
  },
  {
    name: 'a file that goes away',
    diff: unifiedDiff('a.yaml', 'one\n', undefined),
    expected: '--- a/a.yaml\n+++ /dev/null\n@@ -1 +0,0 @@\n-one\n',
  },
  {
    name: 'a final newline that is added',
    diff: unifiedDiff('a.yaml', 'one', 'one\n'),
    expected: '--- a/a.yaml\n+++ b/a.yaml\n@@ -1 +1 @@\n-one\n\\ No newline at end of file\n+one\n',
  },
  {
    name: 'two changes far apart as two hunks',
    diff: unifiedDiff(
      'a',
      numbered(1, 20),
      numbered(1, 20).replace('\n2\n', '\nx\n').replace('\n19\n', '\n'),
    ),
    expected:
      '--- a/a\n+++ b/a\n@@ -1,5 +1,5 @@\n 1\n-2\n+x\n 3\n 4\n 5\n@@ -16,5 +16,4 @@\n 16\n 17\n 18\n-19\n 20\n',
  },
  {
    name: 'a path that could be mistaken, quoted',
    diff: unifiedDiff('a\n+++ b/etc', 'x\n', 'y\n'),
    expected: '--- "a/a\\n+++ b/etc"\n+++ "b/a\\n+++ b/etc"\n@@ -1 +1 @@\n-x\n+y\n',
  },
];

for (const { name, diff, expected } of cases) {
  test(`a unified diff shows ${name}`, () => {
    assert.equal(diff, expected);
  });
}

test('a unified diff of two long and different texts is cut and says so', () => {
  const diff = unifiedDiff('a', numbered(1, 5000), numbered(10_001, 15_000), { maxLines: 50 });

  const lines = diff.trimEnd().split('\n');
  assert.equal(lines.length, 50);
  assert.equal(lines.at(-1), '… and 9954 more lines');
});
