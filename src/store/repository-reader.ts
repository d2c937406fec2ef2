import { InternalError } from '../lib/errors.ts';
import { isProposal } from './branch-tip.ts';
import { firstParentOf, isMerge, isSignedBy, readCommit, treeOfCommit } from './commit-object.ts';
import type { GitProcess } from './git-process.ts';
import type { RepositoryObjects } from './object-source.ts';
import type { CommitInfo, LogOptions, Tip, TreeEntryChange } from './reader.ts';
import { isObjectId } from './tree.ts';
import { diffTrees } from './tree-diff.ts';
import { findFile } from './tree-edit.ts';

const MAX_FILE_BYTES = 8 * 1024 * 1024;
/** Looked through in memory before Git is asked about ancestry. */
const NEAR_COMMITS = 64;

/** Everything that only reads, over one repository. */
export class RepositoryReader {
  readonly #git: GitProcess;
  readonly #objects: () => RepositoryObjects;
  readonly #trustedKeys: readonly string[];

  /** `objects` is asked anew for every read, since a mirror may be replaced. */
  constructor(git: GitProcess, objects: () => RepositoryObjects, trustedKeys: readonly string[]) {
    this.#git = git;
    this.#objects = objects;
    this.#trustedKeys = trustedKeys;
  }

  async tipAt(commit: string): Promise<Tip> {
    return { commit, tree: treeOfCommit(await this.#objects().commit(commit)) };
  }

  async changes(
    before: string | null,
    after: string,
    maxChanges?: number,
  ): Promise<readonly TreeEntryChange[]> {
    const [from, to] = await Promise.all([before === null ? null : this.tipAt(before), this.tipAt(after)]);
    return diffTrees(this.#objects(), from?.tree ?? null, to.tree, maxChanges);
  }

  async blobSizes(oids: Iterable<string>): Promise<Map<string, number>> {
    const wanted = [...new Set(oids)].filter(isObjectId);
    return this.#objects().sizes(wanted);
  }

  readBlob(oid: string, maxBytes: number): Promise<Uint8Array> {
    return this.#objects().blob(oid, maxBytes);
  }

  async readPath(commit: string, path: string): Promise<{ oid: string; content: Uint8Array } | null> {
    const { tree } = await this.tipAt(commit);
    const oid = await findFile(this.#objects(), tree, path);
    return oid === null ? null : { oid, content: await this.#objects().blob(oid, MAX_FILE_BYTES) };
  }

  async log(tip: string, options: LogOptions): Promise<readonly CommitInfo[]> {
    const { path, maxCount, trailer } = options;
    const args = ['rev-list', `--max-count=${maxCount}`];
    if (trailer !== undefined) args.push(`--grep=^${escapeBasic(`${trailer.name}: ${trailer.value}`)}$`);
    args.push('--end-of-options', tip, '--', ...(path === undefined ? [] : [`:(top,literal)${path}`]));
    const { exitCode, stdout, stderr } = await this.#git.run(args);
    if (exitCode !== 0) throw new InternalError(`git rev-list failed: ${stderr.slice(0, 300)}`);
    const oids = stdout.split('\n').filter(isObjectId);
    const commits = await Promise.all(
      oids.map(async (oid) => readCommit(oid, await this.#objects().commit(oid), this.#trustedKeys)),
    );
    if (trailer === undefined) return commits;
    return commits.filter(({ trailers }) =>
      trailers.some(({ name, value }) => name === trailer.name && value === trailer.value),
    );
  }

  /** Whether `ancestor` is `descendant` or one of its ancestors; false when it is not even there. */
  async isAncestor(ancestor: string, descendant: string): Promise<boolean> {
    let commit: string | null = descendant;
    for (let i = 0; i < NEAR_COMMITS && commit !== null; i++) {
      if (commit === ancestor) return true;
      commit = firstParentOf(await this.#objects().commit(commit));
    }
    const args = ['merge-base', '--is-ancestor', '--end-of-options', ancestor, descendant];
    return (await this.#git.run(args)).exitCode === 0;
  }

  /** First parents from a commit back to another, the newest first and without the other; `limit` at most. */
  async firstParents(from: string, until: string, limit: number): Promise<readonly string[]> {
    const line: string[] = [];
    for (let commit: string | null = from; commit !== null && commit !== until && line.length < limit; ) {
      line.push(commit);
      commit = firstParentOf(await this.#objects().commit(commit));
    }
    return line;
  }

  /**
   * The newest commit among `limit` from `tip` back that one of the trusted keys signed; null for none.
   *
   * Ours stand in one line, each on the one before, and a person's merge may leave that line on either side:
   * `git pull` puts it on the second parent. Where two lines are merged (another branch that certops
   * serves), the first parents' counts.
   */
  async newestVouched(tip: string, limit: number): Promise<string | null> {
    if (this.#trustedKeys.length === 0) return null;
    const { vouched, hasMerges } = await this.#vouchedOnFirstParents(tip, limit);
    if (!hasMerges) return vouched;
    const args = ['rev-list', '--topo-order', `--max-count=${limit}`, '--end-of-options', tip];
    const { exitCode, stdout, stderr } = await this.#git.run(args);
    if (exitCode !== 0) throw new InternalError(`git rev-list failed: ${stderr.slice(0, 300)}`);
    for (const commit of stdout.split('\n').filter(isObjectId)) {
      if (commit === vouched) return vouched;
      if (!this.#vouches(await this.#objects().commit(commit))) continue;
      if (vouched === null || (await this.isAncestor(vouched, commit))) return commit;
    }
    return vouched;
  }

  /**
   * A commit without a parent stands on nothing that was examined, and neither does a proposal, which people may
   * merge: it is made upon whatever the branch held.
   */
  #vouches(raw: Buffer): boolean {
    return firstParentOf(raw) !== null && !isProposal(raw) && isSignedBy(raw, this.#trustedKeys);
  }

  async #vouchedOnFirstParents(
    tip: string,
    limit: number,
  ): Promise<{ readonly vouched: string | null; readonly hasMerges: boolean }> {
    let hasMerges = false;
    let commit: string | null = tip;
    for (let i = 0; i < limit && commit !== null; i++) {
      const raw: Buffer = await this.#objects().commit(commit);
      if (this.#vouches(raw)) return { vouched: commit, hasMerges };
      hasMerges ||= isMerge(raw);
      commit = firstParentOf(raw);
    }
    return { vouched: null, hasMerges };
  }
}

/** Makes `text` literal in a POSIX basic regular expression, which is what `--grep` takes. */
function escapeBasic(text: string): string {
  return text.replace(/[\\.*[\]^$]/g, '\\$&');
}
