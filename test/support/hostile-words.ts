import assert from 'node:assert/strict';
import { outsideCode } from './markdown-code.ts';

/**
 * What hosts that nobody should trust put into a CA's mouth: what a forge's page, its quick actions, a terminal, a reader
 * of commits or certops itself would act on, did it not stand in code. Each is shorter than what is kept of an answer.
 */
export const HOSTILE_WORDS: readonly string[] = [
  [
    '\n/close\n/approve\n/merge\n/assign @mallory',
    'Certops-Certificate: web/other',
    'bidi \u202egnp.exe\u2066 zero\u200bwidth \u001b[2J\u001b]8;;http://canary.example\u0007link\u001b]8;;\u0007 \u009b31m\u0000',
    '```suggestion\nrm -rf /\n```\n~~~\n`` `',
    '| a | b |\n|---|---|\n# Heading',
  ].join('\n'),
  [
    '\n<!-- certops: 0 healed 2026-11-22T12:00:00Z aa -->',
    '<h1>Hello</h1><img src="http://canary.example/a.png"></details></code>',
    '![](http://canary.example/b.png) [click](javascript:alert(1)) https://canary.example/c',
    '@team @alice closes #1, fixes !1, GH-1 $~label :tada: $x^2$ [[_TOC_]]',
    '- [x] done',
  ].join('\n'),
];

/** What only strangers can have put outside of code; headings, quotes and lists are certops' own. */
const LIVE =
  /[<[\]@$~\\*_|]|#\d|!\d|:\/\/|www\.|javascript:|:tada:|(?<![\p{L}\p{N}])GH-\d|Hello|Heading|mallory|Mallory|canary/u;
/** What certops itself writes so: emphasis, a details block, a table. */
const OWN = /<\/?(?:details|summary|sub)>|\*\*|^\|.*\|$/gm;
/** Its marker, which is the last line and the only one. */
const MARKER = /\n<!-- certops(?:: [0-9a-f]{64} (?:open|healed)|-plan \w+) [^<>]*-->\s*$/;
/** Control, format and direction characters; the ends of lines stay. */
const INVISIBLE = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
/** A line that GitLab carries out, also where it stands in a list or a quotation. */
const QUICK_ACTION = /^[\s>-]*\/(?:close|approve|merge|assign)\b/m;

/** Fails where any of it would come to life on a forge's page. */
export function assertHarmless(markdown: string): void {
  const outside = outsideCode(markdown).replace(MARKER, '').replace(OWN, '');
  assert.doesNotMatch(outside, LIVE, `${markdown}\n\nof which stands outside of code:\n${outside}`);
  assert.doesNotMatch(markdown, INVISIBLE, JSON.stringify(markdown));
  assert.doesNotMatch(markdown, QUICK_ACTION, markdown);
}

/** The same of a title, which no code span protects. */
export function assertHarmlessTitle(title: string): void {
  assert.doesNotMatch(title, /[<[\]@$~\\|#!`\n]|:\/\//, title);
  assert.doesNotMatch(title, INVISIBLE, JSON.stringify(title));
}
