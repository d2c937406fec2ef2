import { FairLoop } from '../lib/turn-queue.ts';
import { StoreError } from './errors.ts';
import type { ObjectSource } from './object-source.ts';
import type { TreeEntryChange } from './reader.ts';
import { compareSpans, type EntrySpan, entryAt, readEntry, TREE_MODE, type TreeEntry } from './tree.ts';

const MAX_CHANGES = 2_000_000;
const MAX_FOLDERS = 500_000;
const MAX_PATH_LENGTH = 4096;
/** So many folders fewer than files may differ. */
const FILES_A_FOLDER = 4;

interface Walk {
  readonly objects: ObjectSource;
  readonly changes: TreeEntryChange[];
  readonly maxChanges: number;
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
  const walk: Walk = { objects, changes: [], maxChanges, loop: new FairLoop(), folders: 0 };
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
  const maxFolders = Math.min(MAX_FOLDERS, walk.maxChanges / FILES_A_FOLDER);
  if (walk.folders > maxFolders || prefix.length > MAX_PATH_LENGTH) throw tooLarge();
  // What is at hand in memory is answered without a turn of the event loop.
  await walk.loop.pause();
  const [before, after] = await Promise.all([walk.objects.tree(beforeOid), walk.objects.tree(afterOid)]);
  const folders: { name: string; before: string | null; after: string | null }[] = [];
  for (const { left, right } of differingEntries(before, after)) {
    if (walk.changes.length > walk.maxChanges || folders.length > maxFolders) throw tooLarge();
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
  // Asked for together: the reader answers them in one go.
  await inBatches(folders, (folder) =>
    diffFolder(walk, folder.before, folder.after, `${prefix}${folder.name}/`),
  );
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
  for (let start = 0; start < items.length; start += 64)
    await Promise.all(items.slice(start, start + 64).map(work));
}

function folderId(entry: TreeEntry | null): string | null {
  return entry?.mode === TREE_MODE ? entry.oid : null;
}

function fileId(entry: TreeEntry | null): string | null {
  return entry?.mode === '100644' || entry?.mode === '100755' || entry?.mode === '100664' ? entry.oid : null;
}

function tooLarge(): StoreError {
  return new StoreError(
    'store.tree-too-large',
    {
      what: 'The repository holds more folders or files than can be looked at',
      next: 'Keep configuration in a repository of its own',
    },
    { retry: { when: 'never' } },
  );
}
