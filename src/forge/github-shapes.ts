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

/** What is read of GitHub's answers, REST API version 2022-11-28; the rest is dropped. */
const ACCOUNT = openObject({ login: text() });
/** A deleted account is null. */
const WRITER = nullable(ACCOUNT);

export const USER = ACCOUNT;
export const APP = openObject({ slug: optional(text()) });
export const INSTALLATION = openObject({ id: integer() });
export const INSTALLATION_TOKEN = openObject({ token: text() });
export const VIEWER = openObject({ viewer: ACCOUNT });

export const PULL = openObject({
  number: integer(),
  html_url: text(),
  state: choice(['open', 'closed']),
  title: text(),
  body: nullable(text()),
  draft: optional(flag()),
  user: WRITER,
  labels: list(openObject({ name: text() })),
  requested_reviewers: optional(nullable(list(ACCOUNT))),
  requested_teams: optional(nullable(list(openObject({ slug: text() })))),
  created_at: text(),
  updated_at: text(),
  closed_at: nullable(text()),
  merged_at: nullable(text()),
  // A deleted fork has no repository any more.
  head: openObject({ ref: text(), sha: text(), repo: nullable(openObject({ id: integer() })) }),
  base: openObject({ ref: text(), repo: openObject({ id: integer() }) }),
});
export const PULLS = list(PULL);
export type GithubPull = ShapeOf<typeof PULL>;

export const COMMENT = openObject({
  id: integer(),
  body: optional(text()),
  user: WRITER,
  created_at: text(),
});
export const COMMENTS = list(COMMENT);
export type GithubComment = ShapeOf<typeof COMMENT>;

export const REVIEWS = list(openObject({ user: WRITER }));

export const STATUSES = list(
  openObject({ context: text(), state: text(), description: nullable(text()), creator: WRITER }),
);

/** A pull request in our words. */
export function toPullRequest(pull: GithubPull): PullRequest {
  const what = `pull request ${pull.number}`;
  const closedAt = pull.merged_at ?? pull.closed_at;
  return {
    number: pull.number,
    url: pull.html_url,
    state: pull.merged_at !== null ? 'merged' : pull.state,
    title: pull.title,
    body: pull.body ?? '',
    headBranch: pull.head.ref,
    headCommit: pull.head.sha,
    baseBranch: pull.base.ref,
    isFork: pull.head.repo?.id !== pull.base.repo.id,
    isDraft: pull.draft ?? false,
    author: pull.user?.login ?? '',
    labels: pull.labels.map(({ name }) => name),
    createdAt: readInstant(pull.created_at, what),
    updatedAt: readInstant(pull.updated_at, what),
    ...(closedAt === null ? {} : { closedAt: readInstant(closedAt, what) }),
  };
}
