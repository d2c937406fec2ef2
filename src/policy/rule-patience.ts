import type { RuleAnswer, RuleQuestion, RuleRunner, RuleSubject } from './rule-runner.ts';

/** How often the expressions of one policy may run out of time for one namespace before they are no longer asked. */
const MAX_EXHAUSTIONS = 3;

/**
 * Asks a runner as long as it answers: a policy that ran out of time again and again for requests of a namespace says
 * nothing more about those, so that neither its author nor the namespace holds up the others. Made anew with each set
 * of policies.
 */
export class RulePatience implements Pick<RuleRunner, 'evaluate'> {
  readonly #runner: Pick<RuleRunner, 'evaluate'>;
  readonly #exhaustions = new Map<string, number>();

  constructor(runner: Pick<RuleRunner, 'evaluate'>) {
    this.#runner = runner;
  }

  /** As `RuleRunner.evaluate`. */
  async evaluate(
    questions: readonly RuleQuestion[],
    subject: RuleSubject,
    signal?: AbortSignal,
  ): ReturnType<RuleRunner['evaluate']> {
    const rules = [...new Set(questions.map(({ rule }) => rule))].sort();
    const key = JSON.stringify([subject.namespace, rules]);
    const exhaustions = this.#exhaustions.get(key) ?? 0;
    if (exhaustions >= MAX_EXHAUSTIONS) {
      const message = `the expressions of the policy ran out of time for other requests of namespace ${subject.namespace}`;
      return { answers: questions.map((): RuleAnswer => ({ kind: 'error', message })), isConclusive: false };
    }
    const result = await this.#runner.evaluate(questions, subject, signal);
    if (!result.isConclusive) this.#exhaustions.set(key, exhaustions + 1);
    return result;
  }
}
