import { matchesGlob } from '../lib/glob.ts';
import type { RepositorySettings } from './repository.ts';

/** The file with the repository's settings, at its root. */
export const SETTINGS_FILE = 'certops.yaml';

/** Files over this size are never manifests (contract 1.1), in bytes. */
export const MANIFEST_MAX_BYTES = 1 << 20;

/**
 * Whether a file is looked into for manifests (contract 1.1): YAML, in no hidden folder, within `paths`, not
 * excluded, not in an output folder. `path` is relative to the root, with slashes.
 */
export function isManifestPath(path: string, settings: RepositorySettings): boolean {
  if (!(path.endsWith('.yaml') || path.endsWith('.yml')) || path === SETTINGS_FILE) return false;
  if (isHidden(path)) return false;
  const { paths, exclude, output } = settings;
  return (
    !isWithin(path, output.secrets) &&
    !isWithin(path, output.status) &&
    paths.some((folder) => folder === '.' || path === folder || isWithin(path, folder)) &&
    !exclude.some((glob) => matchesGlob(path, glob))
  );
}

function isWithin(path: string, folder: string): boolean {
  return path.length > folder.length && path[folder.length] === '/' && path.startsWith(folder);
}

/** Whether a file or a folder that it lies in has a name that begins with a dot. */
function isHidden(path: string): boolean {
  return path.startsWith('.') || path.includes('/.');
}

/** Whether anything below a folder can be a manifest, so that it is worth a look. */
export function mayHoldManifests(folder: string, settings: RepositorySettings): boolean {
  const { paths, output } = settings;
  const isWanted = paths.some(
    (path) =>
      path === '.' || folder === path || folder.startsWith(`${path}/`) || path.startsWith(`${folder}/`),
  );
  return !isHidden(folder) && isWanted && folder !== output.secrets && folder !== output.status;
}
