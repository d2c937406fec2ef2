import {
  anything,
  flag,
  integer,
  list,
  nullable,
  openObject,
  optional,
  type ShapeOf,
  text,
} from '../lib/schema.ts';
import type { PullRequest } from '../proposals/pull-request.ts';
import { readAnswer, readInstant } from './answer-shape.ts';
import type { ForgeKind } from './forge.ts';

/** What of API v1's answers is used. Go leaves lists out, gives null for empty ones, or gives `[]`. */
const USER = openObject({ login: text() });

const BRANCH = openObject({ label: text(), ref: text(), sha: text(), repo_id: integer() });

export const PULL = openObject({
  number: integer(),
  html_url: text(),
  state: text(),
  merged: flag(),
  title: text(),
  body: text(),
  draft: optional(flag()),
  user: optional(nullable(USER)),
  head: BRANCH,
  base: BRANCH,
  labels: optional(nullable(list(openObject({ name: text() })))),
  requested_reviewers: optional(nullable(list(USER))),
  requested_reviewers_teams: optional(nullable(list(openObject({ name: text() })))),
  created_at: text(),
  updated_at: text(),
  closed_at: optional(nullable(text())),
  merged_at: optional(nullable(text())),
});

export const COMMENT = openObject({ id: integer(), body: text(), user: optional(nullable(USER)) });

export const LABEL = openObject({ id: integer(), name: text() });

/** Newer statuses have greater ids. The state stands in `status`, and is set by `state`. */
export const STATUS = openObject({ id: integer(), context: text(), status: text(), description: text() });

export const REVIEW = openObject({
  user: optional(nullable(USER)),
  team: optional(nullable(openObject({ name: text() }))),
});

const REF = openObject({ ref: text(), object: openObject({ sha: text() }) });

export const ME = USER;

/** An answer of which only the status matters. */
export const DONE = anything();

/** A pull request, with what no other room needs to know. */
export interface GiteaPull {
  readonly pullRequest: PullRequest;
  /** Login names and team names that a review is asked of now. */
  readonly requested: ReadonlySet<string>;
}

/** Both servers' default for `[repository.pull-request] WORK_IN_PROGRESS_PREFIXES`. */
const DRAFT_TITLE = /^\s*(?:WIP:|\[WIP\])/i;

/**
 * `head.label` is the branch, whatever became of it; `head.ref` turns into `refs/pull/N/head` when the branch is gone.
 * A pull request by AGit (`refs/for/main`) has no branch and an empty label. A fork that is gone has the id -1.
 */
export function readPull(raw: ShapeOf<typeof PULL>, kind: ForgeKind): GiteaPull {
  const instant = (value: string) => readInstant(value, `${kind} pull request ${raw.number}`);
  const closedAt = raw.merged ? (raw.merged_at ?? raw.closed_at) : raw.closed_at;
  const isClosed = raw.merged || raw.state === 'closed';
  const reviewers = (raw.requested_reviewers ?? []).map(({ login }) => login.toLowerCase());
  const teams = (raw.requested_reviewers_teams ?? []).map(({ name }) => `team:${name.toLowerCase()}`);
  return {
    requested: new Set([...reviewers, ...teams]),
    pullRequest: {
      number: raw.number,
      url: raw.html_url,
      state: raw.merged ? 'merged' : isClosed ? 'closed' : 'open',
      title: raw.title,
      body: raw.body,
      headBranch: raw.head.label === '' ? raw.head.ref : raw.head.label,
      // While the branch is there this is its tip, also long after the merge.
      headCommit: raw.merged && raw.head.ref === raw.head.label ? '' : raw.head.sha,
      baseBranch: raw.base.ref,
      isFork: raw.head.repo_id !== raw.base.repo_id,
      isDraft: raw.draft === true || DRAFT_TITLE.test(raw.title),
      author: raw.user?.login ?? '',
      labels: (raw.labels ?? []).map(({ name }) => name),
      createdAt: instant(raw.created_at),
      updatedAt: instant(raw.updated_at),
      ...(isClosed && closedAt ? { closedAt: instant(closedAt) } : {}),
    },
  };
}

/** The refs that were asked for: a list, or the one ref where no other begins so. */
export function readRefs(data: unknown): readonly ShapeOf<typeof REF>[] {
  return readAnswer(list(REF), Array.isArray(data) ? data : [data], 'GET ref');
}

/** Browsers send CRLF, and Gitea keeps it: an edit that changed nothing else is no difference. */
export function sameText(one: string, other: string): boolean {
  return one.replaceAll('\r\n', '\n').trimEnd() === other.replaceAll('\r\n', '\n').trimEnd();
}
