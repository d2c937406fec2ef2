import { setMaxListeners } from 'node:events';

/** How long a task may take to hear that its time is up, in milliseconds. */
const GRACE_MS = 250;

/** Whether something was thrown because the time of a look, or of all of them, was up. */
export function isTimeout(thrown: unknown): boolean {
  return thrown instanceof DOMException && thrown.name === 'TimeoutError';
}

/**
 * Gives a task a signal that fires after `timeoutMs` or with `parent`, and no more than a moment to heed it. Whatever
 * the task leaves running is told to end. Throws what the task throws; a `TimeoutError`, the parent's reason.
 */
export async function timeBox<T>(
  timeoutMs: number,
  parent: AbortSignal,
  task: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  parent.throwIfAborted();
  const controller = new AbortController();
  // One signal ends everything that is under way, so many listeners are no leak.
  setMaxListeners(0, controller.signal, parent);
  let giveUp: (reason: unknown) => void = () => {};
  const isOver = new Promise<never>((_resolve, reject) => {
    giveUp = reject;
  });
  let grace: NodeJS.Timeout | undefined;
  const end = (reason: unknown): void => {
    if (grace !== undefined) return;
    grace = setTimeout(() => giveUp(reason), GRACE_MS);
    controller.abort(reason);
  };
  const timer = setTimeout(() => end(new DOMException('Its time was up', 'TimeoutError')), timeoutMs);
  const onParent = (): void => end(parent.reason);
  parent.addEventListener('abort', onParent, { once: true });
  try {
    return await Promise.race([task(controller.signal), isOver]);
  } finally {
    clearTimeout(timer);
    clearTimeout(grace);
    parent.removeEventListener('abort', onParent);
    controller.abort();
  }
}
