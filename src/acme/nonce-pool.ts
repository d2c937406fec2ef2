const MAX_NONCES = 64;
/** Servers forget nonces; an old one would only cost a badNonce round trip. */
const MAX_AGE_MS = 5 * 60_000;

interface PooledNonce {
  readonly nonce: string;
  readonly takenAtMs: number;
}

/**
 * Nonces that came with answers and were not used yet (RFC 8555, section 6.5), the freshest first. A nonce
 * that comes with a badNonce problem does not belong here: the retry of that request uses it.
 */
export class NoncePool {
  readonly #nonces: PooledNonce[] = [];
  readonly #monotonicMs: () => number;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  put(nonce: string): void {
    this.#nonces.push({ nonce, takenAtMs: this.#monotonicMs() });
    if (this.#nonces.length > MAX_NONCES) this.#nonces.shift();
  }

  /** The freshest nonce, or undefined when a new one must be asked for. */
  take(): string | undefined {
    const freshest = this.#nonces.pop();
    if (freshest === undefined) return undefined;
    if (this.#monotonicMs() - freshest.takenAtMs <= MAX_AGE_MS) return freshest.nonce;
    this.#nonces.length = 0;
    return undefined;
  }
}
