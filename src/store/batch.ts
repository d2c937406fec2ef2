import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ChangeSet, TreeView } from './change-set.ts';
import { encodeCommit } from './commit-object.ts';
import { PreconditionError } from './errors.ts';
import type { ObjectSource } from './object-source.ts';
import { PackBuilder } from './pack.ts';
import type { Tip } from './reader.ts';
import type { BranchView } from './remote-branch.ts';
import type { CommitSigner } from './ssh-signature.ts';
import { encodeState, STATE_FILE, type StateDocument } from './state.ts';
import { FILE_MODE, objectId, withEntry } from './tree.ts';
import { editTree, treeView } from './tree-edit.ts';

export interface BatchContext {
  readonly objects: ObjectSource;
  readonly base: BranchView;
  readonly state: StateDocument;
  readonly branch: string;
  readonly identity: { readonly name: string; readonly email: string };
  readonly signer: CommitSigner | undefined;
  readonly when: Date;
}

/** A batch built on one base: what to push, and what to tell whom. Indices are those of the change sets. */
export interface BuiltBatch {
  /** Null when nothing has to be pushed. */
  readonly pack: Buffer | null;
  readonly next: BranchView;
  /** The commit that holds each change set. */
  readonly commits: ReadonlyMap<number, string>;
  /** Why a change set was left out. */
  readonly rejections: ReadonlyMap<number, unknown>;
  readonly newTrees: ReadonlyMap<string, Buffer>;
  readonly newCommits: ReadonlyMap<string, Buffer>;
}

const MAX_TURN_MS = 8;

/**
 * Builds a chain of commits, one a change set, on the base, and the state document that goes with it.
 * Change sets whose preconditions do not hold, or that cannot be applied, are left out; one that changes
 * nothing makes no commit.
 */
export async function buildBatch(
  context: BatchContext,
  changeSets: readonly ChangeSet[],
): Promise<BuiltBatch> {
  const pending = new PendingObjects(context.objects);
  const pack = new PackBuilder();
  const commits = new Map<number, string>();
  const rejections = new Map<number, unknown>();
  const newCommits = new Map<string, Buffer>();
  let tip: Tip = context.base.tip;
  let state = context.state;
  let turnStartedMs = performance.now();
  for (const [index, changeSet] of changeSets.entries()) {
    try {
      await checkPreconditions(changeSet, treeView(pending, tip.tree, context.base.tip.commit));
      const edit = await editTree(pending, tip.tree, changeSet.files);
      const nextState = changeSet.state === undefined ? state : changeSet.state(state);
      if (edit.root !== tip.tree) {
        for (const blob of edit.blobs) pack.add('blob', blob.oid, blob.content);
        for (const tree of edit.trees) pack.addTree(tree.oid, tree.content, tree.base);
        pending.remember(edit);
        const raw = encodeCommit(
          { ...context, tree: edit.root, parents: [tip.commit], message: changeSet.message },
          context.signer,
        );
        const oid = objectId('commit', raw);
        pack.add('commit', oid, raw);
        newCommits.set(oid, raw);
        tip = { commit: oid, tree: edit.root };
      }
      state = nextState;
      commits.set(index, tip.commit);
    } catch (thrown) {
      rejections.set(index, thrown);
    }
    if (performance.now() - turnStartedMs > MAX_TURN_MS) {
      await nextTurn();
      turnStartedMs = performance.now();
    }
  }
  const stateCommit = addState(context, pack, tip, state);
  return {
    pack: pack.objectCount === 0 ? null : pack.finish(),
    next: { tip, stateCommit },
    commits,
    rejections,
    newTrees: pending.trees,
    newCommits,
  };
}

/** Bytes that a change set brings, roughly: what bounds a batch. */
export function sizeOfChangeSet(changeSet: ChangeSet): number {
  let bytes = changeSet.message.length;
  for (const file of changeSet.files) if ('content' in file) bytes += file.content.length;
  return bytes;
}

async function checkPreconditions(changeSet: ChangeSet, view: TreeView): Promise<void> {
  for (const { what, holds } of changeSet.preconditions) {
    if (!(await holds(view))) throw new PreconditionError(what);
  }
}

/** Every push that moves the branch moves the state too: a later start sees which tip was the last. */
function addState(context: BatchContext, pack: PackBuilder, tip: Tip, state: StateDocument): string | null {
  const hasMoved = tip.commit !== context.base.tip.commit;
  const before = encodeState(context.state);
  if (!hasMoved && encodeState(state).equals(before)) return context.base.stateCommit;
  const content = encodeState({ ...state, lastTip: tip.commit });
  const blob = objectId('blob', content);
  const tree = withEntry(Buffer.alloc(0), STATE_FILE, { mode: FILE_MODE, oid: blob });
  const treeOid = objectId('tree', tree);
  const raw = encodeCommit(
    { ...context, tree: treeOid, parents: [], message: `State of certops for ${context.branch}` },
    // Never signed: a signature of ours vouches for outputs, and somebody could merge this commit.
    undefined,
  );
  const oid = objectId('commit', raw);
  if (oid === context.base.stateCommit) return oid;
  pack.add('blob', blob, content);
  pack.add('tree', treeOid, tree);
  pack.add('commit', oid, raw);
  return oid;
}

/** The repository's objects and, before them, those that this batch has made. */
class PendingObjects implements ObjectSource {
  readonly trees = new Map<string, Buffer>();
  readonly #blobs = new Map<string, Buffer>();
  readonly #base: ObjectSource;

  constructor(base: ObjectSource) {
    this.#base = base;
  }

  tree(oid: string | null): Promise<Buffer> {
    const made = oid === null ? undefined : this.trees.get(oid);
    return made === undefined ? this.#base.tree(oid) : Promise.resolve(made);
  }

  blob(oid: string, maxBytes: number): Promise<Buffer> {
    const made = this.#blobs.get(oid);
    return made === undefined ? this.#base.blob(oid, maxBytes) : Promise.resolve(made);
  }

  remember(edit: Awaited<ReturnType<typeof editTree>>): void {
    for (const { oid, content } of edit.trees) this.trees.set(oid, content);
    for (const { oid, content } of edit.blobs) this.#blobs.set(oid, content);
  }
}
