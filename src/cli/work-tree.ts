import { readdir, realpath, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import type { LintedFile } from '../api/lint/catalogue.ts';
import { reopen } from '../api/lint/reopened.ts';
import type { ManifestFile } from '../api/manifest.ts';
import { isManifestPath, mayHoldManifests, SETTINGS_FILE } from '../api/manifest-paths.ts';
import { DEFAULT_SETTINGS, type RepositorySettings } from '../api/repository.ts';
import { type TenancyInForce, withinTenancy } from '../api/tenancy.ts';
import { CertopsError } from '../lib/errors.ts';
import { readFileBlock } from './file-reading.ts';
import { readFiles } from './parallel-reading.ts';

/** The manifests of a folder on disk, as the daemon would find them in Git. */
export interface WorkTree {
  /** Absolute. */
  readonly root: string;
  readonly settings: RepositorySettings;
  /** Those that declare something or have something to tell, `certops.yaml` among them. */
  readonly files: readonly LintedFile[];
  /** How many files were looked at. */
  readonly looked: number;
  /** What was asked for, relative to the root with slashes; empty for all. */
  readonly scope: string;
}

/**
 * Reads the work tree that a file or folder belongs to: the whole of it, because what one manifest means hangs
 * on others. Symbolic links are never followed, hidden folders and nested repositories never entered. Throws
 * `cli.lint-unreadable`.
 */
export async function readWorkTree(path: string): Promise<WorkTree> {
  const start = await realpath(resolve(path)).catch((thrown: unknown) => unreadable(path, thrown));
  const isFolder = (await stat(start)).isDirectory();
  const root = await rootOf(isFolder ? start : dirname(start));
  const settingsFile = await readSettings(root);
  const settings = settingsOf(settingsFile?.manifests) ?? DEFAULT_SETTINGS;
  const paths = await manifestPaths(root, settings);
  const files: LintedFile[] = settingsFile === undefined ? [] : [settingsFile];
  for (const block of await readFiles({ root, paths })) {
    if (block.failure !== undefined) unreadable(block.failure.path, block.failure);
    files.push(...block.files.map((file) => admitted(file, settings)));
  }
  return { root, settings, files, looked: paths.length, scope: slashed(relative(root, start)) };
}

/** The file as the daemon lets it count; the floor that its operator may have set is not known here. */
function admitted(file: LintedFile, { tenancy }: RepositorySettings): LintedFile {
  const inForce: TenancyInForce = { repository: tenancy, floor: [] };
  let documents: ReturnType<typeof reopen> | undefined;
  const manifests = withinTenancy(file.manifests, file.path, inForce, (document, field) => {
    documents ??= reopen(file.bytes);
    return documents.get(document)?.locate(field);
  });
  return { ...file, manifests };
}

/** The settings in the `certops.yaml` of a work tree; the defaults where there is none that can be used. */
export async function settingsIn(root: string): Promise<RepositorySettings> {
  return settingsOf((await readSettings(root))?.manifests) ?? DEFAULT_SETTINGS;
}

/** The nearest folder upwards that is a repository's root; the folder itself where there is none. */
async function rootOf(folder: string): Promise<string> {
  for (let at = folder; ; at = dirname(at)) {
    if ((await exists(join(at, '.git'))) || (await exists(join(at, SETTINGS_FILE)))) return at;
    if (dirname(at) === at) return folder;
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function readSettings(root: string): Promise<LintedFile | undefined> {
  const { files, failure } = await readFileBlock({ root, paths: [SETTINGS_FILE] });
  if (failure?.code === 'ENOENT') return undefined;
  if (failure !== undefined) unreadable(SETTINGS_FILE, failure);
  const [read = NO_SETTINGS] = files;
  const { manifests } = read;
  const isTold = manifests.problems.some(({ severity }) => severity === 'error');
  return isTold || settingsOf(manifests) ? read : { ...read, manifests: withoutSettings(manifests) };
}

const NO_SETTINGS: LintedFile = {
  path: SETTINGS_FILE,
  bytes: new Uint8Array(),
  manifests: { objects: [], problems: [], isReadable: true },
};

function settingsOf(manifests: ManifestFile | undefined): RepositorySettings | undefined {
  const found = manifests?.objects.find(({ object }) => object.kind === 'Repository')?.object;
  return found?.kind === 'Repository' ? found.settings : undefined;
}

function withoutSettings(manifests: ManifestFile): ManifestFile {
  const message = `${SETTINGS_FILE} holds no certops.dev/v1alpha1 Repository`;
  const problem = { severity: 'error', rule: 'required', field: '', message, document: 0 } as const;
  return {
    ...manifests,
    problems: [...manifests.problems, { ...problem, position: { line: 1, column: 1 } }],
  };
}

/** The paths of what may be manifests, relative to the root with slashes, in order. */
async function manifestPaths(root: string, settings: RepositorySettings): Promise<readonly string[]> {
  const found: string[] = [];
  const folders = [''];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const path = folder;
    const entries = await readdir(join(root, path), { withFileTypes: true }).catch((thrown: unknown) =>
      unreadable(path, thrown),
    );
    // A submodule or a repository of its own.
    if (path !== '' && entries.some(({ name }) => name === '.git')) continue;
    for (const entry of entries) {
      const child = path === '' ? entry.name : `${path}/${entry.name}`;
      if (entry.isDirectory() && mayHoldManifests(child, settings)) folders.push(child);
      else if (entry.isFile() && isManifestPath(child, settings)) found.push(child);
    }
  }
  return found.sort();
}

function slashed(path: string): string {
  return sep === '/' ? path : path.replaceAll(sep, '/');
}

function unreadable(path: string, thrown: unknown): never {
  // Whatever the file system throws, or the code and the message of it.
  const { code, message } = thrown as Partial<NodeJS.ErrnoException>;
  throw new CertopsError(
    'cli.lint-unreadable',
    { what: `${path === '' ? 'The folder' : path} cannot be read`, why: message },
    { retry: { when: 'never' }, cause: thrown, data: { path, reason: code } },
  );
}
