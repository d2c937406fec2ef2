import type { Clock } from '../lib/clock.ts';
import { list } from '../lib/schema.ts';
import type { Sensitive } from '../lib/sensitive.ts';
import type { PullRequest, PullRequestDraft } from '../proposals/pull-request.ts';
import { readAnswer } from './answer-shape.ts';
import { asForgeError, closedMeanwhile, ForgeError, hasStatus } from './errors.ts';
import type { CommitStatus, Forge } from './forge.ts';
import { createForgeFetch } from './forge-fetch.ts';
import {
  asKept,
  draftPrefix,
  MERGE_REQUEST,
  type MergeRequestAnswer,
  toPullRequest,
  USER,
} from './gitlab-answers.ts';
import { type GitlabClient, type GitlabConnection, openGitlabClient, readPages } from './gitlab-client.ts';
import { GitlabNotes } from './gitlab-notes.ts';
import { ensureCommitStatus } from './gitlab-statuses.ts';
import { forbidQuickActions, withoutQuickActions } from './quick-actions.ts';

/** How to reach one project of a GitLab. */
export interface GitlabForgeOptions {
  /** Base URL of the instance or of its API (`…/api/v4`); instances under a path have it here. */
  readonly apiUrl: string;
  /** Full path of the project, subgroups included: `platform/pki/certificates`. */
  readonly repository: string;
  /** Project, group or personal access token with the scope `api`. */
  readonly token: Sensitive<string>;
  readonly clock: Pick<Clock, 'now' | 'realNow'>;
  /** Plain HTTP to a loopback address; refused unless true. */
  readonly allowPlainLoopback?: boolean | undefined;
  /** For each request; defaults to 30 s. */
  readonly requestTimeoutMs?: number | undefined;
}

/** Nobody has more open merge requests than this, and nobody's answers are followed further. */
const MAX_PAGES = 50;
const MAX_OPEN_PULL_REQUESTS = 500;

/**
 * GitLab's merge requests (REST API v4), GitLab.com and self-managed. Throws at once (`forge.bad-configuration`) where
 * the URL is not usable; nothing is asked before the first call.
 */
export function createGitlabForge(options: GitlabForgeOptions): Forge {
  const { apiUrl, token, clock, allowPlainLoopback, requestTimeoutMs } = options;
  const fetch = createForgeFetch({
    apiUrl,
    clock,
    allowPlainLoopback,
    requestTimeoutMs,
  });
  return new GitlabForge({ apiUrl, token, fetch }, options.repository);
}

class GitlabForge implements Forge {
  readonly kind = 'gitlab';
  // A title is a column of 255 characters. A description may have 1,048,576, a comment 1,000,000 (docs.gitlab.com, "GitLab
  // application limits"): the smaller one for both.
  readonly limits = { titleCharacters: 255, bodyCharacters: 1_000_000 };
  readonly #connection: GitlabConnection;
  readonly #project: string;
  readonly #notes: GitlabNotes;
  /** Labels and reviewers that GitLab did not take (no such user, no seat, no right), as `kind name`: not asked again. */
  readonly #passedOver = new Set<string>();

  constructor(connection: GitlabConnection, project: string) {
    this.#connection = connection;
    this.#project = project;
    this.#notes = new GitlabNotes(project);
  }

  proposals(prefix: string, since: Date, signal: AbortSignal): Promise<readonly PullRequest[]> {
    return this.#run(signal, async (client) => {
      const opened = await this.#list(client, { state: 'opened' });
      // Read after the open ones, so that one that closes in between is not lost; the later answer counts.
      const changed = await this.#list(client, { updatedAfter: since.toISOString() });
      const byNumber = new Map([...opened, ...changed].map((one) => [one.number, one]));
      return [...byNumber.values()]
        .filter(({ headBranch, isFork }) => !isFork && headBranch.startsWith(prefix))
        .filter(({ closedAt }) => closedAt === undefined || closedAt >= since)
        .toSorted((a, b) => b.createdAt.getTime() - a.createdAt.getTime() || b.number - a.number);
    });
  }

  ensureOpen(
    draft: PullRequestDraft,
    known: PullRequest | undefined,
    signal: AbortSignal,
  ): Promise<PullRequest> {
    forbidQuickActions(draft.body);
    return this.#run(signal, async (client) => {
      const current = known === undefined ? undefined : await this.#show(client, known.number);
      const isEnded = current?.state === 'closed' || current?.state === 'merged';
      if (known?.state === 'open' && isEnded) throw closedMeanwhile(known.number);
      // A merged one cannot be opened again.
      if (current === undefined || current.state === 'merged') return this.#create(client, draft);
      if (current.state !== 'closed') return this.#bringUpToDate(client, current, draft);
      return this.#reopen(client, current, draft);
    });
  }

  ensureClosed(
    { number }: PullRequest,
    last: { readonly body: string; readonly comment: string },
    signal: AbortSignal,
  ): Promise<void> {
    // People may have written into it.
    const description = withoutQuickActions(last.body);
    return this.#run(signal, async (client) => {
      const current = await this.#show(client, number);
      if (current.state === 'closed' || current.state === 'merged') return;
      // The comment first: once it is closed nobody would know that the comment is missing.
      await this.#notes.ensureSaid(client, number, last.comment);
      await client.mergeRequests.edit(this.#project, number, { description, stateEvent: 'close' });
    });
  }

  openPullRequests(baseBranch: string, signal: AbortSignal): Promise<readonly PullRequest[]> {
    return this.#run(signal, async (client) => {
      const found = await this.#list(
        client,
        { state: 'opened', targetBranch: baseBranch, orderBy: 'updated_at', sort: 'desc' },
        MAX_OPEN_PULL_REQUESTS / 100,
      );
      return found.slice(0, MAX_OPEN_PULL_REQUESTS);
    });
  }

  headRef({ number }: PullRequest): string {
    return `refs/merge-requests/${number}/head`;
  }

  ensureStatus(commit: string, status: CommitStatus, signal: AbortSignal): Promise<void> {
    return this.#run(signal, (client) => ensureCommitStatus(client, this.#project, commit, status));
  }

  ensureComment({ number }: PullRequest, marker: string, body: string, signal: AbortSignal): Promise<void> {
    return this.#run(signal, (client) => this.#notes.ensure(client, number, marker, body));
  }

  async #create(client: GitlabClient, draft: PullRequestDraft): Promise<PullRequest> {
    const labels = usable(draft.labels);
    const reviewers = await this.#reviewerIds(client, draft.reviewers);
    const answer = await client.mergeRequests
      .create(this.#project, draft.headBranch, draft.baseBranch, draft.title, {
        description: draft.body,
        ...(labels.length === 0 ? {} : { labels: labels.join(',') }),
        ...(reviewers.length === 0 ? {} : { reviewerIds: [...reviewers] }),
      })
      .catch(ignoreConflict);
    if (answer === undefined) return this.#takeOther(client, draft);
    const created = readAnswer(MERGE_REQUEST, answer, 'POST merge_requests');
    this.#rememberPassedOver(created, draft);
    return toPullRequest(created, 'POST merge_requests');
  }

  async #reopen(
    client: GitlabClient,
    current: MergeRequestAnswer,
    draft: PullRequestDraft,
  ): Promise<PullRequest> {
    const reopened = await this.#bringUpToDate(client, current, draft).catch(ignoreConflict);
    if (reopened === undefined) return this.#takeOther(client, draft);
    // GitLab leaves one closed without a word where it cannot be opened.
    return reopened.state === 'open' ? reopened : this.#create(client, draft);
  }

  /** "Another open merge request already exists for this source branch": an answer that got lost, or a person's. */
  async #takeOther(client: GitlabClient, draft: PullRequestDraft): Promise<PullRequest> {
    const found = await this.#read(client, {
      state: 'opened',
      sourceBranch: draft.headBranch,
      targetBranch: draft.baseBranch,
    });
    const other = found.find((one) => one.source_project_id === one.target_project_id);
    if (other !== undefined) return this.#bringUpToDate(client, other, draft);
    throw new ForgeError('forge.refused', {
      what: 'GitLab says that there is an open merge request of the branch, and shows none',
      next: 'Nothing: it is tried again by itself',
    });
  }

  async #bringUpToDate(
    client: GitlabClient,
    current: MergeRequestAnswer,
    draft: PullRequestDraft,
  ): Promise<PullRequest> {
    const { prefix, title } = draftPrefix(current);
    const labels = this.#missing('label', usable(draft.labels), current.labels);
    const present = current.reviewers ?? [];
    const reviewers = await this.#reviewerIds(
      client,
      this.#missing(
        'reviewer',
        draft.reviewers,
        present.map(({ username }) => username),
      ),
    );
    const isClosed = current.state === 'closed';
    const changes = {
      // A person's mark that it is a draft stays.
      ...(title === draft.title ? {} : { title: `${prefix}${draft.title}` }),
      ...(asKept(current.description ?? '') === asKept(draft.body) ? {} : { description: draft.body }),
      ...(current.target_branch === draft.baseBranch ? {} : { targetBranch: draft.baseBranch }),
      ...(labels.length === 0 ? {} : { addLabels: labels.join(',') }),
      // It replaces the list, so those who are there already go along.
      ...(reviewers.length === 0 ? {} : { reviewerIds: [...present.map(({ id }) => id), ...reviewers] }),
      ...(isClosed ? { stateEvent: 'reopen' as const } : {}),
    };
    if (Object.keys(changes).length === 0) return toPullRequest(current, 'GET merge_requests');
    const answer = await client.mergeRequests.edit(this.#project, current.iid, changes);
    const updated = readAnswer(MERGE_REQUEST, answer, 'PUT merge_requests');
    this.#rememberPassedOver(updated, draft);
    return toPullRequest(updated, 'PUT merge_requests');
  }

  async #show(client: GitlabClient, number: number): Promise<MergeRequestAnswer> {
    const answer = await client.mergeRequests.show(this.#project, number);
    return readAnswer(MERGE_REQUEST, answer, 'GET merge_requests');
  }

  async #list(
    client: GitlabClient,
    filter: Readonly<Record<string, string>>,
    maxPages = MAX_PAGES,
  ): Promise<readonly PullRequest[]> {
    const found = await this.#read(client, filter, maxPages);
    return found.map((one) => toPullRequest(one, 'GET merge_requests'));
  }

  #read(
    client: GitlabClient,
    filter: Readonly<Record<string, string>>,
    maxPages = MAX_PAGES,
  ): Promise<readonly MergeRequestAnswer[]> {
    return readPages(MERGE_REQUEST, 'GET merge_requests', maxPages, (paging) =>
      client.mergeRequests.all({ projectId: this.#project, scope: 'all', ...filter, ...paging }),
    );
  }

  /** Ids of those of these users that there are. */
  async #reviewerIds(client: GitlabClient, usernames: readonly string[]): Promise<readonly number[]> {
    const ids: number[] = [];
    for (const username of usernames) {
      if (this.#passedOver.has(`reviewer ${username}`)) continue;
      // Groups cannot review; a user's name holds no slash.
      const isUser = /^[\w.-]+$/.test(username);
      const answer = isUser ? await client.users.all({ username, perPage: 1, page: 1 }) : [];
      const [user] = readAnswer(list(USER), answer, 'GET users');
      if (user === undefined) this.#passedOver.add(`reviewer ${username}`);
      else ids.push(user.id);
    }
    return ids;
  }

  #missing(
    kind: 'label' | 'reviewer',
    wanted: readonly string[],
    present: readonly string[],
  ): readonly string[] {
    const there = new Set(present.map((name) => name.toLowerCase()));
    return wanted.filter(
      (name) => !there.has(name.toLowerCase()) && !this.#passedOver.has(`${kind} ${name}`),
    );
  }

  #rememberPassedOver(answer: MergeRequestAnswer, draft: PullRequestDraft): void {
    const reviewers = (answer.reviewers ?? []).map(({ username }) => username);
    for (const name of this.#missing('label', draft.labels, answer.labels)) {
      this.#passedOver.add(`label ${name}`);
    }
    for (const name of this.#missing('reviewer', draft.reviewers, reviewers)) {
      this.#passedOver.add(`reviewer ${name}`);
    }
  }

  async #run<T>(signal: AbortSignal, work: (client: GitlabClient) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    try {
      return await work(await openGitlabClient(this.#connection, signal));
    } catch (thrown) {
      throw asForgeError(thrown, signal);
    }
  }
}

/** For `catch`: 409 as undefined, everything else thrown on. */
function ignoreConflict(thrown: unknown): undefined {
  if (!hasStatus(thrown, 409)) throw thrown;
  return undefined;
}

/** Labels that can be named in a list that commas separate. */
function usable(labels: readonly string[]): readonly string[] {
  return labels.filter((label) => label.trim() !== '' && !label.includes(','));
}
