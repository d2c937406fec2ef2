import type { Certificate } from '../api/certificate.ts';
import type { Issuer } from '../api/issuer.ts';
import type { ManifestFile, ManifestObject } from '../api/manifest.ts';
import type { AcceptedSource } from '../status/accepted-source.ts';
import { certificateHash, type Declared, issuerHash, type Rejected } from './desired-state.ts';
import { certificateKey, issuerKey } from './keys.ts';
import type { ManifestReader, RepositoryReader } from './ports.ts';
import type { SafetyRail } from './safety-rail.ts';
import { type DeclaredName, mayDeclare, withdrawal } from './tenancy.ts';
import type { World } from './world.ts';

const MANIFEST_MAX_BYTES = 1 << 20;
const MAX_FILES_AT_HAND = 16;

/** Why the newest revision of a manifest is not in force, with its place. */
export interface Refusal {
  readonly reason: 'InvalidManifest' | 'NotAllowed' | 'NotServed';
  readonly message: string;
}

/** Which revision of an object is acted on. */
export type Resolution<T> =
  | { readonly kind: 'in-force'; readonly declared: Declared<T>; readonly refusal?: Refusal | undefined }
  /** Declared, but never in a form that could be accepted. */
  | { readonly kind: 'refused'; readonly path: string; readonly refusal: Refusal }
  /** New, and part of a large change that waits until somebody confirms it. */
  | { readonly kind: 'held'; readonly path: string; readonly refusal?: undefined }
  | { readonly kind: 'removed' };

/** What is known of one object, however it is declared. */
interface Asked<T> {
  readonly key: string;
  readonly name: DeclaredName;
  /** The acceptable ones. */
  readonly declarations: readonly Declared<T>[];
  readonly rejections: readonly Rejected[];
  /** Where it was accepted from last. */
  readonly source: AcceptedSource | undefined;
  /** Picks the object out of a file. */
  readonly select: (object: ManifestObject) => { readonly object: T; readonly specHash: string } | undefined;
}

/**
 * Finds the revision in force: the newest that can be accepted, else the last one that was, from the
 * blob that the status names. A bad edit never stops a renewal.
 */
export class Acceptance {
  readonly #world: World;
  readonly #reader: RepositoryReader;
  readonly #readManifests: ManifestReader;
  readonly #rail: Pick<SafetyRail, 'holds'> | undefined;
  readonly #files = new Map<string, Promise<ManifestFile>>();

  /** `rail` tells what is held; where there is none, nothing is. */
  constructor(
    world: World,
    reader: RepositoryReader,
    readManifests: ManifestReader,
    rail?: Pick<SafetyRail, 'holds'>,
  ) {
    this.#rail = rail;
    this.#world = world;
    this.#reader = reader;
    this.#readManifests = readManifests;
  }

  certificate(key: string): Promise<Resolution<Certificate>> {
    const { desired, recorded } = this.#world;
    const name = { kind: 'Certificate', namespace: key.slice(0, key.indexOf('/')) };
    return this.#resolve({
      ...{ key, name },
      declarations: desired.certificates(key),
      rejections: desired.rejections(key),
      source: recorded.certificate(key)?.status.source,
      select: (object) =>
        object.kind === 'Certificate' && certificateKey(object.name) === key
          ? { object, specHash: certificateHash(object) }
          : undefined,
    });
  }

  issuer(key: string): Promise<Resolution<Issuer>> {
    const { desired, recorded } = this.#world;
    const colon = key.indexOf(':');
    const name = { kind: key.slice(0, colon), namespace: key.slice(colon + 1, key.indexOf('/')) };
    return this.#resolve({
      ...{ key, name },
      declarations: desired.issuers(key),
      rejections: desired.rejections(key),
      source: recorded.issuer(key)?.status.source,
      select: (object) =>
        (object.kind === 'Issuer' || object.kind === 'ClusterIssuer') &&
        issuerKey(object.kind, object.name) === key
          ? { object, specHash: issuerHash(object) }
          : undefined,
    });
  }

  async #resolve<T extends Certificate | Issuer>(asked: Asked<T>): Promise<Resolution<T>> {
    const { name, declarations, source } = asked;
    const { tenancy, desired } = this.#world;
    // A new issuer takes nothing away and issues nothing by itself.
    const isNewIssuer = name.kind !== 'Certificate' && source === undefined;
    if (!isNewIssuer && this.#rail?.holds(asked.key) === true) {
      const same = declarations.filter(({ specHash }) => specHash === source?.specHash);
      const declared = same.find(({ path }) => path === source?.path) ?? same[0];
      return declared === undefined ? this.#held(asked) : { kind: 'in-force', declared };
    }
    const isOurs = (path: string) => mayDeclare(tenancy, path, name);
    // What the rules let nobody say in a file is nobody's word about the object, whatever is wrong with it.
    const rejections = asked.rejections.filter(({ path }) => isOurs(path));
    const isUnreadable = (path: string) => desired.unreadableFiles.has(path) && isOurs(path);
    // One object in two files: the file on record goes on, by its last good revision where it is broken now.
    const onRecord = declarations.find(({ path }) => path === source?.path);
    const isBroken =
      source !== undefined &&
      (rejections.some(({ path }) => path === source.path) || isUnreadable(source.path));
    const declared = onRecord ?? (isBroken ? undefined : declarations[0]);
    if (declared !== undefined) {
      const [unserved] = declared.object.unserved;
      if (unserved === undefined) return { kind: 'in-force', declared };
      return this.#fallBack(asked, declared.path, {
        reason: 'NotServed',
        message: `${declared.path}:${unserved.line}:${unserved.column}: ${unserved.field} is valid, but this version of certops does not serve it yet`,
      });
    }
    const rejected =
      rejections.find(({ path }) => path === source?.path) ?? rejections[0] ?? asked.rejections[0];
    if (rejected !== undefined) {
      return this.#fallBack(asked, rejected.path, {
        reason: rejected.problem.rule === 'tenancy' ? 'NotAllowed' : 'InvalidManifest',
        message: describeProblem(rejected),
      });
    }
    if (source !== undefined && this.#world.isOversized(source.path)) {
      return this.#fallBack(asked, source.path, {
        reason: 'InvalidManifest',
        message: `${source.path} is over 1 MiB, and files of that size are never manifests; split it`,
      });
    }
    if (source === undefined) return { kind: 'removed' };
    // However many such files somebody pushes, they are gone through only for what is declared nowhere.
    const path = isUnreadable(source.path)
      ? source.path
      : [...desired.unreadableFiles].filter(isOurs).sort()[0];
    if (path === undefined) return { kind: 'removed' };
    const problem = desired.firstError(path);
    const place = problem === undefined ? path : describeProblem({ path, problem });
    return this.#fallBack(asked, path, {
      reason: 'InvalidManifest',
      message: path === source.path ? place : `${place}; until it can be read, nothing counts as removed`,
    });
  }

  /** What was accepted last, without a word about what is newer: it waits, and nothing is wrong with it. */
  async #held<T extends Certificate | Issuer>(asked: Asked<T>): Promise<Resolution<T>> {
    const path = asked.declarations[0]?.path ?? asked.rejections[0]?.path ?? asked.source?.path;
    if (path === undefined) return { kind: 'removed' };
    const accepted = await this.#lastAccepted(asked);
    if (accepted === undefined) return { kind: 'held', path };
    if (typeof accepted === 'object') return { kind: 'in-force', declared: accepted };
    return { kind: 'refused', path, refusal: { reason: 'NotAllowed', message: accepted } };
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
    asked: Asked<T>,
    path: string,
    refusal: Refusal,
  ): Promise<Resolution<T>> {
    const accepted = await this.#lastAccepted(asked);
    if (accepted === undefined) return { kind: 'refused', path, refusal };
    if (typeof accepted === 'object') return { kind: 'in-force', declared: accepted, refusal };
    const isTold = refusal.reason === 'NotAllowed' && path === asked.source?.path;
    return { kind: 'refused', path, refusal: isTold ? refusal : { reason: 'NotAllowed', message: accepted } };
  }

  /**
   * The revision that was accepted last; undefined where there is none that can be read, and where the rules do not let
   * its file declare it any more (contract 1.1), what they say.
   */
  async #lastAccepted<T extends Certificate | Issuer>({
    name,
    source,
    select,
  }: Asked<T>): Promise<Declared<T> | string | undefined> {
    if (source === undefined) return undefined;
    const withdrawn = withdrawal(this.#world.tenancy, source.path, name);
    if (withdrawn !== undefined) return withdrawn;
    // History may have been rewritten since: reading what is not there would count as a damaged mirror.
    const isThere = (await this.#reader.blobSizes([source.blob])).has(source.blob);
    const file = isThere ? await this.#accepted(source.blob) : { objects: [] };
    for (const placed of file.objects) {
      const selected = select(placed.object);
      if (selected !== undefined) return { ...selected, path: source.path, blob: source.blob };
    }
    return undefined;
  }
}

function describeProblem({ path, problem }: Rejected): string {
  return `${path}:${problem.position.line}:${problem.position.column}: ${problem.message}`;
}
