import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Sensitive } from '../lib/sensitive.ts';
import { misuse, type StoreError } from './errors.ts';
import { PersonGit, withoutUserInfo } from './person-git.ts';
import { checkBranch } from './remote.ts';

/** The repository that a person means, and how they reach it. */
export interface PersonRemoteOptions {
  /** A folder in a clone, a bare repository, or a URL that their Git can use; undefined: the working folder's. */
  readonly repo?: string | undefined;
  /** The source branch; undefined: the one that is checked out, or `main`. */
  readonly branch?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** For an HTTPS remote, beside what their Git knows by itself. */
  readonly credentials?: { readonly username: string; readonly token: Sensitive<string> } | undefined;
}

/** Where a person's Git works, and what it talks to. */
export interface PersonPlace {
  readonly git: PersonGit;
  /** The folder with refs and objects. */
  readonly gitDir: string;
  /** What their Git calls the remote: its name in the clone, a path or a URL. */
  readonly remote: string;
  /** The same as an address, without user and password. */
  readonly url: string;
  /** The source branch as the remote calls it. */
  readonly branch: string;
  /** Takes away what was made for this alone. */
  close(): Promise<void>;
}

const DEFAULT_BRANCH = 'main';

/**
 * Finds the clone around a folder and its remote, or makes a bare repository in the temporary folder for a URL or a
 * bare repository. Neither work tree nor index of a clone is ever touched. Throws `store.not-a-repository`,
 * `store.no-remote`, `store.bad-branch`, `store.bad-remote`.
 */
export async function findPersonPlace(
  options: PersonRemoteOptions,
  signal: AbortSignal,
): Promise<PersonPlace> {
  const { repo = '.', branch } = options;
  if (branch !== undefined) checkBranch(branch);
  if (isAddress(repo)) return makePlace(repo, branch, options, signal);
  const folder = resolve(repo);
  const isFolder = await stat(folder).then(
    (facts) => facts.isDirectory(),
    () => false,
  );
  if (!isFolder) throw notARepository(folder);
  const git = new PersonGit({ dir: folder, environment: options.environment });
  const gitDir = await git.ask(['rev-parse', '--path-format=absolute', '--git-common-dir'], signal);
  if (gitDir === undefined) throw notARepository(folder);
  const isBare = (await git.ask(['rev-parse', '--is-bare-repository'], signal)) === 'true';
  if (isBare) {
    const head = await git.ask(['symbolic-ref', '--quiet', '--short', 'HEAD'], signal);
    return makePlace(gitDir, branch ?? head, options, signal);
  }
  return placeInClone(git, gitDir, options, signal);
}

async function placeInClone(
  git: PersonGit,
  gitDir: string,
  options: PersonRemoteOptions,
  signal: AbortSignal,
): Promise<PersonPlace> {
  const { environment } = options;
  const ask = (...args: readonly string[]): Promise<string | undefined> => git.ask(args, signal);
  const local = options.branch ?? (await ask('symbolic-ref', '--quiet', '--short', 'HEAD')) ?? DEFAULT_BRANCH;
  const named = await ask('config', '--get', `branch.${local}.remote`);
  const remotes = ((await ask('remote')) ?? '').split('\n');
  const only = remotes.length === 1 ? remotes[0] : undefined;
  const remote = [named, 'origin', only].find((name) => name !== undefined && remotes.includes(name));
  const address = remote === undefined ? undefined : await ask('remote', 'get-url', remote);
  if (remote === undefined || address === undefined) throw noRemote(git.dir);
  const merged = named === remote ? await ask('config', '--get', `branch.${local}.merge`) : undefined;
  const branch = options.branch ?? merged?.replace(/^refs\/heads\//, '') ?? local;
  checkBranch(branch);
  return {
    git: new PersonGit({ dir: git.dir, environment, credentials: headerFor(address, options) }),
    ...{ gitDir, remote, branch },
    url: withoutUserInfo(address),
    close: async () => {},
  };
}

async function makePlace(
  address: string,
  branch: string | undefined,
  options: PersonRemoteOptions,
  signal: AbortSignal,
): Promise<PersonPlace> {
  if (address.startsWith('-') || /[\0\n]/.test(address)) throw badRemote();
  const remote = /^https?:/i.test(address) ? withoutUserInfo(address) : address;
  const dir = await mkdtemp(join(tmpdir(), 'certops-person-'));
  const close = (): Promise<void> => rm(dir, { recursive: true, force: true });
  const { environment } = options;
  const git = new PersonGit({ dir, environment, credentials: headerFor(address, options) });
  const { exitCode } = await git.run(['init', '--quiet', '--bare', dir], signal);
  if (exitCode !== 0) {
    await close();
    throw notARepository(dir);
  }
  const url = withoutUserInfo(address);
  return { git, gitDir: dir, remote, url, branch: branch ?? DEFAULT_BRANCH, close };
}

/** What stands in the address counts where nothing else is given; it never becomes an argument of Git's. */
function headerFor(address: string, { credentials }: PersonRemoteOptions) {
  if (!/^https?:/i.test(address) || !URL.canParse(address)) return undefined;
  const { protocol, host, hostname, pathname, username: user, password } = new URL(address);
  const used =
    credentials ??
    (password === ''
      ? undefined
      : { username: decodeURIComponent(user), token: new Sensitive(decodeURIComponent(password)) });
  if (used === undefined) return undefined;
  const isLoopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
  // A token never goes over the network in clear.
  if (protocol !== 'https:' && !(protocol === 'http:' && isLoopback)) return undefined;
  const { username, token } = used;
  return {
    url: `${protocol}//${host}${pathname}`,
    authorization: token.map((text) => `Basic ${Buffer.from(`${username}:${text}`).toString('base64')}`),
  };
}

/** A URL, or what ssh calls a place (`git@host:path`); anything else is a path. */
function isAddress(repo: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(repo) || /^[^/\\\s:]{2,}:[^\\]/.test(repo);
}

function notARepository(folder: string): StoreError {
  return misuse('store.not-a-repository', {
    what: `There is no Git repository at or around ${folder}`,
    next: 'Name one with --repo',
  });
}

function noRemote(folder: string): StoreError {
  return misuse('store.no-remote', {
    what: `The clone at ${folder} has no remote that could be meant`,
    next: 'Name the repository with --repo, or give the clone one: git remote add origin URL',
  });
}

function badRemote(): StoreError {
  return misuse('store.bad-remote', {
    what: 'The address of the Git remote cannot be used',
    next: 'Check --repo',
  });
}
