import assert from 'node:assert/strict';
import { formatInstant } from '../../src/lib/clock.ts';
import type { RemedyKind } from '../../src/remedies/remedy.ts';
import { assertReadable, type FailureBranch, failureBranches, mergeBranch } from './failure-branches.ts';
import type { FinishedProcess } from './process.ts';
import { assertNothingInClear } from './promises.ts';
import type { RunOptions, Scenario } from './scenario.ts';

const HOUR_MS = 3_600_000;

/** How a cause comes about, what its pull request says, and what merging it leads to. */
export interface RemedyStory {
  readonly kind: RemedyKind;
  /** Files that are there, and in use, before it happens. */
  readonly before?: (scenario: Scenario) => Files | Promise<Files>;
  /** What happens: files that people push, and what they do elsewhere. */
  readonly happens: (scenario: Scenario) => Files | Promise<Files>;
  /** The failed attempt that opens the pull request; default 1. */
  readonly attempt?: number;
  readonly subject: RegExp;
  /** What people read in it, as one line. */
  readonly says: readonly RegExp[];
  /** The lines that the edit adds and takes away. */
  readonly diff: readonly (string | RegExp)[];
  /** In the world outside, before the merge: what the text asks people to mend. */
  readonly mended?: () => void | Promise<void>;
  /** Whether what the text promised is true. */
  readonly kept: (scenario: Scenario) => Promise<void>;
}

type Files = Readonly<Record<string, string | null>>;

export interface Telling extends RunOptions {
  /** Hours from now at which certops runs while the causes stand. */
  readonly hours?: readonly number[];
  /** Exit codes of these runs, and of the one after the merges; defaults 1 and 0. */
  readonly codes?: readonly [number, number];
  /** Needles for the scan. */
  readonly secrets?: readonly string[];
}

/** Tells stories that happen at the same time, each with a cause of its own, to their end. */
export async function tellStories(
  scenario: Scenario,
  stories: readonly RemedyStory[],
  { hours = [0], codes = [1, 0], secrets = [], ...options }: Telling = {},
): Promise<void> {
  const begin = Date.now();
  const said: FinishedProcess[] = [];
  const run = async (hour: number, code: number): Promise<void> => {
    const at = formatInstant(new Date(begin + hour * HOUR_MS));
    const env = { ...options.env, CERTOPS_TESTING: '1', CERTOPS_CLOCK: at };
    const finished = await scenario.runOnce({ ...options, env });
    said.push(finished);
    assert.equal(finished.code, code, finished.stdout + finished.stderr);
  };
  const all = async (part: 'before' | 'happens'): Promise<Files> =>
    Object.assign({}, ...(await Promise.all(stories.map((story) => story[part]?.(scenario) ?? {}))));

  if (stories.some(({ before }) => before !== undefined)) {
    await scenario.push(await all('before'));
    await run(0, 0);
  }
  await scenario.push(await all('happens'));
  const seen: (readonly FailureBranch[])[] = [];
  for (const hour of hours) {
    await run(hour, codes[0]);
    seen.push(await failureBranches(scenario));
  }
  const open = seen.at(-1) ?? [];
  for (const story of stories) await story.mended?.();
  for (const { name } of open) await mergeBranch(scenario, name);
  await run((hours.at(-1) ?? 0) + 1, codes[1]);

  for (const [index, branches] of seen.entries()) {
    const due = stories.filter(({ attempt = 1 }) => attempt <= index + 1);
    const told = branches.map(({ subject }) => subject);
    assert.equal(told.length, due.length, `after attempt ${index + 1}: ${told.join('; ')}`);
    for (const { subject } of due)
      assert.ok(
        told.some((text) => subject.test(text)),
        `${subject}: ${told}`,
      );
  }
  for (const story of stories) {
    const [first, ...others] = seen.flat().filter(({ subject }) => story.subject.test(subject));
    assert.ok(first !== undefined, story.kind);
    for (const { commit } of others) assert.equal(commit, first.commit, 'it is written once');
    assertSays(story, first);
    await assertReadable(scenario, first);
    await story.kept(scenario);
  }
  const left = (await failureBranches(scenario)).map(({ subject }) => subject);
  assert.deepEqual(left, [], 'they are gone');
  await scenario.verifyCommits();
  await assertNothingInClear(scenario, said, secrets);
}

function assertSays({ says, diff }: RemedyStory, branch: FailureBranch): void {
  const text = branch.message.replace(/\s+/g, ' ');
  for (const words of says) assert.match(text, words, branch.message);
  assert.equal(branch.diff.length, diff.length, branch.diff.join('\n'));
  for (const [index, line] of diff.entries()) {
    if (typeof line === 'string') assert.equal(branch.diff[index], line);
    else assert.match(branch.diff[index] ?? '', line);
  }
}
