import type { SimulatedRepository, StoredComment, StoredPull, StoredStatus } from './simulated-repository.ts';

const REPOSITORY_ID = 7001;
const FORK_ID = 7002;

/** Every `…_url` of a repository that the API names beside its own. */
const REPOSITORY_LINKS =
  'archive assignees blobs branches collaborators comments commits compare contents contributors deployments downloads events forks git_commits git_refs git_tags issue_comment issue_events issues keys labels languages merges milestones notifications pulls releases stargazers statuses subscribers subscription tags teams trees hooks'.split(
    ' ',
  );
const USER_LINKS =
  'followers following gists starred subscriptions organizations repos events received_events'.split(' ');

/** The simulated GitHub's answers, each with every member that the description requires. */
export class GithubViews {
  readonly #repository: SimulatedRepository;
  readonly #apiUrl: () => string;

  constructor(repository: SimulatedRepository, apiUrl: () => string) {
    this.#repository = repository;
    this.#apiUrl = apiUrl;
  }

  pageOf(pull: StoredPull): string {
    return `https://github.example/team/certificates/pull/${pull.number}`;
  }

  user(login: string): Readonly<Record<string, unknown>> {
    const url = `${this.#apiUrl()}/users/${login}`;
    return {
      login,
      id: 1 + ([...login].reduce((sum, letter) => sum * 31 + (letter.codePointAt(0) ?? 0), 0) % 100_000),
      node_id: `U_${login}`,
      avatar_url: 'https://avatars.github.example/u/1',
      gravatar_id: '',
      url,
      html_url: `https://github.example/${login}`,
      ...Object.fromEntries(USER_LINKS.map((name) => [`${name}_url`, `${url}/${name}`])),
      type: login.endsWith('[bot]') ? 'Bot' : 'User',
      site_admin: false,
    };
  }

  ownUser(login: string): Readonly<Record<string, unknown>> {
    const since = '2026-01-01T00:00:00Z';
    return {
      ...this.user(login),
      ...{ name: null, company: null, blog: null, location: null, email: null, hireable: null, bio: null },
      ...{
        public_repos: 0,
        public_gists: 0,
        followers: 0,
        following: 0,
        created_at: since,
        updated_at: since,
      },
    };
  }

  repository(forkOwner: string | undefined): Readonly<Record<string, unknown>> {
    const owner = forkOwner ?? this.#repository.owner;
    const { name } = this.#repository;
    const url = `${this.#apiUrl()}/repos/${owner}/${name}`;
    const page = `https://github.example/${owner}/${name}`;
    const since = '2026-01-01T00:00:00Z';
    return {
      id: forkOwner === undefined ? REPOSITORY_ID : FORK_ID,
      node_id: `R_${owner}`,
      name,
      full_name: `${owner}/${name}`,
      license: null,
      owner: this.user(owner),
      private: true,
      ...{ url, html_url: page, description: null, fork: forkOwner !== undefined },
      ...Object.fromEntries(REPOSITORY_LINKS.map((link) => [`${link}_url`, `${url}/${link}`])),
      ...{ git_url: `git://x/${name}`, ssh_url: `git@x:${name}`, clone_url: page, svn_url: page },
      ...{ mirror_url: null, homepage: null, language: null, default_branch: 'main' },
      ...{ forks: 0, forks_count: 0, stargazers_count: 0, watchers: 0, watchers_count: 0, size: 1 },
      ...{ open_issues: 0, open_issues_count: 0, archived: false, disabled: false },
      ...{ has_issues: true, has_projects: false, has_wiki: false, has_pages: false, has_downloads: false },
      ...{ pushed_at: since, created_at: since, updated_at: since },
    };
  }

  /** As lists have it. */
  pull(pull: StoredPull): Readonly<Record<string, unknown>> {
    const { owner, name } = this.#repository;
    const url = `${this.#apiUrl()}/repos/${owner}/${name}/pulls/${pull.number}`;
    const issue = url.replace('/pulls/', '/issues/');
    const page = this.pageOf(pull);
    const statuses = `${this.#apiUrl()}/repos/${owner}/${name}/statuses/${pull.headCommit}`;
    const href = (to: string): { readonly href: string } => ({ href: to });
    return {
      ...{ url, id: pull.id, node_id: `PR_${pull.id}`, html_url: page, issue_url: issue },
      ...{ diff_url: `${page}.diff`, patch_url: `${page}.patch`, commits_url: `${url}/commits` },
      ...{ review_comments_url: `${url}/comments`, review_comment_url: `${url}/comments{/number}` },
      ...{ comments_url: `${issue}/comments`, statuses_url: statuses },
      number: pull.number,
      state: pull.state === 'open' ? 'open' : 'closed',
      ...{ locked: false, title: pull.title, user: this.user(pull.author) },
      body: pull.body === '' ? null : pull.body,
      labels: [...pull.labels].map((label) => this.label(label)),
      milestone: null,
      created_at: instant(pull.createdAt),
      updated_at: instant(pull.updatedAt),
      closed_at: pull.closedAt === undefined ? null : instant(pull.closedAt),
      merged_at: pull.state === 'merged' && pull.closedAt !== undefined ? instant(pull.closedAt) : null,
      merge_commit_sha: pull.mergeCommit ?? null,
      ...{ assignee: null, assignees: [], auto_merge: null, draft: pull.isDraft },
      requested_reviewers: [...pull.reviewers].map((login) => this.user(login)),
      requested_teams: [],
      head: this.#end(pull.forkOwner, pull.headBranch, pull.headCommit),
      base: this.#end(undefined, pull.baseBranch, pull.headCommit),
      _links: {
        ...{ self: href(url), html: href(page), issue: href(issue), comments: href(`${issue}/comments`) },
        ...{ review_comments: href(`${url}/comments`), review_comment: href(`${url}/comments{/number}`) },
        ...{ commits: href(`${url}/commits`), statuses: href(statuses) },
      },
      author_association: pull.forkOwner === undefined ? 'MEMBER' : 'NONE',
    };
  }

  /** As it is answered alone. */
  fullPull(pull: StoredPull): Readonly<Record<string, unknown>> {
    const isMerged = pull.state === 'merged';
    return {
      ...this.pull(pull),
      ...{ merged: isMerged, mergeable: null, mergeable_state: 'unknown' },
      merged_by: isMerged ? this.user('alice') : null,
      ...{ comments: pull.comments.length, review_comments: 0, maintainer_can_modify: false },
      ...{ commits: 1, additions: 1, deletions: 0, changed_files: 1 },
    };
  }

  label(name: string): Readonly<Record<string, unknown>> {
    const url = `${this.#apiUrl()}/repos/team/certificates/labels/${encodeURIComponent(name)}`;
    return { id: 1, node_id: 'LA_1', url, name, description: '', color: 'ededed', default: false };
  }

  comment(pull: StoredPull, comment: StoredComment): Readonly<Record<string, unknown>> {
    const issues = `${this.#apiUrl()}/repos/team/certificates/issues`;
    return {
      id: comment.id,
      node_id: `IC_${comment.id}`,
      url: `${issues}/comments/${comment.id}`,
      html_url: `${this.pageOf(pull)}#issuecomment-${comment.id}`,
      issue_url: `${issues}/${pull.number}`,
      body: comment.body,
      user: this.user(comment.author),
      created_at: instant(comment.createdAt),
      updated_at: instant(comment.updatedAt),
      author_association: 'MEMBER',
    };
  }

  status(status: StoredStatus): Readonly<Record<string, unknown>> {
    const { id, state, description, context, commit, author, createdAt } = status;
    return {
      ...{ id, node_id: `SC_${id}`, state, description, context, target_url: null, avatar_url: null },
      url: `${this.#apiUrl()}/repos/team/certificates/statuses/${commit}`,
      created_at: instant(createdAt),
      updated_at: instant(createdAt),
      creator: this.user(author),
    };
  }

  #end(forkOwner: string | undefined, ref: string, sha: string): Readonly<Record<string, unknown>> {
    const owner = forkOwner ?? this.#repository.owner;
    return {
      label: `${owner}:${ref}`,
      ...{ ref, sha, repo: this.repository(forkOwner), user: this.user(owner) },
    };
  }
}

/** GitHub's times have no fraction. */
function instant(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
