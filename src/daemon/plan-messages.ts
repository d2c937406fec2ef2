import type { Explanation, RetryAdvice } from '../lib/errors.ts';
import type { Plan } from '../plan/plan.ts';
import type { ReviewQuestion } from '../reconcile/ports.ts';

/** An error on its way between threads. */
export interface SentError {
  readonly code: string;
  readonly explanation: Explanation;
  readonly retry: RetryAdvice;
}

/** One blob that the planning thread wants. */
export interface WantedBlob {
  readonly id: number;
  readonly oid: string;
  readonly maxBytes: number;
}

/** What the planning thread is told; structured clones. */
export type ToPlanner =
  | { readonly kind: 'plan'; readonly question: ReviewQuestion }
  | { readonly kind: 'blob'; readonly id: number; readonly bytes: Uint8Array }
  | { readonly kind: 'sizes'; readonly id: number; readonly sizes: ReadonlyMap<string, number> }
  | { readonly kind: 'refused'; readonly id: number; readonly error: SentError };

/** What it says. */
export type FromPlanner =
  | { readonly kind: 'ready' }
  | { readonly kind: 'blobs'; readonly wanted: readonly WantedBlob[] }
  | { readonly kind: 'sizes'; readonly id: number; readonly oids: readonly string[] }
  | { readonly kind: 'planned'; readonly plan: Plan }
  | { readonly kind: 'failed'; readonly error: SentError };
