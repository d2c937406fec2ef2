import { mirrorDamaged, StoreError } from './errors.ts';
import type { GitProcess } from './git-process.ts';
import { ObjectReader } from './object-reader.ts';
import { EMPTY_TREE } from './tree.ts';

/** Where trees and blobs are looked for by whoever walks or edits them. */
export interface ObjectSource {
  /** Raw bytes of a tree; the empty tree for null. Not to be changed by the caller. */
  tree(oid: string | null): Promise<Buffer>;
  /** Throws `store.blob-too-large` above `maxBytes`. */
  blob(oid: string, maxBytes: number): Promise<Buffer>;
}

/** A tree of a million entries is this long; nothing that people keep in Git comes near. */
const MAX_TREE_BYTES = 64 * 1024 * 1024;
const MAX_COMMIT_BYTES = 1024 * 1024;
const EMPTY_TREE_ID = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

/** Objects of a repository, with the trees and commits used last kept in memory, bounded in bytes. */
export class RepositoryObjects implements ObjectSource {
  readonly #reader: ObjectReader;
  readonly #facts: ObjectReader;
  readonly #trees: ByteCache;
  readonly #commits: ByteCache;
  /** Trees and commits that are being read: folders built to explode are one tree, asked for again and again. */
  readonly #underWay = new Map<string, Promise<Buffer>>();
  readonly #onDamage: () => void;

  /** `onDamage` is told when an object that was named turns out to be missing or unreadable. */
  constructor(git: GitProcess, onDamage: () => void, cacheBytes = 32 * 1024 * 1024) {
    this.#reader = new ObjectReader(git, '--batch');
    this.#facts = new ObjectReader(git, '--batch-check');
    this.#onDamage = onDamage;
    this.#trees = new ByteCache(cacheBytes);
    this.#commits = new ByteCache(cacheBytes / 16);
  }

  tree(oid: string | null): Promise<Buffer> {
    if (oid === null || oid === EMPTY_TREE_ID) return Promise.resolve(EMPTY_TREE);
    return this.#cached(this.#trees, oid, 'tree', MAX_TREE_BYTES);
  }

  commit(oid: string): Promise<Buffer> {
    return this.#cached(this.#commits, oid, 'commit', MAX_COMMIT_BYTES);
  }

  blob(oid: string, maxBytes: number): Promise<Buffer> {
    return this.#read(oid, 'blob', maxBytes);
  }

  /** Sizes in bytes of the objects that are there. */
  async sizes(oids: readonly string[]): Promise<Map<string, number>> {
    const sizes = new Map<string, number>();
    await Promise.all(
      oids.map(async (oid) => {
        const facts = await this.#facts.read(oid, 0);
        if (facts !== null) sizes.set(oid, facts.sizeBytes);
      }),
    );
    return sizes;
  }

  /** Lets go of the packs that are held open, after packs were joined. */
  reopen(): void {
    this.#reader.restart();
    this.#facts.restart();
  }

  /** What still waits is rejected with `reason`. */
  close(reason?: StoreError): void {
    this.#reader.close(reason);
    this.#facts.close(reason);
  }

  /** Remembers trees and commits that were just made, so that the next look finds them. */
  remember(type: 'tree' | 'commit', oid: string, content: Buffer): void {
    (type === 'tree' ? this.#trees : this.#commits).set(oid, content);
  }

  async #cached(cache: ByteCache, oid: string, type: 'tree' | 'commit', maxBytes: number): Promise<Buffer> {
    const known = cache.get(oid) ?? this.#underWay.get(oid);
    if (known !== undefined) return known;
    const reading = this.#read(oid, type, maxBytes);
    this.#underWay.set(oid, reading);
    try {
      const content = await reading;
      cache.set(oid, content);
      return content;
    } finally {
      this.#underWay.delete(oid);
    }
  }

  async #read(oid: string, type: 'blob' | 'tree' | 'commit', maxBytes: number): Promise<Buffer> {
    try {
      const object = await this.#reader.read(oid, maxBytes);
      if (object === null) throw mirrorDamaged(`The ${type} ${oid} is not there`);
      if (object.type !== type) throw mirrorDamaged(`${oid} is a ${object.type}, not a ${type}`);
      return object.content;
    } catch (thrown) {
      if (thrown instanceof StoreError && thrown.code === 'store.mirror-damaged') this.#onDamage();
      throw thrown;
    }
  }
}

/** Least recently used out first, bounded by the bytes of what it holds. */
class ByteCache {
  readonly #entries = new Map<string, Buffer>();
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get(key: string): Buffer | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  set(key: string, value: Buffer): void {
    if (value.length > this.#maxBytes || this.#entries.has(key)) return;
    this.#entries.set(key, value);
    this.#bytes += value.length;
    for (const [oldest, { length }] of this.#entries) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#entries.delete(oldest);
      this.#bytes -= length;
    }
  }
}
