import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { bareRepository, git, scratchFolder } from '../git-repo.ts';
import { type GitServer, startGitServer } from '../git-server.ts';

/** The Git half of a simulated forge: a real bare repository behind a real Git server, and what a person does there. */
export interface SimulatedGit {
  readonly server: GitServer;
  /** The bare repository on disk. */
  readonly repository: string;
  /** Every branch (without `refs/heads/`) and its commit, as pushes have left them. */
  branches(): Promise<ReadonlyMap<string, string>>;
  /** A commit of files upon a commit, on no branch; null takes a file away. */
  commitUpon(
    parent: string,
    files: Readonly<Record<string, string | null>>,
    message: string,
  ): Promise<string>;
  /** The merge of `head` into the branch `base`, by a commit of two parents; gives its id. */
  merge(base: string, head: string, message: string): Promise<string>;
  /** Sets a full ref name; undefined removes it. */
  setRef(ref: string, commit: string | undefined): Promise<void>;
  isAncestor(ancestor: string, descendant: string): Promise<boolean>;
  hasCommit(commit: string): Promise<boolean>;
  close(): Promise<void>;
}

const PERSON = {
  GIT_AUTHOR_NAME: 'A Person',
  GIT_AUTHOR_EMAIL: 'person@example.com',
  GIT_COMMITTER_NAME: 'A Person',
  GIT_COMMITTER_EMAIL: 'person@example.com',
};

/** Starts with one commit on `main`. */
export async function startSimulatedGit(): Promise<SimulatedGit> {
  const scratch = await scratchFolder();
  const repository = join(scratch.path, 'team', 'certificates.git');
  await bareRepository(repository);
  const server = await startGitServer(repository, scratch.path);
  const run = async (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> =>
    (await git(['-C', repository, ...args], { env })).trim();

  const commitTree = (tree: string, parents: readonly string[], message: string): Promise<string> =>
    run(['commit-tree', tree, ...parents.flatMap((parent) => ['-p', parent]), '-m', message], PERSON);

  return {
    server,
    repository,
    branches: async () => {
      const lines = await run(['for-each-ref', '--format=%(objectname) %(refname:lstrip=2)', 'refs/heads']);
      return new Map(
        lines
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => [line.slice(line.indexOf(' ') + 1), line.slice(0, line.indexOf(' '))]),
      );
    },
    commitUpon: (parent, changes, message) => fastImport(repository, importOf(parent, changes, message)),
    merge: async (base, head, message) => {
      const onto = await run(['rev-parse', `refs/heads/${base}`]);
      const tree = await run(['merge-tree', '--write-tree', onto, head]);
      const merged = await commitTree(tree, [onto, head], message);
      await run(['update-ref', `refs/heads/${base}`, merged, onto]);
      return merged;
    },
    setRef: async (ref, commit) => {
      await run(commit === undefined ? ['update-ref', '-d', ref] : ['update-ref', ref, commit]);
    },
    isAncestor: (ancestor, descendant) =>
      run(['merge-base', '--is-ancestor', ancestor, descendant]).then(
        () => true,
        () => false,
      ),
    hasCommit: (commit) =>
      run(['cat-file', '-e', `${commit}^{commit}`]).then(
        () => true,
        () => false,
      ),
    close: async () => {
      await server.close();
      await scratch.remove();
    },
  };
}

/** git-fast-import(1): one process where plumbing takes five. Its branch is gone when it ends. */
function importOf(parent: string, changes: Readonly<Record<string, string | null>>, message: string): string {
  const data = (content: string): string => `data ${Buffer.byteLength(content)}\n${content}\n`;
  const files = Object.entries(changes).map(([path, content]) =>
    content === null ? `D ${path}\n` : `M 100644 inline ${path}\n${data(content)}`,
  );
  const branch = 'refs/simulated/import';
  return [
    `commit ${branch}\nmark :1\ncommitter A Person <person@example.com> now\n${data(message)}from ${parent}\n`,
    ...files,
    `get-mark :1\nreset ${branch}\nfrom ${'0'.repeat(40)}\n`,
  ].join('');
}

/** Gives what it prints: the id of the commit. */
async function fastImport(repository: string, commands: string): Promise<string> {
  const args = ['-C', repository, 'fast-import', '--quiet', '--force', '--date-format=now'];
  const child = spawn('git', args, { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(commands);
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  if (code !== 0) throw new Error(`git fast-import ended with ${String(code)}`);
  return printed.trim();
}
