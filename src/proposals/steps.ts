import type { OpenCause } from './open-cause.ts';
import type { PullRequest } from './pull-request.ts';

/** A proposal that exists: its pull request, and what its branch holds. */
export interface ExistingProposal {
  readonly pullRequest: PullRequest;
  /** The branch: at the one commit that certops made of it (or at what was merged), with commits of people on it, or gone. */
  readonly branch: 'ours' | 'edited' | 'gone';
}

/** Limits and manners, from `spec.pullRequests` of certops.yaml. */
export interface ProposalManners {
  readonly isEnabled: boolean;
  /** Open at one time. */
  readonly maxOpen: number;
}

/** What is to be done about one cause, or one pull request. */
export type ProposalStep =
  /** No pull request of it is there: one is opened. */
  | { readonly do: 'open'; readonly cause: OpenCause }
  /** It is there and open: brought up to date, where it says something else by now. */
  | { readonly do: 'update'; readonly cause: OpenCause; readonly pullRequest: PullRequest }
  /** It came back within 7 days of being healed, or a reason to ask a person again has come up. */
  | { readonly do: 'reopen'; readonly cause: OpenCause; readonly pullRequest: PullRequest }
  /** The cause is gone: closed, with one comment. */
  | { readonly do: 'close'; readonly pullRequest: PullRequest }
  /** A person has committed to its branch: text and branch are left alone. */
  | { readonly do: 'leave'; readonly cause: OpenCause; readonly pullRequest: PullRequest }
  /** Healed or rejected long ago: the branch may go. */
  | { readonly do: 'remove-branch'; readonly pullRequest: PullRequest };

/** Why a cause has no pull request for now, for logs and `certops proposals`. */
export interface Withheld {
  readonly cause: OpenCause;
  readonly because: /** Heals with time, or too few attempts failed so far. */
    | 'too-early'
    /** A person closed it; it stays closed for 14 days. */
    | 'closed-by-a-person'
    /** It is closed, and commits of people stand on its branch, which certops does not replace. */
    | 'branch-edited'
    | 'too-many-open'
    | 'too-many-in-an-hour'
    | 'disabled';
  /** When that may be different; undefined: not by time alone. */
  readonly until?: Date | undefined;
}

/** What is to be done now, nearest expiry first, and when it has to be thought about again. */
export interface ProposalPlan {
  readonly steps: readonly ProposalStep[];
  readonly withheld: readonly Withheld[];
  readonly lookAgainAt?: Date | undefined;
}
