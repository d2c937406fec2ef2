import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchesGlob } from '../../../src/lib/glob.ts';

const GLOBS: readonly (readonly [glob: string, matching: readonly string[], others: readonly string[]])[] = [
  ['a.yaml', ['a.yaml'], ['b/a.yaml', 'a.yaml/b', 'A.yaml', 'aXyaml']],
  ['*.yaml', ['a.yaml', '.yaml', 'a.b.yaml'], ['b/a.yaml', 'a.yml']],
  ['charts/*', ['charts/a'], ['charts', 'charts/a/b', 'xcharts/a']],
  ['charts/**', ['charts', 'charts/a', 'charts/a/b/c'], ['chart', 'x/charts/a']],
  ['**/templates/**', ['templates', 'a/templates/b', 'a/b/templates/c/d'], ['a/xtemplates/b']],
  ['**/*.enc.yaml', ['a.enc.yaml', 'x/y/a.enc.yaml'], ['a.yaml']],
  ['a?c/b*d', ['abc/bd', 'a.c/bxxd'], ['ac/bd', 'a/c/bd', 'abc/bxx']],
  ['a**', ['a', 'abc'], ['a/b']],
  ['[ab]{c}.+^$(x)|', ['[ab]{c}.+^$(x)|'], ['a', 'ac', '']],
  ['??', ['ab', '\u{1f600}x'], ['a', '\u{1f600}']],
];

for (const [glob, matching, others] of GLOBS) {
  test(`${glob} matches what it should, and nothing else`, () => {
    const matched = [...matching, ...others].filter((path) => matchesGlob(path, glob));

    assert.deepEqual(matched, matching);
  });
}

test('a hostile glob takes no longer than its size says', () => {
  const glob = `${'*a'.repeat(200)}/${'**/'.repeat(200)}b`;
  const startedMs = performance.now();

  const isMatch = matchesGlob(`${'a'.repeat(500)}c/${'a/'.repeat(500)}c`, glob);

  assert.equal(isMatch, false);
  assert.ok(performance.now() - startedMs < 2_000);
});
