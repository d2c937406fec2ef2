import type { ManifestFile, ManifestObject } from '../api/manifest.ts';
import { MANIFEST_MAX_BYTES, SETTINGS_FILE } from '../api/manifest-paths.ts';
import { DEFAULT_SETTINGS, type RepositorySettings } from '../api/repository.ts';
import type { BlobChange, Ports } from './ports.ts';
import { settingsOf } from './settings-of.ts';
import type { World } from './world.ts';

/** What people wrote in commits that the view of the repository does not show yet. */
export class PushedFiles {
  readonly #ports: Pick<Ports, 'store' | 'readManifests'>;
  readonly #world: Pick<World, 'pathsAt'>;

  constructor(ports: Pick<Ports, 'store' | 'readManifests'>, world: Pick<World, 'pathsAt'>) {
    this.#ports = ports;
    this.#world = world;
  }

  /** What people changed of all that may be a manifest. Throws store errors and `reconcile.settings`. */
  async between(before: string, after: string): Promise<readonly BlobChange[]> {
    const paths = await this.#world.pathsAt(after);
    const changes = await this.#ports.store.changes(before, after);
    return changes.filter(({ path }) => /\.ya?ml$/.test(path) && paths.classify(path) === undefined);
  }

  /** What a blob declares; nothing where it cannot be a manifest. */
  async objectsOf(oid: string | null): Promise<readonly ManifestObject[]> {
    return (await this.#read(oid))?.objects.map(({ object }) => object) ?? [];
  }

  /** What certops.yaml says in a commit; undefined where it cannot be read. */
  async settingsAt(commit: string): Promise<RepositorySettings | undefined> {
    const file = await this.#ports.store.readPath(commit, SETTINGS_FILE);
    if (file === null) return DEFAULT_SETTINGS;
    const read = await this.#read(file.oid);
    return read && settingsOf(read);
  }

  /** Ids of the plans that are confirmed in a commit. */
  async confirmedAt(commit: string): Promise<readonly string[]> {
    return (await this.settingsAt(commit))?.confirmed ?? [];
  }

  /** Undefined where nothing of it can be a manifest. */
  async #read(oid: string | null): Promise<ManifestFile | undefined> {
    if (oid === null) return undefined;
    const { store, readManifests } = this.#ports;
    const size = (await store.blobSizes([oid])).get(oid) ?? Number.POSITIVE_INFINITY;
    return size > MANIFEST_MAX_BYTES
      ? undefined
      : readManifests(await store.readBlob(oid, MANIFEST_MAX_BYTES));
  }
}
