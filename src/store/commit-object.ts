import type { CommitInfo, CommitPerson } from './reader.ts';
import { type CommitSigner, verifySshSignature } from './ssh-signature.ts';

export interface CommitDraft {
  readonly tree: string;
  readonly parents: readonly string[];
  readonly identity: { readonly name: string; readonly email: string };
  readonly when: Date;
  readonly message: string;
}

/** A commit object, signed where there is a signer (gpgsig header, as `git commit -S` writes it). */
export function encodeCommit(draft: CommitDraft, signer: CommitSigner | undefined): Buffer {
  const seconds = Math.floor(draft.when.getTime() / 1000);
  const person = `${plain(draft.identity.name)} <${plain(draft.identity.email)}> ${seconds} +0000`;
  const header = [
    `tree ${draft.tree}`,
    ...draft.parents.map((parent) => `parent ${parent}`),
    `author ${person}`,
    `committer ${person}`,
  ].join('\n');
  const body = `\n${draft.message.replaceAll('\0', '').trimEnd()}\n`;
  if (signer === undefined) return Buffer.from(`${header}\n${body}`);
  const signature = signer.sign(Buffer.from(`${header}\n${body}`));
  return Buffer.from(`${header}\ngpgsig ${signature.trimEnd().replaceAll('\n', '\n ')}\n${body}`);
}

/** The tree of a commit. */
export function treeOfCommit(raw: Buffer): string {
  return raw.toString('latin1', 5, 45);
}

/** The first parent, which is the branch's previous tip; null for the first commit. */
export function firstParentOf(raw: Buffer): string | null {
  return raw.toString('latin1', 46, 53) === 'parent ' ? raw.toString('latin1', 53, 93) : null;
}

/** Whether the commit has more than one parent. */
export function isMerge(raw: Buffer): boolean {
  return firstParentOf(raw) !== null && raw.toString('latin1', 94, 101) === 'parent ';
}

/** Whether the commit carries a good signature by one of the keys (OpenSSH one-line form). */
export function isSignedBy(raw: Buffer, publicKeys: readonly string[]): boolean {
  const { signature, payload } = splitSignature(raw);
  return signature !== null && publicKeys.length > 0 && verifySshSignature(payload, signature, publicKeys);
}

/** Reads a commit object for people: persons, message, trailers, whether we vouch for its signature. */
export function readCommit(oid: string, raw: Buffer, publicKeys: readonly string[]): CommitInfo {
  const text = raw.toString('utf8');
  const headerEnd = text.indexOf('\n\n');
  const header = headerEnd < 0 ? text : text.slice(0, headerEnd);
  const message = headerEnd < 0 ? '' : text.slice(headerEnd + 2);
  const values = (name: string): readonly string[] =>
    header
      .split('\n')
      .filter((line) => line.startsWith(`${name} `))
      .map((line) => line.slice(name.length + 1));
  const hasSignature = /^gpgsig/m.test(header);
  return {
    commit: oid,
    tree: values('tree')[0] ?? '',
    parents: values('parent'),
    author: readPerson(values('author')[0] ?? ''),
    committer: readPerson(values('committer')[0] ?? ''),
    subject: message.split('\n', 1)[0] ?? '',
    message,
    trailers: readTrailers(message),
    signature: isSignedBy(raw, publicKeys) ? 'ours' : hasSignature ? 'other' : 'none',
  };
}

/** `Name: value` lines of the last paragraph, unless that is the subject's (git-interpret-trailers). */
export function readTrailers(message: string): readonly { name: string; value: string }[] {
  const paragraphs = message.trimEnd().split(/\n[ \t]*\n/);
  const last = paragraphs.length < 2 ? '' : (paragraphs.at(-1) ?? '');
  const trailers: { name: string; value: string }[] = [];
  for (const line of last.split('\n')) {
    const match = /^([A-Za-z0-9-]+)[ \t]*:[ \t]*(.*)$/.exec(line);
    const previous = trailers.at(-1);
    if (match !== null) trailers.push({ name: match[1] ?? '', value: (match[2] ?? '').trimEnd() });
    else if (/^[ \t]/.test(line) && previous !== undefined) previous.value += ` ${line.trim()}`;
  }
  return trailers;
}

function splitSignature(raw: Buffer): { signature: string | null; payload: Buffer } {
  const headerEnd = raw.indexOf('\n\n');
  const mark = raw.indexOf('\ngpgsig ');
  if (mark < 0 || headerEnd < 0 || mark > headerEnd) return { signature: null, payload: raw };
  let end = raw.indexOf('\n', mark + 1);
  // A continuation line begins with a space.
  while (end >= 0 && raw[end + 1] === 32) end = raw.indexOf('\n', end + 1);
  if (end < 0) return { signature: null, payload: raw };
  return {
    signature: raw.toString('latin1', mark + 8, end).replaceAll('\n ', '\n'),
    payload: Buffer.concat([raw.subarray(0, mark), raw.subarray(end)]),
  };
}

function readPerson(text: string): CommitPerson {
  const match = /^(.*?) ?<([^>]*)> (-?\d+) [+-]\d{4}$/.exec(text);
  if (match === null) return { name: text, email: '', when: new Date(0) };
  return { name: match[1] ?? '', email: match[2] ?? '', when: new Date(Number(match[3]) * 1000) };
}

/** Git's own cleaning of names: nothing that ends the field or the line. */
function plain(text: string): string {
  return text.replace(/[<>\n\r\0]/g, '').trim();
}
