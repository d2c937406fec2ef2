import { type Ledger, type LedgerEntry, markerOf } from './plain-ledger.ts';

/** The branches as a look at the remote found them. */
export interface SeenBranches {
  readonly prefix: string;
  readonly tips: ReadonlyMap<
    string,
    { readonly commit: string; readonly message: string; readonly committedAt: Date }
  >;
  /** Commits among the tips and the last known heads that the source branch has. */
  readonly merged: ReadonlySet<string>;
  readonly sourceBranch: string;
  readonly now: Date;
}

/**
 * Writes down what people did since the last look: a branch that is merged, a branch that is gone (closed), a branch
 * that is back (opened again), and a branch that certops pushed without coming to write it down. The same ledger where
 * nothing happened. What happened is dated when it is noticed.
 */
export function noticed(ledger: Ledger, seen: SeenBranches): Ledger {
  const { prefix, tips, merged, now } = seen;
  let { next } = ledger;
  let hasChanged = false;
  const entries = ledger.entries.map((entry): LedgerEntry => {
    if (entry.state !== 'open' || !entry.branch.startsWith(prefix)) return entry;
    const head = tips.get(entry.branch)?.commit ?? entry.head;
    const isGone = !tips.has(entry.branch);
    if (!isGone && !merged.has(head)) return entry;
    hasChanged = true;
    return merged.has(head)
      ? { ...entry, head, state: 'merged', closedAt: now, updatedAt: now }
      : { ...entry, state: 'closed', closedBy: 'person', closedAt: now, updatedAt: now };
  });
  for (const [branch, tip] of tips) {
    if (merged.has(tip.commit)) continue;
    const ofBranch = entries.filter((entry) => entry.branch === branch);
    if (ofBranch.some(({ state }) => state === 'open')) continue;
    // A branch that we closed and have yet to take away, or one that was squashed and whose files have changed since.
    const isOver = ({ state, closedBy, head }: LedgerEntry): boolean =>
      (closedBy === 'certops' || state === 'merged') && head === tip.commit;
    if (ofBranch.some(isOver)) continue;
    hasChanged = true;
    const back = ofBranch.find(({ closedBy, head }) => closedBy === 'person' && head === tip.commit);
    if (back !== undefined) {
      const { closedAt: _closedAt, closedBy: _closedBy, ...entry } = back;
      entries[entries.indexOf(back)] = { ...entry, state: 'open', updatedAt: now };
      continue;
    }
    entries.push({
      ...{ number: next, branch, head: tip.commit, baseBranch: seen.sourceBranch, state: 'open' },
      body: markerOf(tip.message),
      title: tip.message.split('\n', 1)[0] ?? '',
      ...{ createdAt: tip.committedAt, updatedAt: tip.committedAt },
    });
    next += 1;
  }
  return hasChanged ? { next, entries } : ledger;
}
