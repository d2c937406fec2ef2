import type { Certificate } from '../api/certificate.ts';
import type { Issuer } from '../api/issuer.ts';
import type { ManifestFile, ManifestObject } from '../api/manifest.ts';
import type { AcceptedSource } from '../status/accepted-source.ts';
import { certificateHash, type Declared, issuerHash, type Rejected } from './desired-state.ts';
import { certificateKey, issuerKey } from './keys.ts';
import type { ManifestReader, RepositoryReader } from './ports.ts';
import type { World } from './world.ts';

const MANIFEST_MAX_BYTES = 1 << 20;
const MAX_FILES_AT_HAND = 16;

/** Why the newest revision of a manifest is not in force, with its place. */
export interface Refusal {
  readonly reason: 'InvalidManifest' | 'NotServed';
  readonly message: string;
}

/** Which revision of an object is acted on. */
export type Resolution<T> =
  | { readonly kind: 'in-force'; readonly declared: Declared<T>; readonly refusal?: Refusal | undefined }
  /** Declared, but never in a form that could be accepted. */
  | { readonly kind: 'refused'; readonly path: string; readonly refusal: Refusal }
  | { readonly kind: 'removed' };

/**
 * Finds the revision in force: the newest that can be accepted, else the last one that was, from the
 * blob that the status names. A bad edit never stops a renewal.
 */
export class Acceptance {
  readonly #world: World;
  readonly #reader: RepositoryReader;
  readonly #readManifests: ManifestReader;
  readonly #files = new Map<string, Promise<ManifestFile>>();

  constructor(world: World, reader: RepositoryReader, readManifests: ManifestReader) {
    this.#world = world;
    this.#reader = reader;
    this.#readManifests = readManifests;
  }

  certificate(key: string): Promise<Resolution<Certificate>> {
    const { desired, recorded } = this.#world;
    const source = recorded.certificate(key)?.status.source;
    return this.#resolve(desired.certificates(key), desired.rejected(key), source, (object) =>
      object.kind === 'Certificate' && certificateKey(object.name) === key
        ? { object, specHash: certificateHash(object) }
        : undefined,
    );
  }

  issuer(key: string): Promise<Resolution<Issuer>> {
    const { desired, recorded } = this.#world;
    const source = recorded.issuer(key)?.status.source;
    return this.#resolve(desired.issuers(key), desired.rejected(key), source, (object) =>
      (object.kind === 'Issuer' || object.kind === 'ClusterIssuer') &&
      issuerKey(object.kind, object.name) === key
        ? { object, specHash: issuerHash(object) }
        : undefined,
    );
  }

  async #resolve<T extends Certificate | Issuer>(
    declarations: readonly Declared<T>[],
    rejected: Rejected | undefined,
    source: AcceptedSource | undefined,
    select: (object: ManifestObject) => { readonly object: T; readonly specHash: string } | undefined,
  ): Promise<Resolution<T>> {
    // One object in two files: the file on record goes on, by its last good revision where it is broken now.
    const onRecord = declarations.find(({ path }) => path === source?.path);
    const { unreadableFiles } = this.#world.desired;
    const isBroken =
      source !== undefined && (rejected?.path === source.path || unreadableFiles.has(source.path));
    const declared = onRecord ?? (isBroken ? undefined : declarations[0]);
    if (declared !== undefined) {
      const [unserved] = declared.object.unserved;
      if (unserved === undefined) return { kind: 'in-force', declared };
      return this.#fallBack(source, select, declared.path, {
        reason: 'NotServed',
        message: `${declared.path}:${unserved.line}:${unserved.column}: ${unserved.field} is valid, but this version of certops does not serve it yet`,
      });
    }
    if (rejected !== undefined) {
      return this.#fallBack(source, select, rejected.path, {
        reason: 'InvalidManifest',
        message: describeProblem(rejected),
      });
    }
    if (source !== undefined && this.#world.isOversized(source.path)) {
      return this.#fallBack(source, select, source.path, {
        reason: 'InvalidManifest',
        message: `${source.path} is over 1 MiB, and files of that size are never manifests; split it`,
      });
    }
    if (source === undefined || unreadableFiles.size === 0) return { kind: 'removed' };
    // There is one: the set is not empty.
    const path = unreadableFiles.has(source.path) ? source.path : ([...unreadableFiles].sort()[0] as string);
    const problem = this.#world.desired.firstError(path);
    const place = problem === undefined ? path : describeProblem({ path, problem });
    return this.#fallBack(source, select, path, {
      reason: 'InvalidManifest',
      message: path === source.path ? place : `${place}; until it can be read, nothing counts as removed`,
    });
  }

  /** A file of many objects is asked for by each of them: the last few stay at hand. */
  #accepted(blob: string): Promise<ManifestFile> {
    const known = this.#files.get(blob);
    if (known !== undefined) return known;
    const read = this.#reader.readBlob(blob, MANIFEST_MAX_BYTES).then(this.#readManifests);
    const [oldest] = this.#files.keys();
    if (oldest !== undefined && this.#files.size >= MAX_FILES_AT_HAND) this.#files.delete(oldest);
    this.#files.set(blob, read);
    read.catch(() => this.#files.delete(blob));
    return read;
  }

  async #fallBack<T extends Certificate | Issuer>(
    source: AcceptedSource | undefined,
    select: (object: ManifestObject) => { readonly object: T; readonly specHash: string } | undefined,
    path: string,
    refusal: Refusal,
  ): Promise<Resolution<T>> {
    if (source === undefined) return { kind: 'refused', path, refusal };
    const file = await this.#accepted(source.blob);
    for (const placed of file.objects) {
      const selected = select(placed.object);
      if (selected === undefined) continue;
      return {
        kind: 'in-force',
        declared: { ...selected, path: source.path, blob: source.blob },
        refusal,
      };
    }
    return { kind: 'refused', path, refusal };
  }
}

function describeProblem({ path, problem }: Rejected): string {
  return `${path}:${problem.position.line}:${problem.position.column}: ${problem.message}`;
}
