import { fingerprint } from '../api/fingerprint.ts';
import { isConcerned, isEmpty, type PolicySet, policySet } from './judge.ts';
import type { Selectable } from './selector.ts';

/** Which requests may be judged otherwise since one set of policies took the place of another. */
export function concernedBy(before: PolicySet, after: PolicySet): (request: Selectable) => boolean {
  // With the first policy everything needs one, and with the last it no longer does.
  if (isEmpty(before) !== isEmpty(after)) return () => true;
  const changed = policySet(
    differing(before.ready, after.ready, ({ name, spec }) => fingerprint({ name, spec })),
    differing(before.broken, after.broken, (broken) => fingerprint(broken)),
  );
  return (request) => isConcerned(changed, request);
}

function differing<T>(before: readonly T[], after: readonly T[], hash: (item: T) => string): readonly T[] {
  const [old, now] = [new Set(before.map(hash)), new Set(after.map(hash))];
  return [...before.filter((item) => !now.has(hash(item))), ...after.filter((item) => !old.has(hash(item)))];
}
