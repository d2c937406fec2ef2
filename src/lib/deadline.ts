/**
 * A signal that fires after `timeoutMs` or when `parent` does, whichever is first.
 * The reason is a `TimeoutError` (DOMException) or the parent's own.
 */
export function deadline(timeoutMs: number, parent?: AbortSignal): AbortSignal {
  const timeout = AbortSignal.timeout(timeoutMs);
  return parent === undefined ? timeout : AbortSignal.any([parent, timeout]);
}
