import type { Forge } from '../../../src/forge/forge.ts';
import { createPlainForge } from '../../../src/forge/plain.ts';
import { type Clock, systemClock } from '../../../src/lib/clock.ts';
import { noFaults } from '../../../src/lib/faults.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { Sensitive } from '../../../src/lib/sensitive.ts';
import { Store } from '../../../src/store/store.ts';
import { makeScratch } from '../scratch.ts';
import type { ForgeFaults, ForgeUnderTest, SeenPullRequest } from './forge-under-test.ts';
import { type SimulatedGit, startSimulatedGit } from './simulated-git.ts';

const PREFIX = 'certops/failure/main/';

/**
 * A plain Git server: real Git over HTTP and nothing else. A person closes a pull request by deleting its branch, and
 * merges it with `git merge`.
 */
export async function startPlainGit(): Promise<ForgeUnderTest> {
  const simulated = await startSimulatedGit();
  const { server, repository } = simulated;
  const scratch = makeScratch('plain-git');
  const stores: Store[] = [];
  const heads = new Map<number, { readonly branch: string; readonly head: string }>();
  let offsetMs = 0;
  const clock: Clock = { ...systemClock(), now: () => new Date(Date.now() + offsetMs) };

  const openStore = async (): Promise<Store> => {
    const store = await Store.open({
      remoteUrl: server.url,
      branch: 'main',
      dataDir: scratch.path(`data-${stores.length}`),
      identity: () => ({ name: 'certops', email: 'certops@localhost' }),
      credentials: { username: server.username, token: new Sensitive(server.password) },
      ...{ clock, faults: noFaults, log: silentLog },
    });
    stores.push(store);
    return store;
  };

  const connect: ForgeUnderTest['connect'] = async () => {
    const store = await openStore();
    return createPlainForge({
      branches: store.branches,
      state: {
        read: async () => {
          await store.refresh();
          return store.readState();
        },
        update: (change, signal) => store.updateState(change, signal),
      },
      ...{ clock, sourceBranch: 'main' },
    });
  };

  let observer: Promise<Forge> | undefined;
  const pullRequests = async (): Promise<readonly SeenPullRequest[]> => {
    observer ??= connect();
    const forge = await observer;
    const seen = await forge.proposals(PREFIX, new Date(0), AbortSignal.timeout(60_000));
    for (const { number, headBranch, headCommit } of seen)
      heads.set(number, { branch: headBranch, head: headCommit });
    return seen.map((one) => ({ ...one, comments: [], reviewers: [] }));
  };

  const found = async (number: number) => {
    await pullRequests();
    const pull = heads.get(number);
    if (pull === undefined) throw new Error(`there is no pull request ${number}`);
    return pull;
  };

  return {
    kind: 'git',
    git: server,
    repository,
    apiUrl: '',
    token: server.password,
    faults: faultsOf(server.faults),
    requests: server.requests,
    received: [],
    connect,
    pullRequests,
    statuses: async () => [],
    person: personOf(simulated, found, pullRequests),
    at: (instant) => {
      offsetMs = instant.getTime() - Date.now();
    },
    close: async () => {
      await Promise.all(stores.map((store) => store.close()));
      await simulated.close();
      scratch.remove();
    },
  };
}

/** What a person does with git alone. */
function personOf(
  simulated: SimulatedGit,
  found: (number: number) => Promise<{ readonly branch: string; readonly head: string }>,
  pullRequests: () => Promise<readonly SeenPullRequest[]>,
): ForgeUnderTest['person'] {
  const tipOf = async (branch: string): Promise<string | undefined> =>
    (await simulated.branches()).get(branch);
  return {
    close: async (number) => simulated.setRef(`refs/heads/${(await found(number)).branch}`, undefined),
    reopen: async (number) => {
      const { branch, head } = await found(number);
      await simulated.setRef(`refs/heads/${branch}`, head);
    },
    merge: async (number) => {
      const { branch, head } = await found(number);
      await simulated.merge('main', (await tipOf(branch)) ?? head, `Merge ${branch}`);
      await simulated.setRef(`refs/heads/${branch}`, undefined);
    },
    edit: async () => {
      throw new Error('on plain Git a text is a commit message: whoever edits it commits');
    },
    comment: async () => {
      throw new Error('there are no comments on plain Git');
    },
    commit: async (branch, files) => {
      const parent = (await tipOf(branch)) ?? (await tipOf('main'));
      if (parent === undefined) throw new Error('the repository has no main');
      const commit = await simulated.commitUpon(parent, files, 'Change');
      await simulated.setRef(`refs/heads/${branch}`, commit);
      return commit;
    },
    open: async ({ headBranch, title, body = '', files, isFork = false }) => {
      if (isFork) throw new Error('there are no forks on plain Git');
      const main = await tipOf('main');
      if (main === undefined) throw new Error('the repository has no main');
      const commit = await simulated.commitUpon(main, files, `${title}\n\n${body}`);
      await simulated.setRef(`refs/heads/${headBranch}`, commit);
      const pull = (await pullRequests()).find((one) => one.headBranch === headBranch);
      if (pull === undefined) throw new Error(`${headBranch} is no branch of a proposal`);
      return pull;
    },
  };
}

/** The faults of a forge as those of its Git server. */
function faultsOf(faults: SimulatedGit['server']['faults']): ForgeFaults {
  let outage: ForgeFaults['outage'];
  let rateLimit: ForgeFaults['rateLimit'];
  let isUnauthorized: boolean | undefined;
  const apply = (): void => {
    const status = rateLimit !== undefined ? 429 : isUnauthorized === true ? 401 : undefined;
    faults.status = outage !== undefined ? 503 : status;
  };
  return {
    get outage() {
      return outage;
    },
    set outage(value) {
      outage = value;
      apply();
    },
    get rateLimit() {
      return rateLimit;
    },
    set rateLimit(value) {
      rateLimit = value;
      apply();
    },
    get isUnauthorized() {
      return isUnauthorized;
    },
    set isUnauthorized(value) {
      isUnauthorized = value;
      apply();
    },
    get losesNextAnswer() {
      return faults.cutsAfterNextPush;
    },
    set losesNextAnswer(value) {
      faults.cutsAfterNextPush = value;
    },
  };
}
