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
  readonly #shown: readonly string[];
  #revealed: readonly string[] = [];

  /** `files` is object ids by path; `shown` are the paths of the first stage, in any order. */
  constructor(
    reader: Pick<RepositoryReader, 'readBlob' | 'blobSizes'>,
    files: ReadonlyMap<string, string>,
    loose: ReadonlyMap<string, LooseFile>,
    shown: readonly string[],
  ) {
    this.#reader = reader;
    this.#files = files;
    this.#loose = loose;
    this.#shown = shown;
  }

  /** Records that the second stage shows besides; what this tree has not got is none. */
  reveal(paths: readonly string[]): void {
    this.#revealed = paths.filter((path) => this.#files.has(path));
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
