import type { Clock } from '../lib/clock.ts';
import type { PullRequest } from '../proposals/pull-request.ts';
import type { CommitStatus, Forge } from './forge.ts';
import { createForgeFetch } from './forge-fetch.ts';
import { GithubClient, type GithubCredentials } from './github-client.ts';
import { ensureGithubComment, ensureLastComment } from './github-comments.ts';
import { GithubOpening } from './github-opening.ts';
import { PULL, PULLS, STATUSES, toPullRequest } from './github-shapes.ts';

export type { GithubCredentials } from './github-client.ts';

export interface GithubForgeOptions {
  /** `https://api.github.com`, or `https://HOST/api/v3` of GitHub Enterprise Server. */
  readonly apiUrl: string;
  readonly owner: string;
  readonly repository: string;
  readonly credentials: GithubCredentials;
  readonly clock: Pick<Clock, 'now' | 'realNow'>;
  readonly allowPlainLoopback?: boolean | undefined;
  /** A pause of one to three seconds between writes, as GitHub asks; defaults to true, and to none on loopback. */
  readonly isPaced?: boolean | undefined;
}

const LISTING = 'GET /repos/{owner}/{repo}/pulls';
const MAX_OPEN = 500;

/**
 * GitHub and GitHub Enterprise Server, REST API version 2022-11-28. Nothing is asked before the first call.
 * Throws at once (`forge.bad-configuration`) where `apiUrl` may not be asked.
 */
export function createGithubForge(options: GithubForgeOptions): Forge {
  return new GithubForge(createGithubClient(options), options.clock);
}

/** The API alone. Throws as `createGithubForge` does. */
export function createGithubClient(options: GithubForgeOptions): GithubClient {
  const apiUrl = options.apiUrl.replace(/\/+$/, '');
  return new GithubClient({
    ...options,
    apiUrl,
    fetch: createForgeFetch({ ...options, apiUrl }),
    isPaced: options.isPaced ?? !isLoopback(apiUrl),
  });
}

function isLoopback(apiUrl: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(apiUrl).hostname);
}

class GithubForge implements Forge {
  readonly kind = 'github';
  readonly limits = { titleCharacters: 256, bodyCharacters: 65_536 };
  readonly #client: GithubClient;
  readonly #clock: Pick<Clock, 'realNow'>;
  readonly #opening: GithubOpening;

  constructor(client: GithubClient, clock: Pick<Clock, 'realNow'>) {
    this.#client = client;
    this.#clock = clock;
    this.#opening = new GithubOpening(client);
  }

  ensureOpen: Forge['ensureOpen'] = (draft, known, signal) => this.#opening.ensureOpen(draft, known, signal);

  async proposals(prefix: string, since: Date, signal: AbortSignal): Promise<readonly PullRequest[]> {
    const found = new Map<number, PullRequest>();
    const keep = (pulls: readonly PullRequest[]): void => {
      for (const pull of pulls) {
        if (!pull.isFork && pull.headBranch.startsWith(prefix)) found.set(pull.number, pull);
      }
    };
    // The open ones first: one that is closed meanwhile is then seen closed. One that is opened meanwhile is missed, and
    // found when its branch turns out to have a pull request already. No time bounds these: one may be months old.
    for await (const page of this.#pages({ state: 'open' }, signal)) keep(page);
    // Their times are whole seconds.
    const from = new Date(Math.floor(since.getTime() / 1000) * 1000);
    const closed = { state: 'closed', sort: 'updated', direction: 'desc' };
    for await (const page of this.#pages(closed, signal)) {
      keep(page.filter(({ closedAt }) => closedAt !== undefined && closedAt >= from));
      const last = page.at(-1);
      if (last === undefined || last.updatedAt < from) break;
    }
    return [...found.values()].toSorted((one, other) => other.number - one.number);
  }

  async openPullRequests(baseBranch: string, signal: AbortSignal): Promise<readonly PullRequest[]> {
    const found = new Map<number, PullRequest>();
    const filter = { state: 'open', base: baseBranch, sort: 'updated', direction: 'desc' };
    for await (const page of this.#pages(filter, signal)) {
      for (const pull of page) if (pull.baseBranch === baseBranch) found.set(pull.number, pull);
      if (found.size >= MAX_OPEN) break;
    }
    return [...found.values()].slice(0, MAX_OPEN);
  }

  async ensureClosed(
    pullRequest: PullRequest,
    last: { readonly body: string; readonly comment: string },
    signal: AbortSignal,
  ): Promise<void> {
    const at = { pull_number: pullRequest.number };
    const route = '/repos/{owner}/{repo}/pulls/{pull_number}';
    const current = await this.#client.ask(PULL, `GET ${route}`, at, signal);
    if (current.state !== 'open') return;
    // The comment first: what is closed already is left as it is, so nothing may be missing by then.
    await ensureLastComment(this.#client, pullRequest.number, last.comment, {
      now: this.#clock.realNow(),
      signal,
    });
    await this.#client.tell(`PATCH ${route}`, { ...at, state: 'closed', body: last.body }, signal);
  }

  headRef(pullRequest: PullRequest): string {
    return `refs/pull/${pullRequest.number}/head`;
  }

  async ensureStatus(commit: string, status: CommitStatus, signal: AbortSignal): Promise<void> {
    const { context, state, description } = status;
    const route = 'GET /repos/{owner}/{repo}/commits/{ref}/statuses';
    for await (const page of this.#client.pages(STATUSES, route, { ref: commit }, signal)) {
      // Newest first.
      const newest = page.find((one) => one.context === context);
      if (newest === undefined) continue;
      if (newest.state === state && newest.description === description) return;
      break;
    }
    const change = { sha: commit, state, description, context };
    await this.#client.tell('POST /repos/{owner}/{repo}/statuses/{sha}', change, signal);
  }

  async ensureComment(
    pullRequest: PullRequest,
    marker: string,
    body: string,
    signal: AbortSignal,
  ): Promise<void> {
    await ensureGithubComment(this.#client, pullRequest.number, { marker, body }, signal);
  }

  async *#pages(
    filter: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): AsyncGenerator<readonly PullRequest[]> {
    for await (const page of this.#client.pages(PULLS, LISTING, filter, signal)) {
      yield page.map(toPullRequest);
    }
  }
}
