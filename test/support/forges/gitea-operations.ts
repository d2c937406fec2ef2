import type { ApiAnswer } from './api-front.ts';
import {
  comment,
  type GiteaKind,
  label,
  pullRequest,
  review,
  type StoredLabel,
  status,
  user,
} from './gitea-views.ts';
import { PERSON_LOGIN, type SimulatedRepository, type StoredPull } from './simulated-repository.ts';

/** What an administrator, or whoever made the token, has set; changed at any time. */
export interface GiteaSettings {
  readonly scopes: Set<string>;
  /** `[api] MAX_RESPONSE_ITEMS`. */
  maxItems: number;
  /** A reverse proxy that drops `Link`. */
  hasLinks: boolean;
  isArchived: boolean;
}

export interface GiteaStore {
  readonly kind: GiteaKind;
  readonly repository: SimulatedRepository;
  readonly settings: GiteaSettings;
  readonly labels: StoredLabel[];
  /** Reviews that people have given: a request for one is no longer open then. */
  readonly reviews: {
    readonly id: number;
    readonly number: number;
    readonly login: string;
    readonly state: string;
  }[];
  /** Heads of pull requests that the API has opened again, as they were: branch commit by number. */
  readonly keptHeads: Map<number, { readonly kept: string; readonly branchCommit: string | undefined }>;
}

export const BOT_LOGIN = 'certops-bot';
const USERS: readonly string[] = [BOT_LOGIN, PERSON_LOGIN, 'bob', 'mallory', 'team'];
const STATES: readonly string[] = ['pending', 'success', 'error', 'failure', 'warning', 'skipped'];
const SWAGGER_URL = 'https://git.example.com/api/swagger';

export interface OperationRequest {
  readonly query: URLSearchParams;
  /** Checked against the description already. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly pathname: string;
}

export function refused(code: number, message: string): ApiAnswer {
  return { status: code, body: { message, url: SWAGGER_URL } };
}

/** APIErrorNotFound, in the words of each. */
export function missing(kind: GiteaKind): ApiAnswer {
  return refused(404, kind === 'gitea' ? 'not found' : "The target couldn't be found.");
}

/** routers/api/v1/utils.GetListOptions and services/context.SetLinkHeader: the URLs are those of the server's ROOT_URL. */
export function paged(
  store: GiteaStore,
  items: readonly unknown[],
  { query, pathname }: OperationRequest,
): ApiAnswer {
  const asked = Number(query.get('limit') ?? 0);
  const limit = Math.min(asked > 0 ? asked : 30, store.settings.maxItems);
  const page = Math.max(1, Number(query.get('page') ?? 1));
  const link = (number: number, rel: string): string => {
    const parameters = new URLSearchParams(query);
    parameters.set('page', String(number));
    return `<https://git.example.com${pathname}?${parameters}>; rel="${rel}"`;
  };
  const last = Math.ceil(items.length / limit);
  const links = [
    ...(page < last ? [link(page + 1, 'next'), link(last, 'last')] : []),
    ...(page > 1 ? [link(1, 'first'), link(page - 1, 'prev')] : []),
  ];
  return {
    status: 200,
    headers: {
      'x-total-count': String(items.length),
      ...(store.settings.hasLinks && links.length > 0 ? { link: links.join(',') } : {}),
    },
    body: items.slice((page - 1) * limit, page * limit),
  };
}

async function shown(store: GiteaStore, pulls: readonly StoredPull[]): Promise<readonly unknown[]> {
  const branches = await store.repository.git.branches();
  return pulls.map((pull) => pullRequest(store.kind, store.repository, pull, branches, store.labels));
}

export async function listPulls(store: GiteaStore, request: OperationRequest): Promise<ApiAnswer> {
  const state = request.query.get('state') ?? 'open';
  const pulls = store.repository.pulls.filter(
    (pull) => state === 'all' || (pull.state === 'open') === (state === 'open'),
  );
  const byTime = (one: StoredPull): number =>
    request.query.get('sort') === 'recentupdate' ? one.updatedAt.getTime() : one.createdAt.getTime();
  const sorted = pulls.toSorted((one, other) => byTime(other) - byTime(one));
  return paged(store, await shown(store, sorted), request);
}

export async function showPull(store: GiteaStore, pull: StoredPull, code = 200): Promise<ApiAnswer> {
  return { status: code, body: (await shown(store, [pull]))[0] };
}

export async function createPull(store: GiteaStore, { body }: OperationRequest): Promise<ApiAnswer> {
  const { repository } = store;
  const [head, base] = [String(body.head ?? ''), String(body.base ?? '')];
  if (head === base) {
    return refused(422, 'Invalid PullRequest: There are no changes between the head and the base');
  }
  const branches = await repository.git.branches();
  const headCommit = branches.get(head);
  if (headCommit === undefined || !branches.has(base)) return missing(store.kind);
  const other = repository.pulls.find(
    (pull) =>
      pull.state === 'open' &&
      pull.forkOwner === undefined &&
      pull.headBranch === head &&
      pull.baseBranch === base,
  );
  if (other !== undefined) {
    const ids = `id: ${other.id}, issue_id: ${other.number}, head_repo_id: 1, base_repo_id: 1`;
    return refused(
      409,
      `pull request already exists for these targets [${ids}, head_branch: ${head}, base_branch: ${base}]`,
    );
  }
  for (const reviewer of names(body.reviewers)) {
    if (!USERS.includes(reviewer)) return refused(404, `User '${reviewer}' not exist`);
  }
  const pull = await repository.add({
    ...{ author: BOT_LOGIN, headBranch: head, headCommit, baseBranch: base },
    title: String(body.title ?? '').slice(0, 255),
    body: String(body.body ?? ''),
  });
  addLabels(store, pull, body.labels);
  return showPull(store, pull, 201);
}

/** Title and body first, then labels, then the state: a refused state leaves the others changed. */
export async function editPull(
  store: GiteaStore,
  pull: StoredPull,
  { body }: OperationRequest,
): Promise<ApiAnswer> {
  const { repository } = store;
  if (typeof body.title === 'string' && body.title !== '') pull.title = body.title.slice(0, 255);
  if (typeof body.body === 'string') pull.body = body.body;
  if (Array.isArray(body.labels)) {
    pull.labels.clear();
    addLabels(store, pull, body.labels);
  }
  repository.touch(pull);
  if (body.state !== undefined) {
    if (pull.state === 'merged') {
      return refused(412, 'cannot change state of this pull request, it was already merged');
    }
    if (body.state !== 'open' && body.state !== 'closed')
      return refused(412, `unknown state: ${String(body.state)}`);
    if (body.state === 'closed' && pull.state === 'open') repository.close(pull);
    if (body.state === 'open' && pull.state === 'closed') await reopenByApi(store, pull);
  }
  return showPull(store, pull, 201);
}

/** Only the page looks for another open one or a missing branch, and brings `refs/pull/N/head` up to date. */
async function reopenByApi({ repository, keptHeads }: GiteaStore, pull: StoredPull): Promise<void> {
  const branchCommit = (await repository.git.branches()).get(pull.headBranch);
  keptHeads.set(pull.number, { kept: pull.headCommit, branchCommit });
  repository.reopen(pull);
}

export function listReviews(store: GiteaStore, pull: StoredPull, request: OperationRequest): ApiAnswer {
  const given = store.reviews
    .filter(({ number }) => number === pull.number)
    .map(({ id, login, state }) => review(id, login, state, pull));
  const asked = [...pull.reviewers].map((login, index) =>
    review(900_000 + index, login, 'REQUEST_REVIEW', pull),
  );
  return paged(store, [...given, ...asked], request);
}

export function requestReviews(store: GiteaStore, pull: StoredPull, { body }: OperationRequest): ApiAnswer {
  const reviewers = names(body.reviewers);
  const unknown = reviewers.find((login) => !USERS.includes(login));
  if (unknown !== undefined) return refused(404, `User '${unknown}' not exist`);
  if (reviewers.includes(pull.author)) return refused(422, "poster of pr can't be reviewer");
  if (pull.state !== 'open') return refused(403, 'cannot request review on closed pull request');
  for (const login of reviewers) pull.reviewers.add(login);
  // The owner is no organisation: teams are passed over.
  store.repository.touch(pull);
  return {
    status: 201,
    body: reviewers.map((login, index) => review(900_000 + index, login, 'REQUEST_REVIEW', pull)),
  };
}

export function listComments(_store: GiteaStore, pull: StoredPull): ApiAnswer {
  return {
    status: 200,
    headers: { 'x-total-count': String(pull.comments.length) },
    body: pull.comments.map((one) => comment(pull, one)),
  };
}

export function createComment(store: GiteaStore, pull: StoredPull, { body }: OperationRequest): ApiAnswer {
  const made = store.repository.comment(pull, BOT_LOGIN, String(body.body));
  return { status: 201, body: comment(pull, made) };
}

/** Whoever may write in the repository may edit the comments of everybody. */
export function editComment(store: GiteaStore, id: number, { body }: OperationRequest): ApiAnswer {
  for (const pull of store.repository.pulls) {
    const found = pull.comments.find((one) => one.id === id);
    if (found === undefined) continue;
    found.body = String(body.body);
    found.updatedAt = store.repository.now();
    return { status: 200, body: comment(pull, found) };
  }
  return missing(store.kind);
}

export function listLabels(store: GiteaStore, request: OperationRequest): ApiAnswer {
  return paged(store, store.labels.map(label), request);
}

/** Two of one name may be. */
export function createLabel(store: GiteaStore, { body }: OperationRequest): ApiAnswer {
  const color = String(body.color);
  if (!/^#?([0-9a-f]{3}|[0-9a-f]{6})$/i.test(color))
    return refused(422, 'bad color code: color must be #RRGGBB');
  const made = { id: store.repository.nextId(), name: String(body.name), color: color.replace('#', '') };
  store.labels.push(made);
  return { status: 201, body: label(made) };
}

/** Ids that are none are passed over without a word. */
export function addLabels(store: GiteaStore, pull: StoredPull, given: unknown): ApiAnswer {
  const wanted: readonly unknown[] = Array.isArray(given) ? given : [];
  for (const { id, name } of store.labels) if (wanted.includes(id)) pull.labels.add(name);
  return { status: 200, body: store.labels.filter(({ name }) => pull.labels.has(name)).map(label) };
}

export function listStatuses(store: GiteaStore, commit: string, request: OperationRequest): ApiAnswer {
  const seconds = (date: Date): number => Math.floor(date.getTime() / 1000);
  // The database's order within a second is anything: the wrong one.
  const found = store.repository.statuses
    .filter((one) => one.commit === commit)
    .toSorted((one, other) => seconds(other.createdAt) - seconds(one.createdAt) || one.id - other.id);
  return paged(store, found.map(status), request);
}

export async function createStatus(
  store: GiteaStore,
  commit: string,
  { body }: OperationRequest,
): Promise<ApiAnswer> {
  if (!(await store.repository.git.hasCommit(commit))) return refused(500, '');
  if (!STATES.includes(String(body.state))) return refused(400, 'unknown state');
  const made = store.repository.addStatus({
    ...{ commit, author: BOT_LOGIN, state: String(body.state) },
    context: String(body.context ?? 'default'),
    description: String(body.description ?? ''),
  });
  return { status: 201, body: status(made) };
}

/** All refs that begin so; one alone that is named in full comes as an object. */
export async function listRefs(store: GiteaStore, ref: string): Promise<ApiAnswer> {
  const found: { ref: string; url: string; object: { sha: string; type: string; url: string } }[] = [];
  for (const pull of store.repository.pulls) {
    const name = `refs/pull/${pull.number}/head`;
    const sha = store.keptHeads.get(pull.number)?.kept ?? pull.headCommit;
    const url = 'https://git.example.com/api/v1/repos/team/certificates/git';
    if (name.startsWith(`refs/${ref}`)) {
      found.push({
        ref: name,
        url: `${url}/${name}`,
        object: { sha, type: 'commit', url: `${url}/commits/${sha}` },
      });
    }
  }
  if (found.length === 0) return missing(store.kind);
  const isOne = found.length === 1 && store.kind === 'forgejo' && found[0]?.ref === `refs/${ref}`;
  return { status: 200, body: isOne ? found[0] : found };
}

export function whoAmI(): ApiAnswer {
  return { status: 200, body: user(BOT_LOGIN) };
}

function names(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
