import type { CommitStatus } from '../forge/forge.ts';
import { cutText } from '../lib/cut-text.ts';
import type { CertopsError } from '../lib/errors.ts';
import { quoteWords } from '../lib/markdown-quote.ts';
import { printable } from '../lib/printable.ts';
import { hasFinding, type Plan } from '../plan/plan.ts';
import { renderPlanMarkdown } from '../plan/render-markdown.ts';
import { countsInWords } from '../plan/render-words.ts';

/** What a review came to. */
export type Review =
  | { readonly kind: 'planned'; readonly plan: Plan }
  /** It could not be planned. */
  | { readonly kind: 'failed'; readonly error: CertopsError };

/** What was reviewed. */
export interface Reviewed {
  readonly sourceBranch: string;
  readonly head: string;
  /** Fingerprint of what people wrote in the base. */
  readonly baseHash: string;
}

const CONTEXT = 'certops/plan';
const MAX_DESCRIPTION_CHARACTERS = 140;

export const PENDING: CommitStatus = {
  ...{ context: CONTEXT, state: 'pending' },
  description: 'what merging would do is being planned',
};

/** The status of a reviewed commit: red where it must not be merged as it is. */
export function statusOf(review: Review): CommitStatus {
  if (review.kind === 'failed') return status('error', review.error.explain());
  const { plan } = review;
  const counts = countsInWords(plan);
  if (hasFinding(plan)) return status('failure', `${counts}; plan ${plan.id}`);
  if (plan.summary.isUnconfirmed) {
    return status('failure', `large: add ${plan.id} to spec.confirmed in certops.yaml; ${counts}`);
  }
  return status('success', `${counts}; plan ${plan.id}`);
}

/** The comment, with the hidden line that it is found again by. */
export function commentOf(
  review: Review,
  { sourceBranch, head, baseHash }: Reviewed,
): { readonly marker: string; readonly body: string } {
  const marker = `<!-- certops-plan ${encodeURIComponent(sourceBranch)} `;
  const plan = review.kind === 'planned' ? review.plan.id : 'none';
  const text =
    review.kind === 'planned'
      ? renderPlanMarkdown(review.plan)
      : `### certops plan\n\n**It could not be planned what merging would do.**\n\n${quoteWords(review.error.explain())}`;
  return { marker, body: `${text}\n\n${marker}head=${head} base=${baseHash} plan=${plan} -->` };
}

function status(state: CommitStatus['state'], words: string): CommitStatus {
  const description = cutText(printable(words), MAX_DESCRIPTION_CHARACTERS);
  return { context: CONTEXT, state, description };
}
