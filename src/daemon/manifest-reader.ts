import { mayDeclareManifests, readManifestFileBounded } from '../api/read-manifests.ts';
import type { ManifestReader } from '../reconcile/ports.ts';

/** Reads manifests within limits; files that mention none of our groups are never parsed. */
export const readManifests: ManifestReader = async (bytes) =>
  mayDeclareManifests(bytes)
    ? readManifestFileBounded(bytes)
    : { objects: [], problems: [], isReadable: true };
