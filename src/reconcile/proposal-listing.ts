import type { Forge } from '../forge/forge.ts';
import { proposalPrefix } from '../proposals/identity.ts';
import type { PullRequest } from '../proposals/pull-request.ts';
import type { ExistingProposal } from '../proposals/steps.ts';
import type { BranchTip, RepositoryBranches } from './ports.ts';

/** What the forge and the remote showed: pull requests for failures, and the branches of such. */
export interface ProposalListing {
  readonly at: Date;
  /** Open ones, and those closed lately; newest first. */
  readonly pullRequests: readonly PullRequest[];
  /** By branch, without `refs/heads/`. */
  readonly tips: ReadonlyMap<string, BranchTip>;
}

/** How far back closed ones are looked at. */
const LOOKING_BACK_MS = 30 * 86_400_000;

/** Asks forge and remote. Throws `forge.…` and `store.…`. */
export async function listProposals(
  ports: { readonly forge: Forge; readonly branches: RepositoryBranches },
  sourceBranch: string,
  now: Date,
  signal: AbortSignal,
): Promise<ProposalListing> {
  const prefix = proposalPrefix(sourceBranch);
  const since = new Date(now.getTime() - LOOKING_BACK_MS);
  let listed = await ports.forge.proposals(prefix, since, signal);
  // After them: whatever a person did to a branch since is seen rather than overwritten.
  const tips = await ports.branches.list(prefix, signal);
  // Deleting a branch closes what is open of it: a person may just have done so.
  if (listed.some((one) => one.state === 'open' && !one.isFork && !tips.has(one.headBranch))) {
    listed = await ports.forge.proposals(prefix, since, signal);
  }
  const pullRequests = listed.filter(
    ({ isFork, baseBranch, headBranch }) =>
      !isFork && baseBranch === sourceBranch && headBranch.startsWith(prefix),
  );
  return { at: now, pullRequests, tips };
}

/** The same as `proposals` decides from. */
export function existingProposals(listing: ProposalListing): readonly ExistingProposal[] {
  return listing.pullRequests.map((pullRequest) => {
    const branch = pullRequest.headBranch;
    const isThere = listing.tips.has(branch);
    return { pullRequest, branch: !isThere ? 'gone' : isFree(listing, branch) ? 'ours' : 'edited' };
  });
}

/** Whether a branch holds nothing of people that is nowhere else: none, our one commit, or what was merged as it is. */
export function isFree({ pullRequests, tips }: ProposalListing, branch: string): boolean {
  const tip = tips.get(branch);
  if (tip === undefined || tip.isOurs) return true;
  return pullRequests.some(
    ({ state, headBranch, headCommit }) =>
      state === 'merged' && headBranch === branch && headCommit === tip.commit,
  );
}

/** With a pull request as it is now. */
export function withPullRequest(listing: ProposalListing, pullRequest: PullRequest): ProposalListing {
  const others = listing.pullRequests.filter(({ number }) => number !== pullRequest.number);
  return { ...listing, pullRequests: [pullRequest, ...others] };
}

/** With a branch as it is now; undefined: gone. */
export function withTip(
  listing: ProposalListing,
  branch: string,
  tip: BranchTip | undefined,
): ProposalListing {
  const tips = new Map(listing.tips);
  if (tip === undefined) tips.delete(branch);
  else tips.set(branch, tip);
  return { ...listing, tips };
}
