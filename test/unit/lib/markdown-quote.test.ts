import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quoteBlock, quoteCell, quoteInline, quoteWords } from '../../../src/lib/markdown-quote.ts';

const INLINE: readonly (readonly [name: string, text: string, quoted: string])[] = [
  ['plain words', 'no such domain', '`no such domain`'],
  ['backticks', 'a ``b` c', '```a ``b` c```'],
  ['backticks at the ends', '`a`', '`` `a` ``'],
  ['nothing', '', '`  `'],
  ['several lines', 'a\r\n/approve\n\n# b', '`a /approve # b`'],
  ['control and bidirectional characters', 'a\u0000\u001b[31m\u202eb\u200b', '`a [31m b`'],
  ['half a character', 'a\ud800b', '`a\ufffdb`'],
  ['piled marks', `a${'\u0301'.repeat(9)}b`, `\`a${'\u0301'.repeat(2)}b\``],
  [
    'what would close an issue from a squashed commit’s message',
    'fixes #1, Closes: a/b#2 resolved GH-3 fixing https://x/issues/4 fixed 5 #6',
    '`fixes # 1, Closes: a/b# 2 resolved GH- 3 fixing https:/ /x/issues/4 fixed 5 #6`',
  ],
  [
    'what would keep CI from running on a squashed commit',
    '[skip ci] [CI-Skip] [no ci] [skip actions] ***NO_CI*** skip-checks: true [skipped] [ci]',
    '`[ skip ci] [ CI-Skip] [ no ci] [ skip actions] *** NO_CI*** skip-checks:  true [skipped] [ci]`',
  ],
  ['a pipe, which is one', 'a|b', '`a|b`'],
];

for (const [name, text, quoted] of INLINE) {
  test(`a code span takes ${name}`, () => {
    assert.equal(quoteInline(text), quoted);
  });
}

test('a code span is cut where it is too long', () => {
  assert.equal(quoteInline('abcdef', 4), '`abc…`');
  assert.ok(quoteInline('x'.repeat(10_000_000)).length < 1010);
});

test('a pipe in a cell ends no cell, whatever stands before it', () => {
  assert.equal(quoteCell('a|b'), '`a\\|b`');
  assert.equal(quoteCell('a\\|b'), '`a\\ \\|b`');
});

test('a block’s fence is longer than any in it, and what is invisible is shown', () => {
  assert.equal(quoteBlock('a\r\n````\n\u202eb\n\n', 'diff'), '`````diff\na\n````\n‹U+202E›b\n`````');
  assert.equal(quoteBlock('a\tb'), '```\na\tb\n```');
});

const WORDS: readonly (readonly [name: string, text: string, quoted: string])[] = [
  [
    'a sentence',
    'The CA’s answer (DNS-01) says: no, not now!',
    'The CA’s answer (DNS-01) says: no, not now!',
  ],
  [
    'names',
    'Put old.example.com, or (*.example.com) back.',
    'Put `old.example.com`, or (`*.example.com`) back.',
  ],
  ['code spans that are there', 'Set `a b`, then `c`.', 'Set `a b`, then `c`.'],
  ['mentions and references', 'fixes #1 by @me and GH-12', 'fixes `#` 1 by `@me` and `GH-12`'],
  ['names of commits', 'since 1f4b945 and 12', 'since `1f4b945` and 12'],
  ['code spans that touch', 'a `b`)`c` d', 'a `` `b`)`c` `` d'],
  ['an open backtick', 'a `b c', 'a `` `b `` c'],
  ['lines', 'a\n/approve', 'a `/approve`'],
];

for (const [name, text, quoted] of WORDS) {
  test(`sentences of ours keep ${name} harmless`, () => {
    assert.equal(quoteWords(text), quoted);
  });
}
