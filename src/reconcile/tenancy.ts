import { reopen } from '../api/lint/reopened.ts';
import type { ManifestFile } from '../api/manifest.ts';
import { isQuicklyRead } from '../api/read-manifests.ts';
import { type TenancyInForce, tenancyFault, withinTenancy } from '../api/tenancy.ts';

/** A file as the rules let it count: what it may not declare is refused, with the place of the field. */
export function admitFile(
  file: ManifestFile,
  path: string,
  bytes: Uint8Array,
  tenancy: TenancyInForce,
): ManifestFile {
  let documents: ReturnType<typeof reopen> | undefined;
  return withinTenancy(file, path, tenancy, (document, field) => {
    // Places are not kept of every file. A large one is not parsed again for them: it would hold the event loop.
    if (!isQuicklyRead(bytes)) return undefined;
    documents ??= reopen(bytes);
    return documents.get(document)?.locate(field);
  });
}

/** Which object is asked about. */
export interface DeclaredName {
  readonly kind: string;
  readonly namespace: string;
}

/** Whether the rules let the file at `path` declare such an object. */
export function mayDeclare(
  tenancy: TenancyInForce,
  path: string,
  { kind, namespace }: DeclaredName,
): boolean {
  return tenancyFault(tenancy, path, kind, namespace) === undefined;
}

/** Why what was accepted from `path` before is not acted on any more; undefined where it is. */
export function withdrawal(
  tenancy: TenancyInForce,
  path: string,
  { kind, namespace }: DeclaredName,
): string | undefined {
  const fault = tenancyFault(tenancy, path, kind, namespace);
  return fault && `${path}: ${fault.field}: Forbidden: ${fault.detail}`;
}
