import { CertopsError, type CertopsErrorOptions, type Explanation } from '../lib/errors.ts';

/**
 * Why the store could not do what was asked. Codes:
 *
 * - `store.unreachable`: the remote cannot be read or written just now (network, credentials, time-out).
 * - `store.push-refused`: the remote is there and turned the push down (hook, protected branch).
 * - `store.contended`: the race for the branch was lost too many times in a row.
 * - `store.branch-missing`: the remote has no such branch.
 * - `store.history-rewritten`: the branch does not descend from the last tip seen; nothing is written.
 * - `store.mirror-damaged`: the local mirror lacks an object; the next refresh makes it anew.
 * - `store.blob-too-large`, `store.tree-too-large`: more than the caller or the house allows.
 * - `store.bad-path`, `store.path-conflict`: a change set names a path that cannot be written.
 * - `store.bad-remote`, `store.bad-branch`: the configuration names what is not allowed.
 * - `store.state-unreadable`: the state document is not ours.
 * - `store.signing-key-unreadable`, `store.signing-key-unsupported`, `store.signing-key-exposed`.
 * - `store.pack-rejected`: git refused the objects we built (a defect).
 * - `store.not-a-repository`: there is no Git repository where one was looked for.
 * - `store.branch-moved`: a branch of ours is not where it was: somebody pushed to it.
 * - `store.bad-ref`, `store.fetch-refused`, `store.fetch-too-large`, `store.nothing-proposed`: what is asked of a branch cannot be.
 * - `store.closed`: the store was closed while this waited.
 */
export class StoreError extends CertopsError {}

/** What a change set acted on no longer stands. The caller looks again at once. */
export class PreconditionError extends CertopsError {
  constructor(what: string) {
    super(
      'store.precondition-failed',
      {
        what: `The repository changed meanwhile: ${what}`,
        next: 'The newest state is looked at again at once',
      },
      { retry: { when: 'now' }, data: { what } },
    );
  }
}

/** The remote cannot be read or written just now. `why` holds no credentials. */
export function unreachable(why: string, options: CertopsErrorOptions = {}): StoreError {
  return new StoreError(
    'store.unreachable',
    {
      what: 'The Git remote cannot be reached',
      why,
      next: 'It is tried again by itself; nothing new is finalized meanwhile',
    },
    { retry: { when: 'backoff' }, ...options },
  );
}

/** An object that must be in the mirror is not, or cannot be read. */
export function mirrorDamaged(why: string, cause?: unknown): StoreError {
  return new StoreError(
    'store.mirror-damaged',
    { what: 'The local mirror is damaged', why, next: 'It is thrown away and made anew' },
    { retry: { when: 'now' }, ...(cause === undefined ? {} : { cause }) },
  );
}

/** A mistake in the configuration or in a change set: trying again does not help. */
export function misuse(code: string, explanation: Explanation): StoreError {
  return new StoreError(code, explanation, { retry: { when: 'never' } });
}
