import { FairLoop } from '../lib/turn-queue.ts';
import { StoreError } from './errors.ts';
import type { ObjectSource } from './object-source.ts';
import type { TreeEntryChange } from './reader.ts';
import { compareSpans, type EntrySpan, entryAt, readEntry, TREE_MODE, type TreeEntry } from './tree.ts';

/** More files or folders than that are no configuration. */
export const MAX_CHANGES = 2_000_000;
export const MAX_FOLDERS = 500_000;
const MAX_PATH_LENGTH = 4096;
/** So many folders fewer than files may differ. */
const FILES_A_FOLDER = 4;
/** Folders that are asked for together. */
export const AT_ONCE = 64;

interface Walk {
  readonly objects: ObjectSource;
  readonly changes: TreeEntryChange[];
  readonly maxChanges: number;
  readonly maxFolders: number;
  readonly loop: FairLoop;
  folders: number;
}

/**
 * Ordinary files that differ between two root trees, sorted by path. Equal subtrees are never opened.
 * Throws `store.tree-too-large` over `maxChanges` files or folders, and for trees that are built to explode.
 */
export async function diffTrees(
  objects: ObjectSource,
  before: string | null,
  after: string | null,
  maxChanges = MAX_CHANGES,
): Promise<readonly TreeEntryChange[]> {
  const maxFolders = Math.min(MAX_FOLDERS, maxChanges / FILES_A_FOLDER);
  const walk: Walk = { objects, changes: [], maxChanges, maxFolders, loop: new FairLoop(), folders: 0 };
  await diffFolder(walk, before, after, '');
  return walk.changes.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

async function diffFolder(
  walk: Walk,
  beforeOid: string | null,
  afterOid: string | null,
  prefix: string,
): Promise<void> {
  if (beforeOid === afterOid) return;
  walk.folders += 1;
  if (walk.folders > walk.maxFolders || isTooDeep(prefix)) throw tooLarge();
  // What is at hand in memory is answered without a turn of the event loop.
  await walk.loop.pause();
  const [before, after] = await Promise.all([walk.objects.tree(beforeOid), walk.objects.tree(afterOid)]);
  const folders: FolderPair[] = [];
  if (beforeOid === null) takeAdded(walk, after, prefix, folders);
  else takeDiffering(walk, before, after, prefix, folders);
  // Asked for together: the reader answers them in one go.
  await inBatches(folders, (folder) =>
    diffFolder(walk, folder.before, folder.after, `${prefix}${folder.name}/`),
  );
}

/** A folder of one name on both sides. */
interface FolderPair {
  readonly name: string;
  readonly before: string | null;
  readonly after: string | null;
}

/** Everything is new: there is nothing to compare, and of a repository that is read for the first time this is all. */
function takeAdded(walk: Walk, tree: Buffer, prefix: string, folders: FolderPair[]): void {
  for (let span = entryAt(tree, 0); span !== null; span = entryAt(tree, span.end)) {
    if (isOver(walk, folders)) throw tooLarge();
    const entry = readEntry(tree, span);
    if (entry === null) continue;
    const { name } = entry;
    const after = fileId(entry);
    if (after !== null) walk.changes.push({ path: prefix + name, before: null, after, mode: entry.mode });
    else if (entry.mode === TREE_MODE && !name.startsWith('.'))
      folders.push({ name, before: null, after: entry.oid });
  }
}

function takeDiffering(
  walk: Walk,
  before: Buffer,
  after: Buffer,
  prefix: string,
  folders: FolderPair[],
): void {
  for (const { left, right } of differingEntries(before, after)) {
    if (isOver(walk, folders)) throw tooLarge();
    const old = left === null ? null : readEntry(before, left);
    const now = right === null ? null : readEntry(after, right);
    const name = (now ?? old)?.name;
    if (name === undefined) continue;
    if (!name.startsWith('.')) {
      const folder = { name, before: folderId(old), after: folderId(now) };
      if (folder.before !== folder.after) folders.push(folder);
    }
    const file = { before: fileId(old), after: fileId(now) };
    if (file.before !== file.after) {
      const shown = file.after === null ? old : now;
      walk.changes.push({ path: prefix + name, ...file, mode: shown?.mode ?? '' });
    }
  }
}

/** Pairs of entries of the same sort key that are not byte for byte the same. */
function* differingEntries(
  before: Buffer,
  after: Buffer,
): Generator<{ left: EntrySpan | null; right: EntrySpan | null }> {
  let left = entryAt(before, 0);
  let right = entryAt(after, 0);
  while (left !== null || right !== null) {
    const order = left === null ? 1 : right === null ? -1 : compareSpans(before, left, after, right);
    if (order < 0 && left !== null) {
      yield { left, right: null };
      left = entryAt(before, left.end);
    } else if (order > 0 && right !== null) {
      yield { left: null, right };
      right = entryAt(after, right.end);
    } else if (left !== null && right !== null) {
      if (before.compare(after, right.start, right.end, left.start, left.end) !== 0) yield { left, right };
      left = entryAt(before, left.end);
      right = entryAt(after, right.end);
    }
  }
}

async function inBatches<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let start = 0; start < items.length; start += AT_ONCE)
    await Promise.all(items.slice(start, start + AT_ONCE).map(work));
}

function isOver({ changes, maxChanges, maxFolders }: Walk, folders: readonly FolderPair[]): boolean {
  return changes.length > maxChanges || folders.length > maxFolders;
}

function folderId(entry: TreeEntry | null): string | null {
  return entry?.mode === TREE_MODE ? entry.oid : null;
}

/** The object id of an ordinary file; null for everything else. */
export function fileId(entry: TreeEntry | null): string | null {
  return entry?.mode === '100644' || entry?.mode === '100755' || entry?.mode === '100664' ? entry.oid : null;
}

/** Whether a path is longer than any that is looked at. */
export function isTooDeep(prefix: string): boolean {
  return prefix.length > MAX_PATH_LENGTH;
}

/** `store.tree-too-large` */
export function tooLarge(): StoreError {
  return new StoreError(
    'store.tree-too-large',
    {
      what: 'The repository holds more folders or files than can be looked at',
      next: 'Keep configuration in a repository of its own',
    },
    { retry: { when: 'never' } },
  );
}
