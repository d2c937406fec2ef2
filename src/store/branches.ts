import type { Clock } from '../lib/clock.ts';
import { type BranchProposal, buildProposalCommit } from './branch-commit.ts';
import { branchMoved, fetchRefused, isRefused, noRef } from './branch-errors.ts';
import { type BranchTip, readBranchTip } from './branch-tip.ts';
import { readCommit } from './commit-object.ts';
import { StoreError } from './errors.ts';
import { indexPack } from './index-pack.ts';
import { isMergedInto, mergeBase } from './merge-base.ts';
import type { Mirror } from './mirror.ts';
import type { CommitInfo, TreeEntryChange } from './reader.ts';
import { checkBranch } from './remote.ts';
import { RepositoryReader } from './repository-reader.ts';
import { pushFailed, type SideRepository } from './side-repository.ts';
import type { CommitSigner } from './ssh-signature.ts';
import { isObjectId } from './tree.ts';

export interface BranchesOptions {
  readonly identity: () => { readonly name: string; readonly email: string };
  readonly signer: CommitSigner | undefined;
  readonly clock: Clock;
  /** The tip of the source branch, as last seen. */
  readonly sourceTip: () => string;
  /** The same as the remote has it now. */
  readonly refreshSource: (signal: AbortSignal) => Promise<string>;
}

/** New objects that the tips of our own branches may bring. */
const MAX_TIP_BYTES = 16 * 1024 * 1024;
const MAX_REF_CHARS = 300;
const MAX_REMEMBERED = 2000;

/**
 * Branches beside the source branch: those of proposals, which are ours to replace, and the heads of pull requests,
 * which are only read. They live in a repository of their own beside the mirror; pushes go on at the same time as
 * those of the source branch and touch neither it nor the state document.
 *
 * Throws `store.unreachable`, `store.push-refused`, `store.bad-branch`, `store.bad-path`, and what the methods say.
 */
export class Branches {
  readonly #mirror: Mirror;
  readonly #side: SideRepository;
  readonly #options: BranchesOptions;
  readonly #reader: RepositoryReader;
  /** Tips that were read; what a commit is never changes. */
  readonly #tips = new Map<string, BranchTip>();
  /** Tips that bring more than is taken, or what Git does not take. */
  readonly #refused = new Set<string>();

  constructor(mirror: Mirror, side: SideRepository, options: BranchesOptions) {
    this.#mirror = mirror;
    this.#side = side;
    this.#options = options;
    this.#reader = new RepositoryReader(side.git, () => side.objects, this.#trustedKeys());
  }

  /** Tips of the branches under a prefix that ends in `/`, by their names without `refs/heads/`. */
  async list(prefix: string, signal: AbortSignal): Promise<ReadonlyMap<string, BranchTip>> {
    checkBranch(prefix.replace(/\/$/, ''));
    if (!prefix.endsWith('/')) throw noRef(prefix);
    await this.#side.ready();
    return this.#read(await this.#mirror.branchesUnder(prefix, signal), signal);
  }

  /**
   * Makes one commit upon `base` and lets the branch point to it, or writes nothing where its tip is the same but for
   * the time. Throws `store.branch-moved` where it is not at `expected`, `store.nothing-proposed` where the files are
   * what stands at `base`.
   */
  async publish(proposal: BranchProposal, signal: AbortSignal): Promise<{ readonly commit: string }> {
    const { branch, base, expected } = proposal;
    checkBranch(branch);
    return this.#side.exclusively(async () => {
      const { identity, signer, clock } = this.#options;
      const made = { identity: identity(), signer, when: clock.now() };
      const built = await buildProposalCommit(this.#side.objects, proposal, made);
      if (expected !== null && (await this.#isSame(expected, built.info))) return { commit: expected };
      await indexPack(this.#side.git, built.pack);
      await this.#push(branch, { from: expected, to: built.info.commit }, signal);
      this.#remember(readBranchTip(built.info, signer !== undefined, base));
      return { commit: built.info.commit };
    });
  }

  /** Takes the branch away; one that is gone is fine. Throws `store.branch-moved` where it is not at `expected`. */
  async remove(branch: string, expected: string, signal: AbortSignal): Promise<void> {
    checkBranch(branch);
    await this.#side.exclusively(() => this.#push(branch, { from: expected, to: null }, signal));
  }

  /**
   * Fetches a full ref name (`refs/pull/7/head`) and gives the commit that it was at. Throws `store.fetch-too-large`
   * where it brings more than `maxBytes`, `store.fetch-refused` where it is not there or Git does not take what it
   * brings, `store.bad-ref`.
   */
  async fetch(
    ref: string,
    options: { readonly maxBytes: number },
    signal: AbortSignal,
  ): Promise<{ readonly commit: string }> {
    checkRef(ref);
    const fetched = await this.#side.exclusively(() => this.#fetch([ref], options.maxBytes, signal));
    const commit = fetched.get(ref);
    if (commit === undefined) throw noRef(ref);
    // Anything else than a commit cannot be planned: an unreadable one throws here.
    await this.#reader.tipAt(commit);
    return { commit };
  }

  /** Throws `store.tree-too-large` where more than `maxChanges` files or folders differ. */
  changes(before: string | null, after: string, maxChanges?: number): Promise<readonly TreeEntryChange[]> {
    return this.#reader.changes(before, after, maxChanges);
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

  /** The newest commit that both descend from. Throws `store.no-common-history`. */
  mergeBase(one: string, other: string): Promise<string> {
    return mergeBase(this.#side.git, one, other);
  }

  /**
   * Those of the commits that the source branch has by now, as the remote shows it: as an ancestor, or (squashed,
   * picked, done by hand) each file as the commit left it. A commit that is not at hand is not merged.
   */
  async mergedAmong(commits: Iterable<string>, signal: AbortSignal): Promise<ReadonlySet<string>> {
    const wanted = [...new Set(commits)].filter(isObjectId);
    const merged = new Set<string>();
    if (wanted.length === 0) return merged;
    const source = await this.#options.refreshSource(signal);
    for (const commit of wanted) if (await this.#isMerged(commit, source)) merged.add(commit);
    return merged;
  }

  async close(): Promise<void> {
    await this.#side.close();
  }

  async #isMerged(commit: string, source: string): Promise<boolean> {
    if (!(await this.#side.has(commit))) return false;
    return isMergedInto(this.#reader, commit, (await this.#tipOf(commit)).base, source);
  }

  /** Reads what is not known yet, fetching it first where it is not at hand. */
  async #read(
    refs: ReadonlyMap<string, string>,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, BranchTip>> {
    const oids = new Map(refs);
    const known = await Promise.all(
      [...oids].map(async ([, oid]) => this.#refused.has(oid) || this.#side.has(oid)),
    );
    const unknown = [...oids.keys()].filter((_, index) => known[index] !== true);
    if (unknown.length > 0) await this.#side.exclusively(() => this.#fetchTips(unknown, oids, signal));
    const tips = new Map<string, BranchTip>();
    for (const [ref, oid] of oids) tips.set(ref.slice('refs/heads/'.length), await this.#tipOf(oid));
    return tips;
  }

  /** Fetches branches and puts into `oids` what they were at by then. */
  async #fetchTips(refs: readonly string[], oids: Map<string, string>, signal: AbortSignal): Promise<void> {
    try {
      for (const [ref, oid] of await this.#fetch(refs, MAX_TIP_BYTES, signal)) oids.set(ref, oid);
      return;
    } catch (thrown) {
      if (!isRefused(thrown)) throw thrown;
    }
    // One of them went away, or somebody put onto one what is not taken: that one is told apart, and left alone.
    for (const ref of refs) {
      try {
        for (const [name, oid] of await this.#fetch([ref], MAX_TIP_BYTES, signal)) oids.set(name, oid);
      } catch (thrown) {
        if (!isRefused(thrown)) throw thrown;
        const branch = ref.slice('refs/heads/'.length);
        const now = (await this.#mirror.branchesUnder(folderOf(branch), signal)).get(ref);
        if (now === undefined) oids.delete(ref);
        else {
          oids.set(ref, now);
          this.#refused.add(now);
        }
      }
    }
  }

  /** The same as the repository's, and an error of its own where the remote is there and Git fails all the same. */
  async #fetch(
    refs: readonly string[],
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, string>> {
    try {
      return await this.#side.fetch(refs, maxBytes, signal);
    } catch (thrown) {
      if (!(thrown instanceof StoreError) || thrown.code !== 'store.unreachable') throw thrown;
      await this.#mirror.poll(signal);
      throw fetchRefused(thrown);
    }
  }

  async #tipOf(oid: string): Promise<BranchTip> {
    const known = this.#tips.get(oid);
    if (known !== undefined) return known;
    if (this.#refused.has(oid)) return { commit: oid, isOurs: false, message: '', committedAt: new Date(0) };
    const info = readCommit(oid, await this.#side.objects.commit(oid), this.#trustedKeys());
    const [parent] = info.parents;
    const source = this.#options.sourceTip();
    const isUponSource = parent !== undefined && (await this.#reader.isAncestor(parent, source));
    const isSigning = this.#options.signer !== undefined;
    const tip = readBranchTip(info, isSigning, isUponSource ? parent : undefined);
    // What stands upon a commit that we do not know yet may turn out to be ours.
    if (tip.isOurs || isUponSource) this.#remember(tip);
    return tip;
  }

  /** Whether a commit says the same as one that was built, at another time. */
  async #isSame(commit: string, built: CommitInfo): Promise<boolean> {
    if (!(await this.#side.has(commit))) return false;
    const one = readCommit(commit, await this.#side.objects.commit(commit), this.#trustedKeys());
    return (
      one.tree === built.tree &&
      one.parents.join() === built.parents.join() &&
      one.message === built.message &&
      one.signature === built.signature
    );
  }

  async #push(
    branch: string,
    move: { readonly from: string | null; readonly to: string | null },
    signal: AbortSignal,
  ): Promise<void> {
    const ref = `refs/heads/${branch}`;
    const verdict = await this.#side.push({ ref, ...move }, signal);
    if (verdict.kind === 'pushed') return;
    const now = (await this.#mirror.branchesUnder(folderOf(branch), signal)).get(ref) ?? null;
    if (now === move.to) return;
    if (now !== move.from) throw branchMoved(branch);
    throw pushFailed(verdict);
  }

  #remember(tip: BranchTip): void {
    if (this.#tips.size >= MAX_REMEMBERED) this.#tips.clear();
    this.#tips.set(tip.commit, tip);
  }

  #trustedKeys(): readonly string[] {
    const { signer } = this.#options;
    return signer === undefined ? [] : [signer.publicKey];
  }
}

function folderOf(branch: string): string {
  return branch.slice(0, branch.lastIndexOf('/') + 1);
}

/** A full ref name that may be asked for: no options, no patterns, nothing that means several. */
function checkRef(ref: string): void {
  if (!ref.startsWith('refs/') || ref.length > MAX_REF_CHARS) throw noRef(ref);
  try {
    checkBranch(ref);
  } catch {
    throw noRef(ref);
  }
}
