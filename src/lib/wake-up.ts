import { setTimeout as wait } from 'node:timers/promises';

/** A doorbell: `notify` ends the current or the next `wait`, however often it rings meanwhile. */
export class WakeUp {
  #isRung = false;
  #ring: () => void = () => {};

  notify(): void {
    this.#isRung = true;
    this.#ring();
  }

  /** Resolves when rung, after `timeoutMs` (Infinity: never), or when `signal` fires (it does not reject). */
  async wait(timeoutMs: number, signal: AbortSignal): Promise<void> {
    if (!this.#isRung && !signal.aborted) {
      const stop = new AbortController();
      const end = () => stop.abort();
      this.#ring = end;
      signal.addEventListener('abort', end, { once: true });
      const longestTimerMs = 2 ** 31 - 1;
      const ms = Math.max(0, Math.min(timeoutMs, longestTimerMs));
      await wait(ms, undefined, { signal: stop.signal }).catch(() => {});
      signal.removeEventListener('abort', end);
      this.#ring = () => {};
    }
    this.#isRung = false;
  }
}
