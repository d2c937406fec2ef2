import { earliest } from '../lib/clock.ts';
import { isProposalBranch, proposalBranch } from './identity.ts';
import { readMarker } from './marker.ts';
import type { OpenCause } from './open-cause.ts';
import { OpeningBudget } from './opening-budget.ts';
import { HEALED_MS, REJECTED_MS } from './periods.ts';
import type { PullRequest } from './pull-request.ts';
import type { ExistingProposal, ProposalManners, ProposalPlan, ProposalStep, Withheld } from './steps.ts';
import { byUrgency } from './urgency.ts';
import { closedAtOf, type Verdict, verdictOn } from './verdict.ts';

/** Everything that is decided from: what stands in the way, and what is there already. */
export interface DecisionInput {
  readonly causes: readonly OpenCause[];
  /** The open ones, and those closed or merged within 30 days; what is not of this source branch is left alone. */
  readonly existing: readonly ExistingProposal[];
  readonly manners: ProposalManners;
  readonly sourceBranch: string;
  readonly now: Date;
}

/** Proposals of each branch: the open one first, then the newest. */
type ByBranch = ReadonlyMap<string, readonly ExistingProposal[]>;

/**
 * What is to be done about pull requests now. Steps are to be carried out in their order: those that make room first,
 * then the nearest expiry; carried out and decided again, nothing is left but `update` and `leave`. Never two for one
 * cause, never more than `maxOpen` at a time, at most 4 new ones an hour.
 */
export function decideProposals(input: DecisionInput): ProposalPlan {
  const { manners, now } = input;
  const existing = ownProposals(input);
  const causes = byBranchOfCause(input);
  const closing = goneCauses(existing, causes);
  const budget = new OpeningBudget({
    open:
      [...existing.values()].flat().filter(({ pullRequest }) => isOpen(pullRequest)).length - closing.length,
    openings: [...existing.values()].flat().flatMap(openingsOf),
    maxOpen: manners.maxOpen,
    now,
  });
  const verdicts = [...causes]
    .map(([branch, cause]) => verdictOn(cause, existing.get(branch) ?? [], manners.isEnabled, now))
    .map((verdict) => withinLimits(verdict, budget));
  const steps = verdicts.flatMap((verdict) => (verdict.kind === 'withheld' ? [] : [verdict.step]));
  const inUse = new Set(
    steps.map((step) => ('cause' in step ? proposalBranch(input.sourceBranch, step.cause.cause) : '')),
  );
  const removals = branchRemovals(existing, causes, now).filter(
    ({ pullRequest }) => !inUse.has(pullRequest.headBranch),
  );
  const due = removals.filter(({ at }) => at <= now);
  const withheld = verdicts.flatMap((verdict) => (verdict.kind === 'withheld' ? [verdict.withheld] : []));
  const times = [
    ...verdicts.map((verdict) => (verdict.kind === 'kept' ? verdict.again : undefined)),
    ...withheld.map(({ until }) => until),
    ...removals.map(({ at }) => at),
  ];
  return {
    steps: [
      ...closing.map((pullRequest): ProposalStep => ({ do: 'close', pullRequest })),
      ...steps,
      ...due.map(({ pullRequest }): ProposalStep => ({ do: 'remove-branch', pullRequest })),
    ],
    withheld,
    lookAgainAt: earliest(...times.filter((at) => at !== undefined && at > now)),
  };
}

/** Of one branch the first cause counts; two would take 8 equal hex digits. */
function byBranchOfCause({ causes, sourceBranch }: DecisionInput): ReadonlyMap<string, OpenCause> {
  const found = new Map<string, OpenCause>();
  for (const open of [...causes].sort(byUrgency)) {
    const branch = proposalBranch(sourceBranch, open.cause);
    if (!found.has(branch)) found.set(branch, open);
  }
  return found;
}

function ownProposals({ existing, sourceBranch }: DecisionInput): ByBranch {
  const found = new Map<string, ExistingProposal[]>();
  const own = existing.filter(
    ({ pullRequest: { headBranch, isFork } }) => !isFork && isProposalBranch(sourceBranch, headBranch),
  );
  for (const proposal of own.sort(byCurrency)) {
    const { headBranch } = proposal.pullRequest;
    found.set(headBranch, [...(found.get(headBranch) ?? []), proposal]);
  }
  return found;
}

function byCurrency({ pullRequest: a }: ExistingProposal, { pullRequest: b }: ExistingProposal): number {
  return (
    Number(isOpen(b)) - Number(isOpen(a)) ||
    b.createdAt.getTime() - a.createdAt.getTime() ||
    b.number - a.number
  );
}

/** Open ones whose cause stands no more; not those that people have made their own. */
function goneCauses(existing: ByBranch, causes: ReadonlyMap<string, OpenCause>): readonly PullRequest[] {
  return [...existing]
    .filter(([branch]) => !causes.has(branch))
    .flatMap(([, proposals]) => proposals)
    .filter(({ pullRequest, branch }) => isOpen(pullRequest) && branch !== 'edited')
    .map(({ pullRequest }) => pullRequest);
}

/** Branches of ours that nobody needs any more, and when they may go. */
function branchRemovals(
  existing: ByBranch,
  causes: ReadonlyMap<string, OpenCause>,
  now: Date,
): readonly { readonly pullRequest: PullRequest; readonly at: Date }[] {
  return [...existing].flatMap(([branch, [current]]) => {
    if (current === undefined || current.branch !== 'ours' || isOpen(current.pullRequest)) return [];
    const { pullRequest } = current;
    // What was merged is on the source branch, and is never opened again.
    if (pullRequest.state === 'merged') return { pullRequest, at: now };
    if (causes.has(branch)) return [];
    const isRejected = pullRequest.state === 'closed' && readMarker(pullRequest.body)?.state !== 'healed';
    const at = closedAtOf(pullRequest).getTime() + (isRejected ? REJECTED_MS : HEALED_MS);
    return [{ pullRequest, at: new Date(at) }];
  });
}

function withinLimits(verdict: Verdict, budget: OpeningBudget): Verdict {
  if (verdict.kind !== 'wanted') return verdict;
  const refusal = budget.take();
  if (refusal === undefined) return verdict;
  const withheld: Withheld = { cause: verdict.step.cause, ...refusal };
  return { kind: 'withheld', withheld };
}

function openingsOf({ pullRequest }: ExistingProposal): readonly Date[] {
  const reopenedAt = readMarker(pullRequest.body)?.reopenedAt;
  return reopenedAt === undefined ? [pullRequest.createdAt] : [pullRequest.createdAt, reopenedAt];
}

function isOpen({ state }: PullRequest): boolean {
  return state === 'open';
}
