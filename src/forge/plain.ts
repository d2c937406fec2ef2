import type { Clock } from '../lib/clock.ts';
import type { PullRequest, PullRequestDraft } from '../proposals/pull-request.ts';
import type { Forge } from './forge.ts';
import {
  encodeLedger,
  LEDGER_KEY,
  type Ledger,
  type LedgerEntry,
  markerOf,
  readLedger,
} from './plain-ledger.ts';
import { noticed } from './plain-notices.ts';

/** The tip of a branch, as far as a pull request is made of it. */
export interface PlainTip {
  readonly commit: string;
  /** The whole message, which is the pull request's text. */
  readonly message: string;
  readonly committedAt: Date;
}

/** What plain Git is made of; `store` brings the branches and the state document. */
export interface PlainForgeParts {
  readonly branches: {
    list(prefix: string, signal: AbortSignal): Promise<ReadonlyMap<string, PlainTip>>;
    /** Throws where the branch is not at `expected`; one that is gone is fine. */
    remove(branch: string, expected: string, signal: AbortSignal): Promise<void>;
    /** Those that the source branch has by now, themselves or what they change; looked up at the remote. */
    mergedAmong(commits: Iterable<string>, signal: AbortSignal): Promise<ReadonlySet<string>>;
  };
  readonly state: {
    read(): Promise<{ readonly [key: string]: unknown }>;
    update(
      change: (state: { readonly [key: string]: unknown }) => { readonly [key: string]: unknown },
      signal: AbortSignal,
    ): Promise<void>;
  };
  readonly clock: Clock;
  /** The branch that is merged into. */
  readonly sourceBranch: string;
}

/** A subject line that `git log --oneline` shows whole, and a text that is still read in a terminal. */
const LIMITS = { titleCharacters: 72, bodyCharacters: 16_384 };

/**
 * Pull requests where there is no forge: one is its branch, and the message of the branch's one commit is its text.
 * Merging it is `git merge`, closing it is deleting the branch. What a branch cannot say (its number, when it was
 * opened, who closed it) stands in the state document under `proposals`. There are no comments and no statuses.
 *
 * Throws what its parts throw.
 */
export function createPlainForge(parts: PlainForgeParts): Forge {
  const { branches, state, clock, sourceBranch } = parts;

  const write = async (change: (ledger: Ledger) => Ledger, signal: AbortSignal): Promise<Ledger> => {
    const before = readLedger(await state.read());
    const after = change(before);
    if (after === before) return before;
    await state.update(
      (document) => ({ ...document, [LEDGER_KEY]: encodeLedger(change(readLedger(document)), clock.now()) }),
      signal,
    );
    return after;
  };

  const proposals: Forge['proposals'] = async (prefix, since, signal) => {
    const tips = await branches.list(prefix, signal);
    const entries = readLedger(await state.read()).entries.filter(({ branch }) => branch.startsWith(prefix));
    const heads = new Set([
      ...[...tips.values()].map(({ commit }) => commit),
      ...entries.flatMap(({ state: is, head }) => (is === 'open' ? [head] : [])),
    ]);
    // After the branches: a person merges first and deletes then.
    const merged = await branches.mergedAmong(heads, signal);
    const now = clock.now();
    const ledger = await write(
      (before) => noticed(before, { prefix, tips, merged, sourceBranch, now }),
      signal,
    );
    const found = ledger.entries.filter(({ branch }) => branch.startsWith(prefix));
    for (const entry of found) {
      // The daemon ended between writing down that it is closed and taking its branch away.
      const isLeftOver = entry.closedBy === 'certops' && tips.get(entry.branch)?.commit === entry.head;
      if (isLeftOver) await branches.remove(entry.branch, entry.head, signal);
    }
    return found
      .filter(({ closedAt }) => closedAt === undefined || closedAt >= since)
      .map((entry) => pullRequestOf(entry, entry.state === 'open' ? tips.get(entry.branch) : undefined))
      .toSorted((a, b) => b.number - a.number);
  };

  return {
    kind: 'git',
    limits: LIMITS,
    proposals,
    ensureOpen: async (draft, known, signal) => {
      const now = clock.now();
      const ledger = await write((before) => opened(before, draft, known, now), signal);
      const entry = ledger.entries.find(
        ({ branch, state: is }) => branch === draft.headBranch && is === 'open',
      );
      return pullRequestOf(entry ?? newEntry(ledger.next, draft, now), undefined, draft);
    },
    ensureClosed: async (pullRequest, last, signal) => {
      const { headBranch, headCommit } = pullRequest;
      const now = clock.now();
      const isIt = (entry: LedgerEntry): boolean =>
        entry.branch === headBranch && entry.number === pullRequest.number && entry.state === 'open';
      const change = (ledger: Ledger): Ledger =>
        ledger.entries.some(isIt)
          ? replaced(ledger, isIt, (entry) => ({
              ...entry,
              ...{ state: 'closed', closedBy: 'certops', head: headCommit, body: markerOf(last.body) },
              ...{ closedAt: now, updatedAt: now },
            }))
          : ledger;
      const isOpen = readLedger(await state.read()).entries.some(isIt);
      if (!isOpen) return;
      // First that it was closed by us: a branch that is merely gone was closed by a person.
      await write(change, signal);
      await branches.remove(headBranch, headCommit, signal);
    },
    openPullRequests: async () => [],
    headRef: ({ headBranch }) => `refs/heads/${headBranch}`,
    ensureStatus: async () => {},
    ensureComment: async () => {},
  };
}

function opened(ledger: Ledger, draft: PullRequestDraft, known: PullRequest | undefined, now: Date): Ledger {
  const isOpen = (entry: LedgerEntry): boolean => entry.branch === draft.headBranch && entry.state === 'open';
  const isKnown = (entry: LedgerEntry): boolean =>
    entry.branch === draft.headBranch && entry.number === known?.number && entry.state === 'closed';
  const { headCommit: head, title } = draft;
  const body = markerOf(draft.body);
  const current = ledger.entries.find(isOpen);
  if (current?.head === head && current.title === title && current.body === body) return ledger;
  if (current !== undefined)
    return replaced(ledger, isOpen, (entry) => ({ ...entry, head, title, body, updatedAt: now }));
  if (ledger.entries.some(isKnown)) {
    return replaced(ledger, isKnown, ({ closedAt: _closedAt, closedBy: _closedBy, ...entry }) => ({
      ...entry,
      ...{ state: 'open', head, title, body, updatedAt: now },
    }));
  }
  return { next: ledger.next + 1, entries: [...ledger.entries, newEntry(ledger.next, draft, now)] };
}

function newEntry(number: number, draft: PullRequestDraft, now: Date): LedgerEntry {
  const { headBranch: branch, headCommit: head, baseBranch, title, body } = draft;
  return {
    ...{ number, branch, head, baseBranch, title, body: markerOf(body) },
    ...{ state: 'open', createdAt: now, updatedAt: now },
  };
}

function replaced(
  ledger: Ledger,
  isIt: (entry: LedgerEntry) => boolean,
  change: (entry: LedgerEntry) => LedgerEntry,
): Ledger {
  return { ...ledger, entries: ledger.entries.map((entry) => (isIt(entry) ? change(entry) : entry)) };
}

function pullRequestOf(entry: LedgerEntry, tip?: PlainTip, draft?: PullRequestDraft): PullRequest {
  const [subject = '', ...rest] = (tip?.message ?? '').split('\n');
  return {
    number: entry.number,
    url: '',
    state: entry.state,
    title: draft?.title ?? (tip === undefined ? entry.title : subject),
    body: draft?.body ?? (tip === undefined ? entry.body : rest.join('\n').trim()),
    headBranch: entry.branch,
    headCommit: draft?.headCommit ?? tip?.commit ?? entry.head,
    baseBranch: entry.baseBranch,
    isFork: false,
    isDraft: false,
    author: '',
    labels: [],
    createdAt: entry.createdAt,
    updatedAt: entry.updatedAt,
    closedAt: entry.closedAt,
  };
}
