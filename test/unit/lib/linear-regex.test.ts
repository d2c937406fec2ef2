import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileLinearRegex, RegexSyntaxError } from '../../../src/lib/linear-regex.ts';

const MATCHES: readonly {
  readonly pattern: string;
  readonly yes: readonly string[];
  readonly no: readonly string[];
}[] = [
  { pattern: '', yes: ['', 'x'], no: [] },
  { pattern: 'b', yes: ['abc'], no: ['ac', ''] },
  {
    pattern: '^secrets/.*\\.yaml$',
    yes: ['secrets/web/a.yaml'],
    no: ['x/secrets/a.yaml', 'secrets/a.yamlx', 'secrets/ayaml'],
  },
  { pattern: 'secrets\\/[^/]+\\/tls\\-.*', yes: ['secrets/web/tls-a'], no: ['secrets/web/x/tls-a'] },
  { pattern: '^(data|stringData)$', yes: ['data', 'stringData'], no: ['metadata', 'data2'] },
  { pattern: 'a{2,3}$', yes: ['aa', 'aaa', 'aaaa'], no: ['a', 'aab'] },
  { pattern: '^(?:ab?c*)+$', yes: ['a', 'abcca'], no: ['', 'b'] },
  { pattern: '(?i)^SECRETS/', yes: ['secrets/', 'SeCrets/'], no: ['x'] },
  { pattern: '^a(?i:b)c', yes: ['aBc', 'abc'], no: ['aBC'] },
  { pattern: '^[a-c\\d_.-]+$', yes: ['a-b_1.'], no: ['d'] },
  { pattern: '^[^a-c]$', yes: ['d', '世'], no: ['a'] },
  { pattern: '^[[:alpha:]]+[[:^digit:]]$', yes: ['ab'], no: ['a1', '1'] },
  { pattern: '^[]a]+$', yes: [']a'], no: ['b'] },
  { pattern: '\\bprod\\b', yes: ['a/prod/b', 'prod'], no: ['production'] },
  { pattern: '\\Aa.c\\z', yes: ['abc'], no: ['a\nc', 'xabc'] },
  { pattern: '(?s)^a.c$', yes: ['a\nc'], no: ['ac'] },
  { pattern: '(?m)^b$', yes: ['a\nb'], no: ['ab'] },
  { pattern: '(?P<name>x)|y{', yes: ['x', 'y{'], no: ['y'] },
  { pattern: '\\x41\\x{1F600}\\.', yes: ['A😀.'], no: ['A😀x'] },
  { pattern: '^.$', yes: ['😀'], no: ['ab'] },
  { pattern: '^(a|)(b|c|)d$', yes: ['d', 'ad', 'acd'], no: ['abcd'] },
];

for (const { pattern, yes, no } of MATCHES) {
  test(`matches as Go does: ${pattern === '' ? '(empty)' : pattern}`, () => {
    const regex = compileLinearRegex(pattern);

    assert.deepEqual(
      yes.filter((text) => !regex.test(text)),
      [],
    );
    assert.deepEqual(
      no.filter((text) => regex.test(text)),
      [],
    );
  });
}

const REFUSED = [
  '(',
  ')',
  'a**',
  '*a',
  '[a',
  '[b-a]',
  '(?=a)',
  '(?!a)',
  '(?<=a)',
  '(a)\\1',
  '\\',
  'a{2,1}',
  'a{1001}',
  '[[:no:]]',
  'a'.repeat(2000),
];

for (const pattern of REFUSED) {
  test(`refuses ${pattern.slice(0, 20)}`, () => {
    assert.throws(() => compileLinearRegex(pattern), RegexSyntaxError);
  });
}

const HOSTILE = ['(a+)+$', '(a*)*b', '(a|aa)+$', '.*.*.*.*.*.*.*.*x', '((a{1,30}){1,30})$'];

for (const pattern of HOSTILE) {
  test(`stays linear on ${pattern}`, () => {
    const regex = compileLinearRegex(pattern);
    const started = performance.now();

    regex.test(`${'a'.repeat(2000)}!`);

    // A backtracking engine would not come back from any of these.
    assert.ok(performance.now() - started < 5000);
  });
}

test('ends on repeated empty groups', () => {
  assert.throws(() => compileLinearRegex('((((){1000}){1000}){1000}){1000}'), RegexSyntaxError);
});
