import { type Plan, weightyChanges } from '../plan/plan.ts';
import { type CertificateKey, certificateKey } from './keys.ts';
import type { RepositoryStore } from './ports.ts';
import type { PushedFiles } from './pushed-files.ts';

/** How far back a commit that confirms a plan is looked for, and the beginning of what it confirms. */
const MAX_COMMITS = 64;
const MAX_STEPS_BACK = 8;
const MAX_PLANS = 16;

export interface ConfirmedPartsPorts {
  readonly store: Pick<RepositoryStore, 'firstParents'>;
  readonly pushed: PushedFiles;
  /** What becomes of the branch from one commit to another; undefined where that cannot be found out. */
  readonly plan: (from: string, to: string) => Promise<Plan | undefined>;
}

/**
 * Certificates of those parts of a change that were confirmed by themselves: whoever pushes beside a large change that was
 * confirmed does not make it another one. Looks at commits that add to `spec.confirmed`, and at what came before each.
 */
export async function confirmedParts(
  { store, pushed, plan }: ConfirmedPartsPorts,
  change: { readonly base: string; readonly tip: string; readonly confirmed: readonly string[] },
): Promise<ReadonlySet<CertificateKey>> {
  const { base, tip, confirmed } = change;
  const parts = new Set<CertificateKey>();
  if (confirmed.length === 0) return parts;
  // Oldest first, from the base on.
  const line = [base, ...(await store.firstParents(tip, base, MAX_COMMITS)).toReversed()];
  let plans = 0;
  for (let end = 1; end < line.length; end++) {
    const [earlier = [], later = []] = await Promise.all(
      line.slice(end - 1, end + 1).map((commit) => pushed.confirmedAt(commit)),
    );
    if (later.every((id) => earlier.includes(id))) continue;
    for (let start = end - 1; start >= Math.max(0, end - MAX_STEPS_BACK); start--) {
      const [from, to] = [line[start], line[end]];
      if (from === undefined || to === undefined || ++plans > MAX_PLANS) return parts;
      const found = await plan(from, to);
      if (found === undefined || !later.includes(found.id)) continue;
      for (const one of weightyChanges(found.changes)) parts.add(certificateKey(one));
      break;
    }
  }
  return parts;
}
