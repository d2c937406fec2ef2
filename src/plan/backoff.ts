const HOUR_MS = 3_600_000;

/** cert-manager's certificate-request-maximum-backoff-duration: 32 hours. */
export const LONGEST_BACKOFF_MS = 32 * HOUR_MS;

/**
 * The wait after a failed issuance: 1 h, 2 h, 4 h, 8 h, 16 h, then 32 h each time.
 * cert-manager's rule (certificate-request-minimum- and -maximum-backoff-duration); a changed
 * specification skips it.
 */
export function failureBackoffMs(failedAttempts: number): number {
  return Math.min(HOUR_MS * 2 ** Math.max(0, failedAttempts - 1), LONGEST_BACKOFF_MS);
}

/**
 * The wait after an attempt that could not be made at all (issuer away, busy): 5 s, doubling to 30 min.
 * cert-manager's requeue rhythm for ACME items. Nothing was spent at the issuer, so it is shorter.
 */
export function unreachableBackoffMs(attempts: number): number {
  return Math.min(5_000 * 2 ** Math.max(0, attempts - 1), HOUR_MS / 2);
}

/** The later of two instants. */
export function later(a: Date, b: Date): Date {
  return a > b ? a : b;
}
