import fs from 'node:fs';
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { getConfig, init, setConfig } from 'isomorphic-git';
import { isAbort } from '../lib/errors.ts';
import { authorized } from './authorized.ts';
import { boundedFetch } from './bounded-fetch.ts';
import { mirrorDamaged, StoreError, unreachable } from './errors.ts';
import { GitProcess } from './git-process.ts';
import { RepositoryObjects } from './object-source.ts';
import { type PushVerdict, readPushOutcome } from './push.ts';
import type { Remote } from './remote.ts';
import { readRefs } from './remote-refs.ts';
import { isObjectId } from './tree.ts';

export interface SideRepositoryOptions {
  readonly remote: Remote;
  readonly gitDir: string;
  /** The mirror's folder: its objects are at hand here too. */
  readonly mirrorDir: string;
  readonly silenceTimeoutMs: number;
}

const FETCH_TIMEOUT_MS = 120_000;
/** Beyond this it is made anew: what was fetched once is never needed for long. */
const MAX_BYTES = 256 * 1024 * 1024;
/** Names in one command line. */
const REFS_AT_ONCE = 200;

/**
 * A second bare repository beside the mirror, for all that is not the source branch: branches of proposals, heads of
 * strangers' pull requests. It borrows the mirror's objects and gives none back, so that nothing fetched here can
 * damage the mirror, and all of it can be thrown away at any time.
 */
export class SideRepository {
  readonly #options: SideRepositoryOptions;
  readonly git: GitProcess;
  #objects: RepositoryObjects;
  #isReady = false;
  #isDamaged = false;
  #counter = 0;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SideRepositoryOptions) {
    this.#options = options;
    this.git = new GitProcess(options.gitDir, options.remote);
    this.#objects = this.#newObjects();
  }

  get objects(): RepositoryObjects {
    return this.#objects;
  }

  /** One piece of work at a time, on a repository that is whole. */
  exclusively<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(async () => {
      await this.#ensure();
      return work();
    });
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** Makes the repository, or makes it anew where it is damaged or has grown too large. */
  ready(): Promise<void> {
    return this.exclusively(async () => {});
  }

  /** Whether an object is here or in the mirror. */
  async has(oid: string): Promise<boolean> {
    if (!this.#isReady) await this.ready();
    return (await this.#objects.sizes([oid])).has(oid);
  }

  /**
   * Fetches refs by their full names and gives their commits; nothing but objects stays. To be called `exclusively`.
   * Throws `store.fetch-too-large` and `store.unreachable`.
   */
  async fetch(
    refs: readonly string[],
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>();
    for (let start = 0; start < refs.length; start += REFS_AT_ONCE) {
      const some = refs.slice(start, start + REFS_AT_ONCE);
      const folder = `refs/incoming/${process.pid}-${++this.#counter}`;
      const privately = some.map((_, index) => `${folder}/${index}`);
      try {
        const refspecs = some.map((ref, index) => `+${ref}:${folder}/${index}`);
        const { remote } = this.#options;
        const fetch = { url: remote.url, refspecs, maxBytes, timeoutMs: FETCH_TIMEOUT_MS };
        await authorized(
          remote,
          (authorization) => boundedFetch(this.git, { ...fetch, authorization }, signal),
          () => false,
          signal,
        );
        const oids = await readRefs(this.#options.gitDir, privately);
        for (const [index, ref] of some.entries()) {
          const oid = oids[index];
          if (typeof oid === 'string' && isObjectId(oid)) found.set(ref, oid);
        }
      } finally {
        await rm(join(this.#options.gitDir, folder), { recursive: true, force: true });
      }
    }
    return found;
  }

  /** Moves one ref of the remote with an exact lease: `from` null, it must not exist; `to` null, it goes away. */
  async push(
    move: { readonly ref: string; readonly from: string | null; readonly to: string | null },
    signal: AbortSignal,
  ): Promise<PushVerdict> {
    const args = [
      'push',
      '--porcelain',
      '--progress',
      '--no-verify',
      '--no-signed',
      '--recurse-submodules=no',
    ];
    args.push(`--force-with-lease=${move.ref}:${move.from ?? ''}`, '--end-of-options');
    args.push(this.#options.remote.url, `${move.to ?? ''}:${move.ref}`);
    try {
      const { remote, silenceTimeoutMs } = this.#options;
      return await authorized(
        remote,
        async (authorization) =>
          readPushOutcome(await this.git.run(args, { signal, silenceTimeoutMs, authorization })),
        ({ kind }) => kind === 'failed',
        signal,
      );
    } catch (thrown) {
      if (signal.aborted || !isAbort(thrown)) throw thrown;
      return { kind: 'failed', why: 'The server did not answer in time' };
    }
  }

  async close(): Promise<void> {
    await this.#turn;
    this.#objects.close();
  }

  async #ensure(): Promise<void> {
    const { gitDir } = this.#options;
    if (this.#isReady && !this.#isDamaged && (await bytesIn(join(gitDir, 'objects', 'pack'))) < MAX_BYTES)
      return;
    const isKept = !this.#isReady && (await this.#isUsable());
    if (!isKept) await this.#recreate();
    this.#isReady = true;
  }

  async #isUsable(): Promise<boolean> {
    const { gitDir, remote } = this.#options;
    try {
      if ((await getConfig({ fs, gitdir: gitDir, path: 'certops.remote' })) !== remote.url) return false;
      await stat(join(gitDir, 'objects', 'info', 'alternates'));
      return (await bytesIn(join(gitDir, 'objects', 'pack'))) < MAX_BYTES;
    } catch {
      return false;
    }
  }

  async #recreate(): Promise<void> {
    const { gitDir, mirrorDir, remote } = this.#options;
    this.#objects.close(
      mirrorDamaged('The folder for branches was made anew while something was being read'),
    );
    await rm(gitDir, { recursive: true, force: true });
    await mkdir(gitDir, { recursive: true, mode: 0o700 });
    await init({ fs, gitdir: gitDir, bare: true, defaultBranch: 'none' });
    const objects = join(gitDir, 'objects');
    await mkdir(join(objects, 'info'), { recursive: true });
    await mkdir(join(objects, 'pack'), { recursive: true });
    const borrowed = relative(objects, join(mirrorDir, 'objects'));
    await writeFile(join(objects, 'info', 'alternates'), `${borrowed}\n`);
    await setConfig({ fs, gitdir: gitDir, path: 'certops.remote', value: remote.url });
    this.#objects = this.#newObjects();
    this.#isDamaged = false;
  }

  #newObjects(): RepositoryObjects {
    return new RepositoryObjects(this.git, () => {
      this.#isDamaged = true;
    });
  }
}

/** What became of a push that did not say `pushed`. */
export function pushFailed(verdict: Exclude<PushVerdict, { readonly kind: 'pushed' }>): StoreError {
  if (verdict.kind === 'failed') return unreachable(`Pushing failed: ${verdict.why}`);
  return new StoreError(
    'store.push-refused',
    {
      what: 'The Git server does not take our branch',
      why: verdict.why,
      next: 'Check the rules for branches under certops/, the hooks and the rights of the token',
    },
    { retry: { when: 'backoff' } },
  );
}

async function bytesIn(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const facts = await Promise.all(names.map((name) => stat(join(folder, name)).catch(() => null)));
  return facts.reduce((sum, fact) => sum + (fact?.size ?? 0), 0);
}
