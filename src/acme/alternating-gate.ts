interface Waiting<Kind> {
  readonly kind: Kind;
  readonly enter: () => void;
}

/**
 * Lets work of one kind run at a time, as much of it as wants to; other kinds wait for their turn. Turns are
 * given in the order of asking, and whoever waits for the same kind comes along.
 */
export class AlternatingGate<Kind extends string> {
  #running = 0;
  #kind: Kind | undefined;
  #waiting: readonly Waiting<Kind>[] = [];

  /** Runs `work` when its kind has the turn; rejects with the signal's reason if that fires before. */
  async run<T>(kind: Kind, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#enter(kind, signal);
    try {
      return await work();
    } finally {
      this.#running -= 1;
      if (this.#running === 0) this.#nextTurn();
    }
  }

  async #enter(kind: Kind, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    // Nobody joins a turn while others wait, or the others might wait for ever.
    if (this.#running === 0 || (this.#kind === kind && this.#waiting.length === 0)) {
      this.#kind = kind;
      this.#running += 1;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const leave = () => {
        this.#waiting = this.#waiting.filter((candidate) => candidate !== waiting);
        reject(signal.reason);
      };
      const waiting: Waiting<Kind> = {
        kind,
        enter: () => {
          signal.removeEventListener('abort', leave);
          resolve();
        },
      };
      this.#waiting = [...this.#waiting, waiting];
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  #nextTurn(): void {
    const kind = this.#waiting[0]?.kind;
    const admitted = this.#waiting.filter((waiting) => waiting.kind === kind);
    this.#waiting = this.#waiting.filter((waiting) => waiting.kind !== kind);
    this.#kind = kind;
    this.#running = admitted.length;
    for (const { enter } of admitted) enter();
  }
}
