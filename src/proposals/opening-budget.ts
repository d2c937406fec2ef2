import { MAX_OPENINGS, OPENING_SPAN_MS } from './periods.ts';
import type { Withheld } from './steps.ts';

/** Why no further pull request may be opened for now. */
export type Refusal = Pick<Withheld, 'until'> & {
  readonly because: 'too-many-open' | 'too-many-in-an-hour';
};

/** How many pull requests may still be opened: `maxOpen` at a time, and 4 an hour. */
export class OpeningBudget {
  readonly #maxOpen: number;
  readonly #now: Date;
  /** Openings within the last hour, oldest first. */
  readonly #recent: number[];
  #open: number;

  constructor(given: {
    readonly open: number;
    /** When pull requests were opened, or opened again, in any order. */
    readonly openings: readonly Date[];
    readonly maxOpen: number;
    readonly now: Date;
  }) {
    this.#maxOpen = given.maxOpen;
    this.#now = given.now;
    this.#open = given.open;
    this.#recent = given.openings
      .map((at) => at.getTime())
      .filter((at) => at + OPENING_SPAN_MS > given.now.getTime())
      .sort((a, b) => a - b);
  }

  /** Counts one more, or says why it may not be. */
  take(): Refusal | undefined {
    if (this.#open >= this.#maxOpen) return { because: 'too-many-open' };
    const blocking = this.#recent.at(-MAX_OPENINGS);
    if (this.#recent.length >= MAX_OPENINGS && blocking !== undefined) {
      return { because: 'too-many-in-an-hour', until: new Date(blocking + OPENING_SPAN_MS) };
    }
    this.#open += 1;
    this.#recent.push(this.#now.getTime());
    this.#recent.sort((a, b) => a - b);
    return undefined;
  }
}
