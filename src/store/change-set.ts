import type { StateDocument } from './state.ts';

/** One path of a change set: its new content, or that it goes away. Paths are relative, with `/`. */
export type FileChange =
  | {
      readonly path: string;
      readonly content: string | Uint8Array;
      /** True: a folder at the path, or a file where one of its folders must be, makes way. */
      readonly isForced?: boolean;
    }
  | { readonly path: string; readonly remove: true };

/** A tree that can be asked for paths; what a precondition sees. */
export interface TreeView {
  /** The remote tip that the batch is built on, as a commit id. */
  readonly base: string;
  /** Object id of the blob at `path`; null when there is none. */
  oid(path: string): Promise<string | null>;
  /** Content of the blob at `path` (8 MiB at most); null when there is none. */
  read(path: string): Promise<Uint8Array | null>;
}

/** Something that must still be so when the commit is made; checked again after each lost race. */
export interface Precondition {
  /** For people, for example `secrets/web/www.yaml is still the one that was looked at`. */
  readonly what: string;
  /** Sees the newest tip with the change sets before this one in the batch applied. */
  holds(view: TreeView): Promise<boolean>;
}

/** One commit to be made: all of it or nothing. */
export interface ChangeSet {
  /** Names the fault points `<label>-built`, `<label>-pushing`, `<label>-pushed`; `other` has none. */
  readonly label: 'account-key' | 'account' | 'start' | 'issue' | 'other';
  /** Subject, body and trailers, complete. */
  readonly message: string;
  readonly files: readonly FileChange[];
  readonly preconditions: readonly Precondition[];
  /**
   * A change of the state document that rides in the same atomic push. Pure: it is applied again after a
   * lost race. It rides even when the files turn out to be unchanged.
   */
  readonly state?: ((state: StateDocument) => StateDocument) | undefined;
}

export interface CommitResult {
  /** The commit that holds the change; the tip it was found in when there was nothing to change. */
  readonly commit: string;
}
