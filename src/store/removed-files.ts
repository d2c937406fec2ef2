import { InternalError } from '../lib/errors.ts';
import type { GitProcess } from './git-process.ts';
import { isObjectId } from './tree.ts';

/** A file that a commit took away: its path, and the object id of its last content. */
export interface RemovedFile {
  readonly path: string;
  readonly blob: string;
}

/** Files that the newest `maxCommits` commits of a branch took away, the newest removal first; renames count. */
export async function removedFiles(
  git: GitProcess,
  tip: string,
  maxCommits: number,
): Promise<readonly RemovedFile[]> {
  const { exitCode, stdout, stderr } = await git.run([
    ...['log', '-z', '--raw', '--no-abbrev', '--no-renames', '--diff-filter=D', '--first-parent', '-m'],
    ...['--format=', `--max-count=${maxCommits}`, '--end-of-options', tip],
  ]);
  if (exitCode !== 0) throw new InternalError(`git log failed: ${stderr.slice(0, 300)}`);
  const fields = stdout.split('\0');
  const found: RemovedFile[] = [];
  for (const [index, field] of fields.entries()) {
    // `:<mode> <mode> <before> <after> D`, then the path.
    const blob = /^\n?:\d{6} \d{6} ([0-9a-f]{40}) /.exec(field)?.[1];
    const path = fields[index + 1];
    if (blob !== undefined && isObjectId(blob) && path !== undefined) found.push({ path, blob });
  }
  return found;
}
