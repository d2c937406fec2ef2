import { cutText } from './cut-text.ts';
import { printable } from './printable.ts';

const MAX_QUOTE_CHARACTERS = 1000;
/** Control, format and bidirectional characters but for the end of a line and the tab. */
const INVISIBLE = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
const LONE_SURROGATE = /\p{Cs}/gu;
/** More marks on a letter than any script wants: they run over the lines around. */
const PILED_MARKS = /(\p{M}{2})\p{M}+/gu;
/** A word that no forge makes anything of: letters and digits, joined by apostrophes or dashes. */
const PLAIN_WORD = /^[\p{L}\p{M}\p{N}]+(?:['’–-][\p{L}\p{M}\p{N}]+)*$/u;
/** Words that forges link: `GH-12`, the name of a commit. */
const LINKED_WORD = /(?<![\p{L}\p{N}])GH-\d|^(?=[a-f]*\d)[0-9a-f]{7,64}$/iu;
/** What closes an issue (GitHub, GitLab, Gitea), in a commit message even from within a code span. */
const CLOSING =
  /\b(?<verb>(?:clos|fix|resolv|implement)(?:e|es|ed|s|d|ing)?\b:?\s+)(?<place>[\w./-]*)(?<sign>#|!|GH-|https?:\/)(?=[\d/])/gi;
/** What keeps CI from running (GitHub, GitLab, Gitea, Azure), in a commit message even from within a code span. */
const SKIPPING =
  /\[(?=(?:skip|no|ci|actions|azurepipelines)[ -](?:ci|skip|actions|azurepipelines)\])|\b(?<=skip-checks):(?=\s*true)|\*{3}(?=NO_CI)/gi;
const AROUND_WORD = /^(?<before>[("“‘]*)(?<word>.*?)(?<after>[).,;:!?"”’…]*)$/su;

/**
 * What strangers wrote, as a code span (CommonMark 0.31, section 6.1) of at most `maxCharacters`: on one line, without
 * invisible characters, between more backticks than any run of them inside, so that nothing in it ends it. In a code
 * span no forge renders, mentions, links, closes or commands anything: no `@user`, `#1`, `!1`, `:x:`, `$math$`,
 * `[[_TOC_]]`, HTML, quick action.
 */
export function quoteInline(text: string, maxCharacters: number = MAX_QUOTE_CHARACTERS): string {
  return codeSpan(onLine(text, maxCharacters));
}

/**
 * The same in a cell of a table (GitHub Flavored Markdown, section 4.10), where a pipe ends the cell in a code span,
 * too, unless a backslash stands before it.
 */
export function quoteCell(text: string, maxCharacters: number = MAX_QUOTE_CHARACTERS): string {
  // Parsers differ about a backslash before the one that escapes; a space keeps the two apart.
  return codeSpan(
    onLine(text, maxCharacters)
      .replace(/\\(?=\|)/g, '\\ ')
      .replaceAll('|', '\\|'),
  );
}

/**
 * Several lines as a fenced code block (CommonMark 0.31, section 4.5) whose fence is longer than any run of backticks
 * in it. Invisible characters are shown by their code points: `‹U+202E›`. `language` is ours.
 */
export function quoteBlock(text: string, language = ''): string {
  const shown = text
    .replace(/\r\n|[\r\v\f\u0085\u2028\u2029]/g, '\n')
    .replace(LONE_SURROGATE, '\ufffd')
    .replace(PILED_MARKS, '$1')
    .replace(INVISIBLE, (character) => `‹U+${codePoint(character)}›`)
    .replace(/\n+$/, '');
  const fence = '`'.repeat(Math.max(3, longestRun(shown) + 1));
  return `${fence}${language}\n${shown}\n${fence}`;
}

/**
 * Sentences of ours that may hold names and values: each word that is not plainly a word stands in a code span, so the
 * result is one line that reads as it was meant and in which no forge finds anything of its own. What stands between
 * backticks already stays together.
 */
export function quoteWords(text: string): string {
  const line = onLine(text, MAX_QUOTE_CHARACTERS * 4);
  return line
    .split(/(?<=\s|^)(`[^`]+`)(?=[).,;:!?]*(?:\s|$))/)
    .map((part, index) => (index % 2 === 1 ? codeSpan(part.slice(1, -1)) : quoteEachWord(part)))
    .join('');
}

function quoteEachWord(text: string): string {
  return text
    .split(/(\s+)/)
    .map((part, index) => (index % 2 === 1 || part === '' ? part : quoteWord(part)))
    .join('');
}

function quoteWord(text: string): string {
  const { before = '', word = '', after = '' } = AROUND_WORD.exec(text)?.groups ?? {};
  if (word === '' || /^[–—·→]$/u.test(word)) return text;
  const isPlain = PLAIN_WORD.test(word) && !LINKED_WORD.test(word);
  return isPlain ? text : `${before}${codeSpan(word)}${after}`;
}

function onLine(text: string, maxCharacters: number): string {
  // Cut twice: before the work, so that a megabyte costs nothing, and after it.
  const line = printable(text.slice(0, maxCharacters * 4).replace(LONE_SURROGATE, '\ufffd'));
  // A description becomes the message of a squashed commit, and there are no code spans in those.
  const harmless = line
    .replace(PILED_MARKS, '$1')
    .replace(CLOSING, '$<verb>$<place>$<sign> ')
    .replace(SKIPPING, '$& ');
  return cutText(harmless, maxCharacters);
}

function codeSpan(text: string): string {
  const fence = '`'.repeat(longestRun(text) + 1);
  // The parser takes one space away on both sides.
  const space = text === '' || text.startsWith('`') || text.endsWith('`') ? ' ' : '';
  return `${fence}${space}${text}${space}${fence}`;
}

function longestRun(text: string): number {
  return (text.match(/`+/g) ?? []).reduce((longest, run) => Math.max(longest, run.length), 0);
}

function codePoint(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
}
