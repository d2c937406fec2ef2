import type { ManifestFile, ManifestProblem } from '../api/manifest.ts';
import type { CertificateRequestPolicy } from '../api/policy-spec.ts';

/** A policy as one document of one blob declares it. */
export interface DeclaredPolicy {
  readonly policy: CertificateRequestPolicy;
  readonly path: string;
  readonly blob: string;
}

/** What one file says of policies. */
export interface PolicyFile {
  readonly blob: string;
  readonly policies: readonly CertificateRequestPolicy[];
  /** What is wrong with documents that are policies and cannot be accepted. */
  readonly errors: readonly ManifestProblem[];
  /** It cannot be read as a whole, and may say more of policies than what stands here. */
  readonly isHiding: boolean;
}

/** What people declare of CertificateRequestPolicies, file by file. */
export class DeclaredPolicies {
  readonly #files = new Map<string, PolicyFile>();
  /** Files in which nothing counts as removed. */
  readonly #unreadable = new Set<string>();
  #version = 0;

  /** Another number whenever anything here, or what can be read, changed. */
  get version(): number {
    return this.#version;
  }

  /** Files that say something of policies, by path. */
  get files(): ReadonlyMap<string, PolicyFile> {
    return this.#files;
  }

  /** Takes the newest content of a file; `undefined` when it is gone or is not read. */
  setFile(path: string, content: { readonly blob: string; readonly file: ManifestFile } | undefined): void {
    const next = content === undefined ? undefined : policyFile(content.blob, content.file);
    const isUnreadable = content?.file.isReadable === false;
    const isKnown = this.#files.has(path) || this.#unreadable.has(path);
    if (next === undefined && !isUnreadable && !isKnown) return;
    if (next === undefined) this.#files.delete(path);
    else this.#files.set(path, next);
    if (isUnreadable) this.#unreadable.add(path);
    else this.#unreadable.delete(path);
    this.#version += 1;
  }
}

function policyFile(blob: string, file: ManifestFile): PolicyFile | undefined {
  const policies = file.objects.flatMap(({ object }) =>
    object.kind === 'CertificateRequestPolicy' ? [object] : [],
  );
  // What the rules let nobody declare is nobody's word about policies.
  const errors = file.problems.filter(
    ({ kind, severity, rule }) =>
      kind === 'CertificateRequestPolicy' && severity === 'error' && rule !== 'tenancy',
  );
  const isHiding = file.hidesPolicies === true;
  if (policies.length === 0 && errors.length === 0 && !isHiding) return undefined;
  return { blob, policies, errors, isHiding };
}
