import type { ApiAnswer, ApiRequest } from './api-front.ts';
import { members } from './github-pulls.ts';
import { invalid, NOT_FOUND, refused, tooLong } from './github-refusals.ts';
import type { GithubViews } from './github-views.ts';
import type { SimulatedRepository, StoredComment, StoredPull } from './simulated-repository.ts';

/** Labels, comments and statuses of the simulated GitHub. */
export class GithubConversation {
  readonly #repository: SimulatedRepository;
  readonly #views: GithubViews;
  /** Labels of the repository. */
  readonly #labels: string[] = ['bug', 'of a person'];

  constructor(repository: SimulatedRepository, views: GithubViews) {
    this.#repository = repository;
    this.#views = views;
  }

  createLabel({ body }: ApiRequest): ApiAnswer {
    const { name, color = 'ededed', description = '' } = members(body);
    if (typeof name !== 'string' || name.trim() === '') {
      return invalid({ resource: 'Label', code: 'missing_field', field: 'name' });
    }
    if (name.length > 50) return tooLong('Label', 'name', 50);
    if (typeof description !== 'string' || description.length > 100) {
      return tooLong('Label', 'description', 100);
    }
    if (typeof color !== 'string' || !/^[0-9a-f]{6}$/i.test(color)) {
      return invalid({ resource: 'Label', code: 'invalid', field: 'color' });
    }
    if (this.#named(name) !== undefined) {
      return invalid({ resource: 'Label', code: 'already_exists', field: 'name' });
    }
    this.#labels.push(name);
    return { status: 201, body: this.#views.label(name) };
  }

  /** Only labels that exist: that GitHub makes them by the way is not documented. */
  addLabels(number: string, { body }: ApiRequest): ApiAnswer {
    const pull = this.#find(number);
    if (pull === undefined) return NOT_FOUND;
    const { labels } = members(body);
    const names = Array.isArray(labels) ? labels.map((label) => this.#named(String(label))) : [];
    for (const name of names) {
      if (name === undefined) return invalid({ resource: 'Label', code: 'invalid', field: 'name' });
      pull.labels.add(name);
    }
    this.#repository.touch(pull);
    return { status: 200, body: [...pull.labels].map((label) => this.#views.label(label)) };
  }

  comments(number: string): readonly unknown[] | undefined {
    const pull = this.#find(number);
    return pull?.comments.map((comment) => this.#views.comment(pull, comment));
  }

  addComment(number: string, { body }: ApiRequest, author: string): ApiAnswer {
    const pull = this.#find(number);
    if (pull === undefined) return NOT_FOUND;
    const text = members(body).body;
    const obstacle = commentObstacle(text);
    if (obstacle !== undefined) return obstacle;
    const comment = this.#repository.comment(pull, author, String(text));
    return { status: 201, body: this.#views.comment(pull, comment) };
  }

  updateComment(id: string, { body }: ApiRequest): ApiAnswer {
    const found = this.#findComment(Number(id));
    if (found === undefined) return NOT_FOUND;
    const text = members(body).body;
    const obstacle = commentObstacle(text);
    if (obstacle !== undefined) return obstacle;
    found.comment.body = String(text);
    found.comment.updatedAt = this.#repository.now();
    return { status: 200, body: this.#views.comment(found.pull, found.comment) };
  }

  /** Newest first. */
  statuses(commit: string): readonly unknown[] {
    return this.#repository.statuses
      .filter((status) => status.commit === commit)
      .toReversed()
      .map((status) => this.#views.status(status));
  }

  async addStatus(commit: string, { body }: ApiRequest, author: string): Promise<ApiAnswer> {
    const { state, description = '', context = 'default' } = members(body);
    if (!/^[0-9a-f]{40}$/.test(commit) || !(await this.#repository.git.hasCommit(commit))) {
      return refused(422, `No commit found for SHA: ${commit}`);
    }
    if (typeof state !== 'string' || !['error', 'failure', 'pending', 'success'].includes(state)) {
      return invalid({ resource: 'Status', code: 'invalid', field: 'state' });
    }
    if (typeof description !== 'string' || description.length > 140) {
      return tooLong('Status', 'description', 140);
    }
    const stored = this.#repository.addStatus({
      ...{ commit, state, description, author, context: String(context) },
    });
    return { status: 201, body: this.#views.status(stored) };
  }

  /** GitHub does not tell labels apart by case. */
  #named(name: string): string | undefined {
    return this.#labels.find((label) => label.toLowerCase() === name.toLowerCase());
  }

  #find(number: string): StoredPull | undefined {
    return /^\d+$/.test(number) ? this.#repository.find(Number(number)) : undefined;
  }

  #findComment(id: number): { readonly pull: StoredPull; readonly comment: StoredComment } | undefined {
    for (const pull of this.#repository.pulls) {
      const comment = pull.comments.find((one) => one.id === id);
      if (comment !== undefined) return { pull, comment };
    }
    return undefined;
  }
}

function commentObstacle(text: unknown): ApiAnswer | undefined {
  if (typeof text !== 'string' || text.trim() === '') {
    return invalid({ resource: 'IssueComment', code: 'missing_field', field: 'body' });
  }
  return text.length > 65_536 ? tooLong('IssueComment', 'body', 65_536) : undefined;
}
