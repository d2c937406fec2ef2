import type { Certificate } from '../api/certificate.ts';
import { fingerprint } from '../api/fingerprint.ts';
import type { Issuer } from '../api/issuer.ts';
import type { ManifestFile, ManifestProblem, PlacedObject, SealedSecretManifest } from '../api/manifest.ts';
import type { ObjectName, SecretKeyRef } from '../api/names.ts';
import { DeclaredPolicies } from './declared-policies.ts';
import { type CertificateKey, certificateKey, type IssuerKey, issuerKey, issuerKeyOf } from './keys.ts';
import { rejectedKey } from './rejected-key.ts';

/** An object as one document of one blob declares it. */
export interface Declared<T> {
  readonly object: T;
  readonly path: string;
  readonly blob: string;
  /** Fingerprint of everything in the document that certops acts on. */
  readonly specHash: string;
}

/** A document that names an object and cannot be accepted. */
export interface Rejected {
  readonly path: string;
  readonly problem: ManifestProblem;
}

/** What a change of files touched. */
export interface Touched {
  readonly certificates: Set<CertificateKey>;
  readonly issuers: Set<IssuerKey>;
  /** `namespace/name` of Secrets that people wrote, and of those that Certificates claim or claimed. */
  readonly secrets: Set<string>;
}

/**
 * What people declare, by object, kept up to date file by file.
 * One object may stand in several files: all its declarations are known, in path order.
 */
export class DesiredState {
  /** CertificateRequestPolicies, which stand apart: they are about every Certificate. */
  readonly policies = new DeclaredPolicies();
  readonly #files = new Map<string, { readonly blob: string; readonly file: ManifestFile }>();
  readonly #certificates = new Map<CertificateKey, readonly Declared<Certificate>[]>();
  readonly #issuers = new Map<IssuerKey, readonly Declared<Issuer>[]>();
  readonly #secrets = new Map<string, readonly Declared<SealedSecretManifest>[]>();
  readonly #rejected = new Map<string, readonly Rejected[]>();
  readonly #unreadable = new Set<string>();
  readonly #claims = new Map<string, Set<CertificateKey>>();
  readonly #dependents = new Map<IssuerKey, Set<CertificateKey>>();
  readonly #credentialUsers = new Map<string, Set<IssuerKey>>();
  readonly #passwordUsers = new Map<string, Set<CertificateKey>>();

  certificates(key: CertificateKey): readonly Declared<Certificate>[] {
    return this.#certificates.get(key) ?? [];
  }

  certificateKeys(): IterableIterator<CertificateKey> {
    return this.#certificates.keys();
  }

  issuers(key: IssuerKey): readonly Declared<Issuer>[] {
    return this.#issuers.get(key) ?? [];
  }

  issuerKeys(): IterableIterator<IssuerKey> {
    return this.#issuers.keys();
  }

  /** Every file in which people wrote this Secret, in path order. */
  secrets(namespace: string, name: string): readonly Declared<SealedSecretManifest>[] {
    return this.#secrets.get(`${namespace}/${name}`) ?? [];
  }

  /** Every Secret that people wrote, wherever it lies. */
  allSecrets(): readonly Declared<SealedSecretManifest>[] {
    return [...this.#secrets.values()].flat();
  }

  /** Certificates that name this Secret (`namespace/name`) as theirs, in order of their keys. */
  claimants(secret: string): readonly CertificateKey[] {
    return [...(this.#claims.get(secret) ?? [])].sort();
  }

  /** Certificates that name this issuer. */
  dependents(issuer: IssuerKey): ReadonlySet<CertificateKey> {
    return this.#dependents.get(issuer) ?? new Set();
  }

  /** Issuers that name a Secret of this name, in whatever namespace they find it. */
  issuersUsingSecretNamed(name: string): ReadonlySet<IssuerKey> {
    return this.#credentialUsers.get(name) ?? new Set();
  }

  /** Certificates whose keystores take their password from this Secret (`namespace/name`). */
  certificatesUsingSecret(secret: string): ReadonlySet<CertificateKey> {
    return this.#passwordUsers.get(secret) ?? new Set();
  }

  /** Object id of the file at `path` as it was read, undefined where it declares nothing. */
  fileBlob(path: string): string | undefined {
    return this.#files.get(path)?.blob;
  }

  /** The first document that names this object and cannot be accepted. */
  rejected(key: string): Rejected | undefined {
    return this.#rejected.get(key)?.[0];
  }

  /** What is wrong with every document that names this object and cannot be accepted, in path order. */
  rejections(key: string): readonly Rejected[] {
    return this.#rejected.get(key) ?? [];
  }

  /** Objects that only rejected documents name. */
  rejectedKeys(): IterableIterator<string> {
    return this.#rejected.keys();
  }

  /** Files in which some document cannot be read at all: nothing they once declared counts as removed. */
  get unreadableFiles(): ReadonlySet<string> {
    return this.#unreadable;
  }

  /** The first error in a file, whatever object it is about. */
  firstError(path: string): ManifestProblem | undefined {
    return this.#files.get(path)?.file.problems.find(({ severity }) => severity === 'error');
  }

  problems(): readonly { readonly path: string; readonly problem: ManifestProblem }[] {
    return [...this.#files].flatMap(([path, { file }]) =>
      file.problems.map((problem) => ({ path, problem })),
    );
  }

  /** Takes the newest content of a file; `undefined` when it is gone or declares nothing. */
  setFile(
    path: string,
    content: { readonly blob: string; readonly file: ManifestFile } | undefined,
  ): Touched {
    const touched: Touched = { certificates: new Set(), issuers: new Set(), secrets: new Set() };
    this.policies.setFile(path, content);
    const before = this.#files.get(path);
    if (before !== undefined) this.#forget(path, before.file, touched);
    if (content === undefined || isEmpty(content.file)) {
      this.#files.delete(path);
      this.#unreadable.delete(path);
      return touched;
    }
    this.#files.set(path, content);
    if (content.file.isReadable) this.#unreadable.delete(path);
    else this.#unreadable.add(path);
    for (const placed of content.file.objects) this.#declare(placed, path, content.blob, touched);
    for (const problem of content.file.problems) this.#reject(problem, path, touched);
    return touched;
  }

  #declare(placed: PlacedObject, path: string, blob: string, touched: Touched): void {
    const { object } = placed;
    switch (object.kind) {
      case 'Certificate': {
        const key = certificateKey(object.name);
        add(this.#certificates, key, { object, path, blob, specHash: certificateHash(object) });
        this.#index(key, object);
        touched.certificates.add(key);
        touched.secrets.add(secretKey(object));
        break;
      }
      case 'Issuer':
      case 'ClusterIssuer': {
        const key = issuerKey(object.kind, object.name);
        add(this.#issuers, key, { object, path, blob, specHash: issuerHash(object) });
        this.#indexCredential(key, object);
        touched.issuers.add(key);
        break;
      }
      case 'Secret': {
        const key = certificateKey(object.name);
        add(this.#secrets, key, { object, path, blob, specHash: blob });
        touched.secrets.add(key);
        break;
      }
      case 'CertificateRequestPolicy':
      case 'Repository':
        break; // kept, and read, apart: it is about others
    }
  }

  #index(key: CertificateKey, certificate: Certificate): void {
    addTo(this.#claims, secretKey(certificate), key);
    addTo(this.#dependents, issuerKeyOf(certificate.spec.issuerRef, certificate.name.namespace), key);
    for (const secret of passwordSecrets(certificate)) addTo(this.#passwordUsers, secret, key);
  }

  #indexCredential(key: IssuerKey, issuer: Issuer): void {
    for (const secret of referencedSecrets(issuer)) addTo(this.#credentialUsers, secret, key);
  }

  #reject(problem: ManifestProblem, path: string, touched: Touched): void {
    const key = rejectedKey(problem);
    if (problem.severity !== 'error' || key === undefined) return;
    add(this.#rejected, key, { path, problem });
    touch(problem, key, touched);
  }

  #forget(path: string, file: ManifestFile, touched: Touched): void {
    for (const { object } of file.objects) {
      if (object.kind === 'Certificate') {
        const key = certificateKey(object.name);
        remove(this.#certificates, key, path);
        this.#claims.get(secretKey(object))?.delete(key);
        this.#dependents.get(issuerKeyOf(object.spec.issuerRef, object.name.namespace))?.delete(key);
        for (const secret of passwordSecrets(object)) this.#passwordUsers.get(secret)?.delete(key);
        for (const other of this.certificates(key)) this.#index(key, other.object);
        touched.certificates.add(key);
        // Whoever waits for this Secret may have it now.
        touched.secrets.add(secretKey(object));
      } else if (object.kind === 'Secret') {
        remove(this.#secrets, certificateKey(object.name), path);
        touched.secrets.add(certificateKey(object.name));
      } else if (object.kind === 'Issuer' || object.kind === 'ClusterIssuer') {
        const key = issuerKey(object.kind, object.name);
        remove(this.#issuers, key, path);
        for (const secret of referencedSecrets(object)) this.#credentialUsers.get(secret)?.delete(key);
        for (const other of this.issuers(key)) this.#indexCredential(key, other.object);
        touched.issuers.add(key);
      }
    }
    for (const problem of file.problems) {
      const key = rejectedKey(problem);
      if (key === undefined) continue;
      remove(this.#rejected, key, path);
      touch(problem, key, touched);
    }
  }
}

/** The fingerprint of everything in a Certificate that certops acts on. */
export function certificateHash(certificate: Certificate): string {
  const annotations = Object.entries(certificate.annotations).filter(
    ([name]) => name.startsWith('certops.dev/') || name === 'cert-manager.io/issue-temporary-certificate',
  );
  return fingerprint({
    spec: certificate.spec,
    labels: certificate.labels,
    annotations: Object.fromEntries(annotations),
  });
}

/** The fingerprint of everything in an issuer's manifest that certops acts on. */
export function issuerHash(issuer: Issuer): string {
  return fingerprint(issuer.spec);
}

/** The Secret that an issuer works with, by name: a CA's key pair or an ACME account's key. */
export function credentialName(issuer: Issuer): string | undefined {
  if (issuer.spec.type === 'ca') return issuer.spec.secretName;
  if (issuer.spec.type === 'acme') return issuer.spec.privateKeySecretRef.name;
  return undefined;
}

/** Keys of Secrets that people provide for an issuer to work with, besides `credentialName`: EAB and TSIG keys. */
export function providedSecrets({ spec }: Issuer): readonly SecretKeyRef[] {
  if (spec.type !== 'acme') return [];
  const tsig = spec.solvers.flatMap((solver) =>
    solver.type === 'dns-01' && solver.provider.tsig !== undefined ? [solver.provider.tsig.secretRef] : [],
  );
  const binding = spec.externalAccountBinding;
  return binding === undefined ? tsig : [binding.keySecretRef, ...tsig];
}

function referencedSecrets(issuer: Issuer): ReadonlySet<string> {
  const own = credentialName(issuer);
  const provided = providedSecrets(issuer).map(({ name }) => name);
  return new Set(own === undefined ? provided : [own, ...provided]);
}

/** Secrets (`namespace/name`) that hold the passwords of a Certificate's keystores. */
function passwordSecrets({ name, spec }: Certificate): ReadonlySet<string> {
  const passwords = [spec.keystores.jks?.password, spec.keystores.pkcs12?.password];
  return new Set(
    passwords.flatMap((password) =>
      password?.kind === 'secret'
        ? [certificateKey({ namespace: name.namespace, name: password.ref.name })]
        : [],
    ),
  );
}

/** The Secret that a Certificate names as its own. */
export function secretNameOf({ name, spec }: Certificate): ObjectName {
  return { namespace: name.namespace, name: spec.secretName };
}

/** `namespace/secretName` of a Certificate. */
export function secretKey(certificate: Certificate): string {
  return certificateKey(secretNameOf(certificate));
}

function addTo(map: Map<string, Set<string>>, key: string, item: string): void {
  const items = map.get(key) ?? new Set();
  map.set(key, items.add(item));
}

function touch(problem: ManifestProblem, key: string, touched: Touched): void {
  if (problem.kind === 'Certificate') touched.certificates.add(key);
  else touched.issuers.add(key);
}

function isEmpty(file: ManifestFile): boolean {
  return file.objects.length === 0 && file.problems.length === 0 && file.isReadable;
}

function add<T extends { readonly path: string }>(
  map: Map<string, readonly T[]>,
  key: string,
  item: T,
): void {
  const items = [...(map.get(key) ?? []), item];
  items.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  map.set(key, items);
}

function remove<T extends { readonly path: string }>(
  map: Map<string, readonly T[]>,
  key: string,
  path: string,
): void {
  const items = (map.get(key) ?? []).filter((item) => item.path !== path);
  if (items.length === 0) map.delete(key);
  else map.set(key, items);
}
