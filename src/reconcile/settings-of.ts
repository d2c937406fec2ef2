import type { ManifestFile } from '../api/manifest.ts';
import type { RepositorySettings } from '../api/repository.ts';

/** What a certops.yaml says; undefined where it cannot be in force as it is. */
export function settingsOf({ objects, problems }: ManifestFile): RepositorySettings | undefined {
  if (problems.some(({ severity }) => severity === 'error')) return undefined;
  const [settings] = objects.flatMap(({ object }) => (object.kind === 'Repository' ? [object.settings] : []));
  return settings;
}

/** Whether two settings differ in nothing but the plans that they confirm. */
export function areSameButForConfirmed(before: RepositorySettings, after: RepositorySettings): boolean {
  const rest = (settings: RepositorySettings) => JSON.stringify({ ...settings, confirmed: [] });
  return rest(before) === rest(after);
}
