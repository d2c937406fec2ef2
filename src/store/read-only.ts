import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Credentials } from './credentials.ts';
import { mirrorDamaged, misuse, StoreError } from './errors.ts';
import { GitProcess } from './git-process.ts';
import { Mirror } from './mirror.ts';
import { RepositoryObjects } from './object-source.ts';
import type { GitReader, LogOptions, Tip } from './reader.ts';
import { checkBranch, parseRemote, stateRefOf } from './remote.ts';
import { findAround, readRefs } from './remote-refs.ts';
import { RepositoryReader } from './repository-reader.ts';
import { decodeState, MAX_STATE_BYTES, STATE_FILE, type StateDocument } from './state.ts';

export interface ReadOnlyOptions {
  /** A folder in a work tree, a bare repository, or a URL as `StoreOptions.remoteUrl` takes it. */
  readonly pathOrUrl: string;
  /** Absent: the branch that is checked out (a path), `main` (a URL). */
  readonly branch?: string | undefined;
  readonly credentials?: Credentials | undefined;
  /** Keys whose signatures `log` calls ours, in OpenSSH's one-line form. */
  readonly trustedKeys?: readonly string[] | undefined;
}

/** A repository that is only looked at. */
export interface ReadOnlyRepository extends GitReader {
  readonly branch: string;
  /** The state document, as far as this repository has it; empty where it does not. */
  readState(): Promise<StateDocument>;
}

const DEFAULT_BRANCH = 'main';
const SILENCE_MS = 60_000;

/**
 * Opens a repository for the commands that only read: the one around a path as it is on disk, or a URL
 * through a temporary mirror that `close` deletes. Throws `store.not-a-repository`, `store.branch-missing`
 * and, for URLs, what `Store.open` throws.
 */
export async function openReadOnly(
  options: ReadOnlyOptions,
  signal?: AbortSignal,
): Promise<ReadOnlyRepository> {
  return /^https?:\/\//i.test(options.pathOrUrl) ? openUrl(options, signal) : openPath(options);
}

async function openPath(options: ReadOnlyOptions): Promise<ReadOnlyRepository> {
  const { path = resolve(options.pathOrUrl) } = parseRemote(options.pathOrUrl);
  const gitDir = await findAround(path);
  if (gitDir === null) {
    throw misuse('store.not-a-repository', {
      what: `There is no Git repository at or around ${path}`,
      next: 'Name one with --repo',
    });
  }
  const branch = options.branch ?? (await checkedOutBranch(gitDir));
  checkBranch(branch);
  const git = new GitProcess(gitDir);
  const objects = new RepositoryObjects(git, () => {});
  const [commit = null, state = null] = await readRefs(gitDir, [`refs/heads/${branch}`, stateRefOf(branch)]);
  return readerOver({ git, objects, branch, commit, state, options, close: async () => objects.close() });
}

async function openUrl(options: ReadOnlyOptions, signal?: AbortSignal): Promise<ReadOnlyRepository> {
  const branch = options.branch ?? DEFAULT_BRANCH;
  checkBranch(branch);
  const remote = parseRemote(options.pathOrUrl, options.credentials);
  const folder = await mkdtemp(join(tmpdir(), 'certops-read-'));
  const gitDir = join(folder, 'mirror.git');
  let mirror: Mirror | null = null;
  const close = async (): Promise<void> => {
    await mirror?.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    mirror = await Mirror.open({ remote, branch, gitDir, silenceTimeoutMs: SILENCE_MS });
    const refs = await mirror.poll(signal);
    const fetched = refs.branch === null ? refs : await mirror.fetch(refs, signal);
    const { git, objects } = mirror;
    return await readerOver({
      git,
      objects,
      branch,
      commit: fetched.branch,
      state: fetched.state,
      options,
      close,
    });
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

async function readerOver(parts: {
  readonly git: GitProcess;
  readonly objects: RepositoryObjects;
  readonly branch: string;
  readonly commit: string | null;
  readonly state: string | null;
  readonly options: ReadOnlyOptions;
  readonly close: () => Promise<void>;
}): Promise<ReadOnlyRepository> {
  const { git, objects, branch, commit, state, options, close } = parts;
  if (commit === null) {
    await close();
    throw branchMissing(branch);
  }
  const reader = new RepositoryReader(git, () => objects, options.trustedKeys ?? []);
  const tip: Tip = await reader.tipAt(commit);
  return {
    tip,
    branch,
    close,
    changes: (before, after) => reader.changes(before, after),
    blobSizes: (oids) => reader.blobSizes(oids),
    readBlob: (oid, maxBytes) => reader.readBlob(oid, maxBytes),
    readPath: (at, path) => reader.readPath(at, path),
    log: (logOptions: LogOptions) => reader.log(tip.commit, logOptions),
    readState: async () => {
      if (state === null) return {};
      const file = await reader.readPath(state, STATE_FILE);
      if (file === null || file.content.length > MAX_STATE_BYTES)
        throw mirrorDamaged('The state has no document');
      return decodeState(file.content);
    },
  };
}

async function checkedOutBranch(gitDir: string): Promise<string> {
  const head = await readFile(join(gitDir, 'HEAD'), 'utf8').catch(() => '');
  return /^ref: refs\/heads\/(.+)$/m.exec(head)?.[1] ?? DEFAULT_BRANCH;
}

function branchMissing(branch: string): StoreError {
  return new StoreError(
    'store.branch-missing',
    { what: `The repository has no branch ${branch}`, next: 'Check --branch, or make a first commit' },
    { retry: { when: 'never' }, data: { branch } },
  );
}
