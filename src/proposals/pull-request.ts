/** A pull request as a forge shows it (GitLab: a merge request). Texts are strangers'. */
export interface PullRequest {
  /** Number in its repository; GitLab: `iid`. */
  readonly number: number;
  /** Where people look at it; empty on plain Git. */
  readonly url: string;
  readonly state: 'open' | 'closed' | 'merged';
  readonly title: string;
  readonly body: string;
  /** Branch without `refs/heads/`. */
  readonly headBranch: string;
  /** Empty where the forge does not tell: Gitea, of a merged one whose branch may have moved on. */
  readonly headCommit: string;
  readonly baseBranch: string;
  /** Its branch lies in another repository. */
  readonly isFork: boolean;
  readonly isDraft: boolean;
  readonly author: string;
  readonly labels: readonly string[];
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** When it was closed or merged. */
  readonly closedAt?: Date | undefined;
}

/** A pull request as it should be. Its branch has been pushed already. */
export interface PullRequestDraft {
  readonly title: string;
  /** Markdown; at most `limits.bodyCharacters`. */
  readonly body: string;
  readonly headBranch: string;
  /** The commit that the branch was pushed at. */
  readonly headCommit: string;
  readonly baseBranch: string;
  /** Made where they do not exist; what people added is kept. */
  readonly labels: readonly string[];
  /** Login names; `org/team` and `team:` forms where the forge has teams. One that does not exist stops nothing. */
  readonly reviewers: readonly string[];
}
