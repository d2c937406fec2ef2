import { join } from 'node:path';
import type { GitProcess } from './git-process.ts';

const TIMEOUT_MS = 60_000;
const MAX_BYTES = 256 << 20;

/**
 * Files of a work tree that may not be as `commit` has them, by what Git keeps of each in its index, and without reading
 * them: others that the commit has are there and the same. What Git is told to take as unchanged is among them. Undefined
 * where it cannot tell.
 */
export async function differencesOnDisk(
  git: GitProcess,
  root: string,
  commit: string,
): Promise<ReadonlySet<string> | undefined> {
  // A linked work tree has an index of its own somewhere else.
  if (join(root, '.git') !== git.gitDir) return undefined;
  // From the root: `ls-files` tells only what lies below the folder that it runs in.
  const common = ['-C', root, '-c', 'core.fsmonitor=false', `--work-tree=${root}`];
  const [differing, flagged] = await Promise.all([
    outputOf(git, [
      ...common,
      'diff-index',
      '-z',
      '--name-only',
      '--no-renames',
      '--ignore-submodules=all',
      commit,
      '--',
    ]),
    outputOf(git, [...common, 'ls-files', '-z', '-v']),
  ]);
  if (differing === undefined || flagged === undefined) return undefined;
  const paths = new Set(differing.split('\0'));
  // Everything that is not simply kept (`H`): sparse, assumed to be unchanged, in conflict.
  for (const [, path = ''] of flagged.matchAll(/(?:^|\0)(?!H )[^\0] ([^\0]+)/g)) paths.add(path);
  return paths;
}

/** What Git says; undefined where it fails, or says too much or nothing in time. */
function outputOf(git: GitProcess, args: readonly string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = git.spawn(args, AbortSignal.timeout(TIMEOUT_MS));
    const chunks: Buffer[] = [];
    let bytes = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_BYTES) child.kill('SIGKILL');
      else chunks.push(chunk);
    });
    child.stderr.resume();
    child.stdin.on('error', () => {});
    child.stdin.end();
    child.on('error', () => resolve(undefined));
    child.on('close', (code) => resolve(code === 0 ? Buffer.concat(chunks).toString('utf8') : undefined));
  });
}
