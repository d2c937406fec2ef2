import type { Plan } from './plan.ts';

/** A plan for programs: `{id, summary, changes}`, members without a value left out. */
export function renderPlanJson({ id, summary, changes }: Plan): string {
  const plain = changes.map(({ content: _, ...change }) => change);
  return JSON.stringify({ id, summary, changes: plain }, null, 2);
}
