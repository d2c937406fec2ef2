import type { ApiAnswer, ApiRequest } from './api-front.ts';
import {
  choiceOf,
  paginated,
  readParameters,
  refuse,
  refuseParameter,
  requiredText,
} from './gitlab-answers.ts';
import { type GitlabMergeRequests, PROJECT_ID } from './gitlab-merge-requests.ts';
import { extractQuickActions } from './gitlab-quick-actions.ts';
import { BOT_LOGIN, user } from './gitlab-users.ts';
import type { SimulatedRepository, StoredComment, StoredPull } from './simulated-repository.ts';

/** Notes of merge requests (docs.gitlab.com, "Notes API"). */
export class GitlabNotes {
  readonly #repository: SimulatedRepository;
  readonly #mergeRequests: GitlabMergeRequests;

  constructor(repository: SimulatedRepository, mergeRequests: GitlabMergeRequests) {
    this.#repository = repository;
    this.#mergeRequests = mergeRequests;
  }

  list(pull: StoredPull, request: ApiRequest, url: string): ApiAnswer {
    const parameters = readParameters(request, ['sort', 'order_by', 'activity_filter', 'page', 'per_page']);
    const sign = choiceOf(parameters, 'sort', ['asc', 'desc']) === 'asc' ? 1 : -1;
    const orderBy = choiceOf(parameters, 'order_by', ['created_at', 'updated_at']) ?? 'created_at';
    const system = (this.#mergeRequests.systemNotes.get(pull.number) ?? []).map(({ id, body, at }) =>
      show(pull, { id, body, author: 'alice', createdAt: at, updatedAt: at }, true),
    );
    const notes = [...pull.comments.map((comment) => show(pull, comment, false)), ...system].toSorted(
      (a, b) => sign * (Date.parse(a[orderBy]) - Date.parse(b[orderBy]) || a.id - b.id),
    );
    return paginated(url, request.query, notes);
  }

  async create(pull: StoredPull, request: ApiRequest): Promise<ApiAnswer> {
    const { text, actions } = checkedBody(request);
    await this.#mergeRequests.carryOut(pull, actions);
    // Nothing but actions: no note.
    if (text === '') return { status: 202, body: { commands_changes: {}, summary: ['Done'] } };
    return { status: 201, body: show(pull, this.#repository.comment(pull, BOT_LOGIN, text), false) };
  }

  async update(pull: StoredPull, id: string | undefined, request: ApiRequest): Promise<ApiAnswer> {
    const note =
      pull.comments.find((comment) => String(comment.id) === id) ?? refuse(404, '404 Note Not Found');
    if (note.author !== BOT_LOGIN) refuse(403, '403 Forbidden');
    const { text, actions } = checkedBody(request);
    await this.#mergeRequests.carryOut(pull, actions);
    note.body = text;
    note.updatedAt = this.#repository.now();
    return { status: 200, body: show(pull, note, false) };
  }
}

function checkedBody(request: ApiRequest): ReturnType<typeof extractQuickActions> {
  const body = requiredText(readParameters(request, ['body']), 'body');
  if (body === '') refuseParameter('body is empty');
  if (body.length > 1_000_000) refuse(400, { note: ['is too long (maximum is 1000000 characters)'] });
  return extractQuickActions(body);
}

function show(pull: StoredPull, comment: StoredComment, system: boolean) {
  return {
    id: comment.id,
    type: null,
    body: comment.body,
    author: user(comment.author),
    created_at: comment.createdAt.toISOString(),
    updated_at: comment.updatedAt.toISOString(),
    system,
    noteable_id: pull.id,
    noteable_type: 'MergeRequest',
    project_id: PROJECT_ID,
    resolvable: false,
    confidential: false,
    internal: false,
    imported: false,
    imported_from: 'none',
    noteable_iid: pull.number,
    commands_changes: {},
  };
}
