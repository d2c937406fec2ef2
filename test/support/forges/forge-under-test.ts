import type { Forge, ForgeKind } from '../../../src/forge/forge.ts';
import type { PullRequest } from '../../../src/proposals/pull-request.ts';
import type { GitServer } from '../git-server.ts';

/** What a forge does wrong, changed at any time while it runs. */
export interface ForgeFaults {
  /** Every API request is answered with 503, or the connection is cut. */
  outage?: 'status' | 'reset' | undefined;
  /** Every API request is refused: 429 (or 403, where the forge says it so), with Retry-After where seconds are given. */
  rateLimit?: { readonly retryAfterSeconds?: number | undefined } | undefined;
  /** Credentials count as revoked. */
  isUnauthorized?: boolean | undefined;
  /** The next answer to a creation gets lost after it was done. */
  losesNextAnswer?: boolean | undefined;
  /** Every API request is answered with 200 and this instead, or sent elsewhere. */
  hostile?: 'html' | 'no-json' | 'wrong-shape' | 'endless' | { readonly redirectTo: string } | undefined;
}

/** A pull request as its page would show it to a person. */
export interface SeenPullRequest extends PullRequest {
  readonly comments: readonly string[];
  readonly reviewers: readonly string[];
}

/**
 * A forge to test against: a simulator that enforces the documented behaviour of the API, with a real Git server behind
 * it (of plain Git: that server alone). One repository, `team/certificates`, with the branch `main`.
 */
export interface ForgeUnderTest {
  readonly kind: ForgeKind;
  readonly git: GitServer;
  /** The repository at the same host as the API, for an App's tokens alone; of a GitHub. */
  readonly gitUrl?: string;
  /** Tokens that the forge has made for an App so far; of a GitHub. */
  readonly installationTokens?: readonly string[];
  /** The bare repository on disk. */
  readonly repository: string;
  /** Base URL of the API; empty on plain Git. */
  readonly apiUrl: string;
  readonly token: string;
  readonly faults: ForgeFaults;
  /** `METHOD path` of every API request so far. */
  readonly requests: readonly string[];
  /** Every body and header value that arrived, for the canary scan. */
  readonly received: readonly string[];
  /** A client as the daemon would make it; a new one knows nothing of former ones. */
  connect(): Promise<Forge>;
  /** What people see, newest first. */
  pullRequests(): Promise<readonly SeenPullRequest[]>;
  statuses(
    commit: string,
  ): Promise<readonly { readonly context: string; readonly state: string; readonly description: string }[]>;
  /** What a person does. */
  readonly person: {
    close(number: number): Promise<void>;
    reopen(number: number): Promise<void>;
    merge(number: number): Promise<void>;
    edit(number: number, text: { readonly title?: string; readonly body?: string }): Promise<void>;
    comment(number: number, body: string): Promise<void>;
    /** One commit on a branch, as `git push` does it; gives its id. */
    commit(branch: string, files: Readonly<Record<string, string | null>>): Promise<string>;
    /** Opens a pull request from a branch of the repository, or of a fork. */
    open(draft: {
      readonly headBranch: string;
      readonly title: string;
      readonly body?: string;
      readonly files: Readonly<Record<string, string | null>>;
      readonly isFork?: boolean;
    }): Promise<SeenPullRequest>;
  };
  /** Moves the forge's clock, where it keeps one (dates of pull requests). */
  at(instant: Date): void;
  close(): Promise<void>;
}
