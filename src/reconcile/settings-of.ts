import type { ManifestFile } from '../api/manifest.ts';
import { MANIFEST_MAX_BYTES, SETTINGS_FILE } from '../api/manifest-paths.ts';
import { DEFAULT_SETTINGS, type RepositorySettings } from '../api/repository.ts';
import type { LooseFile } from './planned-tree.ts';
import type { PlanPorts } from './planning.ts';

/** What a certops.yaml says; undefined where it cannot be in force as it is. */
export function settingsOf({ objects, problems }: ManifestFile): RepositorySettings | undefined {
  if (problems.some(({ severity }) => severity === 'error')) return undefined;
  const [settings] = objects.flatMap(({ object }) => (object.kind === 'Repository' ? [object.settings] : []));
  return settings;
}

/** What a tree's certops.yaml says, the defaults where it has none; undefined where it cannot be in force as it is. */
export async function plannedSettings(
  { store, readManifests }: Pick<PlanPorts, 'store' | 'readManifests'>,
  files: ReadonlyMap<string, string>,
  loose: ReadonlyMap<string, LooseFile>,
): Promise<RepositorySettings | undefined> {
  const oid = files.get(SETTINGS_FILE);
  if (oid === undefined) return DEFAULT_SETTINGS;
  const size = loose.get(oid)?.size ?? (await store.blobSizes([oid])).get(oid);
  if (size === undefined || size > MANIFEST_MAX_BYTES) return undefined;
  const bytes = loose.get(oid)?.bytes ?? (await store.readBlob(oid, MANIFEST_MAX_BYTES));
  return settingsOf(await readManifests(bytes));
}

/** Whether two settings differ in nothing but the plans that they confirm. */
export function areSameButForConfirmed(before: RepositorySettings, after: RepositorySettings): boolean {
  const rest = (settings: RepositorySettings) => JSON.stringify({ ...settings, confirmed: [] });
  return rest(before) === rest(after);
}
