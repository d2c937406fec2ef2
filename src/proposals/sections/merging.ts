import { quoteBlock, quoteInline } from '../../lib/markdown-quote.ts';
import type { Remedy } from '../../remedies/remedy.ts';
import { type Section, titled } from './section.ts';
import { sentences } from './wording.ts';

const HEADING = 'What merging does';
const MAX_LINES = 200;
const FEW_LINES = 30;
const MAX_LINE_CHARACTERS = 500;

/** What the remedy promises, and its diff. */
export function mergingSection(remedy: Remedy, diff: string): Section {
  const promise = sentences(remedy.promise);
  const paths = [...remedy.files.keys()].slice(0, 3).map((path) => quoteInline(path));
  const more = remedy.files.size - paths.length;
  const where = `It changes ${paths.join(', ')}${more > 0 ? ` and ${more} more` : ''}.`;
  const lines = diffLines(diff);
  const shown = [MAX_LINES, FEW_LINES].filter((count, index) => index === 0 || count < lines.length);
  return [
    ...(lines.length === 0 ? [] : shown).map((count, index) => ({
      text: titled(HEADING, [promise, '', block(lines, count), ...cut(lines, count)]),
      worth: index === 0 && shown.length > 1 ? 45 : 75,
    })),
    { text: titled(HEADING, [promise, '', where]), worth: 98 },
  ];
}

function block(lines: readonly string[], count: number): string {
  return quoteBlock(lines.slice(0, count).join('\n'), 'diff');
}

function cut(lines: readonly string[], count: number): readonly string[] {
  const more = lines.length - count;
  return more > 0 ? ['', `And ${more} more lines, in the branch itself.`] : [];
}

/** Every line begins as lines of a diff do, so that none looks like another's command or like a marker. */
function diffLines(diff: string): readonly string[] {
  return diff
    .replace(/\n+$/, '')
    .split(/\r\n|[\n\r\v\f\u0085\u2028\u2029]/)
    .filter((line, index, all) => line !== '' || (index > 0 && index < all.length - 1))
    .map((line) => (/^(?:[ +@\\-]|diff |index )/.test(line) ? line : ` ${line}`))
    .map((line) => (line.length > MAX_LINE_CHARACTERS ? `${line.slice(0, MAX_LINE_CHARACTERS - 1)}…` : line));
}
