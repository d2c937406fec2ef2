import { cutText } from '../lib/cut-text.ts';
import { printable } from '../lib/printable.ts';
import { markerTrailers, readMarker } from './marker.ts';
import { terminalText } from './terminal-text.ts';

/** On plain Git the branch is the pull request, and these are its buttons. */
const PLAIN_GIT_FOOTER = [
  'Merge this branch to take the edit (git show has it). Delete it to say no: it stays away for 14 days.',
  'Commit to it, and certops leaves it to you; else certops keeps it up to date and removes it once the cause is gone.',
].join(' ');
const MAX_SUBJECT_CHARACTERS = 200;

/**
 * The message of the branch's one commit, whose trailer `Certops-Proposal` names the cause's key. `isWhole` (plain Git,
 * where there is no other place for it): with the whole text, readable in 80 columns, and the marker as a trailer; the
 * diff is the commit's own. Throws nothing; a text without a marker gives no trailer.
 */
export function renderMessage(
  text: { readonly title: string; readonly body: string },
  isWhole: boolean,
): string {
  const marker = readMarker(text.body);
  const trailers = marker === undefined ? [] : markerTrailers(marker);
  const paragraphs = isWhole
    ? [terminalText(text.body, PLAIN_GIT_FOOTER), trailers.join('\n')]
    : ['Opened by certops; its pull request says why.', trailers.slice(0, 1).join('\n')];
  const subject = cutText(printable(text.title), MAX_SUBJECT_CHARACTERS);
  return `${[subject, ...paragraphs].filter((paragraph) => paragraph !== '').join('\n\n')}\n`;
}
