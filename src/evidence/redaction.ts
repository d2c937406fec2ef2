import { cutText } from '../lib/cut-text.ts';
import { printable } from '../lib/printable.ts';
import type { Sensitive } from '../lib/sensitive.ts';

const MAX_CHARACTERS = 300;
/** A piece of a secret that is too long to be there by chance. */
const WINDOW = 8;
const HIDDEN = '…';
/** RFC 8555, section 8: a token has at least 128 bits, which are 22 characters; a key authorization joins two such. */
const TOKEN_LIKE = /[A-Za-z0-9_-]{20,}(?:\.[A-Za-z0-9_-]{20,})?/g;

/** One line of at most 300 printable characters in which no piece of the secrets is left. */
export type Cleaner = (text: string, maxCharacters?: number) => string;

/** A cleaner for the tokens and key authorizations of one call. */
export function createCleaner(secrets: readonly Sensitive<string>[]): Cleaner {
  const windows = new Set<string>();
  for (const secret of secrets) {
    const characters = compact(printable(secret.reveal())).text;
    for (let at = 0; at + WINDOW <= characters.length; at += 1) {
      windows.add(characters.slice(at, at + WINDOW));
    }
  }
  // Hidden first: a cut could leave the beginning of a secret that is too short to be known.
  return (text, maxCharacters = MAX_CHARACTERS) => cutText(hide(printable(text), windows), maxCharacters);
}

/** Puts `…` in the place of everything that could be a token or key authorization, ours or another's. */
export function hideTokens(text: string): string {
  return text.replaceAll(TOKEN_LIKE, HIDDEN);
}

/**
 * Takes out what the windows cover, whatever stands between its characters and in whatever case they are: a server
 * that echoes a token may break it up.
 */
function hide(text: string, windows: ReadonlySet<string>): string {
  if (windows.size === 0) return text;
  const { text: characters, positions } = compact(text);
  const ranges: { readonly from: number; to: number }[] = [];
  for (let at = 0; at + WINDOW <= characters.length; at += 1) {
    if (!windows.has(characters.slice(at, at + WINDOW))) continue;
    const from = positions[at] ?? 0;
    const to = (positions[at + WINDOW - 1] ?? 0) + 1;
    const last = ranges.at(-1);
    if (last !== undefined && from <= last.to) last.to = to;
    else ranges.push({ from, to });
  }
  let shown = '';
  let at = 0;
  for (const { from, to } of ranges) {
    shown += `${text.slice(at, from)}${HIDDEN}`;
    at = to;
  }
  return shown + text.slice(at);
}

/** The characters of base64url in a text, in lower case, and where each stands. */
function compact(text: string): { readonly text: string; readonly positions: readonly number[] } {
  const characters: string[] = [];
  const positions: number[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (!/[A-Za-z0-9_-]/.test(character)) continue;
    characters.push(character.toLowerCase());
    positions.push(at);
  }
  return { text: characters.join(''), positions };
}
