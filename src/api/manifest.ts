import type { Certificate } from './certificate.ts';
import type { Issuer } from './issuer.ts';
import type { ObjectName } from './names.ts';
import type { CertificateRequestPolicy } from './policy-spec.ts';
import type { RepositorySettings } from './repository.ts';

/** A place in a file; line and column count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A Secret with a `sops` block that people wrote; only what is in clear. */
export interface SealedSecretManifest {
  readonly kind: 'Secret';
  readonly name: ObjectName;
  readonly type: string;
}

export type ManifestObject =
  | Certificate
  | Issuer
  | CertificateRequestPolicy
  | SealedSecretManifest
  | { readonly kind: 'Repository'; readonly name: ObjectName; readonly settings: RepositorySettings };

/** One valid document and where it stands. */
export interface PlacedObject {
  readonly object: ManifestObject;
  /** Index of the document in its file, from 0. */
  readonly document: number;
  readonly position: Position;
}

/** What is wrong with a file or a document, for people. */
export interface ManifestProblem {
  readonly severity: 'error' | 'warning';
  /** Stable: `yaml-syntax`, `unknown-field`, `invalid-value`, `duplicate-key`, `clear-private-key`, … */
  readonly rule: string;
  readonly position: Position;
  /** Which object, as far as it could be told. */
  readonly kind?: string | undefined;
  readonly name?: ObjectName | undefined;
  /** Kubernetes field path (`spec.dnsNames[0]`), empty for the whole document. */
  readonly field: string;
  readonly message: string;
  readonly document: number;
}

/** One manifest file, read. `isReadable` is false when some document could not be parsed at all. */
export interface ManifestFile {
  readonly objects: readonly PlacedObject[];
  readonly problems: readonly ManifestProblem[];
  /**
   * False when a document could not be read well enough to tell which objects it declares; then nothing
   * that this file once declared counts as removed.
   */
  readonly isReadable: boolean;
  /** Not readable, and it mentions policies: whatever it says of them is not known. */
  readonly hidesPolicies?: boolean | undefined;
}
