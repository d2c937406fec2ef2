import { withinDeadline } from '../lib/deadline.ts';
import { asCertopsError, CertopsError, isAbort } from '../lib/errors.ts';
import type { PullRequest } from '../proposals/pull-request.ts';
import { mergedTree } from './merged-tree.ts';
import type { Planner, Ports, ProposalPorts } from './ports.ts';
import type { ReviewBase } from './review-base.ts';
import { commentOf, PENDING, type Review, statusOf } from './review-verdict.ts';

/** What a pull request may bring; more is not fetched. */
const MAX_FETCHED_BYTES = 64 << 20;
const MAX_CHANGED_FILES = 20_000;
/** Fetching and comparing; planning has a limit of its own. */
const FETCH_TIMEOUT_MS = 60_000;

/** What is needed to review one pull request. */
export interface ReviewParts {
  readonly ports: Pick<Ports, 'store' | 'clock'>;
  readonly proposing: ProposalPorts;
  readonly planner: Planner;
}

/** What became of a review. */
export interface ReviewOutcome {
  /** The commit that was planned: newer than what was listed, where somebody pushed meanwhile. */
  readonly head: string;
  /** Why it could not be planned. */
  readonly error?: CertopsError | undefined;
}

/**
 * Reviews one pull request: fetches its head within bounds, plans it aside, and says what it found by a status and one
 * comment. Writes nothing where nothing differs. Throws forge errors and the signal's reason.
 */
export async function reviewPullRequest(
  { ports, proposing, planner }: ReviewParts,
  pullRequest: PullRequest,
  base: ReviewBase,
  options: { readonly isAnnounced: boolean },
  signal: AbortSignal,
): Promise<ReviewOutcome> {
  const { forge, branches, sourceBranch } = proposing;
  let head = pullRequest.headCommit;
  if (options.isAnnounced) await forge.ensureStatus(head, PENDING, signal);
  const review = await plan();
  await forge.ensureStatus(head, statusOf(review), signal);
  const error = review.kind === 'failed' ? review.error : undefined;
  // What may be gone in a minute is not worth a comment.
  if (error !== undefined && error.retry.when !== 'never') return { head, error };
  const { marker, body } = commentOf(review, { sourceBranch, head, baseHash: base.hash });
  await forge.ensureComment(pullRequest, marker, body, signal);
  return { head, error };

  async function plan(): Promise<Review> {
    try {
      const merged = await withinDeadline(FETCH_TIMEOUT_MS, signal, async (inTime) => {
        const ref = forge.headRef(pullRequest);
        ({ commit: head } = await branches.fetch(ref, { maxBytes: MAX_FETCHED_BYTES }, inTime));
        const commits = {
          changes: (before: string | null, after: string) =>
            branches.changes(before, after, MAX_CHANGED_FILES),
          mergeBase: (one: string, other: string) => branches.mergeBase(one, other),
        };
        return mergedTree(commits, base.commit, head, base.files);
      });
      const question = {
        ...{ base: base.files, head: merged.files, held: base.held, warnings: merged.warnings },
        ...{ state: await ports.store.readState(), now: ports.clock.now() },
      };
      return { kind: 'planned', plan: await planner(question, branches, signal) };
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      return { kind: 'failed', error: isAbort(thrown) ? tooSlow() : asCertopsError(thrown) };
    }
  }
}

function tooSlow(): CertopsError {
  return new CertopsError('reconcile.review-too-slow', {
    what: `Fetching this change took longer than ${FETCH_TIMEOUT_MS / 1000} s`,
    next: 'It is tried again',
  });
}
