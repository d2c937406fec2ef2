import type { Presentation } from '../solvers/presenter.ts';

interface Lingering {
  readonly presentations: readonly Presentation[];
  readonly timer: NodeJS.Timeout;
}

/**
 * Challenges of orders that were left open. A CA whose answer got lost may look only now, and a challenge that
 * fails once is never looked at again (Boulder), so what was presented stays until the order is gone on with,
 * or for a while.
 */
export class LingeringPresentations {
  readonly #byOrder = new Map<string, Lingering>();
  readonly #lingerMs: number;

  constructor(lingerMs: number) {
    this.#lingerMs = lingerMs;
  }

  /** One run over an order has ended: what it and earlier ones presented lingers on, or is removed. */
  async settle(orderUrl: string, presented: readonly Presentation[], isLeftOpen: boolean): Promise<void> {
    const earlier = this.#take(orderUrl);
    if (!isLeftOpen) {
      await removeAll([...earlier, ...presented]);
      return;
    }
    // A challenge presented again counts once more at the presenter, so that keeping both is right.
    const kept = [...earlier, ...presented];
    if (kept.length > 0) this.#linger(orderUrl, kept);
  }

  /** Whether something of this order is being shown. */
  has(orderUrl: string): boolean {
    return this.#byOrder.has(orderUrl);
  }

  /** Removes everything. */
  async clear(): Promise<void> {
    await Promise.all([...this.#byOrder.keys()].map((orderUrl) => removeAll(this.#take(orderUrl))));
  }

  #linger(orderUrl: string, presentations: readonly Presentation[]): void {
    const timer = setTimeout(() => void removeAll(this.#take(orderUrl)), this.#lingerMs);
    timer.unref();
    this.#byOrder.set(orderUrl, { presentations, timer });
  }

  #take(orderUrl: string): readonly Presentation[] {
    const lingering = this.#byOrder.get(orderUrl);
    if (lingering === undefined) return [];
    clearTimeout(lingering.timer);
    this.#byOrder.delete(orderUrl);
    return lingering.presentations;
  }
}

async function removeAll(presentations: readonly Presentation[]): Promise<void> {
  await Promise.allSettled(presentations.map((presentation) => presentation.remove()));
}
