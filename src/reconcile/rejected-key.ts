import { labelFault, longestPath, MAX_PATH_BYTES, subdomainFault } from '../api/kubernetes-names.ts';
import type { ManifestProblem } from '../api/manifest.ts';
import type { ObjectName } from '../api/names.ts';
import { certificateKey, issuerKey } from './keys.ts';

/** The key of the Certificate or issuer that a problem is about; undefined for other documents. */
export function rejectedKey({ kind, name }: ManifestProblem): string | undefined {
  if (name === undefined || (kind !== 'Certificate' && kind !== 'Issuer' && kind !== 'ClusterIssuer')) {
    return undefined;
  }
  // A name that no object can have is nobody's: it becomes no key, and no path.
  if (!isPossibleName(kind, name)) return undefined;
  return kind === 'Certificate' ? certificateKey(name) : issuerKey(kind, name);
}

function isPossibleName(kind: 'Certificate' | 'Issuer' | 'ClusterIssuer', name: ObjectName): boolean {
  if (subdomainFault(name.name) !== undefined || longestPath(kind, name).length > MAX_PATH_BYTES)
    return false;
  // The file of another issuer's account key.
  if (kind !== 'Certificate' && name.name.endsWith('.key')) return false;
  return kind === 'ClusterIssuer' ? name.namespace === '' : labelFault(name.namespace) === undefined;
}
