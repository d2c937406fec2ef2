import type { Clock } from '../lib/clock.ts';
import type { FaultPoints } from '../lib/faults.ts';
import type { Log } from '../lib/log.ts';
import { type BuiltBatch, buildBatch, sizeOfChangeSet } from './batch.ts';
import type { ChangeSet, CommitResult } from './change-set.ts';
import { StoreError, unreachable } from './errors.ts';
import type { Mirror } from './mirror.ts';
import type { PushVerdict } from './push.ts';
import type { BranchView, RemoteBranch } from './remote-branch.ts';
import type { RepositoryReader } from './repository-reader.ts';
import type { CommitSigner } from './ssh-signature.ts';

export interface WriterOptions {
  readonly branch: string;
  readonly identity: () => { readonly name: string; readonly email: string };
  readonly signer: CommitSigner | undefined;
  readonly maxBatch: { readonly changeSets: number; readonly bytes: number };
  readonly clock: Clock;
  readonly faults: FaultPoints;
  readonly log: Log;
}

interface Waiting {
  readonly changeSet: ChangeSet;
  readonly resolve: (result: CommitResult) => void;
  readonly reject: (reason: unknown) => void;
}

type Outcome =
  | { readonly kind: 'arrived' }
  /** Others moved the refs: build again on what they left. */
  | { readonly kind: 'lost' }
  /** The server said no although nobody moved anything. */
  | { readonly kind: 'refused'; readonly why: string };

const MAX_ATTEMPTS = 50;
/** A push that others hold up for a moment looks refused. */
const MAX_REFUSALS = 3;
const MAX_WAIT_MS = 250;

/**
 * The one writer of the branch: takes what waits, builds it as a chain of commits on the newest tip,
 * pushes it once with exact leases, and tells every waiting caller. Who loses a race is rebuilt.
 */
export class Writer {
  readonly #mirror: Mirror;
  readonly #remote: RemoteBranch;
  readonly #reader: RepositoryReader;
  readonly #options: WriterOptions;
  readonly #queue: Waiting[] = [];
  #running: Promise<void> | null = null;
  #isClosed = false;

  constructor(mirror: Mirror, remote: RemoteBranch, reader: RepositoryReader, options: WriterOptions) {
    this.#mirror = mirror;
    this.#remote = remote;
    this.#reader = reader;
    this.#options = options;
  }

  /**
   * Queues a change set; resolves when the remote has it. `signal` takes it out of the queue; once it is
   * being pushed, it settles with the push.
   */
  commit(changeSet: ChangeSet, signal?: AbortSignal): Promise<CommitResult> {
    if (this.#isClosed) return Promise.reject(closed());
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolvePromise, rejectPromise) => {
      const onAbort = (): void => {
        const index = this.#queue.indexOf(waiting);
        if (index < 0) return;
        this.#queue.splice(index, 1);
        rejectPromise(signal?.reason);
      };
      const done = (): void => signal?.removeEventListener('abort', onAbort);
      const waiting: Waiting = {
        changeSet,
        resolve: (result) => {
          done();
          resolvePromise(result);
        },
        reject: (reason) => {
          done();
          rejectPromise(reason);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#queue.push(waiting);
      this.#running ??= this.#run();
    });
  }

  /** Lets the push under way end; what still waits is rejected with `store.closed`. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const waiting of this.#queue.splice(0)) waiting.reject(closed());
    await this.#running;
  }

  async #run(): Promise<void> {
    // Everything that is handed over in the same turn of the event loop rides in the same push.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0) {
      const batch = this.#takeBatch();
      try {
        await this.#write(batch);
      } catch (thrown) {
        for (const waiting of batch) waiting.reject(thrown);
      }
      this.#mirror.joinPacks().catch((thrown: unknown) => {
        this.#options.log.warn({ err: thrown }, 'joining packs failed');
      });
    }
    this.#running = null;
  }

  #takeBatch(): readonly Waiting[] {
    const { maxBatch } = this.#options;
    let bytes = 0;
    let count = 0;
    for (const { changeSet } of this.#queue) {
      bytes += sizeOfChangeSet(changeSet);
      if (count > 0 && (count >= maxBatch.changeSets || bytes > maxBatch.bytes)) break;
      count += 1;
    }
    return this.#queue.splice(0, count);
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    let waiting = batch;
    let refusals = 0;
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const base = this.#remote.view;
      const built = await this.#build(base, waiting);
      if (built === null) {
        // The mirror was damaged; it has been made anew.
        continue;
      }
      waiting = settleRejected(waiting, built.batch);
      const { pack, next } = built.batch;
      const told = built.batch;
      if (pack === null) {
        settle(built.items, told);
        return;
      }
      await this.#mirror.addPack(pack);
      const outcome = await this.#push(base, next, waiting);
      if (outcome.kind === 'arrived') {
        for (const [oid, content] of told.newTrees) this.#mirror.objects.remember('tree', oid, content);
        for (const [oid, content] of told.newCommits) this.#mirror.objects.remember('commit', oid, content);
        settle(built.items, told);
        return;
      }
      if (outcome.kind === 'refused') {
        refusals += 1;
        if (refusals >= MAX_REFUSALS) throw pushRefused(outcome.why);
      }
      if (waiting.length === 0) return;
      this.#options.log.debug({ attempt, outcome: outcome.kind }, 'the push lost a race and is built again');
      await this.#options.clock.sleep(Math.random() * Math.min(MAX_WAIT_MS, 10 * attempt));
    }
    throw contended();
  }

  async #build(
    base: BranchView,
    items: readonly Waiting[],
  ): Promise<{ batch: BuiltBatch; items: readonly Waiting[] } | null> {
    const { branch, identity, signer, clock } = this.#options;
    try {
      const state = await this.#remote.state(base);
      const context = {
        ...{ objects: this.#mirror.objects, base, state, branch, signer },
        ...{ identity: identity(), when: clock.now() },
      };
      const changeSets = items.map(({ changeSet }) => changeSet);
      return { batch: await buildBatch(context, changeSets), items };
    } catch (thrown) {
      if (!this.#mirror.isDamaged) throw thrown;
      await this.#remote.refresh();
      return null;
    }
  }

  async #push(base: BranchView, next: BranchView, items: readonly Waiting[]): Promise<Outcome> {
    this.#reach(items, 'built');
    const branch = { from: base.tip.commit, to: next.tip.commit };
    const state = { from: base.stateCommit, to: next.stateCommit ?? '' };
    const verdict = await this.#mirror.push(
      {
        branch: branch.from === branch.to ? undefined : branch,
        state: state.from === next.stateCommit ? undefined : state,
      },
      () => this.#reach(items, 'pushing'),
    );
    const outcome: Outcome =
      verdict.kind === 'pushed' ? { kind: 'arrived' } : await this.#findOut(base, next, verdict);
    if (outcome.kind === 'arrived') {
      this.#reach(items, 'pushed');
      await this.#remote.pushed(base, next);
    }
    return outcome;
  }

  /** What became of a push that was not confirmed: only the remote's refs tell. */
  async #findOut(
    base: BranchView,
    next: BranchView,
    verdict: PushVerdict & { why: string },
  ): Promise<Outcome> {
    const view = await this.#remote.refresh();
    const hasMoved = next.tip.commit !== base.tip.commit;
    const isThere = hasMoved
      ? await this.#reader.isAncestor(next.tip.commit, view.tip.commit)
      : view.stateCommit === next.stateCommit;
    if (isThere) return { kind: 'arrived' };
    const isUnchanged = view.tip.commit === base.tip.commit && view.stateCommit === base.stateCommit;
    if (!isUnchanged) return { kind: 'lost' };
    if (verdict.kind === 'rejected') return { kind: 'refused', why: verdict.why };
    throw unreachable(`Pushing failed: ${verdict.why}`);
  }

  #reach(items: readonly Waiting[], step: 'built' | 'pushing' | 'pushed'): void {
    for (const label of new Set(items.map(({ changeSet }) => changeSet.label)))
      if (label !== 'other') this.#options.faults.reach(`${label}-${step}`);
  }
}

/** Tells those that were left out; gives back the others. */
function settleRejected(items: readonly Waiting[], built: BuiltBatch): readonly Waiting[] {
  for (const [index, reason] of built.rejections) items[index]?.reject(reason);
  return items.filter((_, index) => !built.rejections.has(index));
}

function settle(items: readonly Waiting[], built: BuiltBatch): void {
  for (const [index, commit] of built.commits) items[index]?.resolve({ commit });
}

function pushRefused(why: string): StoreError {
  return new StoreError(
    'store.push-refused',
    {
      what: 'The Git server does not take our commits',
      why,
      next: 'Check the branch protection, the hooks and the rights of the token; it is tried again by itself',
    },
    { retry: { when: 'backoff' } },
  );
}

function contended(): StoreError {
  return new StoreError(
    'store.contended',
    {
      what: `Somebody else was faster ${MAX_ATTEMPTS} times in a row`,
      next: 'It is tried again by itself; check whether another program pushes without pause',
    },
    { retry: { when: 'backoff' } },
  );
}

function closed(): StoreError {
  return new StoreError('store.closed', { what: 'The store was closed before this could be written' });
}
