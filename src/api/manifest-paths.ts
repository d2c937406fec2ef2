import { matchesGlob } from '../lib/glob.ts';
import type { RepositorySettings } from './repository.ts';

/** The file with the repository's settings, at its root. */
export const SETTINGS_FILE = 'certops.yaml';

/** Files over this size are never manifests (contract 1.1), in bytes. */
export const MANIFEST_MAX_BYTES = 1 << 20;

/** A file or folder whose name begins with a dot. */
const HIDDEN = /(?:^|\/)\./;

/**
 * Whether a file is looked into for manifests (contract 1.1): YAML, in no hidden folder, within `paths`, not
 * excluded, not in an output folder. `path` is relative to the root, with slashes.
 */
export function isManifestPath(path: string, settings: RepositorySettings): boolean {
  if (!/\.ya?ml$/.test(path) || path === SETTINGS_FILE) return false;
  if (HIDDEN.test(path)) return false;
  const { paths, exclude, output } = settings;
  return (
    [output.secrets, output.status].every((folder) => !path.startsWith(`${folder}/`)) &&
    paths.some((folder) => folder === '.' || path === folder || path.startsWith(`${folder}/`)) &&
    !exclude.some((glob) => matchesGlob(path, glob))
  );
}

/** Whether anything below a folder can be a manifest, so that it is worth a look. */
export function mayHoldManifests(folder: string, settings: RepositorySettings): boolean {
  const { paths, output } = settings;
  const isHidden = HIDDEN.test(folder);
  const isWanted = paths.some(
    (path) =>
      path === '.' || folder === path || folder.startsWith(`${path}/`) || path.startsWith(`${folder}/`),
  );
  return !isHidden && isWanted && folder !== output.secrets && folder !== output.status;
}
