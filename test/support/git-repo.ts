import { execFile } from 'node:child_process';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { makeScratch } from './scratch.ts';

const execute = promisify(execFile);

/** A person's way of writing: a message and files, null for one that goes away. */
export interface PersonCommit {
  readonly message?: string;
  readonly files: Readonly<Record<string, string | null>>;
}

/** Runs real git without the machine's configuration; gives back stdout. */
export async function git(
  args: readonly string[],
  options: { readonly env?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  const { stdout } = await execute('git', [...args], {
    maxBuffer: 256 * 1024 * 1024,
    env: {
      PATH: process.env.PATH ?? '',
      HOME: tmpdir(),
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_TERMINAL_PROMPT: '0',
      LC_ALL: 'C',
      ...options.env,
    },
  });
  return stdout;
}

/** A new folder that `remove` deletes, after the canary scan where the test command wants one. */
export async function scratchFolder(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const scratch = makeScratch('git');
  return { path: scratch.dir, remove: async () => scratch.remove() };
}

/** A bare repository on `branch`; with files, one first commit holds them. */
export async function bareRepository(
  path: string,
  files: Readonly<Record<string, string>> = { 'README.md': 'configuration\n' },
  branch = 'main',
): Promise<void> {
  await git(['init', '-q', '--bare', '-b', branch, path]);
  if (Object.keys(files).length === 0) return;
  const person = await Person.clone(path, `${path}.seed`, branch);
  await person.commit({ message: 'First commit', files });
  await person.push();
  await rm(person.dir, { recursive: true, force: true });
}

/** Makes a bare repository refuse every push (`pre-receive`), or take them again. */
export async function refusePushes(path: string, isRefusing: boolean): Promise<void> {
  const hook = join(path, 'hooks', 'pre-receive');
  await mkdir(dirname(hook), { recursive: true });
  await writeFile(hook, `#!/bin/sh\n${isRefusing ? 'echo "protected branch"; exit 1' : 'exit 0'}\n`);
  await chmod(hook, 0o755);
}

/** Somebody with a clone, who commits and pushes as people do. */
export class Person {
  readonly dir: string;
  readonly branch: string;

  private constructor(dir: string, branch: string) {
    this.dir = dir;
    this.branch = branch;
  }

  /** Clones a path or a URL; an empty repository is fine. */
  static async clone(remote: string, dir: string, branch = 'main'): Promise<Person> {
    await git(['clone', '-q', remote, dir]);
    await git(['-C', dir, 'config', 'user.name', 'A Person']);
    await git(['-C', dir, 'config', 'user.email', 'person@example.com']);
    await git(['-C', dir, 'symbolic-ref', 'HEAD', `refs/heads/${branch}`]);
    return new Person(dir, branch);
  }

  /** Commits in the clone; gives back the commit's id. */
  async commit({ message = 'Change', files }: PersonCommit): Promise<string> {
    for (const [path, content] of Object.entries(files)) {
      const file = join(this.dir, path);
      if (content === null) await rm(file);
      else {
        await mkdir(dirname(file), { recursive: true });
        await writeFile(file, content);
      }
    }
    await git(['-C', this.dir, 'add', '-A']);
    await git(['-C', this.dir, 'commit', '-q', '-m', message]);
    return (await git(['-C', this.dir, 'rev-parse', 'HEAD'])).trim();
  }

  /** Pushes once; rejects when the branch has moved. */
  async push(...options: readonly string[]): Promise<void> {
    await git(['-C', this.dir, 'push', '-q', ...options, 'origin', `HEAD:refs/heads/${this.branch}`]);
  }

  /** Rebases onto the remote and pushes, until it worked. */
  async pushPatiently(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.push();
        return;
      } catch (thrown) {
        if (attempt === 100) throw thrown;
        await this.pull();
      }
    }
  }

  /** `git log` of the remote's branch with these arguments. */
  async log(...args: readonly string[]): Promise<string> {
    await git(['-C', this.dir, 'fetch', '-q', 'origin', this.branch]);
    return git(['-C', this.dir, 'log', ...args, 'FETCH_HEAD']);
  }

  async isAncestor(ancestor: string, descendant: string): Promise<boolean> {
    return git(['-C', this.dir, 'merge-base', '--is-ancestor', ancestor, descendant]).then(
      () => true,
      () => false,
    );
  }

  /** Takes over what the remote has, own commits on top. */
  async pull(): Promise<void> {
    await git(['-C', this.dir, 'pull', '-q', '--rebase', 'origin', this.branch]);
  }
}
