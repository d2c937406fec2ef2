/** A doorbell for which many rings in a row are two at most: one at once, one when the interval is over. */
export interface Hint {
  ring(): void;
  /** Rings no more. */
  close(): void;
}

/** `onRing` is called at once, and then at most once in each `intervalMs`. */
export function createHint(onRing: () => void, intervalMs: number): Hint {
  let timer: NodeJS.Timeout | undefined;
  let isOwed = false;
  let isClosed = false;
  const ring = (): void => {
    if (isClosed) return;
    if (timer !== undefined) {
      isOwed = true;
      return;
    }
    timer = setTimeout(() => {
      timer = undefined;
      if (!isOwed) return;
      isOwed = false;
      ring();
    }, intervalMs);
    timer.unref();
    onRing();
  };
  return {
    ring,
    close: () => {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
