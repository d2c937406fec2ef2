import { resolve } from 'node:path';
import { type BlobVisitor, scanBlobs } from './blob-scan.ts';
import { differencesOnDisk } from './disk-differences.ts';
import { misuse } from './errors.ts';
import { GitProcess } from './git-process.ts';
import { mergeBase, nearMergeBase } from './merge-base.ts';
import { RepositoryObjects } from './object-source.ts';
import type { GitReader } from './reader.ts';
import { lookUpRef } from './ref-lookup.ts';
import { checkBranch, parseRemote, stateRefOf } from './remote.ts';
import { findAround, readRefs } from './remote-refs.ts';
import { RepositoryReader } from './repository-reader.ts';
import { decodeState, MAX_STATE_BYTES, STATE_FILE, type StateDocument } from './state.ts';
import { isObjectId } from './tree.ts';
import { listFiles } from './tree-files.ts';

const MAX_REF_CHARS = 500;

/** A repository on disk of which any two commits can be compared. */
export interface Revisions extends Pick<GitReader, 'changes' | 'blobSizes' | 'readBlob' | 'close'> {
  /** The folder with refs and objects. */
  readonly gitDir: string;
  /** Every ordinary file of a commit with its object id, in no order. Throws `store.tree-too-large`. */
  files(commit: string): Promise<ReadonlyMap<string, string>>;
  /** Shows many blobs to `visit`, in their order; see `scanBlobs`. */
  eachBlob(oids: readonly string[], maxBytes: number, visit: BlobVisitor): Promise<void>;
  /** Files of the work tree at `root` that may not be as a commit has them; see `differencesOnDisk`. */
  differencesOnDisk(root: string, commit: string): Promise<ReadonlySet<string> | undefined>;
  /** The commit that a ref, tag or id means. Throws `store.ref-unknown`. */
  resolve(ref: string): Promise<string>;
  /** The newest commit that both descend from. Throws `store.no-common-history`. */
  mergeBase(one: string, other: string): Promise<string>;
  /** The state document beside a branch (`main`, `origin/main`); empty where this repository has none. */
  readState(branch: string): Promise<StateDocument>;
}

/** Opens the repository at or around a path. Throws `store.not-a-repository`. */
export async function openRevisions(pathOrUrl: string): Promise<Revisions> {
  const { path = resolve(pathOrUrl) } = parseRemote(pathOrUrl);
  const gitDir = await findAround(path);
  if (gitDir === null) {
    throw misuse('store.not-a-repository', {
      what: `There is no Git repository at or around ${path}`,
      next: 'Name one with --repo',
    });
  }
  const git = new GitProcess(gitDir);
  const objects = new RepositoryObjects(git, () => {});
  const reader = new RepositoryReader(git, () => objects, []);
  return {
    gitDir,
    changes: (before, after) => reader.changes(before, after),
    blobSizes: (oids) => reader.blobSizes(oids),
    readBlob: (oid, maxBytes) => reader.readBlob(oid, maxBytes),
    close: async () => objects.close(),
    files: async (commit) => listFiles(objects, (await reader.tipAt(commit)).tree),
    eachBlob: (oids, maxBytes, visit) => scanBlobs(git, oids, maxBytes, visit),
    differencesOnDisk: (root, commit) => differencesOnDisk(git, root, commit),
    // Without a process where that will do: a plan waits for nothing else meanwhile.
    resolve: async (ref) => (await resolvePlainRef(gitDir, objects, ref)) ?? resolveRef(git, ref),
    mergeBase: async (one, other) => (await nearMergeBase(objects, one, other)) ?? mergeBase(git, one, other),
    readState: async (branch) => {
      const refs = [branch, branch.replace(/^[^/]+\//, '')].filter(isBranch).map(stateRefOf);
      const [commit] = (await readRefs(gitDir, refs)).filter((oid) => oid !== null);
      if (commit === undefined) return {};
      const file = await reader.readPath(commit, STATE_FILE);
      return file === null || file.content.length > MAX_STATE_BYTES ? {} : decodeState(file.content);
    },
  };
}

function isBranch(name: string): boolean {
  try {
    checkBranch(name);
    return true;
  } catch {
    return false;
  }
}

/** The commit of a branch or an id, told from files; null where Git has to be asked. */
async function resolvePlainRef(
  gitDir: string,
  objects: RepositoryObjects,
  ref: string,
): Promise<string | null> {
  const oid = await lookUpRef(gitDir, ref);
  if (oid === null) return null;
  return objects.commit(oid).then(
    () => oid,
    () => null,
  );
}

async function resolveRef(git: GitProcess, ref: string): Promise<string> {
  const isPossible = ref !== '' && ref.length <= MAX_REF_CHARS && !ref.includes('\0');
  const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`];
  const found = isPossible ? (await git.run(args)).stdout.trim() : '';
  if (isObjectId(found)) return found;
  throw misuse('store.ref-unknown', {
    what: `${JSON.stringify(ref.slice(0, MAX_REF_CHARS))} names no commit of this repository`,
    next: 'Check its name; in CI, fetch the whole history and the branch to merge into',
  });
}
