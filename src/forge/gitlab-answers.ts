import {
  choice,
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
import { readInstant } from './answer-shape.ts';

// Members that are used of `APIEntitiesMergeRequest`, `APIEntitiesNote`, `APIEntitiesCommitStatus` and
// `APIEntitiesUserBasic` of the OpenAPI description, which calls every member a string and none required; types and
// nulls are those of the documentation's examples.

export const USER = openObject({ id: integer(), username: text() });

export const MERGE_REQUEST = openObject({
  iid: integer(),
  title: text(),
  description: optional(nullable(text())),
  state: choice(['opened', 'closed', 'locked', 'merged']),
  created_at: text(),
  updated_at: text(),
  merged_at: optional(nullable(text())),
  closed_at: optional(nullable(text())),
  target_branch: text(),
  source_branch: text(),
  author: USER,
  reviewers: optional(nullable(list(USER))),
  /** Null once the fork is gone. */
  source_project_id: optional(nullable(integer())),
  target_project_id: integer(),
  labels: list(text()),
  draft: optional(nullable(flag())),
  /** Null where the source branch was never there. */
  sha: optional(nullable(text())),
  web_url: text(),
});

export type MergeRequestAnswer = ShapeOf<typeof MERGE_REQUEST>;

export const NOTE = openObject({ id: integer(), body: text(), author: USER, system: flag() });

export const COMMIT_STATUS = openObject({
  id: integer(),
  status: text(),
  name: text(),
  description: optional(nullable(text())),
});

/** A merge request as the rest of certops sees it: without the prefix that makes it a draft. */
export function toPullRequest(answer: MergeRequestAnswer, what: string): PullRequest {
  const isOpen = answer.state === 'opened' || answer.state === 'locked';
  const ended = answer.merged_at ?? answer.closed_at ?? answer.updated_at;
  return {
    number: answer.iid,
    url: answer.web_url,
    // `locked` is a merge under way: neither closed nor merged yet.
    state: answer.state === 'opened' || answer.state === 'locked' ? 'open' : answer.state,
    title: draftPrefix(answer).title,
    body: answer.description ?? '',
    headBranch: answer.source_branch,
    headCommit: answer.sha ?? '',
    baseBranch: answer.target_branch,
    isFork: answer.source_project_id !== answer.target_project_id,
    isDraft: answer.draft === true,
    author: answer.author.username,
    labels: answer.labels,
    createdAt: readInstant(answer.created_at, what),
    updatedAt: readInstant(answer.updated_at, what),
    ...(isOpen ? {} : { closedAt: readInstant(ended, what) }),
  };
}

/** The title without what marks a draft, and that mark (docs.gitlab.com, "Draft merge requests"). */
export function draftPrefix(answer: Pick<MergeRequestAnswer, 'title' | 'draft'>): {
  readonly prefix: string;
  readonly title: string;
} {
  const [prefix = ''] =
    answer.draft === true ? (/^(?:(?:\[draft\]|\(draft\)|draft:)\s*)+/i.exec(answer.title) ?? []) : [];
  return { prefix, title: answer.title.slice(prefix.length) };
}

/** A text as GitLab keeps it: without carriage returns and white space at its end. */
export function asKept(body: string): string {
  return body.replaceAll('\r', '').trimEnd();
}
