import { list } from '../lib/schema.ts';
import type { PullRequest } from '../proposals/pull-request.ts';
import type { GiteaClient } from './gitea-client.ts';
import { LABEL } from './gitea-shapes.ts';

/** The grey that both servers offer first. */
const NEW_LABEL_COLOUR = '#ededed';

/**
 * Labels of pull requests. They are added by id, and names need not be unique: the oldest of a name counts. Labels of the
 * organisation are not among those of the repository; asking for them takes another scope, so the repository gets its own.
 */
export class GiteaLabels {
  readonly #client: GiteaClient;

  constructor(client: GiteaClient) {
    this.#client = client;
  }

  /** Adds what is missing, makes what does not exist, takes nothing away. Gives the labels that it then has. */
  async ensure(
    pullRequest: PullRequest,
    wanted: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const missing = [...new Set(wanted)].filter((name) => !pullRequest.labels.includes(name));
    if (missing.length === 0) return pullRequest.labels;
    const ids = await this.#idsOf(missing, signal);
    for (const name of missing) if (!ids.has(name)) ids.set(name, await this.#create(name, signal));
    const labels = await this.#client.call(
      'POST labels',
      list(LABEL),
      (api, owner, name, params) =>
        api.repos.issueAddLabel(owner, name, pullRequest.number, { labels: [...ids.values()] }, params),
      signal,
    );
    return labels.map(({ name }) => name);
  }

  async #idsOf(names: readonly string[], signal: AbortSignal): Promise<Map<string, number>> {
    const ids = new Map<string, number>();
    const pages = this.#client.pages(
      'GET labels',
      LABEL,
      (api, owner, name, params, page) => api.repos.issueListLabels(owner, name, page, params),
      signal,
    );
    for await (const page of pages) {
      for (const { id, name } of page) {
        if (names.includes(name)) ids.set(name, Math.min(id, ids.get(name) ?? id));
      }
    }
    return ids;
  }

  async #create(label: string, signal: AbortSignal): Promise<number> {
    const { id } = await this.#client.call(
      'POST label',
      LABEL,
      (api, owner, name, params) =>
        api.repos.issueCreateLabel(owner, name, { name: label, color: NEW_LABEL_COLOUR }, params),
      signal,
    );
    return id;
  }
}
