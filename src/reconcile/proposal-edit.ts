import { unifiedDiff } from '../lib/unified-diff.ts';
import type { Remedy } from '../remedies/remedy.ts';
import type { BranchTip, RepositoryBranches } from './ports.ts';

/** What the branch of a proposal is to hold. */
export interface ProposalEdit {
  readonly remedy: Remedy;
  /** The commit of the source branch that it stands upon. */
  readonly base: string;
  /** Unified diff of the remedy against `base`. */
  readonly diff: string;
  /** The branch holds it already. */
  readonly isPublished: boolean;
}

const MAX_DIFF_LINES = 400;
/** RFC 3339, as `certops.dev/retry-requested-at` has it: asking again later is no other remedy. */
const INSTANT = /\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z/g;

/**
 * The edit for a remedy that was made from the files at `base`. Where the branch holds the same upon an earlier commit
 * of the source branch, and nothing of it was touched there since, it stays as it is: pushes of the source branch (of
 * which many are our own) move no proposal. Undefined where there is nothing to change.
 */
export async function proposalEdit(
  branches: RepositoryBranches,
  remedy: Remedy,
  base: string,
  tip: BranchTip | undefined,
): Promise<ProposalEdit | undefined> {
  const before = await readAll(branches, base, remedy.files.keys());
  const files = new Map([...remedy.files].filter(([path, text]) => before.get(path) !== text));
  if (files.size === 0) return undefined;
  const diffOf = (changed: ReadonlyMap<string, string>): string =>
    [...changed]
      .map(([path, text]) => unifiedDiff(path, before.get(path), text, { maxLines: MAX_DIFF_LINES }))
      .join('');
  const published =
    tip?.isOurs === true && tip.base !== undefined ? await holds(branches, tip, before) : undefined;
  if (tip?.base !== undefined && published !== undefined && isSame(published, files, remedy.kind)) {
    return {
      remedy: { ...remedy, files: published },
      base: tip.base,
      diff: diffOf(published),
      isPublished: true,
    };
  }
  return { remedy: { ...remedy, files }, base, diff: diffOf(files), isPublished: false };
}

/** What the branch changes, by path; undefined where that was changed on the source branch meanwhile. */
async function holds(
  branches: RepositoryBranches,
  tip: BranchTip,
  before: ReadonlyMap<string, string | undefined>,
): Promise<ReadonlyMap<string, string> | undefined> {
  if (tip.base === undefined) return undefined;
  const published = new Map<string, string>();
  for (const { path, after } of await branches.changes(tip.base, tip.commit)) {
    if (!before.has(path) || after === null) return undefined;
  }
  for (const [path, text] of before) {
    const [atBase, atTip] = [
      await readText(branches, tip.base, path),
      await readText(branches, tip.commit, path),
    ];
    if (atBase !== text) return undefined;
    if (atTip !== undefined && atTip !== atBase) published.set(path, atTip);
  }
  return published;
}

function isSame(
  one: ReadonlyMap<string, string>,
  other: ReadonlyMap<string, string>,
  kind: Remedy['kind'],
): boolean {
  const plain = (text: string | undefined): string | undefined =>
    kind === 'retry' ? text?.replace(INSTANT, '') : text;
  return one.size === other.size && [...one].every(([path, text]) => plain(other.get(path)) === plain(text));
}

async function readAll(
  branches: RepositoryBranches,
  commit: string,
  paths: Iterable<string>,
): Promise<ReadonlyMap<string, string | undefined>> {
  const texts = new Map<string, string | undefined>();
  for (const path of paths) texts.set(path, await readText(branches, commit, path));
  return texts;
}

async function readText(
  branches: RepositoryBranches,
  commit: string,
  path: string,
): Promise<string | undefined> {
  const file = await branches.readPath(commit, path);
  return file === null ? undefined : Buffer.from(file.content).toString('utf8');
}
