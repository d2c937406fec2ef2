import { type SimpleGit, simpleGit } from 'simple-git';
import { misuse } from './errors.ts';

/** A person's clone with its work tree. Commits in it are theirs: their name, their signature, their hooks. */
export interface PersonWorkTree {
  /** Absolute. */
  readonly root: string;
  /** Tracked files below these folders, relative to the root with slashes. */
  tracked(folders: readonly string[]): Promise<readonly string[]>;
  /** Files below these paths that differ from the last commit, untracked ones too. */
  changed(paths: readonly string[]): Promise<readonly string[]>;
  /** Commits everything that differs below these paths, and nothing else; gives back the commit. */
  commit(paths: readonly string[], message: string): Promise<string>;
}

const SILENCE_MS = 60_000;

/**
 * Opens the clone around a folder with the person's own Git and its configuration. Throws
 * `store.not-a-repository`; what Git refuses later (no name, a hook) is `store.commit-refused`.
 */
export async function openPersonWorkTree(dir: string, signal?: AbortSignal): Promise<PersonWorkTree> {
  const root = await topOf(dir, signal);
  const git = gitIn(root, signal);
  return {
    root,
    tracked: async (folders) => split(await git.raw(['ls-files', '-z', '--', ...folders.map(literal)])),
    changed: async (paths) => {
      const args = ['status', '--porcelain=v1', '-z', '--no-renames', '--untracked-files=all', '--'];
      return split(await git.raw([...args, ...paths.map(literal)])).map((line) => line.slice(3));
    },
    commit: async (paths, message) => {
      try {
        await git.raw(['add', '--all', '--', ...paths.map(literal)]);
        await git.raw(['commit', '--quiet', '-m', message, '--only', '--', ...paths.map(literal)]);
        return (await git.raw(['rev-parse', 'HEAD'])).trim();
      } catch (thrown) {
        throw misuse('store.commit-refused', {
          what: 'Git did not make the commit',
          why: thrown instanceof Error ? lastLine(thrown.message) : undefined,
          next: 'The files are sealed anew and lie in the work tree: mend what Git names, and commit them',
        });
      }
    },
  };
}

async function topOf(dir: string, signal: AbortSignal | undefined): Promise<string> {
  try {
    return (await gitIn(dir, signal).raw(['rev-parse', '--show-toplevel'])).trim();
  } catch (thrown) {
    signal?.throwIfAborted();
    throw misuse('store.not-a-repository', {
      what: `There is no work tree of a Git repository at or around ${dir}`,
      why: thrown instanceof Error ? lastLine(thrown.message) : undefined,
      next: 'Name a clone with a work tree',
    });
  }
}

function gitIn(dir: string, signal: AbortSignal | undefined): SimpleGit {
  return simpleGit({
    baseDir: dir,
    timeout: { block: SILENCE_MS },
    ...(signal === undefined ? {} : { abort: signal }),
  });
}

function literal(path: string): string {
  return `:(top,literal)${path}`;
}

function split(output: string): readonly string[] {
  return output.split('\0').filter((line) => line !== '');
}

function lastLine(message: string): string {
  return (message.trim().split('\n').at(-1) ?? '').slice(0, 300);
}
