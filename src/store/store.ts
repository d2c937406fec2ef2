import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import type { FaultPoints } from '../lib/faults.ts';
import type { Log } from '../lib/log.ts';
import { Branches } from './branches.ts';
import type { ChangeSet, CommitResult } from './change-set.ts';
import type { CredentialSource, Credentials } from './credentials.ts';
import { Mirror } from './mirror.ts';
import type { CommitInfo, GitReader, LogOptions, Tip, TreeEntryChange } from './reader.ts';
import { checkBranch, parseRemote } from './remote.ts';
import { RemoteBranch } from './remote-branch.ts';
import { type RemovedFile, removedFiles } from './removed-files.ts';
import { RepositoryReader } from './repository-reader.ts';
import { SideRepository } from './side-repository.ts';
import type { CommitSigner } from './ssh-signature.ts';
import type { AcceptedHistory, StateDocument } from './state.ts';
import { isObjectId } from './tree.ts';
import { Writer } from './writer.ts';

export interface StoreOptions {
  /** A path, `file://`, `https://`, or `http://` to a loopback address. Credentials in it are taken out of it. */
  readonly remoteUrl: string;
  readonly branch: string;
  /** The bare mirror is `<dataDir>/mirror.git`; `branches.git` beside it holds what is not the source branch. */
  readonly dataDir: string;
  /** Who makes the commits; asked for each batch, since the repository's settings say it. */
  readonly identity: () => { readonly name: string; readonly email: string };
  /** Absent: commits are unsigned, which somebody has said aloud. */
  readonly signer?: CommitSigner | undefined;
  readonly credentials?: Credentials | CredentialSource | undefined;
  readonly clock: Clock;
  readonly faults: FaultPoints;
  readonly log: Log;
  /** Most of one push; 200 change sets, 8 MiB. */
  readonly maxBatch?: { readonly changeSets: number; readonly bytes: number } | undefined;
  /** How long the remote may be silent before it counts as unreachable; 60,000. */
  readonly silenceTimeoutMs?: number | undefined;
}

const DEFAULT_BATCH = { changeSets: 200, bytes: 8 * 1024 * 1024 };
const DEFAULT_SILENCE_MS = 60_000;
/** How far back a commit of ours is looked for. */
const MAX_VOUCHED_WALK = 5000;

/**
 * One branch of one remote repository: reading it from a local mirror, and writing to it.
 *
 * Every method may be called concurrently. Errors are `StoreError`s (see `errors.ts` for the codes) and
 * `PreconditionError`s; `store.unreachable` is for everything that a working network would mend.
 */
export class Store implements GitReader {
  readonly #mirror: Mirror;
  readonly #reader: RepositoryReader;
  readonly #remote: RemoteBranch;
  readonly #writer: Writer;
  /** Branches beside the source branch: proposals, and the heads of pull requests. */
  readonly branches: Branches;

  private constructor(options: StoreOptions, mirror: Mirror) {
    const { branch, identity, signer, clock, faults, log } = options;
    const trustedKeys = signer === undefined ? [] : [signer.publicKey];
    this.#mirror = mirror;
    this.#reader = new RepositoryReader(mirror.git, () => mirror.objects, trustedKeys);
    this.#remote = new RemoteBranch(mirror, this.#reader, branch);
    this.#writer = new Writer(mirror, this.#remote, this.#reader, {
      branch,
      identity,
      signer,
      clock,
      faults,
      log,
      maxBatch: options.maxBatch ?? DEFAULT_BATCH,
    });
    const side = new SideRepository({
      remote: parseRemote(options.remoteUrl, options.credentials),
      gitDir: join(resolve(options.dataDir), 'branches.git'),
      mirrorDir: mirror.git.gitDir,
      silenceTimeoutMs: options.silenceTimeoutMs ?? DEFAULT_SILENCE_MS,
    });
    this.branches = new Branches(mirror, side, {
      ...{ identity, signer, clock },
      sourceTip: () => this.tip.commit,
      refreshSource: async (signal) => (await this.refresh(signal)).commit,
    });
  }

  /**
   * Opens the mirror under `dataDir` (making it, or making it anew where it is damaged or another
   * remote's) and brings it up to date. Throws what `refresh` throws, `store.bad-remote` and
   * `store.bad-branch`.
   */
  static async open(options: StoreOptions, signal?: AbortSignal): Promise<Store> {
    const store = new Store(options, await openMirror(options));
    try {
      await store.refresh(signal);
      return store;
    } catch (thrown) {
      await store.close();
      throw thrown;
    }
  }

  /**
   * A person's word that the branch, as the remote has it now, is the one to go on from. Records it in the
   * state document, so that every daemon that refused it goes on.
   */
  static async acceptHistory(options: StoreOptions, signal?: AbortSignal): Promise<Tip> {
    const store = new Store(options, await openMirror(options));
    try {
      const { tip } = await store.#remote.acceptWhateverIsThere(signal);
      const acceptedHistory: AcceptedHistory = { tip: tip.commit, at: options.clock.now().toISOString() };
      await store.updateState((state) => ({ ...state, acceptedHistory }), signal);
      return tip;
    } finally {
      await store.close();
    }
  }

  /** The last known tip of the remote branch, after own pushes too. */
  get tip(): Tip {
    return this.#remote.view.tip;
  }

  /**
   * The newest tip of the remote branch. A poll costs no process; it fetches only what has moved. Throws
   * `store.unreachable`, `store.branch-missing`, `store.history-rewritten`.
   */
  async refresh(signal?: AbortSignal): Promise<Tip> {
    return (await this.#remote.refresh(signal)).tip;
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

  log(options: LogOptions): Promise<readonly CommitInfo[]> {
    return this.#reader.log(this.tip.commit, options);
  }

  /** Files that the newest `maxCommits` commits of the branch took away, the newest removal first. */
  removedFiles(maxCommits: number): Promise<readonly RemovedFile[]> {
    return removedFiles(this.#mirror.git, this.tip.commit, maxCommits);
  }

  /** Whether `ancestor` is `descendant` or an ancestor of it. */
  isAncestor(ancestor: string, descendant: string): Promise<boolean> {
    return this.#reader.isAncestor(ancestor, descendant);
  }

  /** The branch as whoever pushed to it last for certops left it; undefined where that was never. */
  async lastPushedTip(): Promise<string | undefined> {
    const { lastTip } = await this.#remote.state();
    return typeof lastTip === 'string' && isObjectId(lastTip) ? lastTip : undefined;
  }

  /** First parents from a commit back to another, the newest first and without the other; `limit` at most. */
  firstParents(from: string, until: string, limit: number): Promise<readonly string[]> {
    return this.#reader.firstParents(from, until, limit);
  }

  /**
   * Makes one commit and pushes it, together with what others hand over at the same time; resolves when
   * the remote has it. Rejects with `PreconditionError`, `store.unreachable`, `store.push-refused`,
   * `store.contended`, `store.history-rewritten`, `store.path-conflict`, `store.bad-path`. After
   * `store.unreachable` the commit may still have arrived: look again before acting. `signal` takes back
   * what still waits; once it is being pushed it settles with the push.
   */
  commit(changeSet: ChangeSet, signal?: AbortSignal): Promise<CommitResult> {
    return this.#writer.commit(changeSet, signal);
  }

  /** The state document as of the last look at the remote; empty while there is none. */
  readState(): Promise<StateDocument> {
    return this.#remote.state();
  }

  /** Changes the state document by compare-and-swap; `change` is pure and may be called more than once. */
  async updateState(change: (state: StateDocument) => StateDocument, signal?: AbortSignal): Promise<void> {
    await this.#writer.commit(
      { label: 'other', message: '', files: [], preconditions: [], state: change },
      signal,
    );
  }

  /**
   * The newest commit from `from` (the tip) back that our own key signed, across people's merges; null when there
   * is none among the newest 5,000, or when commits are not signed.
   */
  async newestVouchedCommit(from: string = this.tip.commit): Promise<string | null> {
    // Nothing newer than the last push on record is ours, so the search begins there: neither thousands of
    // people's commits nor another branch of ours that somebody merged can come before it.
    const lastTip = await this.lastPushedTip();
    const start = lastTip !== undefined && (await this.isAncestor(lastTip, from)) ? lastTip : from;
    return this.#reader.newestVouched(start, MAX_VOUCHED_WALK);
  }

  /** Lets a push under way end, rejects what waits with `store.closed`, ends all processes. */
  async close(): Promise<void> {
    await this.#writer.close();
    await this.branches.close();
    await this.#mirror.close();
  }
}

async function openMirror(options: StoreOptions): Promise<Mirror> {
  checkBranch(options.branch);
  const remote = parseRemote(options.remoteUrl, options.credentials);
  const dataDir = resolve(options.dataDir);
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  return Mirror.open({
    remote,
    branch: options.branch,
    gitDir: join(dataDir, 'mirror.git'),
    silenceTimeoutMs: options.silenceTimeoutMs ?? DEFAULT_SILENCE_MS,
  });
}
