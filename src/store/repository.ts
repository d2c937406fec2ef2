import fs from 'node:fs';
import { add, commit, init, readCommit } from 'isomorphic-git';
import { InternalError } from '../lib/errors.ts';
import { checkBranch } from './remote.ts';
import type { CommitSigner } from './ssh-signature.ts';

export interface NewRepository {
  /** A folder that holds the files already; it must not be a repository yet. */
  readonly dir: string;
  /** Paths relative to `dir`, with `/`, that the first commit holds. */
  readonly files: readonly string[];
  readonly message: string;
  readonly author: { readonly name: string; readonly email: string };
  /** The branch; `main`. */
  readonly branch?: string;
  readonly signer?: CommitSigner | undefined;
  readonly when: Date;
}

/** Makes an ordinary repository with a work tree and its first commit; gives back the commit's id. */
export async function initRepository(options: NewRepository): Promise<string> {
  const { dir, files, message, author, branch = 'main', signer, when } = options;
  checkBranch(branch);
  await init({ fs, dir, defaultBranch: branch });
  const cache = {};
  for (const filepath of files) await add({ fs, dir, filepath, cache });
  const person = { ...author, timestamp: Math.floor(when.getTime() / 1000), timezoneOffset: 0 };
  const signing =
    signer === undefined
      ? {}
      : {
          // Without a truthy key isomorphic-git leaves the commit unsigned, silently.
          signingKey: 'ssh',
          onSign: ({ payload }: { payload: string }) => ({ signature: signer.sign(Buffer.from(payload)) }),
        };
  const oid = await commit({ fs, dir, cache, message, author: person, committer: person, ...signing });
  if (signer !== undefined) {
    const made = await readCommit({ fs, dir, oid, cache });
    if (made.commit.gpgsig === undefined) throw new InternalError('the first commit was not signed');
  }
  return oid;
}
