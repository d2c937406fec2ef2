import { createGitlabForge } from '../../../src/forge/gitlab.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { Sensitive } from '../../../src/lib/sensitive.ts';
import { type ApiAnswer, type ApiRequest, startApiFront } from './api-front.ts';
import type { ForgeUnderTest } from './forge-under-test.ts';
import { GitlabRefusal, readParameters, refuse, requiredText } from './gitlab-answers.ts';
import {
  GitlabMergeRequests,
  isDraftTitle,
  PROJECT_ID,
  pageOf,
  showMergeRequest,
} from './gitlab-merge-requests.ts';
import { GitlabNotes } from './gitlab-notes.ts';
import { GitlabStatuses } from './gitlab-statuses.ts';
import { BOT_LOGIN, user, usersNamed } from './gitlab-users.ts';
import { simulatedPerson } from './simulated-person.ts';
import { SimulatedRepository } from './simulated-repository.ts';

const TOKEN = 'canary-gitlab-project-token';
const PATH = 'team/certificates';

export interface SimulatedGitlab extends ForgeUnderTest {
  readonly mergeRequests: GitlabMergeRequests;
  readonly statusesOfCommits: GitlabStatuses;
}

/**
 * A simulator of GitLab's REST API v4 as docs.gitlab.com describes it: of merge requests, notes, statuses of commits and
 * users what certops uses, and of parameters nothing else. It carries out quick actions, so that a leak shows.
 * `basePath` stands before `/api/v4`, as on instances under a path.
 */
export async function startGitlabSimulator(
  options: { readonly basePath?: string; readonly path?: string } = {},
): Promise<SimulatedGitlab> {
  const path = options.path ?? PATH;
  const repository = await SimulatedRepository.start({
    headRef: (number) => `refs/merge-requests/${number}/head`,
    closesWithBranch: false,
  });
  const mergeRequests = new GitlabMergeRequests(repository);
  const notes = new GitlabNotes(repository, mergeRequests);
  const statuses = new GitlabStatuses(repository);

  const project = async (request: ApiRequest): Promise<ApiAnswer> => {
    const [, id, ...rest] = request.segments;
    if (id !== path && id !== String(PROJECT_ID)) refuse(404, '404 Project Not Found');
    const url = `${front.apiUrl}/projects/${encodeURIComponent(id)}/${rest.join('/')}`;
    const route = `${request.method} ${rest.map((part, index) => (index % 2 === 1 ? ':' : part)).join('/')}`;
    if (route === 'GET merge_requests') return mergeRequests.list(request, url);
    if (route === 'POST merge_requests') return mergeRequests.create(request);
    if (route === 'POST statuses/:') return statuses.post(rest[1] ?? '', request);
    // `repository/commits/:sha/…`
    const [first, second, commit = '', what] = rest;
    if (request.method === 'GET' && first === 'repository' && second === 'commits') {
      if (what === 'statuses') return statuses.list(commit, request, url);
      if (what === 'merge_requests') return mergeRequests.ofCommit(commit, request, url);
    }
    if (first !== 'merge_requests') return unknownPath();
    const pull = mergeRequests.find(second);
    if (route === 'GET merge_requests/:') return { status: 200, body: showMergeRequest(pull) };
    if (route === 'PUT merge_requests/:') return mergeRequests.update(pull, request);
    if (route === 'GET merge_requests/:/notes') return notes.list(pull, request, url);
    if (route === 'POST merge_requests/:/notes') return notes.create(pull, request);
    if (route === 'PUT merge_requests/:/notes/:') return notes.update(pull, rest[3], request);
    return unknownPath();
  };

  const answer = async (request: ApiRequest): Promise<ApiAnswer> => {
    const given = request.headers['private-token'] ?? request.headers.authorization?.replace(/^Bearer /, '');
    if (given !== TOKEN) return { status: 401, body: { message: '401 Unauthorized' } };
    await repository.sync();
    try {
      const [first] = request.segments;
      if (first === 'projects') return await project(request);
      if (request.method === 'GET' && first === 'user') return { status: 200, body: user(BOT_LOGIN) };
      if (request.method === 'GET' && first === 'users') {
        const parameters = readParameters(request, ['username', 'page', 'per_page']);
        return { status: 200, body: usersNamed(requiredText(parameters, 'username')) };
      }
      return unknownPath();
    } catch (thrown) {
      if (thrown instanceof GitlabRefusal) return thrown.answer;
      throw thrown;
    }
  };

  const front = await startApiFront({
    basePath: `${options.basePath ?? ''}/api/v4`,
    answer,
    limited: (retryAfterSeconds) => ({
      status: 429,
      headers:
        retryAfterSeconds === undefined
          ? { 'ratelimit-remaining': '0', 'ratelimit-reset': String(Math.floor(Date.now() / 1000) + 60) }
          : { 'retry-after': String(retryAfterSeconds) },
      body: { message: { error: 'This endpoint has been requested too many times. Try again later.' } },
    }),
    unauthorized: () => ({ status: 401, body: { message: '401 Unauthorized' } }),
    notFound: unknownPath,
    malformed: () => ({ status: 400, body: { error: '400 Bad Request' } }),
  });

  const { apiUrl, faults, requests, received } = front;
  return {
    kind: 'gitlab',
    git: repository.git.server,
    repository: repository.git.repository,
    apiUrl,
    token: TOKEN,
    faults,
    requests,
    received,
    mergeRequests,
    statusesOfCommits: statuses,
    connect: async () =>
      createGitlabForge({
        apiUrl,
        repository: path,
        token: new Sensitive(TOKEN),
        clock: systemClock(),
        allowPlainLoopback: true,
      }),
    pullRequests: async () => {
      await repository.sync();
      return repository.pulls
        .map((pull) => ({ ...repository.seen(pull, pageOf(pull)), isDraft: isDraftTitle(pull.title) }))
        .toReversed();
    },
    statuses: async (commit) =>
      statuses.latest(commit).map(({ name, state, description }) => ({
        context: name,
        state,
        description: description ?? '',
      })),
    person: simulatedPerson(repository, pageOf),
    at: (instant) => repository.at(instant),
    close: async () => {
      await front.close();
      await repository.stop();
    },
  };
}

function unknownPath(): ApiAnswer {
  return { status: 404, body: { error: '404 Not Found' } };
}
