import type { FileChange, TreeView } from './change-set.ts';
import { misuse, type StoreError } from './errors.ts';
import type { ObjectSource } from './object-source.ts';
import { FILE_MODE, findEntry, objectId, TREE_MODE, withEntry } from './tree.ts';

/** A tree that an edit made, and the one it was made from. */
export interface NewTree {
  readonly oid: string;
  readonly content: Buffer;
  readonly base: { readonly oid: string; readonly content: Buffer } | null;
}

export interface TreeEdit {
  /** The new root. */
  readonly root: string;
  readonly trees: readonly NewTree[];
  readonly blobs: readonly { readonly oid: string; readonly content: Buffer }[];
}

type Edits = Map<string, FileChange | Edits>;

const MAX_PATH_BYTES = 4096;
const MAX_VIEW_BYTES = 8 * 1024 * 1024;

/**
 * The root tree with all changes applied; folders that become empty go away. Nothing is written, and the
 * given root is not touched. Throws `store.bad-path` and `store.path-conflict`.
 */
export async function editTree(
  objects: ObjectSource,
  root: string,
  files: readonly FileChange[],
): Promise<TreeEdit> {
  const made = { trees: [] as NewTree[], blobs: [] as { oid: string; content: Buffer }[] };
  const edited = await editFolder(objects, root, groupByFolder(files), made);
  if (edited !== null) return { root: edited, ...made };
  const empty = Buffer.alloc(0);
  const oid = objectId('tree', empty);
  return { root: oid, trees: [...made.trees, { oid, content: empty, base: null }], blobs: made.blobs };
}

/** The view of one root tree of a batch that is built on the commit `base`. */
export function treeView(objects: ObjectSource, root: string, base: string): TreeView {
  const oid = (path: string): Promise<string | null> => findFile(objects, root, path);
  return {
    base,
    oid,
    read: async (path) => {
      const found = await oid(path);
      return found === null ? null : objects.blob(found, MAX_VIEW_BYTES);
    },
  };
}

/** Object id of the ordinary file at `path` under a root tree; null when there is none. */
export async function findFile(objects: ObjectSource, root: string, path: string): Promise<string | null> {
  const names = path.split('/');
  let tree: string = root;
  for (const [index, name] of names.entries()) {
    const entry = findEntry(await objects.tree(tree), name);
    if (entry === null) return null;
    if (index === names.length - 1) return /^100/.test(entry.mode) ? entry.oid : null;
    if (entry.mode !== TREE_MODE) return null;
    tree = entry.oid;
  }
  return null;
}

/** Null when nothing is left in the folder. */
async function editFolder(
  objects: ObjectSource,
  oid: string | null,
  edits: Edits,
  made: { trees: NewTree[]; blobs: { oid: string; content: Buffer }[] },
): Promise<string | null> {
  const before = await objects.tree(oid);
  let content = before;
  for (const [name, edit] of edits) {
    const entry = findEntry(content, name);
    const next = isFolderEdit(edit)
      ? await nextFolder(objects, entry, edit, made)
      : nextFile(entry, edit, made);
    if (next?.oid === entry?.oid && next?.mode === entry?.mode) continue;
    content = withEntry(content, name, next);
  }
  if (content.length === 0) return null;
  if (content === before && oid !== null) return oid;
  const newOid = objectId('tree', content);
  if (newOid !== oid)
    made.trees.push({ oid: newOid, content, base: oid === null ? null : { oid, content: before } });
  return newOid;
}

async function nextFolder(
  objects: ObjectSource,
  entry: { mode: string; oid: string } | null,
  edits: Edits,
  made: { trees: NewTree[]; blobs: { oid: string; content: Buffer }[] },
): Promise<{ mode: string; oid: string } | null> {
  if (entry !== null && entry.mode !== TREE_MODE) {
    // What is below a file is not there, so there is nothing to remove; writing there would lose the file.
    if (isRemovalOnly(edits)) return entry;
    if (!isForced(edits)) throw conflict('a file stands where a folder is needed');
  }
  const folder = entry?.mode === TREE_MODE ? entry.oid : null;
  const oid = await editFolder(objects, folder, edits, made);
  return oid === null ? null : { mode: TREE_MODE, oid };
}

function nextFile(
  entry: { mode: string; oid: string } | null,
  change: FileChange,
  made: { blobs: { oid: string; content: Buffer }[] },
): { mode: string; oid: string } | null {
  if (entry?.mode === TREE_MODE) {
    if ('remove' in change) return entry;
    if (!change.isForced) throw conflict('a folder stands where a file is needed');
  }
  if ('remove' in change) return null;
  const content = Buffer.from(change.content);
  const oid = objectId('blob', content);
  if (oid !== entry?.oid) made.blobs.push({ oid, content });
  // A symbolic link or submodule is replaced by the file; an executable stays one.
  const mode = entry !== null && /^100/.test(entry.mode) ? entry.mode : FILE_MODE;
  return { mode, oid };
}

function groupByFolder(files: readonly FileChange[]): Edits {
  const root: Edits = new Map();
  for (const file of files) {
    const names = checkedPath(file.path);
    let folder = root;
    for (const name of names.slice(0, -1)) {
      const next = folder.get(name) ?? new Map();
      if (!isFolderEdit(next)) throw conflict('one path is a file and a folder in the same change');
      folder.set(name, next);
      folder = next;
    }
    const last = names.at(-1) ?? '';
    if (folder.has(last)) throw conflict('one path is changed twice in the same change');
    folder.set(last, file);
  }
  return root;
}

/** The path's components. What Git itself refuses in a tree is refused here first. */
function checkedPath(path: string): readonly string[] {
  const names = path.split('/');
  const isFine =
    Buffer.byteLength(path) <= MAX_PATH_BYTES &&
    Buffer.from(path).toString() === path &&
    !path.includes('\0') &&
    names.every(
      (name) => name !== '' && name !== '.' && name !== '..' && !/^(\.git|git~1)[ .]*$/i.test(name),
    );
  if (isFine) return names;
  throw misuse('store.bad-path', { what: `${JSON.stringify(path)} is no path that can be written` });
}

function isFolderEdit(edit: FileChange | Edits): edit is Edits {
  return edit instanceof Map;
}

function isRemovalOnly(edits: Edits): boolean {
  return [...edits.values()].every((edit) => (isFolderEdit(edit) ? isRemovalOnly(edit) : 'remove' in edit));
}

function isForced(edits: Edits): boolean {
  return [...edits.values()].some((edit) =>
    isFolderEdit(edit) ? isForced(edit) : 'content' in edit && edit.isForced === true,
  );
}

function conflict(why: string): StoreError {
  return misuse('store.path-conflict', { what: 'The change cannot be written to the repository', why });
}
