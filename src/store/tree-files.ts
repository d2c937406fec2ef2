import { FairLoop } from '../lib/turn-queue.ts';
import type { ObjectSource } from './object-source.ts';
import { entryAt, readEntry, TREE_MODE } from './tree.ts';
import { AT_ONCE, fileId, isTooDeep, MAX_CHANGES, MAX_FOLDERS, tooLarge } from './tree-diff.ts';

/**
 * Every ordinary file below a root tree with its object id, in no order; hidden folders are not entered. Throws
 * `store.tree-too-large` where `diffTrees` does.
 */
export async function listFiles(objects: ObjectSource, root: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  const loop = new FairLoop();
  let folders = 0;
  const waiting = [{ prefix: '', oid: root }];
  while (waiting.length > 0) {
    // Asked for together: the reader answers them in one go.
    const block = waiting.splice(0, AT_ONCE);
    const trees = await Promise.all(block.map(({ oid }) => objects.tree(oid)));
    await loop.pause();
    for (const [index, tree] of trees.entries()) {
      const prefix = block[index]?.prefix ?? '';
      folders += 1;
      if (folders > MAX_FOLDERS || isTooDeep(prefix)) throw tooLarge();
      for (let span = entryAt(tree, 0); span !== null; span = entryAt(tree, span.end)) {
        const entry = readEntry(tree, span);
        if (entry === null) continue;
        const { name, oid, mode } = entry;
        if (fileId(entry) !== null) files.set(prefix + name, oid);
        else if (mode === TREE_MODE && !name.startsWith('.'))
          waiting.push({ prefix: `${prefix}${name}/`, oid });
        if (files.size > MAX_CHANGES || waiting.length > MAX_FOLDERS) throw tooLarge();
      }
    }
  }
  return files;
}
