import { isIPv6 } from 'node:net';
import { SETTINGS_FILE } from '../api/manifest-paths.ts';
import { cutText } from '../lib/cut-text.ts';
import { printable } from '../lib/printable.ts';
import type { Remedy } from '../remedies/remedy.ts';
import type { OpenCause } from './open-cause.ts';
import { countOfCertificates, subjectInWords } from './sections/wording.ts';

/** What forges make something of even in a title and in the message of a merge: `@user`, `#1`, `!1`, `<b>`, `[Draft]`. */
const NOT_IN_TITLES = /[^\p{L}\p{M}\p{N} .,;:()*/'’–…=+_-]/gu;
const NOT_IN_PATHS = /[^\p{L}\p{M}\p{N}./_-]/gu;

/**
 * The title of a pull request: what merging does to which object, and why; where it only tries again, what is broken.
 * Words of ours and names only, at most `maxCharacters`.
 */
export function proposalTitle({ cause, affected }: OpenCause, remedy: Remedy, maxCharacters: number): string {
  const { subject } = cause;
  const name = subject.kind === 'File' ? subject.name.replace(NOT_IN_PATHS, '_') : subject.name;
  // The word before a path is there for forges, too: to some a slash at the beginning is a command.
  const about = name === SETTINGS_FILE ? SETTINGS_FILE : subjectInWords({ ...subject, name });
  const isRetry = remedy.kind === 'retry';
  const head = `${about}: ${isRetry ? cause.title : remedy.title}`;
  const count = affected.length > 1 ? [countOfCertificates(affected.length)] : [];
  const why = isRetry ? [] : [cause.title];
  const titles = [[...why, ...count], count, []]
    .map((notes) => (notes.length === 0 ? head : `${head} (${notes.join('; ')})`))
    .map((title) => printable(title).split(' ').map(plainWord).join(' '));
  return titles.find((title) => title.length <= maxCharacters) ?? cutText(titles.at(-1) ?? '', maxCharacters);
}

/** A colon stays at the end of a word and in an address; elsewhere it begins `:emoji:` and `https://`. */
function plainWord(word: string): string {
  const plain = word.replace(NOT_IN_TITLES, '_');
  return isIPv6(plain.replace(/^\(|[),;:]+$/g, '')) ? plain : plain.replace(/:(?!$)/g, '_');
}
