import type { PullRequest, PullRequestDraft } from '../proposals/pull-request.ts';

/** Which kind of server holds the pull requests; `git`: none, a pull request is its branch. */
export type ForgeKind = 'git' | 'github' | 'gitlab' | 'gitea' | 'forgejo';

/** What a commit's check says. */
export interface CommitStatus {
  /** `certops/plan`. */
  readonly context: string;
  readonly state: 'pending' | 'success' | 'failure' | 'error';
  /** At most 140 characters. */
  readonly description: string;
}

/**
 * One forge's pull requests of one repository. Every method is idempotent: called twice, or after an answer that got
 * lost, it leads to the same, and writes nothing where nothing differs.
 *
 * Errors are `ForgeError`s: `forge.unreachable` (network, 5xx, time-out), `forge.rate-limited` (403 or 429 with or without
 * Retry-After; `retry` says when), `forge.unauthorized` (401, and 403 that is no limit), `forge.not-found` (404),
 * `forge.refused` (422 and other refusals, with the forge's words in `why`), `forge.bad-answer` (not what is documented),
 * `forge.bad-configuration` (what is configured can be asked nothing: mostly when the forge is made).
 * The signal's reason passes through. Every request has a time-out.
 */
export interface Forge {
  readonly kind: ForgeKind;
  readonly limits: { readonly titleCharacters: number; readonly bodyCharacters: number };
  /**
   * Pull requests of this repository whose branch begins with `prefix`: the open ones, and those closed or merged since
   * `since`. Forks are left out. Newest first.
   */
  proposals(prefix: string, since: Date, signal: AbortSignal): Promise<readonly PullRequest[]>;
  /**
   * Opens the pull request of `draft.headBranch`, or brings the one there is up to date: title, body, labels, reviewers.
   * `known` is the one to keep up to date or to open again; one that turns out to exist all the same ("already exists")
   * is taken instead of a second one. One that is `known` as open and is so no more was closed or merged by a person
   * since: `forge.refused`, with `retry` now.
   */
  ensureOpen(
    draft: PullRequestDraft,
    known: PullRequest | undefined,
    signal: AbortSignal,
  ): Promise<PullRequest>;
  /** Closes it with one comment, `body` in the place of its text. One that is closed or merged already stays as it is. */
  ensureClosed(
    pullRequest: PullRequest,
    last: { readonly body: string; readonly comment: string },
    signal: AbortSignal,
  ): Promise<void>;
  /** Open pull requests into `baseBranch`, forks included, newest change first; at most 500. */
  openPullRequests(baseBranch: string, signal: AbortSignal): Promise<readonly PullRequest[]>;
  /** The ref under which the repository itself has its head: `refs/pull/7/head`, `refs/merge-requests/7/head`. */
  headRef(pullRequest: PullRequest): string;
  /** Sets the status of a commit, unless its newest one of this context says the same. */
  ensureStatus(commit: string, status: CommitStatus, signal: AbortSignal): Promise<void>;
  /** One comment of ours, found again by `marker` (a hidden line of `body`), written anew where it differs. */
  ensureComment(pullRequest: PullRequest, marker: string, body: string, signal: AbortSignal): Promise<void>;
}
