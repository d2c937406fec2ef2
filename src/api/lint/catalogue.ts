import type { Certificate } from '../certificate.ts';
import type { Issuer } from '../issuer.ts';
import type { ManifestFile, ManifestObject, SealedSecretManifest } from '../manifest.ts';
import { formatObjectName, type ObjectName } from '../names.ts';
import type { CertificateRequestPolicy } from '../policy-spec.ts';

/** A file of the work tree, read. */
export interface LintedFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly manifests: ManifestFile;
}

/** An object and where it is declared. */
export interface Declared<T extends ManifestObject> {
  readonly object: T;
  readonly file: string;
  /** Index of the document in its file. */
  readonly document: number;
}

/** Every object of a work tree, by what it is found by; of several with one name the first by path stands. */
export interface Catalogue {
  readonly certificates: readonly Declared<Certificate>[];
  /** By `Kind namespace/name`. */
  readonly issuers: ReadonlyMap<string, Declared<Issuer>>;
  readonly policies: readonly Declared<CertificateRequestPolicy>[];
  /** People's sealed Secrets, by `namespace/name`. */
  readonly secrets: ReadonlyMap<string, Declared<SealedSecretManifest>>;
  /** Certificates by the Secret that they ask for, `namespace/secretName`. */
  readonly claims: ReadonlyMap<string, readonly Declared<Certificate>[]>;
  /** Objects declared more than once, each with all its declarations. */
  readonly repeated: readonly (readonly Declared<ManifestObject>[])[];
  /** Objects that only documents with errors name, by `Kind namespace/name`. */
  readonly rejected: ReadonlySet<string>;
}

export function objectKey(kind: string, name: ObjectName): string {
  return `${kind} ${formatObjectName(name)}`;
}

/** Puts what the files declare in order. `files` are in the order of their paths. */
export function catalogue(files: readonly LintedFile[]): Catalogue {
  const all = new Map<string, Declared<ManifestObject>[]>();
  const rejected = new Set<string>();
  for (const { path, manifests } of files) {
    for (const { object, document } of manifests.objects) {
      pushTo(all, objectKey(object.kind, object.name), { object, file: path, document });
    }
    for (const { kind, name, severity } of manifests.problems) {
      if (severity === 'error' && kind !== undefined && name !== undefined)
        rejected.add(objectKey(kind, name));
    }
  }
  const certificates: Declared<Certificate>[] = [];
  const issuers = new Map<string, Declared<Issuer>>();
  const secrets = new Map<string, Declared<SealedSecretManifest>>();
  const policies: Declared<CertificateRequestPolicy>[] = [];
  const claims = new Map<string, Declared<Certificate>[]>();
  for (const [key, [first]] of all) {
    if (first === undefined) continue;
    const { object, file, document } = first;
    if (object.kind === 'Certificate') {
      const declared = { object, file, document };
      certificates.push(declared);
      pushTo(claims, `${object.name.namespace}/${object.spec.secretName}`, declared);
    } else if (object.kind === 'Secret') {
      secrets.set(formatObjectName(object.name), { object, file, document });
    } else if (object.kind === 'CertificateRequestPolicy') {
      policies.push({ object, file, document });
    } else if (object.kind !== 'Repository') issuers.set(key, { object, file, document });
  }
  const repeated = [...all.values()].filter((declarations) => declarations.length > 1);
  return { certificates, issuers, policies, secrets, claims, repeated, rejected };
}

function pushTo<T>(map: Map<string, T[]>, key: string, item: T): void {
  const items = map.get(key);
  if (items === undefined) map.set(key, [item]);
  else items.push(item);
}
