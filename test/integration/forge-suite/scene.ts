import type { TestContext } from 'node:test';
import type { Forge } from '../../../src/forge/forge.ts';
import type { PullRequest, PullRequestDraft } from '../../../src/proposals/pull-request.ts';
import type { ForgeUnderTest } from '../../support/forges/forge-under-test.ts';

export const PREFIX = 'certops/failure/main/';
export const BRANCH = `${PREFIX}web-www-0a1b2c3d`;
const HOUR_MS = 3_600_000;

/** A forge of its own for one test, with one client of it. */
export interface Scene {
  readonly at: ForgeUnderTest;
  readonly forge: Forge;
  readonly signal: AbortSignal;
  /** An hour ago: everything that happens in a test lies after it. */
  readonly since: Date;
  /** Pushes a proposal's branch and gives what its pull request is to be. */
  draft(change?: Partial<PullRequestDraft>): Promise<PullRequestDraft>;
  /** The same, opened. */
  opened(change?: Partial<PullRequestDraft>): Promise<{
    readonly draft: PullRequestDraft;
    readonly pullRequest: PullRequest;
  }>;
  /** The pull request as people see it. */
  seen(number: number): Promise<Awaited<ReturnType<ForgeUnderTest['pullRequests']>>[number]>;
  /** Requests that change something, made while `action` runs: `POST /…`. */
  writesDuring(action: () => Promise<unknown>): Promise<readonly string[]>;
}

export async function scene(start: () => Promise<ForgeUnderTest>, test: TestContext): Promise<Scene> {
  const at = await start();
  test.after(() => at.close());
  const forge = await at.connect();
  const { signal } = test;

  const draft = async (change: Partial<PullRequestDraft> = {}): Promise<PullRequestDraft> => {
    const headBranch = change.headBranch ?? BRANCH;
    const headCommit = await at.person.commit(headBranch, { 'www.yaml': `# remedy for ${headBranch}\n` });
    return {
      title: 'web/www cannot be issued: no such domain',
      body: 'What failed.\n\n<!-- certops:cause 0a1b2c3d -->\n',
      headBranch,
      headCommit,
      baseBranch: 'main',
      labels: ['certops'],
      reviewers: [],
      ...change,
    };
  };
  return {
    at,
    forge,
    signal,
    since: new Date(Date.now() - HOUR_MS),
    draft,
    opened: async (change) => {
      const wanted = await draft(change);
      return { draft: wanted, pullRequest: await forge.ensureOpen(wanted, undefined, signal) };
    },
    seen: async (number) => {
      const found = (await at.pullRequests()).find((one) => one.number === number);
      if (found === undefined) throw new Error(`nobody sees a pull request ${number}`);
      return found;
    },
    writesDuring: async (action) => {
      const before = at.requests.length;
      await action();
      const made = at.requests.slice(before);
      // Asking for an App's next token changes nothing.
      return made.filter((request) => !request.startsWith('GET ') && !request.endsWith('/access_tokens'));
    },
  };
}

/** What it was rejected with. */
export async function failure(action: Promise<unknown>): Promise<unknown> {
  return action.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown,
  );
}
