import { misuse, StoreError } from './errors.ts';

const MAX_SHOWN = 300;

/** Whether a branch brings what is not taken. */
export function isRefused(thrown: unknown): boolean {
  const codes = ['store.fetch-too-large', 'store.fetch-refused'];
  return thrown instanceof StoreError && codes.includes(thrown.code);
}

/** The remote is there, and Git cannot take a ref from it. */
export function fetchRefused(cause: StoreError): StoreError {
  return new StoreError(
    'store.fetch-refused',
    {
      what: 'A branch cannot be taken over from the remote',
      why: cause.explanation.why ?? '',
      next: 'Check whether it is still there, and what git fsck says about it',
    },
    { retry: { when: 'never' }, cause },
  );
}

/** What is no full ref name. */
export function noRef(ref: string): StoreError {
  return misuse('store.bad-ref', {
    what: `${JSON.stringify(ref.slice(0, MAX_SHOWN))} is no ref to fetch`,
  });
}

/** A lease was lost. */
export function branchMoved(branch: string): StoreError {
  return new StoreError(
    'store.branch-moved',
    { what: `Somebody else has moved the branch ${branch}`, next: 'It is looked at again' },
    { retry: { when: 'now' }, data: { branch } },
  );
}
