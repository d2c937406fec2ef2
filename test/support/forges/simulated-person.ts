import type { ForgeUnderTest } from './forge-under-test.ts';
import {
  FORK_OWNER,
  PERSON_LOGIN,
  type SimulatedRepository,
  type StoredPull,
} from './simulated-repository.ts';

/** What a person does in a simulated forge's pages, and by `git push`. `pageOf` is the URL of a pull request's page. */
export function simulatedPerson(
  repository: SimulatedRepository,
  pageOf: (pull: StoredPull) => string,
): ForgeUnderTest['person'] {
  const found = async (number: number): Promise<StoredPull> => {
    await repository.sync();
    const pull = repository.find(number);
    if (pull === undefined) throw new Error(`there is no pull request ${number}`);
    return pull;
  };
  const branchCommit = async (branch: string): Promise<string | undefined> =>
    (await repository.git.branches()).get(branch);

  return {
    close: async (number) => repository.close(await found(number)),
    reopen: async (number) => {
      const pull = await found(number);
      const obstacle = await repository.reopenObstacle(pull);
      if (obstacle !== undefined) throw new Error(`it cannot be opened again: ${obstacle}`);
      repository.reopen(pull);
      await repository.sync();
    },
    merge: async (number) => repository.merge(await found(number)),
    edit: async (number, { title, body }) => {
      const pull = await found(number);
      if (title !== undefined) pull.title = title;
      if (body !== undefined) pull.body = body;
      repository.touch(pull);
    },
    comment: async (number, body) => {
      repository.comment(await found(number), PERSON_LOGIN, body);
    },
    commit: async (branch, files) => {
      const parent = (await branchCommit(branch)) ?? (await branchCommit('main'));
      if (parent === undefined) throw new Error('the repository has no main');
      const commit = await repository.git.commitUpon(parent, files, 'Change');
      await repository.git.setRef(`refs/heads/${branch}`, commit);
      await repository.sync();
      return commit;
    },
    open: async ({ headBranch, title, body = '', files, isFork = false }) => {
      const main = await branchCommit('main');
      if (main === undefined) throw new Error('the repository has no main');
      const headCommit = await repository.git.commitUpon(main, files, title);
      if (!isFork) await repository.git.setRef(`refs/heads/${headBranch}`, headCommit);
      const pull = await repository.add({
        author: isFork ? FORK_OWNER : PERSON_LOGIN,
        headBranch,
        headCommit,
        baseBranch: 'main',
        title,
        body,
        forkOwner: isFork ? FORK_OWNER : undefined,
      });
      return repository.seen(pull, pageOf(pull));
    },
  };
}
