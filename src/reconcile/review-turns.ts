import type { PullRequest } from '../proposals/pull-request.ts';

const MINUTE_MS = 60_000;
const MAX_A_MINUTE = 20;
/** For so long an author's reviews count against the next one's place. */
const REMEMBERED_MS = 10 * MINUTE_MS;

/** Whose turn it is: at most 20 reviews a minute, the newest change first, after everybody who asked for fewer lately. */
export class ReviewTurns {
  #taken: { readonly author: string; readonly atMs: number }[] = [];

  /** In the order in which they are to be reviewed; `newestFirst` may be any that wait. */
  inOrder(newestFirst: readonly PullRequest[], nowMs: number): readonly PullRequest[] {
    this.#forget(nowMs);
    const counts = new Map<string, number>();
    for (const { author } of this.#taken) counts.set(author, (counts.get(author) ?? 0) + 1);
    const countOf = ({ author }: PullRequest): number => counts.get(author) ?? 0;
    return newestFirst.toSorted((one, other) => countOf(one) - countOf(other));
  }

  /** Milliseconds until another review may begin. */
  untilFreeMs(nowMs: number): number {
    const lastMinute = this.#taken.filter(({ atMs }) => atMs > nowMs - MINUTE_MS);
    const first = lastMinute.at(-MAX_A_MINUTE);
    return first === undefined ? 0 : first.atMs + MINUTE_MS - nowMs;
  }

  take({ author }: PullRequest, nowMs: number): void {
    this.#taken.push({ author, atMs: nowMs });
  }

  #forget(nowMs: number): void {
    this.#taken = this.#taken.filter(({ atMs }) => atMs > nowMs - REMEMBERED_MS);
  }
}
