import type { SimulatedRepository, StoredComment, StoredPull, StoredStatus } from './simulated-repository.ts';

/** A label of the repository; names need not be unique. */
export interface StoredLabel {
  readonly id: number;
  readonly name: string;
  readonly color: string;
}

export type GiteaKind = 'gitea' | 'forgejo';

const ROOT = 'https://git.example.com';
const REPOSITORY_ID = 1;
const FORK_ID = 2;
const OFFSET_MS = 2 * 3_600_000;
const DRAFT_TITLE = /^\s*(?:WIP:|\[WIP\])/i;

/** Unix seconds in the database, shown in the server's zone. */
export function instant(date: Date): string {
  return `${new Date(date.getTime() + OFFSET_MS).toISOString().slice(0, 19)}+02:00`;
}

export function pageOf(pull: StoredPull): string {
  return `${ROOT}/team/certificates/pulls/${pull.number}`;
}

export function isDraftTitle(title: string): boolean {
  return DRAFT_TITLE.test(title);
}

export function user(login: string) {
  let id = 0;
  for (const character of login) id = (id * 31 + (character.codePointAt(0) ?? 0)) % 100_000;
  return {
    ...{ id, login, login_name: '', source_id: 0, full_name: '', email: `${login}@noreply.example.com` },
    ...{ avatar_url: `${ROOT}/avatars/${id}`, html_url: `${ROOT}/${login}`, language: '', is_admin: false },
    ...{
      last_login: '0001-01-01T00:00:00Z',
      created: '2024-01-01T00:00:00Z',
      restricted: false,
      active: false,
    },
    ...{ prohibit_login: false, location: '', website: '', description: '', visibility: 'public' },
    ...{ followers_count: 0, following_count: 0, starred_repos_count: 0 },
  };
}

export function label({ id, name, color }: StoredLabel) {
  const url = `${ROOT}/api/v1/repos/team/certificates/labels/${id}`;
  return { id, name, color, description: '', exclusive: false, is_archived: false, url };
}

export function comment(pull: StoredPull, { id, author, body, createdAt, updatedAt }: StoredComment) {
  return {
    ...{ id, body, html_url: `${pageOf(pull)}#issuecomment-${id}`, pull_request_url: pageOf(pull) },
    ...{ issue_url: '', user: user(author), original_author: '', original_author_id: 0, assets: [] },
    ...{ created_at: instant(createdAt), updated_at: instant(updatedAt) },
  };
}

/** The state is set as `state` and shown as `status`. */
export function status({ id, commit, context, state, description, author, createdAt }: StoredStatus) {
  const url = `${ROOT}/api/v1/repos/team/certificates/statuses/${commit}`;
  const [created_at, updated_at] = [instant(createdAt), instant(createdAt)];
  return {
    id,
    status: state,
    context,
    description,
    target_url: '',
    url,
    creator: user(author),
    created_at,
    updated_at,
  };
}

function repository(id: number, owner: string) {
  const full_name = `${owner}/certificates`;
  return {
    ...{ id, owner: user(owner), name: 'certificates', full_name, description: '', empty: false },
    ...{ private: false, fork: id === FORK_ID, html_url: `${ROOT}/${full_name}`, default_branch: 'main' },
    ...{ clone_url: `${ROOT}/${full_name}.git`, archived: false },
  };
}

/** `branches` are those of the repository now; `labels` those that the pull request's names stand for. */
export function pullRequest(
  kind: GiteaKind,
  store: SimulatedRepository,
  pull: StoredPull,
  branches: ReadonlyMap<string, string>,
  labels: readonly StoredLabel[],
) {
  const isClosed = pull.state !== 'open';
  const url = pageOf(pull);
  const isThere = pull.forkOwner !== undefined || branches.has(pull.headBranch);
  const reviewers = [...pull.reviewers].map(user);
  return {
    ...{ id: pull.id, url, number: pull.number, user: user(pull.author), title: pull.title, body: pull.body },
    labels: labels.filter(({ name }) => pull.labels.has(name)).map(label),
    ...{ milestone: null, assignee: null, assignees: null },
    // An empty list is left null by one and written by the other.
    requested_reviewers: kind === 'gitea' || reviewers.length > 0 ? reviewers : null,
    state: isClosed ? 'closed' : 'open',
    ...(kind === 'gitea' ? { draft: isDraftTitle(pull.title) } : {}),
    ...{ is_locked: false, comments: pull.comments.length },
    ...{ html_url: url, diff_url: `${url}.diff`, patch_url: `${url}.patch`, mergeable: !isClosed },
    merged: pull.state === 'merged',
    merged_at: pull.state === 'merged' && pull.closedAt ? instant(pull.closedAt) : null,
    merge_commit_sha: pull.mergeCommit ?? null,
    merged_by: pull.state === 'merged' ? user('alice') : null,
    allow_maintainer_edit: false,
    base: {
      ...{ label: pull.baseBranch, ref: pull.baseBranch, sha: branches.get(pull.baseBranch) ?? '' },
      ...{ repo_id: REPOSITORY_ID, repo: repository(REPOSITORY_ID, store.owner) },
    },
    head: {
      label: pull.headBranch,
      ref: isThere ? pull.headBranch : `refs/pull/${pull.number}/head`,
      sha:
        pull.forkOwner === undefined ? (branches.get(pull.headBranch) ?? pull.headCommit) : pull.headCommit,
      ...(pull.forkOwner === undefined
        ? { repo_id: REPOSITORY_ID, repo: repository(REPOSITORY_ID, store.owner) }
        : { repo_id: FORK_ID, repo: repository(FORK_ID, pull.forkOwner) }),
    },
    ...{ merge_base: branches.get(pull.baseBranch) ?? '', due_date: null, pin_order: 0 },
    ...{ created_at: instant(pull.createdAt), updated_at: instant(pull.updatedAt) },
    closed_at: isClosed && pull.closedAt ? instant(pull.closedAt) : null,
  };
}

export function review(id: number, login: string, state: string, pull: StoredPull) {
  return {
    ...{ id, user: user(login), team: null, state, body: '', commit_id: pull.headCommit, stale: false },
    ...{ official: true, dismissed: false, comments_count: 0, html_url: pageOf(pull) },
    ...{
      pull_request_url: pageOf(pull),
      submitted_at: instant(pull.updatedAt),
      updated_at: instant(pull.updatedAt),
    },
  };
}
