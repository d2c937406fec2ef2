import { hasStatus } from './errors.ts';
import type { GiteaClient } from './gitea-client.ts';
import { DONE, type GiteaPull, REVIEW } from './gitea-shapes.ts';

/** Reviews asked of people and teams, each by itself so that one who does not exist stops nobody else. */
export class GiteaReviewers {
  readonly #client: GiteaClient;
  /**
   * `7 alice`: asked once by this process, whatever came of it. There may be no such user, teams are ignored where the
   * owner is no organisation, and people take reviewers off.
   */
  readonly #asked = new Set<string>();

  constructor(client: GiteaClient) {
    this.#client = client;
  }

  /** Asks those who were not asked yet; who has reviewed is not asked again, whatever they said. */
  async ensure(pull: GiteaPull, wanted: readonly string[], signal: AbortSignal): Promise<void> {
    const { number, author } = pull.pullRequest;
    const missing = wanted
      .map((name) => reviewer(name))
      .filter(
        ({ key }) =>
          !pull.requested.has(key) && !this.#asked.has(`${number} ${key}`) && key !== author.toLowerCase(),
      );
    if (missing.length === 0) return;
    const reviewed = await this.#reviewed(number, signal);
    for (const { key, body } of missing) {
      if (!reviewed.has(key)) await this.#ask(number, key, body, signal);
    }
  }

  async #reviewed(number: number, signal: AbortSignal): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    const pages = this.#client.pages(
      'GET reviews',
      REVIEW,
      (api, owner, name, params, page) => api.repos.repoListPullReviews(owner, name, number, page, params),
      signal,
    );
    for await (const page of pages) {
      for (const { user, team } of page) {
        if (user) found.add(user.login.toLowerCase());
        if (team) found.add(`team:${team.name.toLowerCase()}`);
      }
    }
    return found;
  }

  async #ask(
    number: number,
    key: string,
    body: { readonly reviewers?: string[]; readonly team_reviewers?: string[] },
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await this.#client.call(
        'POST requested reviewers',
        DONE,
        (api, owner, name, params) =>
          api.repos.repoCreatePullReviewRequests(owner, name, number, body, {
            ...params,
            // gitea-js leaves it out here, and the server reads no body without.
            headers: { ...params.headers, 'Content-Type': 'application/json' },
          }),
        signal,
      );
    } catch (thrown) {
      if (!hasStatus(thrown, 400, 403, 404, 422) || thrown.code === 'forge.rate-limited') throw thrown;
    }
    this.#asked.add(`${number} ${key}`);
  }
}

/** `org/team` and `team:NAME` are teams of the repository's own organisation. */
function reviewer(name: string) {
  const team = /^(?:team:|[^/]+\/)(?<team>.+)$/.exec(name)?.groups?.team;
  return team === undefined
    ? { key: name.toLowerCase(), body: { reviewers: [name] } }
    : { key: `team:${team.toLowerCase()}`, body: { team_reviewers: [team] } };
}
