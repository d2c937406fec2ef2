import { createHash } from 'node:crypto';

/** One entry of a tree object. `oid` is hex. */
export interface TreeEntry {
  /** As Git writes it: `100644`, `100755`, `120000`, `160000`, `40000`. */
  readonly mode: string;
  readonly name: string;
  readonly oid: string;
}

/** Where an entry lies in a raw tree: mode, space, name, NUL, 20 bytes of id. */
export interface EntrySpan {
  readonly start: number;
  readonly nameStart: number;
  readonly nameEnd: number;
  readonly end: number;
}

export const EMPTY_TREE: Buffer = Buffer.alloc(0);
export const TREE_MODE = '40000';
export const FILE_MODE = '100644';

/** `100644` and `40000` as numbers of their bytes. */
const FILE_MODE_BYTES = 0x313030363434;
const TREE_MODE_BYTES = 0x3430303030;
const OID_BYTES = 20;
const SPACE = 32;
const SLASH = 47;
const DIGIT_FOUR = 52;

/** Whether `text` is a SHA-1 object id in hex. */
export function isObjectId(text: string): boolean {
  return /^[0-9a-f]{40}$/.test(text);
}

/** The id of an object: SHA-1 of `<type> <size>\0<content>`, hex. */
export function objectId(type: 'blob' | 'tree' | 'commit', content: Uint8Array): string {
  return createHash('sha1').update(`${type} ${content.length}\0`).update(content).digest('hex');
}

/** The entry that begins at `start`; null at the end. Throws RangeError where the bytes are no tree. */
export function entryAt(raw: Buffer, start: number): EntrySpan | null {
  if (start >= raw.length) return null;
  const space = raw.indexOf(SPACE, start);
  const nul = raw.indexOf(0, space);
  const end = nul + 1 + OID_BYTES;
  if (space < 0 || nul < 0 || end > raw.length) throw new RangeError('not a tree object');
  return { start, nameStart: space + 1, nameEnd: nul, end };
}

export function isFolder(raw: Buffer, span: EntrySpan): boolean {
  return raw[span.start] === DIGIT_FOUR;
}

/** The mode, name and id of an entry; null when the name is not UTF-8. */
export function readEntry(raw: Buffer, span: EntrySpan): TreeEntry | null {
  const name = raw.toString('utf8', span.nameStart, span.nameEnd);
  if (name.includes('\ufffd')) return null;
  return {
    mode: modeOf(raw, span),
    name,
    oid: raw.toString('hex', span.nameEnd + 1, span.end),
  };
}

/** Of the two that nearly all entries have no text is made. */
function modeOf(raw: Buffer, { start, nameStart }: EntrySpan): string {
  if (nameStart - start === 7 && raw.readUIntBE(start, 6) === FILE_MODE_BYTES) return FILE_MODE;
  if (nameStart - start === 6 && raw.readUIntBE(start, 5) === TREE_MODE_BYTES) return TREE_MODE;
  return raw.toString('latin1', start, nameStart - 1);
}

/** All entries in their order; those whose name is not UTF-8 are left out. */
export function readTree(raw: Buffer): readonly TreeEntry[] {
  const entries: TreeEntry[] = [];
  for (let span = entryAt(raw, 0); span !== null; span = entryAt(raw, span.end)) {
    const entry = readEntry(raw, span);
    if (entry !== null) entries.push(entry);
  }
  return entries;
}

/** The entry called `name`; null when there is none. */
export function findEntry(raw: Buffer, name: string): TreeEntry | null {
  const wanted = Buffer.from(name);
  for (let span = entryAt(raw, 0); span !== null; span = entryAt(raw, span.end)) {
    if (raw.compare(wanted, 0, wanted.length, span.nameStart, span.nameEnd) === 0)
      return readEntry(raw, span);
  }
  return null;
}

/**
 * The tree with one entry put in, replaced or (mode null) taken out. Git sorts by name as bytes, folders
 * as if their name ended in `/`: `a.b` stands before the folder `a`, `a` the file before both.
 */
export function withEntry(raw: Buffer, name: string, entry: { mode: string; oid: string } | null): Buffer {
  const nameBytes = Buffer.from(name);
  const isNewFolder = entry?.mode === TREE_MODE;
  let insertAt = raw.length;
  let isPlaced = false;
  let old: EntrySpan | null = null;
  for (let span = entryAt(raw, 0); span !== null; span = entryAt(raw, span.end)) {
    if (raw.compare(nameBytes, 0, nameBytes.length, span.nameStart, span.nameEnd) === 0) {
      old = span;
    } else if (!isPlaced && comesBefore(nameBytes, isNewFolder, raw, span)) {
      insertAt = span.start;
      isPlaced = true;
    }
  }
  const added = entry === null ? EMPTY_TREE : encodeEntry(nameBytes, entry);
  if (old === null) return Buffer.concat([raw.subarray(0, insertAt), added, raw.subarray(insertAt)]);
  if (old.start >= insertAt) {
    return Buffer.concat([
      raw.subarray(0, insertAt),
      added,
      raw.subarray(insertAt, old.start),
      raw.subarray(old.end),
    ]);
  }
  return Buffer.concat([
    raw.subarray(0, old.start),
    raw.subarray(old.end, insertAt),
    added,
    raw.subarray(insertAt),
  ]);
}

/** Order of two entries of different trees as Git sorts them: negative, zero or positive. */
export function compareSpans(a: Buffer, left: EntrySpan, b: Buffer, right: EntrySpan): number {
  const leftLength = left.nameEnd - left.nameStart;
  const rightLength = right.nameEnd - right.nameStart;
  const shared = Math.min(leftLength, rightLength);
  const order = a.compare(
    b,
    right.nameStart,
    right.nameStart + shared,
    left.nameStart,
    left.nameStart + shared,
  );
  if (order !== 0) return order;
  return nextByte(a, left, shared) - nextByte(b, right, shared);
}

function comesBefore(name: Buffer, isNameFolder: boolean, raw: Buffer, span: EntrySpan): boolean {
  const length = span.nameEnd - span.nameStart;
  const shared = Math.min(name.length, length);
  const order = name.compare(raw, span.nameStart, span.nameStart + shared, 0, shared);
  if (order !== 0) return order < 0;
  const own = shared < name.length ? (name[shared] ?? 0) : isNameFolder ? SLASH : 0;
  return own < nextByte(raw, span, shared);
}

/** The byte of the sort key after `shared` bytes of the name: the name's own, `/` for a folder's end, or 0. */
function nextByte(raw: Buffer, span: EntrySpan, shared: number): number {
  if (span.nameStart + shared < span.nameEnd) return raw[span.nameStart + shared] ?? 0;
  return isFolder(raw, span) ? SLASH : 0;
}

function encodeEntry(name: Buffer, entry: { mode: string; oid: string }): Buffer {
  return Buffer.concat([
    Buffer.from(`${entry.mode} `),
    name,
    Buffer.from([0]),
    Buffer.from(entry.oid, 'hex'),
  ]);
}
