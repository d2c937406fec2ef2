import type { PullRequest, PullRequestDraft } from '../proposals/pull-request.ts';
import { closedMeanwhile, hasStatus } from './errors.ts';
import type { CommitStatus, Forge } from './forge.ts';
import { GiteaClient, type GiteaClientOptions } from './gitea-client.ts';
import { GiteaComments } from './gitea-comments.ts';
import { GiteaLabels } from './gitea-labels.ts';
import { GiteaReviewers } from './gitea-reviewers.ts';
import { DONE, type GiteaPull, PULL, readPull, readRefs, STATUS, sameText } from './gitea-shapes.ts';

export interface GiteaForgeOptions extends GiteaClientOptions {
  readonly kind: 'gitea' | 'forgejo';
}

/**
 * Pull requests on Gitea (1.22 and newer) or Forgejo (7 and newer).
 *
 * Forgejo is a fork of Gitea, and their API v1 is one for what is used here. Where they differ, this takes what both do:
 * - `draft` is younger than some Forgejos in use: the title's prefix tells as well.
 * - Gitea 1.24 filters a list by `base_branch`, Forgejo does not: filtered here. Neither filters by head.
 * - An empty list is `[]`, null or missing; a refusal without words has an empty body (403) or JSON.
 * - Forgejo answers 413 over a quota: refused, like 409, 422 and 423 (archived).
 * - Both number statuses and comments upwards, cut titles at 255 characters, and keep `refs/pull/N/head`.
 */
export function createGiteaForge(options: GiteaForgeOptions): Forge {
  return new GiteaForge(options);
}

class GiteaForge implements Forge {
  readonly kind: 'gitea' | 'forgejo';
  /** `issue.name` is a VARCHAR(255). No limit of bodies is documented: this is far beyond any text of ours. */
  readonly limits = { titleCharacters: 255, bodyCharacters: 65_536 };
  readonly #client: GiteaClient;
  readonly #comments: GiteaComments;
  readonly #labels: GiteaLabels;
  readonly #reviewers: GiteaReviewers;

  constructor(options: GiteaForgeOptions) {
    this.kind = options.kind;
    this.#client = new GiteaClient(options);
    this.#comments = new GiteaComments(this.#client);
    this.#labels = new GiteaLabels(this.#client);
    this.#reviewers = new GiteaReviewers(this.#client);
  }

  async proposals(prefix: string, since: Date, signal: AbortSignal): Promise<readonly PullRequest[]> {
    const found = new Map<number, PullRequest>();
    const isOurs = ({ isFork, headBranch }: PullRequest) => !isFork && headBranch.startsWith(prefix);
    for await (const page of this.#list('open', signal)) {
      for (const { pullRequest } of page) if (isOurs(pullRequest)) found.set(pullRequest.number, pullRequest);
    }
    // Their times are whole seconds.
    const from = new Date(Math.floor(since.getTime() / 1000) * 1000);
    // Closing is a change, so what was closed since then was changed since then. Listed second: one that is closed in
    // between is seen twice, and never not at all.
    for await (const page of this.#list('closed', signal)) {
      for (const { pullRequest } of page) {
        const { closedAt } = pullRequest;
        if (isOurs(pullRequest) && closedAt !== undefined && closedAt >= from) {
          found.set(pullRequest.number, pullRequest);
        }
      }
      const last = page.at(-1)?.pullRequest;
      if (last !== undefined && last.updatedAt < from) break;
    }
    return [...found.values()].toSorted((one, other) => other.number - one.number);
  }

  async openPullRequests(baseBranch: string, signal: AbortSignal): Promise<readonly PullRequest[]> {
    const found = new Map<number, PullRequest>();
    for await (const page of this.#list('open', signal)) {
      for (const { pullRequest } of page) {
        if (pullRequest.baseBranch === baseBranch) found.set(pullRequest.number, pullRequest);
      }
      if (found.size >= MAX_OPEN) break;
    }
    return [...found.values()].slice(0, MAX_OPEN);
  }

  async ensureOpen(
    draft: PullRequestDraft,
    known: PullRequest | undefined,
    signal: AbortSignal,
  ): Promise<PullRequest> {
    const existing = known === undefined ? undefined : await this.#usable(known, draft, signal);
    const pull = existing ?? (await this.#create(draft, signal));
    const change = {
      ...(sameText(pull.pullRequest.title, draft.title) ? {} : { title: draft.title }),
      ...(sameText(pull.pullRequest.body, draft.body) ? {} : { body: draft.body }),
      ...(pull.pullRequest.state === 'closed' ? { state: 'open' } : {}),
    };
    const { number } = pull.pullRequest;
    const edited = Object.keys(change).length === 0 ? pull : await this.#edit(number, change, signal);
    await this.#reviewers.ensure(edited, draft.reviewers, signal);
    const labels = await this.#labels.ensure(edited.pullRequest, draft.labels, signal);
    return { ...edited.pullRequest, labels };
  }

  async ensureClosed(
    pullRequest: PullRequest,
    last: { readonly body: string; readonly comment: string },
    signal: AbortSignal,
  ): Promise<void> {
    const { pullRequest: current } = await this.#get(pullRequest.number, signal);
    if (current.state !== 'open') return;
    // The comment goes first: a closed pull request is not looked at again, so it would never come.
    await this.#comments.ensure(current.number, (body) => sameText(body, last.comment), last.comment, signal);
    const body = sameText(current.body, last.body) ? {} : { body: last.body };
    await this.#edit(current.number, { ...body, state: 'closed' }, signal).catch((thrown: unknown) => {
      // Merged in this moment: "cannot change state of this pull request, it was already merged".
      if (!hasStatus(thrown, 412)) throw thrown;
    });
  }

  headRef(pullRequest: PullRequest): string {
    return `refs/pull/${pullRequest.number}/head`;
  }

  async ensureStatus(commit: string, status: CommitStatus, signal: AbortSignal): Promise<void> {
    const { context, state, description } = status;
    const newest = await this.#newestStatus(commit, context, signal);
    if (newest?.status === state && newest.description === description) return;
    await this.#client.call(
      'POST status',
      DONE,
      (api, owner, name, params) =>
        api.repos.repoCreateStatus(owner, name, commit, { context, state, description }, params),
      signal,
    );
  }

  async ensureComment(
    pullRequest: PullRequest,
    marker: string,
    body: string,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#comments.ensure(pullRequest.number, (text) => text.includes(marker), body, signal);
  }

  async #newestStatus(commit: string, context: string, signal: AbortSignal) {
    const pages = this.#client.pages(
      'GET statuses',
      STATUS,
      (api, owner, name, params, page) =>
        api.repos.repoListStatuses(owner, name, commit, { sort: 'recentupdate', ...page }, params),
      signal,
    );
    for await (const page of pages) {
      // Within a second the order is the database's; ids are not.
      const [newest] = page
        .filter((status) => status.context === context)
        .toSorted((one, other) => other.id - one.id);
      if (newest !== undefined) return newest;
    }
    return undefined;
  }

  /**
   * The pull request that is known, where it can be kept up to date or opened again; undefined where a new one is needed.
   *
   * Opened again by the API, a pull request keeps `refs/pull/N/head` as it was when it was closed (only the web page
   * moves it), and people would review what is no longer there. So it must be the draft's commit already. Nor does the
   * API mind if another one is open for the branch.
   */
  async #usable(
    known: PullRequest,
    draft: PullRequestDraft,
    signal: AbortSignal,
  ): Promise<GiteaPull | undefined> {
    const pull = await this.#get(known.number, signal).catch((thrown: unknown) => {
      if (!hasStatus(thrown, 404)) throw thrown;
    });
    if (pull === undefined || pull.pullRequest.headBranch !== draft.headBranch) return undefined;
    if (pull.pullRequest.state === 'open') return pull;
    if (known.state === 'open') throw closedMeanwhile(known.number);
    if (pull.pullRequest.state === 'merged') return undefined;
    const another = await this.#findOpen(draft, signal);
    if (another !== undefined) return another;
    return (await this.#keptHead(known.number, signal)) === draft.headCommit ? pull : undefined;
  }

  async #keptHead(number: number, signal: AbortSignal): Promise<string | undefined> {
    const ref = `pull/${number}/head`;
    const refs = await this.#client
      .call(
        'GET ref',
        DONE,
        (api, owner, name, params) => api.repos.repoListGitRefs(owner, name, ref, params),
        signal,
      )
      .catch((thrown: unknown) => {
        if (!hasStatus(thrown, 404)) throw thrown;
        return [];
      });
    // Asked for one ref, it gives all that begin so.
    return readRefs(refs).find((one) => one.ref === `refs/${ref}`)?.object.sha;
  }

  async #create(draft: PullRequestDraft, signal: AbortSignal): Promise<GiteaPull> {
    const { title, body, headBranch, baseBranch } = draft;
    try {
      const raw = await this.#client.call(
        'POST pull request',
        PULL,
        (api, owner, name, params) =>
          api.repos.repoCreatePullRequest(
            owner,
            name,
            { title, body, head: headBranch, base: baseBranch },
            params,
          ),
        signal,
      );
      return readPull(raw, this.kind);
    } catch (thrown) {
      // "pull request already exists for these targets": made by an attempt whose answer got lost.
      const existing = hasStatus(thrown, 409) ? await this.#findOpen(draft, signal) : undefined;
      if (existing === undefined) throw thrown;
      return existing;
    }
  }

  async #findOpen(draft: PullRequestDraft, signal: AbortSignal): Promise<GiteaPull | undefined> {
    for await (const page of this.#list('open', signal)) {
      const found = page.find(
        ({ pullRequest: { isFork, headBranch, baseBranch } }) =>
          !isFork && headBranch === draft.headBranch && baseBranch === draft.baseBranch,
      );
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async #get(number: number, signal: AbortSignal): Promise<GiteaPull> {
    const raw = await this.#client.call(
      'GET pull request',
      PULL,
      (api, owner, name, params) => api.repos.repoGetPullRequest(owner, name, number, params),
      signal,
    );
    return readPull(raw, this.kind);
  }

  async #edit(
    number: number,
    change: { readonly title?: string; readonly body?: string; readonly state?: string },
    signal: AbortSignal,
  ): Promise<GiteaPull> {
    const raw = await this.#client.call(
      'PATCH pull request',
      PULL,
      (api, owner, name, params) => api.repos.repoEditPullRequest(owner, name, number, change, params),
      signal,
    );
    return readPull(raw, this.kind);
  }

  async *#list(state: 'open' | 'closed', signal: AbortSignal): AsyncGenerator<readonly GiteaPull[]> {
    const pages = this.#client.pages(
      'GET pull requests',
      PULL,
      (api, owner, name, params, page) =>
        api.repos.repoListPullRequests(owner, name, { state, sort: 'recentupdate', ...page }, params),
      signal,
    );
    for await (const page of pages) yield page.map((raw) => readPull(raw, this.kind));
  }
}

const MAX_OPEN = 500;
