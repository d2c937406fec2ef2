/** Which deliveries of webhooks have been taken, so that none is taken twice. */
export interface DeliveryMemory {
  /** True once for each id within the memory's bounds; false for one that is remembered. */
  remember(id: string, now: Date): boolean;
}

export interface DeliveryMemoryOptions {
  /** The oldest goes when there is one more; defaults to 10,000. */
  readonly maxCount?: number | undefined;
  /** Defaults to 24 hours. */
  readonly maxAgeMs?: number | undefined;
}

/** A memory that a restart empties: a webhook is a hint only, and one that is taken twice makes one look more. */
export function createDeliveryMemory(options: DeliveryMemoryOptions = {}): DeliveryMemory {
  const { maxCount = 10_000, maxAgeMs = 24 * 3_600_000 } = options;
  // In the order of their coming.
  const seenAtMs = new Map<string, number>();
  return {
    remember(id, now) {
      const nowMs = now.getTime();
      for (const [oldest, atMs] of seenAtMs) {
        if (nowMs - atMs <= maxAgeMs) break;
        seenAtMs.delete(oldest);
      }
      if (seenAtMs.has(id)) return false;
      const [first] = seenAtMs.keys();
      if (seenAtMs.size >= maxCount && first !== undefined) seenAtMs.delete(first);
      seenAtMs.set(id, nowMs);
      return true;
    },
  };
}
