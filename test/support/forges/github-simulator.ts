import { createGithubForge } from '../../../src/forge/github.ts';
import type { GithubCredentials } from '../../../src/forge/github-client.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { Sensitive } from '../../../src/lib/sensitive.ts';
import type { GitGate } from '../git-server.ts';
import { type ApiAnswer, type ApiRequest, startApiFront } from './api-front.ts';
import type { ForgeUnderTest } from './forge-under-test.ts';
import { callerObstacle, type GithubAccountKind, GithubAccounts } from './github-accounts.ts';
import { GithubConversation } from './github-conversation.ts';
import { GithubOpenApi } from './github-openapi.ts';
import { GithubPulls } from './github-pulls.ts';
import {
  BAD_CREDENTIALS,
  limited,
  MALFORMED,
  NOT_FOR_INTEGRATIONS,
  NOT_FOUND,
  refused,
} from './github-refusals.ts';
import { GithubViews } from './github-views.ts';
import { simulatedPerson } from './simulated-person.ts';
import { SimulatedRepository } from './simulated-repository.ts';

/** A simulated GitHub, and what only GitHub has. */
export interface GithubUnderTest extends ForgeUnderTest {
  readonly credentials: GithubCredentials;
  /** Tokens of the App that were handed out count no more. */
  revokeInstallationTokens(): void;
  /** What people grant the App from now on. */
  grant(permissions: Readonly<Record<string, string>>): void;
  readonly gitUrl: string;
  /** Every one that was handed out so far. */
  readonly installationTokens: readonly string[];
}

interface Operation {
  /** As in the cut of the description. */
  readonly route: string;
  readonly wants: 'app' | 'user' | 'repository';
  /** A list is answered in pages. */
  answer(
    values: Readonly<Record<string, string>>,
    request: ApiRequest,
    login: string,
  ): Promise<ApiAnswer> | ApiAnswer | readonly unknown[];
}

/**
 * GitHub's REST API (version 2022-11-28) as far as certops uses it, simulated: it enforces what is documented, and every
 * one of its answers is held against the official description. A real Git server stands behind it.
 */
export async function startGithubSimulator(kind: GithubAccountKind = 'token'): Promise<GithubUnderTest> {
  const repository = await SimulatedRepository.start({
    headRef: (number) => `refs/pull/${number}/head`,
    closesWithBranch: true,
  });
  const accounts = new GithubAccounts(kind, () => new Date());
  const openApi = GithubOpenApi.read();
  let apiUrl = '';
  const views = new GithubViews(repository, () => apiUrl);
  const operations = listOperations(repository, accounts, views);

  const answer = async (whole: ApiRequest): Promise<ApiAnswer> => {
    // An Enterprise Server has its REST API under /api/v3, and GraphQL beside it.
    const [version = '', ...segments] = whole.segments;
    const request = { ...whole, segments: version === 'v3' ? segments : whole.segments };
    if (version !== 'v3' && version !== 'graphql') return NOT_FOUND;
    if (segments.join('/') === 'meta') return ok({ installed_version: '3.19.0' });
    const obstacle = headerObstacle(request);
    if (obstacle !== undefined) return obstacle;
    const caller = accounts.caller(request.headers.authorization);
    if (request.segments.join('/') === 'graphql') return viewer(caller?.login);
    const found = operations
      .map((operation) => ({ operation, values: matched(operation.route, request) }))
      .find(({ values }) => values !== undefined);
    if (found?.values === undefined) return NOT_FOUND;
    const { operation, values } = found;
    const refusal = callerObstacle(caller, operation.wants);
    if (refusal !== undefined || caller === undefined) return refusal ?? BAD_CREDENTIALS;
    if (operation.wants === 'user' && caller.kind !== 'user') return NOT_FOR_INTEGRATIONS;
    // What a token does not see does not exist.
    if (values.owner !== undefined && `${values.owner}/${values.repo}` !== 'team/certificates')
      return NOT_FOUND;
    await repository.sync();
    const made = await operation.answer(values, request, caller.login);
    const answered = Array.isArray(made) ? page(made, request, apiUrl) : (made as ApiAnswer);
    const faults = openApi.faults(operation.route, answered.status, answered.body);
    if (faults.length > 0) throw new Error(faults.join('; '));
    return { ...answered, headers: { ...RATE_HEADERS, ...answered.headers } };
  };

  const front = await startApiFront({
    basePath: '/api',
    answer,
    limited: (seconds) => limited(seconds, new Date()),
    unauthorized: () => BAD_CREDENTIALS,
    notFound: () => NOT_FOUND,
    malformed: () => MALFORMED,
    // As on every GitHub, repositories lie at the same host; here they open to tokens of the App alone.
    beside: (request, response) => {
      if (!request.url?.startsWith('/team/')) return false;
      const gate: GitGate = (authorization, isPush) => accounts.gitRefusal(authorization, isPush);
      repository.git.server.answer(request, response, gate);
      return true;
    },
  });
  apiUrl = `${front.apiUrl}/v3`;
  const credentials = credentialsOf(accounts);
  return {
    kind: 'github',
    git: repository.git.server,
    repository: repository.git.repository,
    gitUrl: `${new URL(apiUrl).origin}/team/certificates.git`,
    apiUrl,
    token: accounts.secret,
    credentials,
    ...{ faults: front.faults, requests: front.requests, received: front.received },
    connect: async () =>
      createGithubForge({
        ...{ apiUrl, owner: 'team', repository: 'certificates', credentials, clock: systemClock() },
        ...{ allowPlainLoopback: true, isPaced: false },
      }),
    pullRequests: async () => {
      await repository.sync();
      return repository.pulls.map((pull) => repository.seen(pull, views.pageOf(pull))).toReversed();
    },
    statuses: async (commit) => repository.statuses.filter((status) => status.commit === commit).toReversed(),
    person: simulatedPerson(repository, (pull) => views.pageOf(pull)),
    at: (instant) => repository.at(instant),
    revokeInstallationTokens: () => accounts.revokeInstallationTokens(),
    grant: (permissions) => accounts.grant(permissions),
    installationTokens: accounts.handedOut,
    close: async () => {
      await front.close();
      await repository.stop();
    },
  };
}

const RATE_HEADERS = { 'x-ratelimit-limit': '5000', 'x-ratelimit-remaining': '4999' };

function credentialsOf(accounts: GithubAccounts): GithubCredentials {
  if (accounts.kind !== 'app') return { kind: 'token', token: new Sensitive(accounts.token) };
  return { kind: 'app', appId: accounts.appId, privateKey: new Sensitive(accounts.privateKey) };
}

function listOperations(
  repository: SimulatedRepository,
  accounts: GithubAccounts,
  views: GithubViews,
): readonly Operation[] {
  const pulls = new GithubPulls(repository, views);
  const talk = new GithubConversation(repository, views);
  const of = (route: string, answer: Operation['answer']): Operation => ({
    ...{ route: route.replace(' /', ' /repos/{owner}/{repo}/'), wants: 'repository', answer },
  });
  const known = (list: readonly unknown[] | undefined): readonly unknown[] | ApiAnswer => list ?? NOT_FOUND;
  return [
    { route: 'GET /user', wants: 'user', answer: (_, __, login) => ok(views.ownUser(login)) },
    {
      route: 'GET /app',
      wants: 'app',
      answer: (_, __, login) => ok(app(views, login.replace('[bot]', ''), accounts)),
    },
    {
      route: 'GET /repos/{owner}/{repo}/installation',
      wants: 'app',
      answer: (_, __, login) => ok(installation(views, login.replace('[bot]', ''), accounts)),
    },
    {
      route: 'POST /app/installations/{installation_id}/access_tokens',
      wants: 'app',
      answer: ({ installation_id: id = '' }, { body }) => accounts.exchange(id, body),
    },
    of('GET /pulls', (_, request) => pulls.list(request)),
    of('POST /pulls', (_, request, login) => pulls.create(request, login)),
    of('GET /pulls/{pull_number}', ({ pull_number: number = '' }) => pulls.get(number)),
    of('PATCH /pulls/{pull_number}', ({ pull_number: number = '' }, request) =>
      pulls.update(number, request),
    ),
    of('GET /pulls/{pull_number}/reviews', () => []),
    of('POST /pulls/{pull_number}/requested_reviewers', ({ pull_number: number = '' }, request) =>
      pulls.requestReviewers(number, request),
    ),
    of('POST /labels', (_, request) => talk.createLabel(request)),
    of('POST /issues/{issue_number}/labels', ({ issue_number: number = '' }, request) =>
      talk.addLabels(number, request),
    ),
    of('GET /issues/{issue_number}/comments', ({ issue_number: number = '' }) =>
      known(talk.comments(number)),
    ),
    of('POST /issues/{issue_number}/comments', ({ issue_number: number = '' }, request, login) =>
      talk.addComment(number, request, login),
    ),
    of('PATCH /issues/comments/{comment_id}', ({ comment_id: id = '' }, request) =>
      talk.updateComment(id, request),
    ),
    of('GET /commits/{ref}/statuses', ({ ref = '' }) => talk.statuses(ref)),
    of('POST /statuses/{sha}', ({ sha = '' }, request, login) => talk.addStatus(sha, request, login)),
  ];
}

function ok(body: unknown): ApiAnswer {
  return { status: 200, body };
}

function headerObstacle({ headers }: ApiRequest): ApiAnswer | undefined {
  if (!/^certops\/\d/.test(headers['user-agent'] ?? '')) {
    return refused(
      403,
      'Request forbidden by administrative rules. Please make sure your request has a User-Agent',
    );
  }
  if (headers['x-github-api-version'] !== '2022-11-28') return refused(400, 'Unsupported API version');
  return undefined;
}

/** What stands in the route's braces; undefined: another route. */
function matched(route: string, request: ApiRequest): Readonly<Record<string, string>> | undefined {
  const [method, path = ''] = route.split(' ');
  const wanted = path.slice(1).split('/');
  if (method !== request.method || wanted.length !== request.segments.length) return undefined;
  const values: Record<string, string> = {};
  for (const [index, segment] of request.segments.entries()) {
    const name = /^\{(.+)\}$/.exec(wanted[index] ?? '')?.[1];
    if (name !== undefined) values[name] = segment;
    else if (wanted[index] !== segment) return undefined;
  }
  return values;
}

/** One page of a list, and where the others are ("Using pagination in the REST API"). */
function page(list: readonly unknown[], request: ApiRequest, apiUrl: string): ApiAnswer {
  const size = Math.min(Number(request.query.get('per_page') ?? 30), 100);
  const number = Number(request.query.get('page') ?? 1);
  const last = Math.max(Math.ceil(list.length / size), 1);
  const link = (to: number, relation: string): string => {
    const query = new URLSearchParams(request.query);
    query.set('page', String(to));
    return `<${apiUrl}/${request.segments.join('/')}?${query}>; rel="${relation}"`;
  };
  const links = [
    ...(number > 1 ? [link(number - 1, 'prev'), link(1, 'first')] : []),
    ...(number < last ? [link(number + 1, 'next'), link(last, 'last')] : []),
  ];
  return {
    status: 200,
    body: list.slice((number - 1) * size, number * size),
    headers: links.length === 0 ? {} : { link: links.join(', ') },
  };
}

function viewer(login: string | undefined): ApiAnswer {
  return login === undefined ? BAD_CREDENTIALS : ok({ data: { viewer: { login } } });
}

const SINCE = '2026-01-01T00:00:00Z';
const RIGHTS = { contents: 'write', metadata: 'read' };

function app(views: GithubViews, slug: string, { appId }: GithubAccounts): unknown {
  return {
    ...{ id: Number(appId), slug, node_id: 'A_1', owner: views.user('team'), name: slug, description: null },
    ...{ external_url: 'https://certops.example', html_url: `https://github.example/apps/${slug}` },
    ...{ created_at: SINCE, updated_at: SINCE, permissions: RIGHTS, events: ['pull_request'] },
  };
}

function installation(views: GithubViews, slug: string, { appId, installationId }: GithubAccounts): unknown {
  return {
    ...{ id: installationId, account: views.user('team'), repository_selection: 'selected' },
    ...{
      access_tokens_url: 'x',
      repositories_url: 'x',
      html_url: 'x',
      app_id: Number(appId),
      app_slug: slug,
    },
    ...{ target_id: 1, target_type: 'Organization', permissions: RIGHTS, events: ['pull_request'] },
    ...{ created_at: SINCE, updated_at: SINCE, single_file_name: null },
    ...{ suspended_by: null, suspended_at: null },
  };
}
