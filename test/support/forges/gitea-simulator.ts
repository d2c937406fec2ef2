import { createGiteaForge } from '../../../src/forge/gitea.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { Sensitive } from '../../../src/lib/sensitive.ts';
import { type ApiAnswer, type ApiRequest, startApiFront } from './api-front.ts';
import type { ForgeUnderTest } from './forge-under-test.ts';
import {
  addLabels,
  createComment,
  createLabel,
  createPull,
  createStatus,
  editComment,
  editPull,
  type GiteaSettings,
  type GiteaStore,
  listComments,
  listLabels,
  listPulls,
  listRefs,
  listReviews,
  listStatuses,
  missing,
  type OperationRequest,
  refused,
  requestReviews,
  showPull,
  whoAmI,
} from './gitea-operations.ts';
import { GiteaSwagger } from './gitea-swagger.ts';
import { type GiteaKind, isDraftTitle, pageOf, type StoredLabel } from './gitea-views.ts';
import { simulatedPerson } from './simulated-person.ts';
import { SimulatedRepository, type StoredPull } from './simulated-repository.ts';

export interface GiteaUnderTest extends ForgeUnderTest {
  readonly settings: GiteaSettings;
  /** Labels of the repository. */
  readonly labels: readonly StoredLabel[];
  /** A person gives a review; the request for it is no longer open then. */
  review(number: number, login: string, state: 'APPROVED' | 'REQUEST_CHANGES' | 'COMMENT'): Promise<void>;
}

const TOKEN = 'canary-gitea-0123456789abcdef0123456789abcdef01234567';

/** One documented operation, and whether its path and method are those of the request. */
interface Route {
  readonly operationId: string;
  readonly scope: 'repository' | 'issue' | 'user';
  readonly method: string;
  /** `:n` is a pull request's number, `:x` anything, a final `*` all the rest. */
  readonly path: string;
  readonly run: (call: Call) => ApiAnswer | Promise<ApiAnswer>;
}

interface Call {
  readonly store: GiteaStore;
  readonly request: OperationRequest;
  /** What stands in place of `:x` or `*`. */
  readonly value: string;
  readonly pull: StoredPull;
}

const R = 'repos/team/certificates';
const ROUTES: readonly Route[] = [
  { operationId: 'userGetCurrent', scope: 'user', method: 'GET', path: 'user', run: () => whoAmI() },
  {
    ...{ operationId: 'repoListPullRequests', scope: 'repository', method: 'GET', path: `${R}/pulls` },
    run: ({ store, request }) => listPulls(store, request),
  },
  {
    ...{ operationId: 'repoCreatePullRequest', scope: 'repository', method: 'POST', path: `${R}/pulls` },
    run: ({ store, request }) => createPull(store, request),
  },
  {
    ...{ operationId: 'repoGetPullRequest', scope: 'repository', method: 'GET', path: `${R}/pulls/:n` },
    run: ({ store, pull }) => showPull(store, pull),
  },
  {
    ...{ operationId: 'repoEditPullRequest', scope: 'repository', method: 'PATCH', path: `${R}/pulls/:n` },
    run: ({ store, pull, request }) => editPull(store, pull, request),
  },
  {
    ...{
      operationId: 'repoListPullReviews',
      scope: 'repository',
      method: 'GET',
      path: `${R}/pulls/:n/reviews`,
    },
    run: ({ store, pull, request }) => listReviews(store, pull, request),
  },
  {
    ...{ operationId: 'repoCreatePullReviewRequests', scope: 'repository', method: 'POST' },
    path: `${R}/pulls/:n/requested_reviewers`,
    run: ({ store, pull, request }) => requestReviews(store, pull, request),
  },
  {
    ...{ operationId: 'issueGetComments', scope: 'issue', method: 'GET', path: `${R}/issues/:n/comments` },
    run: ({ store, pull }) => listComments(store, pull),
  },
  {
    ...{ operationId: 'issueCreateComment', scope: 'issue', method: 'POST', path: `${R}/issues/:n/comments` },
    run: ({ store, pull, request }) => createComment(store, pull, request),
  },
  {
    ...{ operationId: 'issueEditComment', scope: 'issue', method: 'PATCH', path: `${R}/issues/comments/:x` },
    run: ({ store, value, request }) => editComment(store, Number(value), request),
  },
  {
    ...{ operationId: 'issueAddLabel', scope: 'issue', method: 'POST', path: `${R}/issues/:n/labels` },
    run: ({ store, pull, request }) => addLabels(store, pull, request.body.labels),
  },
  {
    ...{ operationId: 'issueListLabels', scope: 'issue', method: 'GET', path: `${R}/labels` },
    run: ({ store, request }) => listLabels(store, request),
  },
  {
    ...{ operationId: 'issueCreateLabel', scope: 'issue', method: 'POST', path: `${R}/labels` },
    run: ({ store, request }) => createLabel(store, request),
  },
  {
    ...{ operationId: 'repoListStatuses', scope: 'repository', method: 'GET', path: `${R}/statuses/:x` },
    run: ({ store, value, request }) => listStatuses(store, value, request),
  },
  {
    ...{ operationId: 'repoCreateStatus', scope: 'repository', method: 'POST', path: `${R}/statuses/:x` },
    run: ({ store, value, request }) => createStatus(store, value, request),
  },
  {
    ...{ operationId: 'repoListGitRefs', scope: 'repository', method: 'GET', path: `${R}/git/refs/*` },
    run: ({ store, value }) => listRefs(store, value),
  },
];

/**
 * API v1 of Gitea 1.23 or Forgejo 7 under a path prefix, as their documentation and the sources of their handlers have
 * it: scopes of tokens, pages, statuses, bodies that need a Content-Type, labels by id. A request that the description
 * does not know is answered with 422, an answer that it does not know ends the test.
 */
export async function startGiteaSimulator(kind: GiteaKind, prefix = '/git'): Promise<GiteaUnderTest> {
  const repository = await SimulatedRepository.start({
    headRef: (number) => `refs/pull/${number}/head`,
    closesWithBranch: true,
  });
  const swagger = GiteaSwagger.read();
  const settings: GiteaSettings = {
    scopes: new Set(['write:repository', 'write:issue', 'read:user']),
    ...{ maxItems: 50, hasLinks: true, isArchived: false },
  };
  const store: GiteaStore = { kind, repository, settings, labels: [], reviews: [], keptHeads: new Map() };
  const front = await startApiFront({
    basePath: `${prefix}/api/v1`,
    answer: (request) => answer(store, swagger, request),
    // Neither limits by itself: a proxy before it does, in its own words.
    limited: (seconds) => ({
      status: 429,
      headers: {
        'content-type': 'text/html',
        ...(seconds === undefined ? {} : { 'retry-after': `${seconds}` }),
      },
    }),
    unauthorized: () => refused(401, 'invalid username, password or token'),
    notFound: () => missing(kind),
    malformed: () => refused(422, '[]: invalid character'),
  });
  return {
    kind,
    ...{ settings, labels: store.labels, token: TOKEN, git: repository.git.server },
    repository: repository.git.repository,
    ...{ apiUrl: front.apiUrl, faults: front.faults, requests: front.requests, received: front.received },
    connect: async () =>
      createGiteaForge({
        ...{ kind, apiUrl: front.apiUrl, owner: 'team', name: 'certificates', token: new Sensitive(TOKEN) },
        ...{ clock: systemClock(), allowPlainLoopback: true },
      }),
    pullRequests: async () => {
      await sync(store);
      return repository.pulls
        .map((pull) => ({ ...repository.seen(pull, pageOf(pull)), isDraft: isDraftTitle(pull.title) }))
        .toReversed();
    },
    statuses: async (commit) => repository.statuses.filter((one) => one.commit === commit).toReversed(),
    person: simulatedPerson(repository, pageOf),
    review: async (number, login, state) => {
      repository.find(number)?.reviewers.delete(login);
      store.reviews.push({ id: repository.nextId(), number, login, state });
    },
    at: (instant) => repository.at(instant),
    close: async () => {
      await front.close();
      await repository.stop();
    },
  };
}

/** What a push does, but for heads that the API has opened again: those move with the next push. */
async function sync({ repository, keptHeads }: GiteaStore): Promise<void> {
  await repository.sync();
  const branches = await repository.git.branches();
  for (const [number, { kept, branchCommit }] of keptHeads) {
    const branch = repository.find(number)?.headBranch ?? '';
    if (branches.get(branch) === branchCommit) await repository.git.setRef(`refs/pull/${number}/head`, kept);
    else keptHeads.delete(number);
  }
}

async function answer(store: GiteaStore, swagger: GiteaSwagger, request: ApiRequest): Promise<ApiAnswer> {
  if (request.headers.authorization === undefined) return refused(401, 'token is required');
  if (request.headers.authorization !== `token ${TOKEN}`) {
    return refused(401, 'invalid username, password or token');
  }
  await sync(store);
  for (const route of ROUTES) {
    const match = route.method === request.method ? matches(route.path, request.segments) : undefined;
    if (match === undefined) continue;
    const given = await run(store, swagger, route, match, request);
    const faults =
      Array.isArray(given.body) || route.operationId !== 'repoListGitRefs'
        ? swagger.answerFaults(route.operationId, given.status, given.body)
        : [];
    if (faults.length > 0) throw new Error(`the simulator is wrong: ${faults.join('; ')}`);
    return given;
  }
  return missing(store.kind);
}

async function run(
  store: GiteaStore,
  swagger: GiteaSwagger,
  route: Route,
  match: { readonly number?: number; readonly value: string },
  { method, headers, query, body, segments }: ApiRequest,
): Promise<ApiAnswer> {
  const level = method === 'GET' ? 'read' : 'write';
  const { scopes, isArchived } = store.settings;
  if (!scopes.has(`write:${route.scope}`) && !(level === 'read' && scopes.has(`read:${route.scope}`))) {
    return refused(
      403,
      `token does not have at least one of required scope(s), required=[${level}:${route.scope}]`,
    );
  }
  if (method !== 'GET') {
    // go-chi/binding reads no body of an unknown type.
    if (!(headers['content-type'] ?? '').includes('json'))
      return refused(422, '[]: Unsupported Content-Type');
    if (isArchived) return refused(423, 'team/certificates is archived');
    const faults = swagger.requestFaults(route.operationId, body);
    if (faults.length > 0) return refused(422, faults.join('; '));
  }
  const pull = match.number === undefined ? undefined : store.repository.find(match.number);
  if (match.number !== undefined && pull === undefined) return missing(store.kind);
  return route.run({
    store,
    request: {
      query,
      // Held against the description above; a GET has none.
      body: (body ?? {}) as Readonly<Record<string, unknown>>,
      pathname: `/git/api/v1/${segments.join('/')}`,
    },
    value: match.value,
    // Routes without a number do not look at it.
    pull: pull as StoredPull,
  });
}

function matches(
  path: string,
  segments: readonly string[],
): { readonly number?: number; readonly value: string } | undefined {
  const wanted = path.split('/');
  const isOpen = wanted.at(-1) === '*';
  if (isOpen ? segments.length < wanted.length : segments.length !== wanted.length) return undefined;
  let number: number | undefined;
  let value = '';
  for (const [index, part] of wanted.entries()) {
    const segment = segments[index] ?? '';
    if (part === ':n') {
      if (!/^\d+$/.test(segment)) return undefined;
      number = Number(segment);
    } else if (part === ':x') value = segment;
    else if (part === '*') value = segments.slice(index).join('/');
    else if (part !== segment) return undefined;
  }
  return { value, ...(number === undefined ? {} : { number }) };
}
