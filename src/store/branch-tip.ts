import type { CommitInfo } from './reader.ts';

/** The tip of a branch beside the source branch, and whether it is the one commit that certops made for it. */
export interface BranchTip {
  /** Object id of the commit. */
  readonly commit: string;
  /** The one commit of ours upon the source branch. */
  readonly isOurs: boolean;
  /** Its parent, where that is in the source branch. */
  readonly base?: string | undefined;
  /** Its whole message. */
  readonly message: string;
  readonly committedAt: Date;
}

/** The trailer of every commit that is a proposal. */
const PROPOSAL_TRAILER = 'Certops-Proposal';

/** Whether a raw commit has our trailer, on any line of its message. */
export function isProposal(raw: Buffer): boolean {
  return raw.includes(`\n${PROPOSAL_TRAILER}: `);
}

/**
 * Tells our commit from a person's: it has our trailer and one parent, in the source branch (`base`), and our
 * signature. Where nothing is signed, whoever amended or rebased it is seen by a committer who is not its author.
 */
export function readBranchTip(info: CommitInfo, isSigning: boolean, base: string | undefined): BranchTip {
  const { commit, message, parents, author, committer, trailers, signature } = info;
  const isUntouched =
    author.name === committer.name &&
    author.email === committer.email &&
    author.when.getTime() === committer.when.getTime();
  const isOurs =
    base !== undefined &&
    parents.length === 1 &&
    trailers.some(({ name }) => name === PROPOSAL_TRAILER) &&
    (isSigning ? signature === 'ours' : isUntouched);
  return { commit, isOurs, base, message, committedAt: committer.when };
}
