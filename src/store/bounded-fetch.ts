import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sensitive } from '../lib/sensitive.ts';
import { StoreError, unreachable } from './errors.ts';
import type { GitProcess } from './git-process.ts';
import { lastLine } from './git-words.ts';

export interface BoundedFetch {
  readonly url: string;
  /** `+<ref>:<private ref>`. */
  readonly refspecs: readonly string[];
  /** Of the pack that arrives. */
  readonly maxBytes: number;
  readonly timeoutMs: number;
  /** Value of the `Authorization` header. */
  readonly authorization?: Sensitive<string> | undefined;
}

/** How often the pack is measured while it grows. */
const MEASURE_EVERY_MS = 50;
/** One object in memory at a time; a difference of a few bytes can stand for gigabytes. */
const MEMORY_BYTES = 128 * 1024 * 1024;

/**
 * Fetches what strangers may have made into a repository that nothing else fetches into meanwhile: every object is
 * checked, no tags, no submodules, and no more than so many bytes, so much memory and so much time. Git has no such
 * limits for a fetch, so the pack is measured as it arrives, and the whole process group is ended over the limit.
 *
 * Throws `store.fetch-too-large`, `store.unreachable`, or the signal's reason; what had arrived is taken away again.
 */
export async function boundedFetch(git: GitProcess, fetch: BoundedFetch, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const packs = join(git.gitDir, 'objects', 'pack');
  const before = new Set(await readdir(packs).catch(() => []));
  // Larger blobs are checked as a stream; nothing else needs to be so large.
  const args = [
    '-c',
    'core.bigFileThreshold=16m',
    'fetch',
    '--quiet',
    '--no-tags',
    '--no-recurse-submodules',
  ];
  args.push(
    '--no-auto-maintenance',
    '--no-write-fetch-head',
    '--end-of-options',
    fetch.url,
    ...fetch.refspecs,
  );
  const child = git.spawnGroup(args, { GIT_ALLOC_LIMIT: String(MEMORY_BYTES) }, fetch.authorization);
  let stderr = '';
  child.stdout.resume();
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-4000);
  });
  let isTooLarge = false;
  let isLate = false;
  let isClosed = false;
  const measure = async (): Promise<void> => {
    isTooLarge ||= (await bytesOf(packs, before)) > fetch.maxBytes;
    if (isTooLarge && !isClosed) endGroup(child);
  };
  const timer = setInterval(() => void measure(), MEASURE_EVERY_MS);
  const onAbort = (): void => endGroup(child);
  const timeout = setTimeout(() => {
    isLate = true;
    endGroup(child);
  }, fetch.timeoutMs);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  let exitCode: number | null = null;
  try {
    [exitCode] = await once(child, 'close');
  } catch (thrown) {
    throw unreachable('Git could not be started', { cause: thrown });
  } finally {
    isClosed = true;
    clearInterval(timer);
    clearTimeout(timeout);
    signal.removeEventListener('abort', onAbort);
  }
  await measure();
  if (exitCode === 0 && !isTooLarge) return;
  await takeAway(packs, before);
  signal.throwIfAborted();
  if (isTooLarge) throw tooLarge(fetch.maxBytes);
  if (isLate) throw unreachable(`Fetching took longer than ${fetch.timeoutMs / 1000} s`);
  throw unreachable(`Fetching failed: ${lastLine(stderr)}`);
}

/** Ends a process and all that it started. */
function endGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // All of it has ended by itself. Where only its leader has, the helpers may go on and hold its pipes.
  }
}

/** Bytes of the files in a folder besides those that were there. */
async function bytesOf(folder: string, before: ReadonlySet<string>): Promise<number> {
  const names = (await readdir(folder).catch(() => [])).filter(
    (name) => !before.has(name) && (name.endsWith('.pack') || name.startsWith('tmp_pack_')),
  );
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(folder, name)).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function takeAway(folder: string, before: ReadonlySet<string>): Promise<void> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => !before.has(name));
  await Promise.all(names.map((name) => rm(join(folder, name), { force: true })));
}

function tooLarge(maxBytes: number): StoreError {
  return new StoreError(
    'store.fetch-too-large',
    {
      what: `A branch brings more than ${Math.round(maxBytes / 1024)} KiB of new objects`,
      why: 'Only so much is taken from a branch that anybody may have made',
      next: 'Make the change smaller; large files do not belong into it',
    },
    { retry: { when: 'never' }, data: { maxBytes } },
  );
}
