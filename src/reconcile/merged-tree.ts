import type { BlobChange } from './ports.ts';

/** Object ids of files by path. */
export type TreeFiles = ReadonlyMap<string, string>;

/** Two commits of one repository that can be compared. */
export interface ComparedCommits {
  changes(before: string | null, after: string): Promise<readonly BlobChange[]>;
  /** The newest commit that both descend from. Throws `store.no-common-history`. */
  mergeBase(one: string, other: string): Promise<string>;
}

/** What a branch would hold after a merge. */
export interface MergedTree {
  readonly files: TreeFiles;
  /** What is to be told of files that both sides changed. */
  readonly warnings: readonly string[];
}

/** All files of a commit. */
export async function filesOf(commits: Pick<ComparedCommits, 'changes'>, commit: string): Promise<TreeFiles> {
  return withChanges(new Map(), await commits.changes(null, commit));
}

/**
 * The base with what head changed since they parted, file by file; where both changed one, head's stands. `files` are
 * those of the base. Throws store errors.
 */
export async function mergedTree(
  commits: ComparedCommits,
  base: string,
  head: string,
  files: TreeFiles,
): Promise<MergedTree> {
  if (base === head) return { files, warnings: [] };
  const fork = await commits.mergeBase(base, head);
  const changes = await commits.changes(fork, head);
  const both = changes.filter(({ path, before, after }) => {
    const current = files.get(path) ?? null;
    return current !== before && current !== after;
  });
  const [first] = both;
  const more = both.length > 1 ? ` and ${both.length - 1} more` : '';
  const warnings =
    first === undefined
      ? []
      : [`${first.path}${more}: changed on both sides; this plan goes by what is to be merged`];
  return { files: withChanges(files, changes), warnings };
}

/** Files with others in their places; null takes one away. */
export function withChanges(
  files: TreeFiles,
  changes: readonly Pick<BlobChange, 'path' | 'after'>[],
): TreeFiles {
  if (changes.length === 0) return files;
  const changed = new Map(files);
  for (const { path, after } of changes) {
    if (after === null) changed.delete(path);
    else changed.set(path, after);
  }
  return changed;
}
