import type { BlobChange, RepositoryReader } from './ports.ts';

/** A file that no commit has: its bytes, or only its size where that is more than is ever read. */
export interface LooseFile {
  readonly bytes?: Uint8Array | undefined;
  readonly size: number;
}

/** The two things that a tree can be asked to show, in this order. */
export type Stage = 'manifests' | 'recorded';

/**
 * A tree that need not be a commit, as the view of the repository reads one: files by path, blobs from the repository or
 * loose. Its `commits` are two stages: what people write, and that with those records that somebody asked for, so that
 * a plan for one Certificate does not read ten thousand statuses.
 */
export class PlannedTree implements RepositoryReader {
  readonly #reader: Pick<RepositoryReader, 'readBlob' | 'blobSizes'>;
  readonly #files: ReadonlyMap<string, string>;
  readonly #loose: ReadonlyMap<string, LooseFile>;
  /** What the first stage shows, and the rest. Told once: there are tens of thousands. */
  readonly #shown: readonly string[];
  readonly #hidden: readonly string[];
  #revealed: readonly string[] = [];

  /** `files` is object ids by path; `isRecord` tells the files that the first stage does not show. */
  constructor(
    reader: Pick<RepositoryReader, 'readBlob' | 'blobSizes'>,
    files: ReadonlyMap<string, string>,
    loose: ReadonlyMap<string, LooseFile>,
    isRecord: (path: string) => boolean,
  ) {
    this.#reader = reader;
    this.#files = files;
    this.#loose = loose;
    const [shown, hidden]: [string[], string[]] = [[], []];
    for (const path of files.keys()) (isRecord(path) ? hidden : shown).push(path);
    this.#shown = shown;
    this.#hidden = hidden;
  }

  /** Records that the second stage shows besides. */
  reveal(isWanted: (path: string) => boolean): void {
    this.#revealed = this.#hidden.filter((path) => isWanted(path));
  }

  async changes(before: string | null, after: string): Promise<readonly BlobChange[]> {
    const paths = before === null ? this.#shown : [];
    const shown = after === 'recorded' ? [...paths, ...this.#revealed] : paths;
    return shown
      .toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
      .map((path) => ({ path, before: null, after: this.#files.get(path) ?? null }));
  }

  readBlob(oid: string, maxBytes: number): Promise<Uint8Array> {
    const bytes = this.#loose.get(oid)?.bytes;
    return bytes === undefined ? this.#reader.readBlob(oid, maxBytes) : Promise.resolve(bytes);
  }

  async blobSizes(oids: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const committed = oids.filter((oid) => !this.#loose.has(oid));
    const sizes = new Map(await this.#reader.blobSizes(committed));
    for (const oid of oids) {
      const loose = this.#loose.get(oid);
      if (loose !== undefined) sizes.set(oid, loose.size);
    }
    return sizes;
  }

  async readPath(_stage: string, path: string): Promise<{ oid: string; content: Uint8Array } | null> {
    const oid = this.#files.get(path);
    return oid === undefined ? null : { oid, content: await this.readBlob(oid, MAX_FILE_BYTES) };
  }
}

const MAX_FILE_BYTES = 8 << 20;
