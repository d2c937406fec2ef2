import { firstParentOf } from './commit-object.ts';
import { misuse } from './errors.ts';
import type { GitProcess } from './git-process.ts';
import type { RepositoryObjects } from './object-source.ts';
import type { RepositoryReader } from './repository-reader.ts';
import { isObjectId } from './tree.ts';

/** So far back a base is looked for before Git is asked. */
const NEAR_COMMITS = 16;

/** `one` where `other` was begun on it a few commits ago, as most changes are; null where Git has to be asked. */
export async function nearMergeBase(
  objects: Pick<RepositoryObjects, 'commit'>,
  one: string,
  other: string,
): Promise<string | null> {
  let commit: string | null = other;
  for (let i = 0; i < NEAR_COMMITS && commit !== null; i++) {
    if (commit === one) return one;
    // A shallow clone names parents that it has not got.
    const raw: Buffer | null = await objects.commit(commit).catch(() => null);
    commit = raw === null ? null : firstParentOf(raw);
  }
  return null;
}

/** The newest commit that two commits descend from. Throws `store.no-common-history`. */
export async function mergeBase(git: GitProcess, one: string, other: string): Promise<string> {
  if (one === other) return one;
  const found = (await git.run(['merge-base', '--end-of-options', one, other])).stdout.trim();
  if (isObjectId(found)) return found;
  throw misuse('store.no-common-history', {
    what: `${one.slice(0, 12)} and ${other.slice(0, 12)} have no common history here`,
    next: 'Fetch the whole history (a shallow clone has too little of it)',
  });
}

/**
 * Whether a branch at `source` has a commit: as an ancestor, or (squashed, picked, done by hand) each file as the commit
 * left it upon `base`, its parent in that branch.
 */
export async function isMergedInto(
  reader: Pick<RepositoryReader, 'isAncestor' | 'changes'>,
  commit: string,
  base: string | undefined,
  source: string,
): Promise<boolean> {
  if (await reader.isAncestor(commit, source)) return true;
  if (base === undefined) return false;
  const changed = await reader.changes(base, commit);
  const differs = new Set((await reader.changes(commit, source)).map(({ path }) => path));
  return changed.length > 0 && changed.every(({ path }) => !differs.has(path));
}
