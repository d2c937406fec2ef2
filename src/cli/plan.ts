import { planPorts } from '../daemon/plan-ports.ts';
import { parseInstant } from '../lib/clock.ts';
import { CertopsError } from '../lib/errors.ts';
import { hasFinding, type Plan } from '../plan/plan.ts';
import { renderPlanJson } from '../plan/render-json.ts';
import { renderPlanMarkdown } from '../plan/render-markdown.ts';
import { renderPlanText } from '../plan/render-text.ts';
import { RuleRunner } from '../policy/rule-runner.ts';
import { filesInForce, readHeldPlan } from '../reconcile/held-plan.ts';
import { mergedTree, withChanges } from '../reconcile/merged-tree.ts';
import type { HeldChange } from '../reconcile/planned-hold.ts';
import { planMerge } from '../reconcile/planning.ts';
import type { StateDocument } from '../reconcile/ports.ts';
import { openRevisions, type Revisions } from '../store/revisions.ts';
import type { Console } from './console.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { readDiskTree, workTreeAround } from './plan-work-tree.ts';

export interface PlanOptions {
  readonly base?: string | undefined;
  readonly head?: string | undefined;
  readonly at?: string | undefined;
  readonly output?: 'text' | 'markdown' | 'json' | undefined;
  readonly repo?: string | undefined;
}

const TIMEOUT_MS = 300_000;

/** `certops plan`: what merging would do; exit 1 where something is invalid or denied. No network, no key. */
export async function plan(
  console: Console,
  path: string | undefined,
  options: PlanOptions,
  now: Date,
): Promise<ExitCode> {
  const { output = 'text', at } = options;
  const dueBy = at === undefined ? undefined : parseInstant(at);
  if (at !== undefined && dueBy === undefined) {
    throw usage(`${JSON.stringify(at)} is not a time`, 'Write it as 2027-01-31T00:00:00Z');
  }
  if (path !== undefined && options.repo !== undefined) {
    throw usage('The repository is named twice', 'Name it as PATH or with --repo');
  }
  const found = await makePlan(path ?? options.repo ?? '.', options, now, dueBy);
  if (output === 'json') console.out(renderPlanJson(found));
  else if (output === 'markdown') console.out(renderPlanMarkdown(found));
  else console.out(renderPlanText(found, console.isTerminal));
  return hasFinding(found) ? EXIT.finding : EXIT.ok;
}

async function makePlan(
  path: string,
  { base: baseRef = 'HEAD', head: headRef }: PlanOptions,
  now: Date,
  dueBy: Date | undefined,
): Promise<Plan> {
  if (/^https?:\/\//i.test(path)) {
    throw usage(
      'A plan is made from a clone',
      'Clone the repository with its whole history, and name its folder',
    );
  }
  const revisions = await openRevisions(path);
  const rules = new RuleRunner();
  try {
    // Each is a process of Git's.
    const [base, tip] = await Promise.all([revisions.resolve(baseRef), revisions.resolve(headRef ?? 'HEAD')]);
    const root = headRef === undefined ? workTreeAround(path) : undefined;
    if (headRef === undefined && root === undefined) {
      throw usage('This repository has no work tree', 'Name what is to be merged with --head');
    }
    // Git looks at the disk while the commits are read.
    const [differing, files] = await Promise.all([
      root === undefined ? undefined : revisions.differencesOnDisk(root, tip),
      revisions.files(base),
    ]);
    const merged = await mergedTree(revisions, base, tip, files);
    const disk =
      root === undefined
        ? undefined
        : await readDiskTree(root, tip === base ? files : await revisions.files(tip), differing);
    const head = disk === undefined ? merged.files : withChanges(merged.files, disk.changes);
    const state = await revisions.readState(baseRef);
    return await planMerge(
      planPorts(revisions, rules),
      {
        base: files,
        head,
        loose: disk?.loose ?? new Map(),
        ...{ state, held: await heldChange(revisions, state) },
        ...{ now, dueBy },
        warnings: merged.warnings,
      },
      AbortSignal.timeout(TIMEOUT_MS),
    );
  } finally {
    await rules.close();
    await revisions.close();
  }
}

/** What the daemon holds of the base, where this repository has the commits. */
async function heldChange(revisions: Revisions, state: StateDocument): Promise<HeldChange | undefined> {
  const held = readHeldPlan(state);
  if (held === undefined) return undefined;
  const { id, words, base, at } = held;
  const areThere = await Promise.all([base, at].map((commit) => revisions.resolve(commit).catch(() => null)));
  if (areThere.includes(null)) return undefined;
  return { id, words, files: filesInForce(held, await revisions.changes(base, at)) };
}

function usage(what: string, next: string): CertopsError {
  return new CertopsError('cli.usage', { what, next }, { retry: { when: 'never' } });
}
