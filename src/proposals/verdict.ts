import { earliest } from '../lib/clock.ts';
import { eligibility } from './eligibility.ts';
import { readMarker } from './marker.ts';
import { isAboutTheSame } from './meaning.ts';
import type { OpenCause } from './open-cause.ts';
import { AFTER_MERGE_MS, HEALED_MS, REJECTED_MS, REWORDING_MS, SETTLING_MS } from './periods.ts';
import type { PullRequest } from './pull-request.ts';
import type { ExistingProposal, ProposalStep, Withheld } from './steps.ts';
import { lastCalls } from './urgency.ts';

/** What one cause by itself comes to, before the limits that all share. */
export type Verdict =
  /** A pull request is there. */
  | { readonly kind: 'kept'; readonly step: ProposalStep; readonly again?: Date | undefined }
  /** One is wanted, if the limits allow it. */
  | { readonly kind: 'wanted'; readonly step: Extract<ProposalStep, { readonly do: 'open' | 'reopen' }> }
  | { readonly kind: 'withheld'; readonly withheld: Withheld };

/** When it was closed or merged; forges that do not tell have changed it then at the latest. */
export function closedAtOf({ closedAt, updatedAt }: PullRequest): Date {
  return closedAt ?? updatedAt;
}

/**
 * What a standing cause comes to. `proposals` are those of its branch: the open one first, then the newest; a person's
 * decision about the newest holds.
 */
export function verdictOn(
  cause: OpenCause,
  proposals: readonly ExistingProposal[],
  isEnabled: boolean,
  now: Date,
): Verdict {
  const current = proposals[0];
  if (current?.pullRequest.state === 'open') return keep(cause, current, isEnabled, now);
  if (!isEnabled) return withheld(cause, 'disabled');
  const due = eligibility(cause, now);
  if (!due.isDue) return withheld(cause, 'too-early', due.until);
  if (current === undefined) return { kind: 'wanted', step: { do: 'open', cause } };
  // What people committed and nobody merged is nowhere but here.
  if (current.branch === 'edited') return withheld(cause, 'branch-edited');
  if (current.pullRequest.state === 'merged') return afterMerge(cause, proposals, current.pullRequest, now);
  const isHealed = readMarker(current.pullRequest.body)?.state === 'healed';
  if (!isHealed) return afterRejection(cause, current.pullRequest, now);
  const isFresh = now.getTime() < closedAtOf(current.pullRequest).getTime() + HEALED_MS;
  return isFresh ? reopen(cause, current.pullRequest) : { kind: 'wanted', step: { do: 'open', cause } };
}

function keep(
  cause: OpenCause,
  { pullRequest, branch }: ExistingProposal,
  isEnabled: boolean,
  now: Date,
): Verdict {
  if (branch === 'edited' || !isEnabled) {
    return { kind: 'kept', step: { do: 'leave', cause, pullRequest } };
  }
  const rewordedAt = (readMarker(pullRequest.body)?.changedAt ?? now).getTime() + REWORDING_MS;
  const again = new Date(rewordedAt > now.getTime() ? rewordedAt : now.getTime() + REWORDING_MS);
  return { kind: 'kept', step: { do: 'update', cause, pullRequest }, again };
}

/** It was merged, and the cause stands: after a further failed attempt there may be another, one a day. */
function afterMerge(
  cause: OpenCause,
  proposals: readonly ExistingProposal[],
  merged: PullRequest,
  now: Date,
): Verdict {
  const mergedAt = closedAtOf(merged);
  const newest = Math.max(...proposals.map(({ pullRequest }) => pullRequest.createdAt.getTime()));
  const isTried = cause.lastAttempts.length > 0;
  if (isTried && !cause.lastAttempts.some(({ at }) => at > mergedAt)) return withheld(cause, 'too-early');
  const settledAt = isTried ? 0 : mergedAt.getTime() + SETTLING_MS;
  const from = new Date(Math.max(settledAt, newest + AFTER_MERGE_MS));
  return now < from ? withheld(cause, 'too-early', from) : { kind: 'wanted', step: { do: 'open', cause } };
}

/** A person closed it: that stands, until the cause is another, the end comes near, or time is up. */
function afterRejection(cause: OpenCause, closed: PullRequest, now: Date): Verdict {
  const closedAt = closedAtOf(closed);
  const until = new Date(closedAt.getTime() + REJECTED_MS);
  const meaning = readMarker(closed.body)?.meaning;
  if (meaning !== undefined && !isAboutTheSame(meaning, cause.cause)) return reopen(cause, closed);
  // Who closes it within the last hours has seen how late it is.
  const calls = lastCalls(cause).filter((at) => at > closedAt);
  if (calls.some((at) => at <= now)) return reopen(cause, closed);
  if (now >= until) return { kind: 'wanted', step: { do: 'open', cause } };
  return withheld(cause, 'closed-by-a-person', earliest(until, ...calls));
}

function reopen(cause: OpenCause, pullRequest: PullRequest): Verdict {
  return { kind: 'wanted', step: { do: 'reopen', cause, pullRequest } };
}

function withheld(cause: OpenCause, because: Withheld['because'], until?: Date): Verdict {
  return { kind: 'withheld', withheld: { cause, because, until } };
}
