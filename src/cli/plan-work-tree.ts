import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import {
  isManifestPath,
  MANIFEST_MAX_BYTES,
  mayHoldManifests,
  SETTINGS_FILE,
} from '../api/manifest-paths.ts';
import type { RepositorySettings } from '../api/repository.ts';
import type { LooseFile } from '../reconcile/planned-tree.ts';
import { settingsIn } from './work-tree.ts';

const SOPS_RULES_FILE = '.sops.yaml';

/** What is on disk beside a commit, as far as a plan looks at it. */
export interface DiskTree {
  /** Manifests, settings and taken away Secrets that are not as the commit has them; null where they are gone. */
  readonly changes: readonly { readonly path: string; readonly after: string | null }[];
  /** The bytes of those that are there, by object id. */
  readonly loose: ReadonlyMap<string, LooseFile>;
}

/** The root of the work tree around a path; undefined where there is none (a bare repository). */
export function workTreeAround(path: string): string | undefined {
  const start = resolve(path);
  for (let folder = start; ; folder = dirname(folder)) {
    if (lstatSync(join(folder, '.git'), { throwIfNoEntry: false }) !== undefined) return folder;
    if (dirname(folder) === folder) return undefined;
  }
}

/**
 * Reads the manifests of a work tree over those of a commit, uncommitted and untracked ones included. As in `lint`,
 * symbolic links are never followed, hidden folders and nested repositories never entered. `differing` are the only files
 * of the commit that may be gone or other ones; undefined where that is not known, and then all are looked at.
 */
export async function readDiskTree(
  root: string,
  commit: ReadonlyMap<string, string>,
  differing: ReadonlySet<string> | undefined,
): Promise<DiskTree> {
  const settings = await settingsIn(root);
  const changes: { readonly path: string; readonly after: string | null }[] = [];
  const loose = new Map<string, LooseFile>();
  const mayDiffer = (path: string) => differing === undefined || differing.has(path) || !commit.has(path);
  const onDisk = new Set(manifestPaths(root, settings));
  for (const path of [SETTINGS_FILE, SOPS_RULES_FILE]) if (isFile(join(root, path))) onDisk.add(path);
  for (const path of onDisk) {
    if (!mayDiffer(path)) continue;
    const { oid, file } = readLoose(join(root, path));
    if (commit.get(path) === oid) continue;
    changes.push({ path, after: oid });
    loose.set(oid, file);
  }
  const secrets = `${settings.output.secrets}/`;
  for (const path of commit.keys()) {
    const isLookedAt = isManifestPath(path, settings) || path === SETTINGS_FILE || path === SOPS_RULES_FILE;
    const isGone = isLookedAt
      ? !onDisk.has(path)
      : path.startsWith(secrets) && mayDiffer(path) && !isFile(join(root, path));
    if (isGone) changes.push({ path, after: null });
  }
  return { changes, loose };
}

/** Synchronous: a command has nothing else to do meanwhile, and it is several times as quick. */
function manifestPaths(root: string, settings: RepositorySettings): readonly string[] {
  const found: string[] = [];
  const folders = [''];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const entries = readdirSync(join(root, folder), { withFileTypes: true });
    if (folder !== '' && entries.some(({ name }) => name === '.git')) continue;
    for (const entry of entries) {
      const child = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory() && mayHoldManifests(child, settings)) folders.push(child);
      else if (entry.isFile() && isManifestPath(child, settings)) found.push(child);
    }
  }
  return found;
}

function isFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/** Its id is Git's own where it is read as it is; a file that is too large is known by its path and size. */
function readLoose(path: string): { readonly oid: string; readonly file: LooseFile } {
  const { size } = statSync(path);
  const bytes = size > MANIFEST_MAX_BYTES ? undefined : readFileSync(path);
  const hash = createHash('sha1');
  if (bytes === undefined) hash.update(`too large ${size} ${path}`);
  else hash.update(`blob ${bytes.length}\0`).update(bytes);
  return { oid: hash.digest('hex'), file: { bytes, size } };
}
