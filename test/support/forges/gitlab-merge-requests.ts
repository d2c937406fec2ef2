import type { ApiAnswer, ApiRequest } from './api-front.ts';
import {
  choiceOf,
  listOf,
  paginated,
  readParameters,
  refuse,
  refuseParameter,
  requiredText,
  textOf,
} from './gitlab-answers.ts';
import { extractQuickActions, type QuickActions } from './gitlab-quick-actions.ts';
import { BOT_LOGIN, user, userWithId } from './gitlab-users.ts';
import type { SimulatedRepository, StoredPull } from './simulated-repository.ts';

export const PROJECT_ID = 42;
const FORK_PROJECT_ID = 77;

const PAGING = ['page', 'per_page'];
/** docs.gitlab.com, "Merge requests API". Not all of them are simulated: those throw. */
const LISTED_BY = [
  ...['state', 'scope', 'order_by', 'sort', 'source_branch', 'target_branch', 'updated_after', ...PAGING],
];
const WRITABLE = ['title', 'description', 'labels', 'reviewer_ids', 'target_branch'];

/** Merge requests of one project as GitLab keeps and shows them. */
export class GitlabMergeRequests {
  readonly #repository: SimulatedRepository;
  /** System notes (somebody closed it, …), which the list of notes holds among the others. */
  readonly systemNotes = new Map<
    number,
    { readonly id: number; readonly body: string; readonly at: Date }[]
  >();
  /** How many reviewers a merge request takes: one on the free tier. */
  maxReviewers = Number.POSITIVE_INFINITY;
  /** Large lists come without totals and `x-next-page`. */
  isCounted = true;

  constructor(repository: SimulatedRepository) {
    this.#repository = repository;
  }

  list(request: ApiRequest, url: string): ApiAnswer {
    const parameters = readParameters(request, LISTED_BY);
    const state = choiceOf(parameters, 'state', ['opened', 'closed', 'locked', 'merged', 'all']) ?? 'all';
    choiceOf(parameters, 'scope', ['created_by_me', 'assigned_to_me', 'all']);
    const orderBy = choiceOf(parameters, 'order_by', ['created_at', 'updated_at']) ?? 'created_at';
    const sign = choiceOf(parameters, 'sort', ['asc', 'desc']) === 'asc' ? 1 : -1;
    const updatedAfter = textOf(parameters, 'updated_after');
    if (updatedAfter !== undefined && Number.isNaN(Date.parse(updatedAfter))) {
      refuseParameter('updated_after is invalid');
    }
    const source = textOf(parameters, 'source_branch');
    const target = textOf(parameters, 'target_branch');
    const time = (pull: StoredPull): number =>
      (orderBy === 'created_at' ? pull.createdAt : pull.updatedAt).getTime();
    const found = this.#repository.pulls
      .filter((pull) => state === 'all' || stateOf(pull) === state)
      .filter((pull) => source === undefined || pull.headBranch === source)
      .filter((pull) => target === undefined || pull.baseBranch === target)
      .filter((pull) => updatedAfter === undefined || pull.updatedAt.getTime() >= Date.parse(updatedAfter))
      .toSorted((a, b) => sign * (time(a) - time(b) || a.id - b.id));
    return paginated(
      url,
      request.query,
      found.map((pull) => showMergeRequest(pull)),
      this.isCounted,
    );
  }

  ofCommit(commit: string, request: ApiRequest, url: string): ApiAnswer {
    readParameters(request, ['state', ...PAGING]);
    const found = this.#repository.pulls.filter(({ headCommit }) => headCommit === commit);
    return paginated(
      url,
      request.query,
      found.map((pull) => showMergeRequest(pull)),
    );
  }

  find(iid: string | undefined): StoredPull {
    const pull = /^\d+$/.test(iid ?? '') ? this.#repository.find(Number(iid)) : undefined;
    return pull ?? refuse(404, '404 Not found');
  }

  async create(request: ApiRequest): Promise<ApiAnswer> {
    const parameters = readParameters(request, [...WRITABLE, 'source_branch']);
    const title = requiredText(parameters, 'title');
    const headBranch = requiredText(parameters, 'source_branch');
    const baseBranch = requiredText(parameters, 'target_branch');
    const { text, actions } = checkedTexts(title, textOf(parameters, 'description') ?? '');
    const headCommit = (await this.#repository.git.branches()).get(headBranch);
    if (headBranch === baseBranch) refuse(422, ["You can't use same project/branch for source and target"]);
    if (headCommit === undefined) refuse(400, { source_branch: ['does not exist'] });
    const other = this.#repository.pulls.find(
      (pull) =>
        pull.state === 'open' &&
        pull.forkOwner === undefined &&
        pull.headBranch === headBranch &&
        pull.baseBranch === baseBranch,
    );
    if (other !== undefined) this.#refuseSecond(other);
    const draft = { author: BOT_LOGIN, headBranch, headCommit, baseBranch, title, body: text };
    const pull = await this.#repository.add(draft);
    this.#setPeopleAndLabels(pull, parameters);
    await this.carryOut(pull, actions);
    return { status: 201, body: showMergeRequest(pull) };
  }

  async update(pull: StoredPull, request: ApiRequest): Promise<ApiAnswer> {
    const documented = [...WRITABLE, 'add_labels', 'remove_labels', 'state_event'];
    const parameters = readParameters(request, documented);
    if (Object.keys(parameters).length === 0) {
      refuseParameter(`${documented.join(', ')} are missing, at least one parameter must be provided`);
    }
    const event = choiceOf(parameters, 'state_event', ['close', 'reopen']);
    const title = textOf(parameters, 'title');
    if (title === '') refuseParameter('title is empty');
    const description = textOf(parameters, 'description');
    const { text, actions } = checkedTexts(title ?? pull.title, description ?? '');
    if (event === 'reopen' && pull.state === 'closed') await this.#reopen(pull);
    if (event === 'close' && pull.state === 'open') this.#close(pull);
    if (title !== undefined) pull.title = title;
    if (description !== undefined) pull.body = text;
    pull.baseBranch = textOf(parameters, 'target_branch') ?? pull.baseBranch;
    this.#setPeopleAndLabels(pull, parameters);
    this.#repository.touch(pull);
    await this.carryOut(pull, actions);
    return { status: 200, body: showMergeRequest(pull) };
  }

  /** Does what the lines of a text ask for, with the rights of its author. */
  async carryOut(pull: StoredPull, actions: QuickActions['actions']): Promise<void> {
    for (const { name, argument } of actions) {
      if (name === 'close' && pull.state === 'open') this.#close(pull);
      if (name === 'reopen' && pull.state === 'closed') await this.#reopen(pull);
      if (name === 'merge' && pull.state === 'open') await this.#repository.merge(pull);
      if (name === 'title') pull.title = argument;
      if (name === 'label') pull.labels.add(argument.replace(/^~"?|"$/g, ''));
      if (name === 'draft') pull.title = `Draft: ${pull.title}`;
    }
  }

  #setPeopleAndLabels(pull: StoredPull, parameters: Readonly<Record<string, unknown>>): void {
    const labels = listOf(parameters, 'labels');
    if (labels !== undefined) {
      pull.labels.clear();
      for (const label of labels) pull.labels.add(label);
    }
    for (const label of listOf(parameters, 'add_labels') ?? []) pull.labels.add(label);
    for (const label of listOf(parameters, 'remove_labels') ?? []) pull.labels.delete(label);
    const reviewers = listOf(parameters, 'reviewer_ids');
    if (reviewers === undefined) return;
    pull.reviewers.clear();
    // Those that there are not, or that may not see the project, are left out without a word.
    const found = reviewers.flatMap((id) => userWithId(Number(id)) ?? []);
    for (const { username } of found.slice(0, this.maxReviewers)) pull.reviewers.add(username);
  }

  async #reopen(pull: StoredPull): Promise<void> {
    const obstacle = await this.#repository.reopenObstacle(pull);
    if (obstacle === 'other-open') {
      const isOther = (one: StoredPull): boolean =>
        one !== pull && one.state === 'open' && one.headBranch === pull.headBranch;
      this.#refuseSecond(this.#repository.pulls.find(isOther) ?? pull);
    }
    // Without its branch it stays closed, and nobody says so. Commits that were rewritten are no obstacle.
    if (obstacle === 'branch-gone') return;
    this.#repository.reopen(pull);
    await this.#repository.sync();
    this.#note(pull, 'reopened');
  }

  #close(pull: StoredPull): void {
    this.#repository.close(pull);
    this.#note(pull, 'closed');
  }

  #note(pull: StoredPull, body: string): void {
    const notes = this.systemNotes.get(pull.number) ?? [];
    notes.push({ id: this.#repository.nextId(), body, at: this.#repository.now() });
    this.systemNotes.set(pull.number, notes);
  }

  #refuseSecond(other: StoredPull): never {
    refuse(409, [`Another open merge request already exists for this source branch: !${other.number}`]);
  }
}

function checkedTexts(title: string, description: string): QuickActions {
  if (title.length > 255) refuse(400, { title: ['is too long (maximum is 255 characters)'] });
  if (description.length > 1_048_576) {
    refuse(400, { description: ['is too long (maximum is 1048576 characters)'] });
  }
  return extractQuickActions(description);
}

function stateOf({ state }: StoredPull): 'opened' | 'closed' | 'merged' {
  return state === 'open' ? 'opened' : state;
}

export function isDraftTitle(title: string): boolean {
  return /^(\[draft\]|\(draft\)|draft:)/i.test(title);
}

export function pageOf({ number }: StoredPull): string {
  return `https://gitlab.example.com/team/certificates/-/merge_requests/${number}`;
}

/** `APIEntitiesMergeRequest`, without what only few ask for. */
export function showMergeRequest(pull: StoredPull) {
  const isDraft = isDraftTitle(pull.title);
  const isMerged = pull.state === 'merged';
  return {
    id: pull.id,
    iid: pull.number,
    project_id: PROJECT_ID,
    title: pull.title,
    description: pull.body === '' ? null : pull.body,
    state: stateOf(pull),
    created_at: pull.createdAt.toISOString(),
    updated_at: pull.updatedAt.toISOString(),
    merged_by: isMerged ? user('alice') : null,
    merge_user: isMerged ? user('alice') : null,
    merged_at: isMerged ? (pull.closedAt?.toISOString() ?? null) : null,
    closed_by: pull.state === 'closed' ? user('alice') : null,
    closed_at: pull.state === 'closed' ? (pull.closedAt?.toISOString() ?? null) : null,
    target_branch: pull.baseBranch,
    source_branch: pull.headBranch,
    user_notes_count: pull.comments.length,
    upvotes: 0,
    downvotes: 0,
    author: user(pull.author),
    assignees: [],
    assignee: null,
    reviewers: [...pull.reviewers].map((name) => user(name)),
    source_project_id: pull.forkOwner === undefined ? PROJECT_ID : FORK_PROJECT_ID,
    target_project_id: PROJECT_ID,
    labels: [...pull.labels].toSorted(),
    draft: isDraft,
    imported: false,
    imported_from: 'none',
    work_in_progress: isDraft,
    milestone: null,
    merge_when_pipeline_succeeds: false,
    merge_status: 'can_be_merged',
    detailed_merge_status: 'mergeable',
    sha: pull.headCommit,
    merge_commit_sha: pull.mergeCommit ?? null,
    squash_commit_sha: null,
    discussion_locked: null,
    should_remove_source_branch: null,
    force_remove_source_branch: null,
    reference: `!${pull.number}`,
    references: {
      short: `!${pull.number}`,
      relative: `!${pull.number}`,
      full: `team/certificates!${pull.number}`,
    },
    web_url: pageOf(pull),
    squash: false,
    has_conflicts: false,
    blocking_discussions_resolved: true,
  };
}
