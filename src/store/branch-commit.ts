import { encodeCommit, readCommit, treeOfCommit } from './commit-object.ts';
import { misuse, type StoreError } from './errors.ts';
import type { RepositoryObjects } from './object-source.ts';
import { PackBuilder } from './pack.ts';
import type { CommitInfo } from './reader.ts';
import type { CommitSigner } from './ssh-signature.ts';
import { objectId } from './tree.ts';
import { editTree } from './tree-edit.ts';

/** A branch that is to hold one commit of ours. */
export interface BranchProposal {
  /** Without `refs/heads/`. */
  readonly branch: string;
  /** A commit of the source branch. */
  readonly base: string;
  /** Whole new content by path. */
  readonly files: ReadonlyMap<string, string>;
  readonly message: string;
  /** The commit that the branch is at; null: there is none. */
  readonly expected: string | null;
}

/** Builds the one commit upon `base`, and the pack that brings it. Throws `store.nothing-proposed`, `store.bad-path`. */
export async function buildProposalCommit(
  objects: RepositoryObjects,
  proposal: BranchProposal,
  made: {
    readonly identity: { readonly name: string; readonly email: string };
    readonly signer: CommitSigner | undefined;
    readonly when: Date;
  },
): Promise<{ readonly info: CommitInfo; readonly pack: Buffer }> {
  const { base, branch, message } = proposal;
  const root = treeOfCommit(await objects.commit(base));
  const files = [...proposal.files].map(([path, content]) => ({ path, content }));
  const edit = await editTree(objects, root, files);
  if (edit.root === root) throw nothingProposed(branch);
  const { signer, ...who } = made;
  const raw = encodeCommit({ ...who, tree: edit.root, parents: [base], message }, signer);
  const commit = objectId('commit', raw);
  const pack = new PackBuilder();
  for (const blob of edit.blobs) pack.add('blob', blob.oid, blob.content);
  for (const tree of edit.trees) pack.addTree(tree.oid, tree.content, tree.base);
  pack.add('commit', commit, raw);
  const keys = signer === undefined ? [] : [signer.publicKey];
  return { info: readCommit(commit, raw, keys), pack: pack.finish() };
}

function nothingProposed(branch: string): StoreError {
  return misuse('store.nothing-proposed', {
    what: `There is nothing to propose on ${branch}: it stands on the source branch already`,
  });
}
