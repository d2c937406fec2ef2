import type { Declared } from './desired-state.ts';
import type { ManifestReader, Precondition, RepositoryReader, TreeView } from './ports.ts';
import type { World } from './world.ts';

/** The blob at `path` is still the one that was looked at (null: there was none). */
export function blobIs(path: string, oid: string | null): Precondition {
  return {
    what: oid === null ? `${path} is still absent` : `${path} is still the one that was looked at`,
    holds: async (view) => (await view.oid(path)) === oid,
  };
}

/**
 * The manifest that is acted on still asks for the same. Another edit of its file is fine as long as the
 * object itself is unchanged.
 */
export function manifestStands(
  declared: Declared<{
    readonly kind: string;
    readonly name: { readonly namespace: string; readonly name: string };
  }>,
  world: World,
  readManifests: ManifestReader,
  hash: (object: never) => string,
): Precondition {
  const { path, object, specHash } = declared;
  // For a revision that an edit could not replace, the file as it is now is what must not move.
  const current = world.fileBlob(path) ?? null;
  const isNewest = current === declared.blob;
  return {
    what: `${path} still asks for the same`,
    holds: async (view: TreeView) => {
      if ((await view.oid(path)) === current) return true;
      // A file that declares nothing has no blob on record; it must go on declaring nothing of the kind.
      if (!isNewest && current !== null) return false;
      const content = await view.read(path);
      if (content === null) return false;
      const file = await readManifests(content);
      const same = file.objects.filter(
        (placed) =>
          placed.object.kind === object.kind &&
          placed.object.name.namespace === object.name.namespace &&
          placed.object.name.name === object.name.name,
      );
      // The kinds are equal, so the hash function of the declared object fits these.
      return isNewest ? same.some((placed) => hash(placed.object as never) === specHash) : same.length === 0;
    },
  };
}

/**
 * No manifest changed since the view that was decided by. For what follows from an object not being declared
 * (removals, refusals): whoever declares it meanwhile wins.
 */
export function manifestsUnchanged(world: World, reader: RepositoryReader): Precondition {
  const { commit } = world;
  return {
    what: 'the manifests are still those that were looked at',
    holds: async ({ base }) => {
      if (base === commit) return true;
      const changes = await reader.changes(commit, base);
      return changes.every(({ path }) => world.paths.classify(path) !== undefined || !/\.ya?ml$/.test(path));
    },
  };
}
