import type { PlacedObject } from '../api/manifest.ts';
import { isManifestPath, MANIFEST_MAX_BYTES, SETTINGS_FILE } from '../api/manifest-paths.ts';
import { DEFAULT_SETTINGS, type RepositorySettings } from '../api/repository.ts';
import type { Tenancy, TenancyInForce } from '../api/tenancy.ts';
import { CertopsError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import { FairLoop } from '../lib/turn-queue.ts';
import { OutputPaths } from '../status/paths.ts';
import { DesiredState } from './desired-state.ts';
import type { CertificateKey, IssuerKey } from './keys.ts';
import type { BlobChange, ManifestReader, RepositoryReader } from './ports.ts';
import { RecordedState, type TouchedOutputs } from './recorded-state.ts';
import { admitFile } from './tenancy.ts';

const SOPS_RULES_FILE = '.sops.yaml';
const OUTPUT_MAX_BYTES = 4 << 20;
const READ_AHEAD = 64;

/** What differs between two views of the repository, by object. */
export interface WorldChange {
  readonly certificates: Set<CertificateKey>;
  readonly issuers: Set<IssuerKey>;
  readonly secrets: Set<string>;
  /** The rules for sealing are other ones now: whatever could not be sealed may be tried again. */
  readonly haveRulesChanged: boolean;
}

interface SettingsInForce {
  readonly blob: string | null;
  readonly settings: RepositorySettings;
  readonly problem?: string | undefined;
}

/**
 * The repository at one commit, as facts: what people want, what certops recorded.
 * It follows the branch by the blobs that differ, so looking again costs what changed.
 */
export class World {
  readonly #reader: RepositoryReader;
  readonly #readManifests: ManifestReader;
  readonly #log: Log;
  readonly #floor: Tenancy;
  #commit: string | null = null;
  #settings: RepositorySettings = DEFAULT_SETTINGS;
  #settingsBlob: string | null = null;
  #acceptedSettings: string | undefined;
  #settingsProblem: string | undefined;
  #sopsRules: string | undefined;
  #sopsRulesBlob: string | null = null;
  #paths = new OutputPaths(DEFAULT_SETTINGS.output);
  #desired = new DesiredState();
  #recorded: RecordedState;
  /** Blobs of files too large to be read, by path: what was accepted from them before stands. */
  readonly #oversized = new Map<string, string>();

  /**
   * `acceptedSettings` is the blob of the last certops.yaml that could be read, as the state has it; `floor` are
   * the operator's tenancy rules, which hold whatever certops.yaml says.
   */
  constructor(
    reader: RepositoryReader,
    readManifests: ManifestReader,
    log: Log,
    acceptedSettings?: string | undefined,
    floor: Tenancy = [],
  ) {
    this.#floor = floor;
    this.#acceptedSettings = acceptedSettings;
    this.#reader = reader;
    this.#readManifests = readManifests;
    this.#log = log;
    this.#recorded = new RecordedState(this.#paths, log);
  }

  /** The commit that this view shows. */
  get commit(): string {
    if (this.#commit === null) throw new CertopsError('reconcile.no-world', { what: 'nothing was read yet' });
    return this.#commit;
  }

  /** Whether nothing was read yet. */
  get isEmpty(): boolean {
    return this.#commit === null;
  }

  get settings(): RepositorySettings {
    return this.#settings;
  }

  /** Blob of the certops.yaml in force; undefined while there is none. */
  get settingsBlob(): string | undefined {
    return this.#settingsBlob ?? undefined;
  }

  /** Why the newest certops.yaml is not in force, with its place. */
  get settingsProblem(): string | undefined {
    return this.#settingsProblem;
  }

  /** Which files may declare what. */
  get tenancy(): TenancyInForce {
    return { repository: this.#settings.tenancy, floor: this.#floor };
  }

  get paths(): OutputPaths {
    return this.#paths;
  }

  get sopsRules(): string | undefined {
    return this.#sopsRules;
  }

  get desired(): DesiredState {
    return this.#desired;
  }

  get recorded(): RecordedState {
    return this.#recorded;
  }

  /** Whether the file at this path has grown over what is read of a manifest. */
  isOversized(path: string): boolean {
    return this.#oversized.has(path);
  }

  /** Object id of the manifest file at `path`, read or too large to be; undefined where it declares nothing. */
  fileBlob(path: string): string | undefined {
    return this.#desired.fileBlob(path) ?? this.#oversized.get(path);
  }

  /** Where outputs lie by the settings of `commit`, before the view moves there. Throws `reconcile.settings`. */
  async pathsAt(commit: string): Promise<OutputPaths> {
    return new OutputPaths((await this.#settingsAt(commit)).settings.output);
  }

  /** Moves the view to `commit` and says what changed. Throws `reconcile.settings` when certops.yaml is invalid. */
  async advance(commit: string): Promise<WorldChange> {
    const change = {
      certificates: new Set<CertificateKey>(),
      issuers: new Set<IssuerKey>(),
      secrets: new Set<string>(),
    };
    const { blob, settings, problem } = await this.#settingsAt(commit);
    if (problem !== undefined && problem !== this.#settingsProblem) this.#log.error({ blob }, problem);
    this.#settingsProblem = problem;
    if (blob !== this.#settingsBlob) {
      this.#settings = settings;
      this.#settingsBlob = blob;
      this.#startOver();
    }
    const unreadable = new Set(this.#desired.unreadableFiles);
    const blobs = await this.#reader.changes(this.#commit, commit);
    await this.#take(blobs, change);
    const isMended = [...unreadable].some((path) => !this.#desired.unreadableFiles.has(path));
    if (isMended) this.#touchUndeclared(change);
    // Last: what is thrown above must not swallow that the rules are other ones.
    const haveRulesChanged = await this.#readRules(commit);
    this.#commit = commit;
    return { ...change, haveRulesChanged };
  }

  /** What counted as declared while a file could not be read may turn out to be removed. */
  #touchUndeclared(change: TouchedOutputs): void {
    for (const [key] of this.#recorded.certificates()) {
      if (this.#desired.certificates(key).length === 0) change.certificates.add(key);
    }
    for (const [key] of this.#recorded.issuers()) {
      if (this.#desired.issuers(key).length === 0) change.issuers.add(key);
    }
  }

  async #readRules(commit: string): Promise<boolean> {
    const file = await this.#reader.readPath(commit, SOPS_RULES_FILE);
    if ((file?.oid ?? null) === this.#sopsRulesBlob) return false;
    this.#sopsRulesBlob = file?.oid ?? null;
    this.#sopsRules = file === null ? undefined : Buffer.from(file.content).toString('utf8');
    return true;
  }

  /**
   * The settings in force at a commit: its own where they can be read, else the last ones that could. Throws
   * `reconcile.settings` when there were never any.
   */
  async #settingsAt(commit: string): Promise<SettingsInForce> {
    const file = await this.#reader.readPath(commit, SETTINGS_FILE);
    if (file === null) return { blob: null, settings: DEFAULT_SETTINGS };
    if (file.oid === this.#settingsBlob) return { blob: file.oid, settings: this.#settings };
    const read = await this.#readSettings(file.content);
    if (typeof read !== 'string') return { blob: file.oid, settings: read };
    if (this.#settingsBlob !== null) {
      return { blob: this.#settingsBlob, settings: this.#settings, problem: read };
    }
    const accepted = await this.#lastAcceptedSettings();
    if (accepted !== undefined) return { ...accepted, problem: read };
    throw new CertopsError(
      'reconcile.settings',
      { what: read, next: 'Nothing is done until the settings can be read; correct the file and push it' },
      { retry: { when: 'never' } },
    );
  }

  async #lastAcceptedSettings(): Promise<SettingsInForce | undefined> {
    const blob = this.#acceptedSettings;
    if (blob === undefined) return undefined;
    const content = await this.#reader.readBlob(blob, MANIFEST_MAX_BYTES).catch(() => undefined);
    const read = content && (await this.#readSettings(content));
    return read === undefined || typeof read === 'string' ? undefined : { blob, settings: read };
  }

  /** The settings in a certops.yaml, or what is wrong with it. */
  async #readSettings(content: Uint8Array): Promise<RepositorySettings | string> {
    const { objects, problems } = await this.#readManifests(content);
    const error = problems.find(({ severity }) => severity === 'error');
    if (error !== undefined) {
      return `${SETTINGS_FILE}:${error.position.line}:${error.position.column}: ${error.message}`;
    }
    const repository = objects.find(isRepository);
    return repository?.object.settings ?? `${SETTINGS_FILE} holds no certops.dev/v1alpha1 Repository`;
  }

  #startOver(): void {
    this.#commit = null;
    this.#paths = new OutputPaths(this.#settings.output);
    this.#desired = new DesiredState();
    this.#recorded = new RecordedState(this.#paths, this.#log);
    this.#oversized.clear();
  }

  async #take(blobs: readonly BlobChange[], change: TouchedOutputs): Promise<void> {
    const relevant = blobs.filter(
      ({ path }) => this.#paths.classify(path) !== undefined || isManifestPath(path, this.#settings),
    );
    const sizes = await this.#reader.blobSizes(
      relevant.flatMap(({ after }) => (after === null ? [] : [after])),
    );
    const loop = new FairLoop();
    // Read ahead in blocks: the next answers come while the last ones are looked at.
    for (let start = 0; start < relevant.length; start += READ_AHEAD) {
      const block = relevant.slice(start, start + READ_AHEAD);
      const contents = await Promise.all(block.map((blob) => this.#read(blob, sizes)));
      for (const [index, blob] of block.entries()) {
        await this.#takeOne(blob, contents[index], change);
        await loop.pause();
      }
    }
  }

  /** The bytes of a blob that has to be looked into; undefined where its object id says enough. */
  async #read(
    { path, after }: BlobChange,
    sizes: ReadonlyMap<string, number>,
  ): Promise<Uint8Array | undefined> {
    if (after === null) return undefined;
    const place = this.#paths.classify(path);
    // Of an account key the name in clear counts: which Secret it was made for.
    if (place?.kind === 'secret' || place?.kind === 'request-key') return undefined;
    const maxBytes = place === undefined ? MANIFEST_MAX_BYTES : OUTPUT_MAX_BYTES;
    const size = sizes.get(after) ?? 0;
    if (size <= maxBytes) return this.#reader.readBlob(after, maxBytes);
    this.#log.warn({ path, bytes: size, maxBytes }, 'a file is too large to be looked at');
    return undefined;
  }

  async #takeOne(
    { path, after }: BlobChange,
    bytes: Uint8Array | undefined,
    change: TouchedOutputs,
  ): Promise<void> {
    const place = this.#paths.classify(path);
    if (place !== undefined) {
      const text = () => Buffer.from(bytes ?? new Uint8Array()).toString('utf8');
      this.#recorded.set(path, place, after === null ? undefined : { blob: after, text }, change);
      return;
    }
    const content =
      after === null || bytes === undefined
        ? undefined
        : { blob: after, file: admitFile(await this.#readManifests(bytes), path, bytes, this.tenancy) };
    if (after !== null && bytes === undefined) this.#oversized.set(path, after);
    else this.#oversized.delete(path);
    const touched = this.#desired.setFile(path, content);
    for (const key of touched.certificates) change.certificates.add(key);
    for (const key of touched.issuers) change.issuers.add(key);
    for (const key of touched.secrets) change.secrets.add(key);
    for (const problem of content?.file.problems ?? []) {
      const { line, column } = problem.position;
      const fields = { path, line, column, rule: problem.rule, field: problem.field };
      // A key in clear is an alarm: it is burnt, whatever else the file says.
      if (problem.rule === 'clear-private-key') this.#log.error(fields, problem.message);
      else this.#log.warn(fields, problem.message);
    }
  }
}

function isRepository(placed: PlacedObject): placed is PlacedObject & {
  readonly object: Extract<PlacedObject['object'], { kind: 'Repository' }>;
} {
  return placed.object.kind === 'Repository';
}
