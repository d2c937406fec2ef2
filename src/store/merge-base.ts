import { misuse } from './errors.ts';
import type { GitProcess } from './git-process.ts';
import type { RepositoryReader } from './repository-reader.ts';
import { isObjectId } from './tree.ts';

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
