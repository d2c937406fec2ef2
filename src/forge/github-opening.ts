import type { PullRequest, PullRequestDraft } from '../proposals/pull-request.ts';
import { closedMeanwhile, hasStatus } from './errors.ts';
import type { GithubClient } from './github-client.ts';
import { type GithubPull, PULL, PULLS, REVIEWS, toPullRequest } from './github-shapes.ts';

const LABEL_COLOR = 'd4c5f9';

/** Opens pull requests and keeps them up to date; remembers which reviewers it has asked for. */
export class GithubOpening {
  readonly #client: GithubClient;
  /** By pull request: who was asked, or refused, already. Nobody is asked again because they did not answer. */
  readonly #asked = new Map<number, Set<string>>();

  constructor(client: GithubClient) {
    this.#client = client;
  }

  async ensureOpen(
    draft: PullRequestDraft,
    known: PullRequest | undefined,
    signal: AbortSignal,
  ): Promise<PullRequest> {
    const pull =
      (known === undefined ? undefined : await this.#bringUpToDate(known, draft, signal)) ??
      (await this.#create(draft, signal));
    const labels = await this.#ensureLabels(pull, draft.labels, signal);
    await this.#ensureReviewers(pull, draft.reviewers, signal);
    return { ...toPullRequest(pull), labels };
  }

  /** Undefined: it is merged, or cannot be opened again. */
  async #bringUpToDate(
    { number, state }: Pick<PullRequest, 'number' | 'state'>,
    draft: PullRequestDraft,
    signal: AbortSignal,
  ): Promise<GithubPull | undefined> {
    const route = '/repos/{owner}/{repo}/pulls/{pull_number}';
    const current = await this.#client.ask(PULL, `GET ${route}`, { pull_number: number }, signal);
    if (state === 'open' && current.state !== 'open') throw closedMeanwhile(number);
    if (current.merged_at !== null) return undefined;
    const change = {
      ...(current.title === draft.title.trim() ? {} : { title: draft.title }),
      ...(current.body === draft.body ? {} : { body: draft.body }),
      ...(current.base.ref === draft.baseBranch ? {} : { base: draft.baseBranch }),
      ...(current.state === 'open' ? {} : { state: 'open' }),
    };
    if (Object.keys(change).length === 0) return current;
    try {
      return await this.#client.ask(PULL, `PATCH ${route}`, { pull_number: number, ...change }, signal);
    } catch (thrown) {
      // A branch that was deleted, recreated or rewritten since, or one with a newer pull request.
      if (current.state === 'closed' && hasStatus(thrown, 422)) return undefined;
      throw thrown;
    }
  }

  async #create(draft: PullRequestDraft, signal: AbortSignal): Promise<GithubPull> {
    const { title, body, headBranch: head, baseBranch: base } = draft;
    try {
      const route = 'POST /repos/{owner}/{repo}/pulls';
      return await this.#client.ask(PULL, route, { title, body, head, base }, signal);
    } catch (thrown) {
      if (!hasStatus(thrown, 422)) throw thrown;
      // "A pull request already exists": said in words alone, so it is looked for.
      const present = await this.#openOne(draft, signal);
      const taken = present && (await this.#bringUpToDate(present, draft, signal));
      if (taken === undefined) throw thrown;
      return taken;
    }
  }

  async #openOne(draft: PullRequestDraft, signal: AbortSignal): Promise<GithubPull | undefined> {
    const filter = {
      state: 'open',
      head: `${this.#client.owner}:${draft.headBranch}`,
      base: draft.baseBranch,
      per_page: 100,
    };
    const found = await this.#client.ask(PULLS, 'GET /repos/{owner}/{repo}/pulls', filter, signal);
    // An unknown filter would be ignored and give a stranger's.
    return found.find((pull) => {
      const { headBranch, isFork } = toPullRequest(pull);
      return headBranch === draft.headBranch && !isFork;
    });
  }

  /** All labels that it has afterwards; what people added is kept. */
  async #ensureLabels(
    pull: GithubPull,
    wanted: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const present = pull.labels.map(({ name }) => name);
    // GitHub does not tell labels apart by case.
    const folded = new Set(present.map((name) => name.toLowerCase()));
    const missing = [...new Set(wanted)].filter((name) => !folded.has(name.toLowerCase()));
    if (missing.length === 0) return present;
    for (const name of missing) await this.#ensureLabelExists(name, signal);
    await this.#client.tell(
      'POST /repos/{owner}/{repo}/issues/{issue_number}/labels',
      { issue_number: pull.number, labels: missing },
      signal,
    );
    return [...present, ...missing];
  }

  async #ensureLabelExists(name: string, signal: AbortSignal): Promise<void> {
    try {
      const description = 'Made by certops';
      await this.#client.tell(
        'POST /repos/{owner}/{repo}/labels',
        { name, color: LABEL_COLOR, description },
        signal,
      );
    } catch (thrown) {
      // 422 `already_exists`, and whatever else is wrong with it is said again where it is set.
      if (!hasStatus(thrown, 422)) throw thrown;
    }
  }

  async #ensureReviewers(pull: GithubPull, wanted: readonly string[], signal: AbortSignal): Promise<void> {
    const asked = this.#asked.get(pull.number) ?? new Set<string>();
    this.#asked.set(pull.number, asked);
    const settled = new Set([...requested(pull), ...asked, pull.user?.login ?? ''].map(fold));
    let missing = [...new Set(wanted.map(plainReviewer))].filter((name) => !settled.has(fold(name)));
    if (missing.length > 0) {
      const reviewed = await this.#reviewers(pull.number, signal);
      missing = missing.filter((name) => !reviewed.has(fold(name)));
    }
    if (missing.length > 0 && !(await this.#request(pull.number, missing, signal)) && missing.length > 1) {
      // One name that GitHub does not take spoils the whole request: each by itself.
      for (const name of missing) await this.#request(pull.number, [name], signal);
    }
    for (const name of missing) asked.add(name);
  }

  /** Those who have reviewed already: they stand among the requested ones no more. */
  async #reviewers(number: number, signal: AbortSignal): Promise<ReadonlySet<string>> {
    const route = 'GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews';
    const found = new Set<string>();
    for await (const page of this.#client.pages(REVIEWS, route, { pull_number: number }, signal)) {
      for (const { user } of page) if (user !== null) found.add(fold(user.login));
    }
    return found;
  }

  /** Whether GitHub took them: not those who do not exist, are no collaborators, or wrote the pull request. */
  async #request(number: number, names: readonly string[], signal: AbortSignal): Promise<boolean> {
    const isTeam = (name: string): boolean => name.includes('/');
    const teams = names.filter(isTeam).map((name) => name.slice(name.indexOf('/') + 1));
    try {
      await this.#client.tell(
        'POST /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers',
        {
          pull_number: number,
          reviewers: names.filter((name) => !isTeam(name)),
          ...(teams.length === 0 ? {} : { team_reviewers: teams }),
        },
        signal,
      );
      return true;
    } catch (thrown) {
      // 403: the token may not see the organisation's teams. A reviewer stops nothing.
      if (hasStatus(thrown, 403, 404, 422) && !isLimit(thrown)) return false;
      throw thrown;
    }
  }
}

function isLimit({ code }: { readonly code: string }): boolean {
  return code === 'forge.rate-limited';
}

function fold(login: string): string {
  return login.toLowerCase();
}

/** `team:SLUG` and `ORG/SLUG` are teams; both become `ORG/SLUG`, with an organisation that nobody reads. */
function plainReviewer(name: string): string {
  return name.startsWith('team:') ? `team/${name.slice('team:'.length)}` : name.replace(/^@/, '');
}

function requested(pull: GithubPull): readonly string[] {
  const teams = pull.requested_teams ?? [];
  return [
    ...(pull.requested_reviewers ?? []).map(({ login }) => login),
    ...teams.map(({ slug }) => `team/${slug}`),
  ];
}
