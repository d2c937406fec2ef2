import { misuse, StoreError } from './errors.ts';

/** The remote has no such source branch. */
export function branchMissing(branch: string): StoreError {
  return new StoreError(
    'store.branch-missing',
    { what: `The repository has no branch ${branch}`, next: 'Check --branch, or make a first commit' },
    { retry: { when: 'never' }, data: { branch } },
  );
}

/** Both sides of a merge changed the same lines. */
export function conflict(files: readonly string[]): StoreError {
  const named = files.slice(0, 3).join(', ');
  return new StoreError(
    'store.merge-conflict',
    {
      what: 'The two cannot be merged without a person',
      why: `Both changed the same lines: ${named}${files.length > 3 ? ', …' : ''}`,
      next: 'Merge them with git merge, and push; nothing was changed',
    },
    { retry: { when: 'never' }, data: { files: files.slice(0, 20) } },
  );
}

/** The person's Git made no commit. */
export function commitRefused(what: string, why: string, next: string): StoreError {
  return misuse('store.commit-refused', { what, why, next });
}

/** The server's rules, or a hook, stop a push. */
export function pushRefused(branch: string, why: string): StoreError {
  return new StoreError(
    'store.push-refused',
    {
      what: `The Git server does not take the push to ${branch}`,
      why,
      next: 'Where the branch is protected, go by a pull request',
    },
    { retry: { when: 'never' } },
  );
}
