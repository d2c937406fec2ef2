import { readCommit, treeOfCommit } from './commit-object.ts';
import { unreachable } from './errors.ts';
import { GitProcess } from './git-process.ts';
import { indexPack } from './index-pack.ts';
import { isMergedInto, mergeBase } from './merge-base.ts';
import { RepositoryObjects } from './object-source.ts';
import { PackBuilder } from './pack.ts';
import { branchMissing, commitRefused, conflict, pushRefused } from './person-errors.ts';
import { lastWords, withoutUserInfo } from './person-git.ts';
import { findPersonPlace, type PersonPlace, type PersonRemoteOptions } from './person-remote.ts';
import { readPushOutcome } from './push.ts';
import type { GitReader, TreeEntryChange } from './reader.ts';
import { stateRefOf } from './remote.ts';
import { RepositoryReader } from './repository-reader.ts';
import { decodeState, MAX_STATE_BYTES, STATE_FILE, type StateDocument } from './state.ts';
import { isObjectId } from './tree.ts';
import { editTree } from './tree-edit.ts';

/** The tip of a branch at the remote. */
export interface PersonTip {
  readonly commit: string;
  /** The whole message. */
  readonly message: string;
  readonly committedAt: Date;
}

/** What the remote had at one look; every object of it is at hand. */
export interface RemoteLook {
  /** The tip of the source branch. */
  readonly source: string;
  /** Branches under the prefix that was asked for, without `refs/heads/`. */
  readonly branches: ReadonlyMap<string, PersonTip>;
  /** The state document of the source branch; empty where there is none. */
  readonly state: StateDocument;
}

/** What became of a push: `lost`, the branch is not where it was. */
export interface PersonPush {
  readonly outcome: 'pushed' | 'lost';
  /** What the server said to people, line by line. */
  readonly remarks: readonly string[];
}

const MAX_LOOKS = 3;
const MAX_REMARKS = 12;

/**
 * A repository as somebody changes it from the command line: read as the remote has it, written by commits of theirs
 * (their name, their signature, their hooks) that are pushed with an exact lease. Their work tree, index and branches
 * stay as they are. Throws `store.unreachable`, `store.branch-missing`, `store.commit-refused`, `store.push-refused`,
 * `store.merge-conflict` and what `findPersonPlace` throws.
 */
export class PersonRepository implements Pick<GitReader, 'changes' | 'blobSizes' | 'readBlob' | 'readPath'> {
  readonly #place: PersonPlace;
  readonly #objects: RepositoryObjects;
  readonly #reader: RepositoryReader;
  /** Reads and writes objects as certops does everywhere; it never speaks with the remote. */
  readonly #local: GitProcess;

  private constructor(place: PersonPlace) {
    this.#place = place;
    this.#local = new GitProcess(place.gitDir);
    this.#objects = new RepositoryObjects(this.#local, () => {});
    this.#reader = new RepositoryReader(this.#local, () => this.#objects, []);
  }

  static async open(options: PersonRemoteOptions, signal: AbortSignal): Promise<PersonRepository> {
    return new PersonRepository(await findPersonPlace(options, signal));
  }

  /** The source branch. */
  get branch(): string {
    return this.#place.branch;
  }

  /** The remote's address, without user and password. */
  get url(): string {
    return this.#place.url;
  }

  /** What the person's Git calls the remote: `origin`, a path, a URL without user and password. */
  get remoteName(): string {
    return withoutUserInfo(this.#place.remote);
  }

  changes(before: string | null, after: string): Promise<readonly TreeEntryChange[]> {
    return this.#reader.changes(before, after);
  }

  blobSizes(oids: Iterable<string>): Promise<Map<string, number>> {
    return this.#reader.blobSizes(oids);
  }

  readBlob(oid: string, maxBytes: number): Promise<Uint8Array> {
    return this.#reader.readBlob(oid, maxBytes);
  }

  readPath(
    commit: string,
    path: string,
  ): Promise<{ readonly oid: string; readonly content: Uint8Array } | null> {
    return this.#reader.readPath(commit, path);
  }

  /** Throws `store.no-common-history`. */
  mergeBase(one: string, other: string): Promise<string> {
    return mergeBase(this.#local, one, other);
  }

  /** Whether `ancestor` is `descendant` or an ancestor of it; false where it is not at hand. */
  async isAncestor(ancestor: string, descendant: string): Promise<boolean> {
    if (!(await this.#has([ancestor, descendant]))) return false;
    return this.#reader.isAncestor(ancestor, descendant);
  }

  /** What the remote has now: the source branch, its state document, and the branches under a prefix ending in `/`. */
  async look(prefix: string | undefined, signal: AbortSignal): Promise<RemoteLook> {
    const sourceRef = `refs/heads/${this.branch}`;
    const stateRef = stateRefOf(this.branch);
    const patterns = [sourceRef, stateRef, ...(prefix === undefined ? [] : [`refs/heads/${prefix}*`])];
    for (let attempt = 1; ; attempt++) {
      const refs = await this.#list(patterns, signal);
      const source = refs.get(sourceRef);
      if (source === undefined) throw branchMissing(this.branch);
      const isAll = await this.#bring(refs, signal);
      // A branch may be replaced between looking and fetching.
      if (!isAll && attempt < MAX_LOOKS) continue;
      if (!isAll) throw unreachable('What its branches hold cannot be fetched');
      const state = refs.get(stateRef);
      const branches = new Map<string, PersonTip>();
      for (const [ref, oid] of refs) {
        if (prefix === undefined || !ref.startsWith(`refs/heads/${prefix}`)) continue;
        const { message, committer } = readCommit(oid, await this.#objects.commit(oid), []);
        branches.set(ref.slice('refs/heads/'.length), { commit: oid, message, committedAt: committer.when });
      }
      return { source, branches, state: state === undefined ? {} : await this.#readState(state) };
    }
  }

  /** One commit of the person upon `base` with whole new content by path; nothing is pushed. */
  async commitFiles(
    base: string,
    files: ReadonlyMap<string, string>,
    message: string,
    signal: AbortSignal,
  ): Promise<string> {
    const root = treeOfCommit(await this.#objects.commit(base));
    const changes = [...files].map(([path, content]) => ({ path, content }));
    const edit = await editTree(this.#objects, root, changes);
    const pack = new PackBuilder();
    for (const blob of edit.blobs) pack.add('blob', blob.oid, blob.content);
    for (const tree of edit.trees) pack.addTree(tree.oid, tree.content, tree.base);
    await indexPack(this.#local, pack.finish());
    return this.#commitTree(edit.root, [base], message, signal);
  }

  /** A merge commit of the person; nothing is pushed. Throws `store.merge-conflict`, which names the files. */
  async commitMerge(into: string, from: string, message: string, signal: AbortSignal): Promise<string> {
    const args = ['merge-tree', '--write-tree', '--name-only', '--no-messages', '-z', into, from];
    const { exitCode, stdout, stderr } = await this.#local.run(args, { signal });
    const [tree = '', ...files] = stdout.split('\0').filter((part) => part !== '');
    if (exitCode === 0 && isObjectId(tree)) return this.#commitTree(tree, [into, from], message, signal);
    if (exitCode === 1) throw conflict(files);
    throw commitRefused('Git cannot merge the two', lastWords(stderr), 'Install git 2.39 or newer');
  }

  /**
   * Moves one branch of the remote with an exact lease: `from` null, it must not exist; `to` null, it goes away. Throws
   * `store.push-refused` where the server's rules or a hook stop it.
   */
  async push(
    move: { readonly branch: string; readonly from: string | null; readonly to: string | null },
    signal: AbortSignal,
  ): Promise<PersonPush> {
    const { git, remote } = this.#place;
    const ref = `refs/heads/${move.branch}`;
    const args = ['push', '--porcelain', '--no-follow-tags', '--recurse-submodules=no'];
    args.push(`--force-with-lease=${ref}:${move.from ?? ''}`, '--end-of-options');
    args.push(remote, `${move.to ?? ''}:${ref}`);
    const outcome = await git.run(args, signal);
    const remarks = remarksIn(outcome.stderr);
    const verdict = readPushOutcome(outcome);
    if (verdict.kind === 'pushed') return { outcome: 'pushed', remarks };
    const now = (await this.#list([ref], signal)).get(ref) ?? null;
    // An answer that got lost: it has arrived all the same.
    if (now === move.to) return { outcome: 'pushed', remarks };
    if (now !== move.from) return { outcome: 'lost', remarks };
    if (verdict.kind === 'failed') throw unreachable(`Pushing failed: ${lastWords(outcome.stderr)}`);
    throw pushRefused(move.branch, withoutUserInfo(verdict.why));
  }

  /**
   * Those of the commits that a commit of the source branch has: as an ancestor, or (squashed, picked, done by hand)
   * each file as the commit left it. A commit that is not at hand is not merged.
   */
  async mergedAmong(commits: Iterable<string>, source: string): Promise<ReadonlySet<string>> {
    const merged = new Set<string>();
    for (const commit of new Set(commits)) {
      if (!isObjectId(commit) || !(await this.#has([commit]))) continue;
      if (await isMergedInto(this.#reader, commit, await this.baseOf(commit, source), source))
        merged.add(commit);
    }
    return merged;
  }

  /** The one parent of a commit, where that is in the source branch. */
  async baseOf(commit: string, source: string): Promise<string | undefined> {
    const { parents } = readCommit(commit, await this.#objects.commit(commit), []);
    const [parent, ...others] = parents;
    if (parent === undefined || others.length > 0) return undefined;
    return (await this.isAncestor(parent, source)) ? parent : undefined;
  }

  /** Whether the commits and what they hold are here. */
  has(...commits: readonly string[]): Promise<boolean> {
    return this.#has(commits);
  }

  async close(): Promise<void> {
    this.#objects.close();
    await this.#place.close();
  }

  async #list(patterns: readonly string[], signal: AbortSignal): Promise<Map<string, string>> {
    const { git, remote } = this.#place;
    const args = ['ls-remote', '--quiet', '--refs', '--end-of-options', remote, ...patterns];
    const { exitCode, stdout, stderr } = await git.run(args, signal);
    if (exitCode !== 0) throw unreachable(lastWords(stderr));
    const found = new Map<string, string>();
    for (const line of stdout.split('\n')) {
      const [oid = '', ref = ''] = line.split('\t');
      const isAsked = patterns.some((pattern) =>
        pattern.endsWith('*') ? ref.startsWith(pattern.slice(0, -1)) : ref === pattern,
      );
      if (isObjectId(oid) && isAsked) found.set(ref, oid);
    }
    return found;
  }

  /** Fetches what is not at hand; gives back whether everything is, then. */
  async #bring(refs: ReadonlyMap<string, string>, signal: AbortSignal): Promise<boolean> {
    const oids = [...refs.values()];
    if (await this.#has(oids)) return true;
    const { git, remote } = this.#place;
    const args = ['fetch', '--quiet', '--no-tags', '--no-recurse-submodules', '--no-write-fetch-head'];
    // A branch that went away meanwhile makes it fail, too; what came of it is all that counts.
    await git.run([...args, '--end-of-options', remote, ...refs.keys()], signal);
    return this.#has(oids);
  }

  async #has(oids: readonly string[]): Promise<boolean> {
    const wanted = [...new Set(oids)];
    return (await this.#objects.sizes(wanted)).size === wanted.length;
  }

  async #readState(commit: string): Promise<StateDocument> {
    const file = await this.#reader.readPath(commit, STATE_FILE);
    return file === null || file.content.length > MAX_STATE_BYTES ? {} : decodeState(file.content);
  }

  /** `commit-tree` signs only when told so, unlike `commit`. */
  async #commitTree(
    tree: string,
    parents: readonly string[],
    message: string,
    signal: AbortSignal,
  ): Promise<string> {
    const { git } = this.#place;
    const isSigning =
      (await git.ask(['config', '--type=bool', '--get', 'commit.gpgSign'], signal)) === 'true';
    const args = ['commit-tree', ...(isSigning ? ['-S'] : []), ...parents.flatMap((one) => ['-p', one])];
    const { exitCode, stdout, stderr } = await git.run([...args, '-m', message, tree], signal);
    const commit = stdout.trim();
    if (exitCode === 0 && isObjectId(commit)) return commit;
    throw commitRefused(
      'Git did not make the commit',
      lastWords(stderr),
      'Mend what Git names (git config user.name and user.email say who you are); nothing was changed',
    );
  }
}

function remarksIn(stderr: string): readonly string[] {
  return stderr
    .split('\n')
    .flatMap((line) => /^remote: ?(?<text>.*\S)\s*$/.exec(line)?.groups?.text ?? [])
    .map(withoutUserInfo)
    .slice(0, MAX_REMARKS);
}
