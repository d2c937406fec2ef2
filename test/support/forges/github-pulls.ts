import type { ApiAnswer, ApiRequest } from './api-front.ts';
import type { FieldFault } from './github-refusals.ts';
import { invalid, NOT_FOUND, tooLong, unprocessable } from './github-refusals.ts';
import type { GithubViews } from './github-views.ts';
import { COLLABORATORS, type SimulatedRepository, type StoredPull } from './simulated-repository.ts';

const MAX_TITLE = 256;
const MAX_BODY = 65_536;
const MAX_REVIEWERS = 15;

/** The operations on pull requests of the simulated GitHub. */
export class GithubPulls {
  readonly #repository: SimulatedRepository;
  readonly #views: GithubViews;

  constructor(repository: SimulatedRepository, views: GithubViews) {
    this.#repository = repository;
    this.#views = views;
  }

  list({ query }: ApiRequest): readonly unknown[] {
    const state = query.get('state') ?? 'open';
    const head = query.get('head');
    const base = query.get('base');
    const found = this.#repository.pulls.filter(
      (pull) =>
        (state === 'all' || (pull.state === 'open') === (state === 'open')) &&
        (head === null || head === `${pull.forkOwner ?? this.#repository.owner}:${pull.headBranch}`) &&
        (base === null || base === pull.baseBranch),
    );
    const isByUpdate = query.get('sort') === 'updated';
    const time = (pull: StoredPull): number => (isByUpdate ? pull.updatedAt : pull.createdAt).getTime();
    // "Default: desc when sort is created or sort is not specified, otherwise asc."
    const isAscending = (query.get('direction') ?? (isByUpdate ? 'asc' : 'desc')) === 'asc';
    const sorted = found.toSorted((one, other) => time(other) - time(one) || other.number - one.number);
    return (isAscending ? sorted.toReversed() : sorted).map((pull) => this.#views.pull(pull));
  }

  get(number: string): ApiAnswer {
    const pull = this.#find(number);
    return pull === undefined ? NOT_FOUND : { status: 200, body: this.#views.fullPull(pull) };
  }

  async create({ body }: ApiRequest, author: string): Promise<ApiAnswer> {
    const given = members(body);
    const { base, draft } = given;
    const title = typeof given.title === 'string' ? given.title.trim() : '';
    const text = given.body ?? '';
    const missing = (field: string): FieldFault => ({
      ...{ resource: 'PullRequest', field, code: 'missing_field' as const },
    });
    if (title === '') return invalid(missing('title'));
    if (typeof given.head !== 'string') return invalid(missing('head'));
    if (typeof base !== 'string') return invalid(missing('base'));
    if (typeof text !== 'string') return unprocessable("Invalid request.\n\nFor 'body', it is not a string.");
    const obstacle = lengthObstacle(title, text);
    if (obstacle !== undefined) return obstacle;
    const head = given.head.replace(`${this.#repository.owner}:`, '');
    const branches = await this.#repository.git.branches();
    const headCommit = branches.get(head);
    const baseCommit = branches.get(base);
    if (headCommit === undefined) return invalid({ resource: 'PullRequest', field: 'head', code: 'invalid' });
    if (baseCommit === undefined) return invalid({ resource: 'PullRequest', field: 'base', code: 'invalid' });
    if (await this.#repository.git.isAncestor(headCommit, baseCommit)) {
      return invalid(custom(`No commits between ${base} and ${head}`));
    }
    if (this.#isTaken(head, base)) {
      return invalid(custom(`A pull request already exists for ${this.#repository.owner}:${head}.`));
    }
    const pull = await this.#repository.add({
      ...{ author, headBranch: head, headCommit, baseBranch: base, title, body: text },
      isDraft: draft === true,
    });
    return { status: 201, body: this.#views.fullPull(pull) };
  }

  async update(number: string, { body }: ApiRequest): Promise<ApiAnswer> {
    const pull = this.#find(number);
    if (pull === undefined) return NOT_FOUND;
    const { title, body: text, state, base } = members(body);
    const obstacle =
      lengthObstacle(typeof title === 'string' ? title : 'x', typeof text === 'string' ? text : '') ??
      (await this.#changeObstacle(pull, state, base));
    if (obstacle !== undefined) return obstacle;
    if (typeof title === 'string') pull.title = title.trim();
    if (typeof text === 'string') pull.body = text;
    if (typeof base === 'string') pull.baseBranch = base;
    if (state === 'closed' && pull.state === 'open') this.#repository.close(pull);
    if (state === 'open' && pull.state === 'closed') {
      this.#repository.reopen(pull);
      await this.#repository.sync();
    }
    this.#repository.touch(pull);
    return { status: 200, body: this.#views.fullPull(pull) };
  }

  requestReviewers(number: string, { body }: ApiRequest): ApiAnswer {
    const pull = this.#find(number);
    if (pull === undefined) return NOT_FOUND;
    const { reviewers = [], team_reviewers: teams = [] } = members(body);
    const names = Array.isArray(reviewers) ? reviewers.map(String) : [];
    if (names.includes(pull.author)) {
      return unprocessable('Review cannot be requested from pull request author.');
    }
    const isUnknown = names.some((name) => !COLLABORATORS.includes(name));
    if (isUnknown || (Array.isArray(teams) && teams.length > 0)) {
      return unprocessable(
        'Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of the team/certificates repository.',
      );
    }
    if (names.length > MAX_REVIEWERS) return unprocessable('Only 15 reviewers can be requested');
    for (const name of names) pull.reviewers.add(name);
    this.#repository.touch(pull);
    return { status: 201, body: this.#views.pull(pull) };
  }

  #find(number: string): StoredPull | undefined {
    return /^\d+$/.test(number) ? this.#repository.find(Number(number)) : undefined;
  }

  #isTaken(head: string, base: string): boolean {
    return this.#repository.pulls.some(
      (pull) =>
        pull.state === 'open' &&
        pull.forkOwner === undefined &&
        pull.headBranch === head &&
        pull.baseBranch === base,
    );
  }

  async #changeObstacle(pull: StoredPull, state: unknown, base: unknown): Promise<ApiAnswer | undefined> {
    if (state !== undefined && state !== 'open' && state !== 'closed') {
      return invalid({ resource: 'PullRequest', field: 'state', code: 'invalid' });
    }
    if (typeof base === 'string' && !(await this.#repository.git.branches()).has(base)) {
      return invalid({ resource: 'PullRequest', field: 'base', code: 'invalid' });
    }
    if (state !== 'open' || pull.state === 'open') return undefined;
    const obstacle = await this.#repository.reopenObstacle(pull);
    if (obstacle === undefined) return undefined;
    const reasons = {
      merged: '',
      'branch-gone': ` The ${pull.headBranch} branch has been deleted.`,
      'branch-rewritten': ` The ${pull.headBranch} branch was force-pushed or recreated.`,
      'other-open': ` There is already an open pull request from ${pull.headBranch}.`,
    };
    return invalid({ ...custom(`state cannot be changed.${reasons[obstacle]}`), field: 'state' });
  }
}

function lengthObstacle(title: string, body: string): ApiAnswer | undefined {
  if (title.length > MAX_TITLE) return tooLong('PullRequest', 'title', MAX_TITLE);
  return body.length > MAX_BODY ? tooLong('PullRequest', 'body', MAX_BODY) : undefined;
}

function custom(message: string): FieldFault {
  return { resource: 'PullRequest', code: 'custom', message };
}

/** A request's body as a map; anything else has no members. */
export function members(body: unknown): Readonly<Record<string, unknown>> {
  // Any object will do: members are looked at one by one.
  return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
}
