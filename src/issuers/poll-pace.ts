import type { Clock } from '../lib/clock.ts';
import { factsOfStep } from './failure-facts.ts';
import { IssuanceError } from './issuer.ts';

const FIRST_WAIT_MS = 30;
const GROWTH = 1.5;
const MAX_WAIT_MS = 2_000;

/**
 * How long to wait between two looks at an order: what the CA asks (Retry-After, RFC 8555, section 7.5.1),
 * else 30 ms growing by half to 2 s. A CA that answers at once is found out at once, a slow one is not
 * pestered. When the whole time is up, or the CA asks for more of it than is left, the order stays open.
 */
export class PollPace {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #endMs: number;
  #nextMs = FIRST_WAIT_MS;

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#endMs = clock.monotonicMs() + timeoutMs;
  }

  /** `hasMoved`: something was done since the last look, so the waits begin short again. */
  async wait(retryAfterMs: number | undefined, hasMoved: boolean, signal: AbortSignal): Promise<void> {
    if (hasMoved) this.#nextMs = FIRST_WAIT_MS;
    // Retry-After: 0 says nothing about how soon is useful.
    const waitMs = retryAfterMs === undefined || retryAfterMs === 0 ? this.#nextMs : retryAfterMs;
    if (this.#clock.monotonicMs() + waitMs > this.#endMs) throw this.#stillOpen(waitMs);
    this.#nextMs = Math.min(this.#nextMs * GROWTH, MAX_WAIT_MS);
    await this.#clock.sleep(waitMs, signal);
  }

  #stillOpen(waitMs: number): IssuanceError {
    return new IssuanceError(
      'issuers.order-slow',
      {
        what: `The CA did not come to an end with the order within ${this.#timeoutMs / 1000} s`,
        next: 'The order stays open and is looked at again',
      },
      {
        failsRequest: false,
        facts: factsOfStep('order'),
        retry: { when: 'not-before', at: new Date(this.#clock.now().getTime() + waitMs) },
      },
    );
  }
}
