/** A commit and its root tree, as object ids (40 hex digits). */
export interface Tip {
  readonly commit: string;
  readonly tree: string;
}

/** One blob that differs between two commits. */
export interface TreeEntryChange {
  readonly path: string;
  /** Object id before; null when it was not there (or was no ordinary file). */
  readonly before: string | null;
  /** Object id after; null when it is gone (or is no ordinary file any more). */
  readonly after: string | null;
  /** `100644` or `100755`, of the side that exists, the later one first. */
  readonly mode: string;
}

export interface CommitPerson {
  readonly name: string;
  readonly email: string;
  readonly when: Date;
}

/** One commit, read. */
export interface CommitInfo {
  readonly commit: string;
  readonly tree: string;
  readonly parents: readonly string[];
  readonly author: CommitPerson;
  readonly committer: CommitPerson;
  readonly subject: string;
  /** The whole message, subject and trailers included. */
  readonly message: string;
  /** Trailers of the last paragraph, in order. */
  readonly trailers: readonly { readonly name: string; readonly value: string }[];
  /** `ours`: signed by a key that we were told to trust; `other`: a signature that we cannot vouch for. */
  readonly signature: 'ours' | 'other' | 'none';
}

export interface LogOptions {
  /** Only commits that touch this path. */
  readonly path?: string | undefined;
  readonly maxCount: number;
  /** Only commits with exactly this trailer. */
  readonly trailer?: { readonly name: string; readonly value: string } | undefined;
}

/** Reading a repository at one branch. Every method may be called concurrently. */
export interface GitReader {
  readonly tip: Tip;
  /**
   * Blobs that differ between two commits; `before` null means the empty tree. Hidden folders, symbolic
   * links, submodules and paths that are not UTF-8 are left out. Throws `store.tree-too-large`.
   */
  changes(before: string | null, after: string): Promise<readonly TreeEntryChange[]>;
  /** Sizes in bytes; ids that are not there are absent. */
  blobSizes(oids: Iterable<string>): Promise<Map<string, number>>;
  /** Throws `store.blob-too-large` and `store.mirror-damaged`. */
  readBlob(oid: string, maxBytes: number): Promise<Uint8Array>;
  /** The ordinary file at `path` in `commit` (8 MiB at most); null when there is none. */
  readPath(
    commit: string,
    path: string,
  ): Promise<{ readonly oid: string; readonly content: Uint8Array } | null>;
  /** Commits from the tip back, newest first. */
  log(options: LogOptions): Promise<readonly CommitInfo[]>;
  close(): Promise<void>;
}
