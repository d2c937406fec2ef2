import { DeadlineWorker } from '../lib/deadline-worker.ts';
import { CertopsError } from '../lib/errors.ts';

/** What an expression is asked about. */
export interface RuleQuestion {
  readonly rule: string;
  /** `self` */
  readonly value: string;
}

/** `cr`: the CertificateRequest that is judged. */
export interface RuleSubject {
  readonly name: string;
  readonly namespace: string;
}

/** What an expression says about a value; `error` where it says nothing, which allows nothing. */
export type RuleAnswer =
  | { readonly kind: 'holds' }
  | { readonly kind: 'fails' }
  | { readonly kind: 'error'; readonly message: string };

/** Why an expression cannot be used. */
export interface RuleFault {
  readonly message: string;
  /** Offset of what is wrong in the expression, from 0. */
  readonly offset: number;
}

/** What the thread is asked. */
export type RuleTask =
  | { readonly do: 'check'; readonly rules: readonly string[] }
  | { readonly do: 'evaluate'; readonly questions: readonly RuleQuestion[]; readonly subject: RuleSubject };

/** What it answers, one for each expression or question. */
export type RuleResult =
  | { readonly do: 'check'; readonly faults: readonly (RuleFault | undefined)[] }
  | { readonly do: 'evaluate'; readonly answers: readonly RuleAnswer[] };

const TIMEOUT_MS = 1000;
const MAX_HEAP_MIB = 64;
const MAX_QUESTIONS = 5000;
const MAX_VALUE_CHARS = 4096;

/**
 * Checks and evaluates CEL expressions in a thread of its own, each batch within a second: no engine has a budget of
 * its own. Never rejects but with the signal's reason; what could not be found out is an error in the answer.
 */
export class RuleRunner {
  readonly #timeoutMs: number;
  readonly #thread: DeadlineWorker<RuleTask, RuleResult>;

  constructor(timeoutMs = TIMEOUT_MS) {
    this.#timeoutMs = timeoutMs;
    this.#thread = new DeadlineWorker(
      // From src/ under a loader it is TypeScript, from dist/ JavaScript.
      new URL(import.meta.url.endsWith('.ts') ? './rules-worker.ts' : './rules-worker.js', import.meta.url),
      { timeoutMs, maxHeapMiB: MAX_HEAP_MIB },
    );
  }

  /**
   * What is wrong with each expression: syntax, types, or a result that is no bool; undefined for nothing.
   * `isConclusive` is false where time or memory ran out, and then they are all wrong.
   */
  async check(
    rules: readonly string[],
    signal?: AbortSignal,
  ): Promise<{ readonly faults: readonly (RuleFault | undefined)[]; readonly isConclusive: boolean }> {
    if (rules.length === 0) return { faults: [], isConclusive: true };
    const result = await this.#ask({ do: 'check', rules }, signal);
    if (typeof result !== 'string' && result.do === 'check') {
      return { faults: result.faults, isConclusive: true };
    }
    const message = typeof result === 'string' ? result : 'the answer is another one';
    return { faults: rules.map(() => ({ message, offset: 0 })), isConclusive: false };
  }

  /** One answer for each question. `isConclusive` is false where time or memory ran out, on which nothing else hangs. */
  async evaluate(
    questions: readonly RuleQuestion[],
    subject: RuleSubject,
    signal?: AbortSignal,
  ): Promise<{ readonly answers: readonly RuleAnswer[]; readonly isConclusive: boolean }> {
    const all = (message: string) => questions.map((): RuleAnswer => ({ kind: 'error', message }));
    if (questions.length === 0) return { answers: [], isConclusive: true };
    if (questions.length > MAX_QUESTIONS) {
      return { answers: all(`there are more than ${MAX_QUESTIONS} values to look at`), isConclusive: true };
    }
    if (questions.some(({ value }) => value.length > MAX_VALUE_CHARS)) {
      const answers = all(`a value has more than ${MAX_VALUE_CHARS} characters`);
      return { answers, isConclusive: true };
    }
    const result = await this.#ask({ do: 'evaluate', questions, subject }, signal);
    if (typeof result !== 'string' && result.do === 'evaluate') {
      return { answers: result.answers, isConclusive: true };
    }
    const message = typeof result === 'string' ? result : 'the answer is another one';
    return { answers: all(message), isConclusive: false };
  }

  /** Ends the thread; the next question starts another. */
  async close(): Promise<void> {
    await this.#thread.close();
  }

  /** The result, or why there is none. */
  async #ask(task: RuleTask, signal: AbortSignal | undefined): Promise<RuleResult | string> {
    try {
      return await this.#thread.ask(task, signal);
    } catch (thrown) {
      if (!(thrown instanceof CertopsError)) throw thrown;
      return thrown.code === 'worker.too-slow'
        ? `the expressions of the policy took longer than ${this.#timeoutMs} ms`
        : 'the expressions of the policy took more memory than they may';
    }
  }
}
