import type { AcmeIdentifier, AcmeOrder } from '../acme/resources.ts';

const DEFAULT_HOLD_MS = 3_600_000;

interface OpenOrder {
  readonly owner: string;
  readonly untilMs: number;
  /** Made by the CA, not yet handed to the caller for its record. */
  readonly order?: AcmeOrder | undefined;
}

/**
 * Which Certificate is being ordered for, by set of names. A CA may give the same order to two requests for
 * the same names (RFC 8555 leaves it free; Boulder does so), and two Certificates with one order would get
 * in each other's way: only one Certificate at a time orders a set.
 */
export class OpenOrders {
  readonly #open = new Map<string, OpenOrder>();
  readonly #monotonicMs: () => number;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  /** Whether `owner` may order these names now; if so they are its own until `release`, or for an hour. */
  claim(identifiers: readonly AcmeIdentifier[], owner: string): boolean {
    const key = keyOf(identifiers);
    const nowMs = this.#monotonicMs();
    const open = this.#open.get(key);
    if (open !== undefined && open.owner !== owner && open.untilMs > nowMs) return false;
    // Claims that nobody released (their Certificate went away) must not pile up.
    if (this.#open.size >= 1000) {
      for (const [other, { untilMs }] of this.#open) if (untilMs <= nowMs) this.#open.delete(other);
    }
    const order = open?.owner === owner && open.untilMs > nowMs ? open.order : undefined;
    this.#open.set(key, { owner, untilMs: nowMs + DEFAULT_HOLD_MS, order });
    return true;
  }

  /** The order that was made for these names and got lost before it could be recorded. */
  orderOf(identifiers: readonly AcmeIdentifier[], owner: string): AcmeOrder | undefined {
    const open = this.#open.get(keyOf(identifiers));
    return open?.owner === owner ? open.order : undefined;
  }

  /** Remembers an order until its record is made (`undefined`). */
  keep(identifiers: readonly AcmeIdentifier[], owner: string, order: AcmeOrder | undefined): void {
    const key = keyOf(identifiers);
    const open = this.#open.get(key);
    if (open?.owner === owner) this.#open.set(key, { ...open, order });
  }

  release(identifiers: readonly AcmeIdentifier[], owner: string): void {
    const key = keyOf(identifiers);
    if (this.#open.get(key)?.owner === owner) this.#open.delete(key);
  }
}

function keyOf(identifiers: readonly AcmeIdentifier[]): string {
  return identifiers
    .map(({ type, value }) => `${type}:${value}`)
    .sort()
    .join(' ');
}
