import { setImmediate as nextTurn } from 'node:timers/promises';

const TURN_MS = 8;

/**
 * Runs heavy pieces of computing one after the other, each in a turn of the event loop of its own, so that
 * a hundred answers that arrive together do not hold up everything else together.
 */
export class TurnQueue {
  #last: Promise<unknown> = Promise.resolve();

  /** Resolves or rejects as `piece` does. */
  run<T>(piece: () => Promise<T> | T): Promise<T> {
    const result = this.#last.then(async () => {
      await nextTurn();
      return piece();
    });
    this.#last = result.catch(() => {});
    return result;
  }
}

/** For a long loop: `pause` lets others have a turn when this one has lasted 8 ms. */
export class FairLoop {
  #sinceMs = performance.now();

  async pause(): Promise<void> {
    if (performance.now() - this.#sinceMs < TURN_MS) return;
    await nextTurn();
    this.#sinceMs = performance.now();
  }
}
