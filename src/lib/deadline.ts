/**
 * A signal that fires after `timeoutMs` or when `parent` does, whichever is first.
 * The reason is a `TimeoutError` (DOMException) or the parent's own.
 *
 * Not `AbortSignal.any([parent, AbortSignal.timeout(…)])`: Node 20 holds the sources of such a signal weakly, so
 * the garbage collector takes the timeout away and it never fires.
 */
export function deadline(timeoutMs: number, parent?: AbortSignal): AbortSignal {
  if (parent === undefined) return AbortSignal.timeout(timeoutMs);
  if (parent.aborted) return parent;
  const controller = new AbortController();
  const onParent = (): void => {
    clearTimeout(timer);
    controller.abort(parent.reason);
  };
  const timer = setTimeout(() => {
    parent.removeEventListener('abort', onParent);
    controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError'));
  }, timeoutMs);
  timer.unref();
  parent.addEventListener('abort', onParent, { once: true });
  return controller.signal;
}

/**
 * What `action` comes to within `timeoutMs`; its signal fires as that of `deadline` does. Afterwards nothing hangs on
 * `parent` any more, so that a long life and many short requests leave it as it was.
 */
export async function withinDeadline<T>(
  timeoutMs: number,
  parent: AbortSignal | undefined,
  action: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  parent?.throwIfAborted();
  const controller = new AbortController();
  const onParent = (): void => controller.abort(parent?.reason);
  const timer = setTimeout(
    () => controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError')),
    timeoutMs,
  );
  parent?.addEventListener('abort', onParent, { once: true });
  try {
    return await action(controller.signal);
  } finally {
    clearTimeout(timer);
    parent?.removeEventListener('abort', onParent);
  }
}
