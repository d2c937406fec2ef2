import { StoreError } from './errors.ts';
import type { BranchRefs, Mirror } from './mirror.ts';
import type { Tip } from './reader.ts';
import type { RepositoryReader } from './repository-reader.ts';
import {
  type AcceptedHistory,
  decodeState,
  MAX_STATE_BYTES,
  STATE_FILE,
  type StateDocument,
  stateUnreadable,
} from './state.ts';
import { findFile } from './tree-edit.ts';

/** What the branch and its state document are, as far as we have looked. */
export interface BranchView {
  readonly tip: Tip;
  /** Commit of the state document; null while there is none. */
  readonly stateCommit: string | null;
}

/** Reading branch and state takes two requests; a push may fall between them. */
const MAX_LOOKS = 5;

/**
 * Follows the remote branch: looks, fetches, and refuses a tip that does not descend from the last one
 * seen (by this process, by this mirror, or by whoever wrote the state document last).
 */
export class RemoteBranch {
  readonly #mirror: Mirror;
  readonly #reader: RepositoryReader;
  readonly #branch: string;
  #view: BranchView | null = null;
  /** Counts what we moved ourselves, so that a look that began before is not believed. */
  #generation = 0;
  #turn: Promise<unknown> = Promise.resolve();
  #state: { readonly commit: string; readonly document: StateDocument } | null = null;

  constructor(mirror: Mirror, reader: RepositoryReader, branch: string) {
    this.#mirror = mirror;
    this.#reader = reader;
    this.#branch = branch;
  }

  /** Throws `store.branch-missing` before the first successful refresh. */
  get view(): BranchView {
    if (this.#view === null) throw branchMissing(this.#branch);
    return this.#view;
  }

  /**
   * The newest view of the remote. Throws `store.unreachable`, `store.branch-missing`,
   * `store.history-rewritten`.
   */
  refresh(signal?: AbortSignal): Promise<BranchView> {
    const turn = this.#turn.then(() => this.#refresh(signal));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  /** Takes over what a push of our own has moved. */
  async pushed(from: BranchView, to: BranchView): Promise<void> {
    this.#generation += 1;
    // A look that ran meanwhile may already have found our commit, and others on top of it.
    if (this.#view?.tip.commit !== from.tip.commit && this.#view?.tip.commit !== to.tip.commit) return;
    this.#view = to;
    await this.#mirror.accept({ branch: to.tip.commit, state: to.stateCommit });
  }

  /** The state document; empty while there is none. Throws `store.state-unreadable`. */
  async state(view: BranchView = this.view): Promise<StateDocument> {
    if (view.stateCommit === null) return {};
    if (this.#state?.commit !== view.stateCommit)
      this.#state = { commit: view.stateCommit, document: await this.#readState(view.stateCommit) };
    return this.#state.document;
  }

  /** Looks without judging the history: for a person's word that this is the one to go on from. */
  async acceptWhateverIsThere(signal?: AbortSignal): Promise<BranchView> {
    const refs = await this.#look(signal);
    this.#view = await this.#viewOf(refs);
    await this.#mirror.accept(refs);
    return this.#view;
  }

  async #refresh(signal: AbortSignal | undefined): Promise<BranchView> {
    if (this.#mirror.isDamaged) {
      const known = this.#view;
      await this.#mirror.recreate();
      if (known !== null) await this.#mirror.fetch(await this.#mirror.poll(signal), signal);
    }
    for (let look = 1; ; look++) {
      const generation = this.#generation;
      const refs = await this.#look(signal);
      if (generation !== this.#generation) continue;
      const current = this.#view;
      if (current !== null && refs.branch === current.tip.commit && refs.state === current.stateCommit)
        return current;
      const next = await this.#viewOf(refs);
      const isContinued = await this.#continues(next);
      if (generation !== this.#generation) continue;
      if (isContinued) {
        this.#view = next;
        await this.#mirror.accept(refs);
        return next;
      }
      if (look >= MAX_LOOKS) throw historyRewritten(this.#branch, next.tip.commit);
    }
  }

  /** What the remote has, with its objects in the mirror. */
  async #look(signal: AbortSignal | undefined): Promise<BranchRefs & { readonly branch: string }> {
    const polled = await this.#mirror.poll(signal);
    if (polled.branch === null) throw branchMissing(this.#branch);
    const known = await this.#knownRefs();
    if (polled.branch === known.branch && polled.state === known.state)
      return { ...polled, branch: polled.branch };
    const { branch, state } = await this.#mirror.fetch(polled, signal);
    if (branch === null) throw branchMissing(this.#branch);
    return { branch, state };
  }

  async #knownRefs(): Promise<BranchRefs> {
    if (this.#view === null || this.#mirror.isDamaged) return this.#mirror.accepted();
    return refsOf(this.#view);
  }

  async #viewOf(refs: BranchRefs & { readonly branch: string }): Promise<BranchView> {
    return { tip: await this.#reader.tipAt(refs.branch), stateCommit: refs.state };
  }

  async #continues(next: BranchView): Promise<boolean> {
    const before = this.#view === null ? await this.#mirror.accepted() : refsOf(this.#view);
    const seen = before.branch === null ? [] : [before.branch];
    if (this.#view === null) {
      const { lastTip } = await this.state(next);
      if (typeof lastTip === 'string') seen.push(lastTip);
    }
    for (const tip of seen) {
      if (await this.#reader.isAncestor(tip, next.tip.commit)) continue;
      if (!(await this.#isAcceptedSince(before.state, next))) return false;
    }
    return true;
  }

  /** Whether a person has accepted the history that `next` continues, after we saw the state `before`. */
  async #isAcceptedSince(before: string | null, next: BranchView): Promise<boolean> {
    const known = before === null ? undefined : (await this.#readState(before)).acceptedHistory;
    const { acceptedHistory } = await this.state(next);
    if (!isAcceptance(acceptedHistory) || (isAcceptance(known) && known.at === acceptedHistory.at))
      return false;
    return this.#reader.isAncestor(acceptedHistory.tip, next.tip.commit);
  }

  async #readState(commit: string): Promise<StateDocument> {
    const { tree } = await this.#reader.tipAt(commit);
    const { objects } = this.#mirror;
    const oid = await findFile(objects, tree, STATE_FILE);
    if (oid === null) throw stateUnreadable();
    return decodeState(await objects.blob(oid, MAX_STATE_BYTES));
  }
}

function refsOf(view: BranchView): BranchRefs {
  return { branch: view.tip.commit, state: view.stateCommit };
}

function isAcceptance(value: unknown): value is AcceptedHistory {
  if (typeof value !== 'object' || value === null) return false;
  const { tip, at } = value as Partial<Record<keyof AcceptedHistory, unknown>>;
  return typeof tip === 'string' && typeof at === 'string';
}

function branchMissing(branch: string): StoreError {
  return new StoreError(
    'store.branch-missing',
    {
      what: `The remote has no branch ${branch}`,
      next: 'Push a first commit to it, or check --branch',
    },
    { retry: { when: 'backoff' }, data: { branch } },
  );
}

function historyRewritten(branch: string, tip: string): StoreError {
  return new StoreError(
    'store.history-rewritten',
    {
      what: `The history of ${branch} was rewritten`,
      why: `Its tip ${tip.slice(0, 12)} does not descend from the last one that certops saw`,
      next: 'Nothing is written until a person looks and says `certops accept-history`',
    },
    { retry: { when: 'never' }, data: { branch, tip } },
  );
}
