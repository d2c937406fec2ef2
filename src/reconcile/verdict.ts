/** What is to be done about one object now. */
export type Verdict =
  /** Nothing, until it changes or `lookAgainAt` comes. */
  | { readonly kind: 'settled'; readonly lookAgainAt?: Date | undefined }
  /** Something else is still being settled that may change the answer. */
  | { readonly kind: 'postponed' }
  /** Work that ends in a commit, or in nothing. */
  | { readonly kind: 'work'; readonly run: (signal: AbortSignal) => Promise<void> };

export const SETTLED: Verdict = { kind: 'settled' };
export const POSTPONED: Verdict = { kind: 'postponed' };
