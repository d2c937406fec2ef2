import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { git } from '../git-repo.ts';
import type { RunOptions } from '../scenario.ts';
import type { AfterHook } from '../scratch.ts';
import { type SimulatedScenario, startSimulated } from '../simulated-scenario.ts';
import type { ForgeUnderTest, SeenPullRequest } from './forge-under-test.ts';
import { startGiteaSimulator } from './gitea-simulator.ts';
import { startGithubSimulator } from './github-simulator.ts';
import { startGitlabSimulator } from './gitlab-simulator.ts';

/** A kind of forge, and with what certops comes to it. */
export interface ForgeCase {
  readonly name: string;
  readonly start: () => Promise<ForgeUnderTest>;
  /** Whether certops comes as a GitHub App in place of a token. */
  readonly isApp?: boolean;
  /** The App is all that there is: Git too has nothing else. */
  readonly isAppAlone?: boolean;
}

/** Every kind of forge with an API. */
export const FORGE_CASES: readonly ForgeCase[] = [
  { name: 'GitHub with a token', start: () => startGithubSimulator('token') },
  { name: 'GitHub with an App', start: () => startGithubSimulator('app'), isApp: true },
  { name: 'GitLab', start: () => startGitlabSimulator() },
  { name: 'Gitea', start: () => startGiteaSimulator('gitea') },
  { name: 'Forgejo', start: () => startGiteaSimulator('forgejo') },
];

/** Fetching and pushing with the tokens of the App. */
export const APP_ALONE: ForgeCase = {
  name: 'GitHub with an App and no other token',
  start: () => startGithubSimulator('app'),
  ...{ isApp: true, isAppAlone: true },
};

/** The number of the only App of the simulated GitHub. */
const APP_ID = '4711';

/** A scenario whose remote is the repository of a forge. */
export interface ForgeScenario extends SimulatedScenario {
  readonly forge: ForgeUnderTest;
  /** How a run finds the forge: what comes over it in `more` wins. */
  at(more?: RunOptions): RunOptions;
  /** Requests to the API since `from` (`forge.requests.length`) that write; proving who one is writes nothing. */
  writesSince(from: number): readonly string[];
  /** Names and commits of the branches for failures. */
  failureRefs(): Promise<string>;
  /** What people see of the pull requests, oldest first. */
  seen(): Promise<readonly SeenPullRequest[]>;
  /** The only open one whose title begins so. */
  theOpenOne(title: string): Promise<SeenPullRequest>;
}

/** Makes the world around a forge, which ends with the test. */
export async function startAtForge(
  name: string,
  context: AfterHook,
  { start, isApp = false, isAppAlone = false }: ForgeCase,
): Promise<ForgeScenario> {
  const forge = await start();
  context.after(() => void forge.close());
  const scenario = await startSimulated(name, context, forge.repository);
  const credentials = isApp ? appArguments(scenario, forge) : [];
  const forGit = { CERTOPS_GIT_USERNAME: forge.git.username, CERTOPS_GIT_TOKEN: forge.git.password };
  const env: Readonly<Record<string, string>> = {
    ...(isAppAlone ? {} : forGit),
    ...(isApp ? {} : { CERTOPS_FORGE_TOKEN: forge.token }),
  };
  const seen = async () => (await forge.pullRequests()).toReversed();
  return {
    ...scenario,
    forge,
    at: (more = {}) => ({
      repo: isAppAlone && forge.gitUrl !== undefined ? forge.gitUrl : forge.git.url,
      ...more,
      env: { ...env, ...more.env },
      args: [
        ...['--forge', forge.kind, '--forge-url', forge.apiUrl, '--allow-plain-loopback'],
        ...credentials,
        ...(more.args ?? []),
      ],
    }),
    writesSince: (from) =>
      forge.requests
        .slice(from)
        .filter((request) => !request.startsWith('GET ') && !/\/(access_tokens|graphql)$/.test(request)),
    failureRefs: () =>
      git([
        '-C',
        forge.repository,
        'for-each-ref',
        '--format=%(refname) %(objectname)',
        'refs/heads/certops',
      ]),
    seen,
    theOpenOne: async (title) => {
      const all = await seen();
      const open = all.filter((one) => one.state === 'open' && one.title.startsWith(title));
      const told =
        all.map((one) => `#${one.number} ${one.state}: ${one.title}`).join('\n') || 'none is there';
      const [only] = open;
      assert.ok(only !== undefined && open.length === 1, `one "${title}…" was expected:\n${told}`);
      return only;
    },
  };
}

function appArguments({ scratch }: SimulatedScenario, { token }: ForgeUnderTest): readonly string[] {
  const folder = scratch.keyFolder('app');
  chmodSync(folder, 0o700);
  const file = scratch.write('app/key.pem', token, 0o600);
  return ['--forge-app-id', APP_ID, '--forge-app-key', file];
}
