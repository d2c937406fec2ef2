import fs from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { getConfig, init, setConfig, writeRef } from 'isomorphic-git';
import { deadline } from '../lib/deadline.ts';
import { InternalError, isAbort } from '../lib/errors.ts';
import { authorized } from './authorized.ts';
import { mirrorDamaged, StoreError, unreachable } from './errors.ts';
import { GitProcess } from './git-process.ts';
import { lastLine } from './git-words.ts';
import { HttpConnections } from './http-connections.ts';
import { indexPack } from './index-pack.ts';
import { RepositoryObjects } from './object-source.ts';
import { type PushRequest, type PushVerdict, pushArguments, readPushOutcome } from './push.ts';
import { type Remote, stateRefOf } from './remote.ts';
import { fileRefPoller, httpRefPoller, type RefPoller, readRefs } from './remote-refs.ts';

/** The two refs that certops lives by; null for one that is not there. */
export interface BranchRefs {
  readonly branch: string | null;
  readonly state: string | null;
}

export interface MirrorOptions {
  readonly remote: Remote;
  readonly branch: string;
  readonly gitDir: string;
  readonly silenceTimeoutMs: number;
}

const FETCHED_BRANCH = 'refs/fetched/branch';
const FETCHED_STATE = 'refs/fetched/state';
const POLL_TIMEOUT_MS = 20_000;
const MANY_PACKS = 50;

/**
 * The bare mirror of the remote on local disk, and every conversation with the remote. It holds nothing
 * that the remote does not; `recreate` throws it away.
 */
export class Mirror {
  readonly #options: MirrorOptions;
  readonly #poller: RefPoller;
  readonly git: GitProcess;
  #objects: RepositoryObjects;
  #isDamaged = false;
  #joining: Promise<void> | null = null;

  private constructor(options: MirrorOptions) {
    this.#options = options;
    this.git = new GitProcess(options.gitDir, options.remote);
    this.#poller =
      options.remote.path === undefined
        ? httpRefPoller(options.remote, new HttpConnections())
        : fileRefPoller(options.remote.path);
    this.#objects = this.#newObjects();
  }

  /** Takes the mirror that is there if it belongs to this remote and looks whole, else makes a new one. */
  static async open(options: MirrorOptions): Promise<Mirror> {
    const mirror = new Mirror(options);
    if (!(await mirror.#isUsable())) await mirror.recreate();
    return mirror;
  }

  get objects(): RepositoryObjects {
    return this.#objects;
  }

  /** Whether an object turned out to be missing since the mirror was made. */
  get isDamaged(): boolean {
    return this.#isDamaged;
  }

  async recreate(): Promise<void> {
    const { gitDir, branch, remote } = this.#options;
    this.#objects.close(mirrorDamaged('It was replaced while something was being read'));
    await rm(gitDir, { recursive: true, force: true });
    await mkdir(gitDir, { recursive: true, mode: 0o700 });
    await init({ fs, gitdir: gitDir, bare: true, defaultBranch: branch });
    await setConfig({ fs, gitdir: gitDir, path: 'certops.remote', value: remote.url });
    this.#objects = this.#newObjects();
    this.#isDamaged = false;
  }

  /** The refs as this mirror last accepted them. */
  async accepted(): Promise<BranchRefs> {
    const [branch = null, state = null] = await readRefs(this.#options.gitDir, this.#refNames());
    return { branch, state };
  }

  /** Records what the remote has and we have examined. */
  async accept(refs: BranchRefs): Promise<void> {
    const [branchRef, stateRef] = this.#refNames();
    await this.#writeRef(branchRef, refs.branch);
    await this.#writeRef(stateRef, refs.state);
  }

  /** What the remote has now; no process is started. Throws `store.unreachable`. */
  async poll(signal?: AbortSignal): Promise<BranchRefs> {
    const limitMs = Math.min(POLL_TIMEOUT_MS, this.#options.silenceTimeoutMs);
    const [branch = null, state = null] = await this.#poller.poll(
      this.#refNames(),
      deadline(limitMs, signal),
    );
    return { branch, state };
  }

  /** Brings over what `expected` names; the answer is what the remote had by then. */
  async fetch(expected: BranchRefs, signal?: AbortSignal): Promise<BranchRefs> {
    const [branchRef, stateRef] = this.#refNames();
    const refspecs = [
      ...(expected.branch === null ? [] : [`+${branchRef}:${FETCHED_BRANCH}`]),
      ...(expected.state === null ? [] : [`+${stateRef}:${FETCHED_STATE}`]),
    ];
    const args = ['fetch', '--progress', '--no-tags', '--no-recurse-submodules', '--no-auto-maintenance'];
    args.push('--no-write-fetch-head', '--end-of-options', this.#options.remote.url, ...refspecs);
    const { exitCode, stderr } = await this.#transport(args, signal);
    if (exitCode !== 0) throw unreachable(`Fetching failed: ${lastLine(stderr)}`);
    const [branch, state] = await readRefs(this.#options.gitDir, [FETCHED_BRANCH, FETCHED_STATE]);
    return {
      branch: expected.branch === null ? null : (branch ?? null),
      state: expected.state === null ? null : (state ?? null),
    };
  }

  /** One atomic push with exact leases. Throws nothing about the remote: the verdict says how it went. */
  async push(request: PushRequest, onStarted: () => void): Promise<PushVerdict> {
    const args = pushArguments(this.#options.remote.url, this.#refNames(), request);
    try {
      return readPushOutcome(await this.#transport(args, undefined, onStarted));
    } catch (thrown) {
      if (thrown instanceof StoreError && thrown.code === 'store.unreachable')
        return { kind: 'failed', why: thrown.explanation.why ?? '' };
      throw thrown;
    }
  }

  /** Checks the pack and adds it. Throws `store.pack-rejected`. */
  addPack(pack: Buffer): Promise<void> {
    return indexPack(this.git, pack);
  }

  /** Branches of the remote under a prefix that ends in `/`, by their full ref names. Throws `store.unreachable`. */
  branchesUnder(prefix: string, signal?: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const limitMs = Math.min(POLL_TIMEOUT_MS, this.#options.silenceTimeoutMs);
    return this.#poller.list(`refs/heads/${prefix}`, deadline(limitMs, signal));
  }

  /** Joins packs when there are many. One at a time; reading and pushing go on meanwhile. */
  async joinPacks(): Promise<void> {
    this.#joining ??= this.#joinPacks().finally(() => {
      this.#joining = null;
    });
    await this.#joining;
  }

  async close(): Promise<void> {
    await this.#joining?.catch(() => {});
    this.#objects.close();
    this.#poller.close();
  }

  async #joinPacks(): Promise<void> {
    const files = await readdir(join(this.#options.gitDir, 'objects', 'pack')).catch(() => []);
    if (files.filter((file) => file.endsWith('.pack')).length <= MANY_PACKS) return;
    const args = ['repack', '-d', '-n', '--geometric=2', '--quiet', '--no-write-bitmap-index'];
    const { exitCode, stderr } = await this.git.run(args, { silenceTimeoutMs: 10 * 60_000 });
    if (exitCode !== 0) throw new InternalError(`joining packs failed: ${lastLine(stderr)}`);
    this.#objects.reopen();
  }

  async #transport(args: readonly string[], signal: AbortSignal | undefined, onStarted?: () => void) {
    try {
      const { remote, silenceTimeoutMs } = this.#options;
      const started = onStarted === undefined ? {} : { onStarted };
      return await authorized(
        remote,
        (authorization) => this.git.run(args, { signal, silenceTimeoutMs, authorization, ...started }),
        // What the server turned down reached it; a fetch says nothing of the kind.
        (outcome) => readPushOutcome(outcome).kind === 'failed',
        signal,
      );
    } catch (thrown) {
      if (signal?.aborted || !isAbort(thrown)) throw thrown;
      throw unreachable('The server did not answer in time', { cause: thrown });
    }
  }

  async #isUsable(): Promise<boolean> {
    const { gitDir, remote } = this.#options;
    try {
      await Promise.all(['HEAD', 'objects/pack', 'refs'].map((path) => stat(join(gitDir, path))));
      if ((await getConfig({ fs, gitdir: gitDir, path: 'certops.remote' })) !== remote.url) return false;
      const { branch, state } = await this.accepted();
      if (branch !== null) await this.#objects.tree(await treeOf(this.#objects, branch));
      if (state !== null) await this.#objects.commit(state);
      return true;
    } catch {
      return false;
    }
  }

  async #writeRef(ref: string, value: string | null): Promise<void> {
    const { gitDir } = this.#options;
    if (value === null) await rm(join(gitDir, ref), { force: true });
    else await writeRef({ fs, gitdir: gitDir, ref, value, force: true });
  }

  #refNames(): readonly [string, string] {
    return [`refs/heads/${this.#options.branch}`, stateRefOf(this.#options.branch)];
  }

  #newObjects(): RepositoryObjects {
    return new RepositoryObjects(this.git, () => {
      this.#isDamaged = true;
    });
  }
}

async function treeOf(objects: RepositoryObjects, commit: string): Promise<string> {
  return (await objects.commit(commit)).toString('latin1', 5, 45);
}
