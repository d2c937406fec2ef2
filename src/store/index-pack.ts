import { once } from 'node:events';
import { deadline } from '../lib/deadline.ts';
import { InternalError } from '../lib/errors.ts';
import { StoreError } from './errors.ts';
import type { GitProcess } from './git-process.ts';
import { lastLine } from './git-words.ts';

const INDEX_TIMEOUT_MS = 120_000;

/** Checks a pack that we built and adds it to a repository (`index-pack --strict`). Throws `store.pack-rejected`. */
export async function indexPack(git: GitProcess, pack: Buffer): Promise<void> {
  const child = git.spawn(['index-pack', '--stdin', '--fix-thin', '--strict'], deadline(INDEX_TIMEOUT_MS));
  let stderr = '';
  child.stdout.resume();
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-4000);
  });
  child.stdin.on('error', () => {});
  // It also rejects where the process cannot be started or is ended by the deadline.
  const closed = once(child, 'close');
  child.stdin.end(pack);
  const [exitCode] = await closed;
  if (exitCode === 0) return;
  throw new StoreError(
    'store.pack-rejected',
    { what: 'Git did not take the objects that certops built', why: lastLine(stderr) },
    { retry: { when: 'backoff' }, cause: new InternalError(lastLine(stderr)) },
  );
}
