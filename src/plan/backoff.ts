const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Let's Encrypt's advice to clients: 1 min, 10 min, 100 min, then daily. */
const RHYTHM_MS: readonly number[] = [MINUTE_MS, 10 * MINUTE_MS, 100 * MINUTE_MS];

/** With the rhythm's first two waits four attempts an hour: one less than Let's Encrypt's limit for a name. */
const SHORTEST_LATE_MS = 25 * MINUTE_MS;

/** A certificate that has ended is a service that is down: it is not left alone for a whole day. */
const LONGEST_WHEN_ENDED_MS = 6 * HOUR_MS;

/** What the wait after a failed issuance follows from. */
export interface FailedAttempt {
  /** Failed attempts in a row, this one included. */
  readonly attempts: number;
  /** How long the certificate in use still lasts, negative when it has ended; undefined where there is none. */
  readonly lifeLeftMs?: number | undefined;
}

/**
 * The wait after a failed issuance, in milliseconds: Let's Encrypt's rhythm, scaled to the life that is left.
 *
 * Never longer than a quarter of what the certificate in use still lasts, so that attempts come closer together
 * as its end does, without a gap before it; never shorter than 25 minutes for that reason, which keeps below
 * five failed validations an hour. A changed specification skips it (as in cert-manager).
 */
export function failureBackoffMs({ attempts, lifeLeftMs }: FailedAttempt): number {
  const rhythm = RHYTHM_MS[Math.max(1, attempts) - 1] ?? DAY_MS;
  if (lifeLeftMs === undefined) return rhythm;
  if (lifeLeftMs <= 0) return Math.min(rhythm, LONGEST_WHEN_ENDED_MS);
  return Math.min(rhythm, Math.max(lifeLeftMs / 4, SHORTEST_LATE_MS));
}

/**
 * The wait after an attempt that could not be made at all (issuer away, busy): 5 s, doubling to 30 min.
 * cert-manager's requeue rhythm for ACME items. Nothing was spent at the issuer, so it is shorter.
 */
export function unreachableBackoffMs(attempts: number): number {
  return Math.min(5_000 * 2 ** Math.max(0, attempts - 1), HOUR_MS / 2);
}

/**
 * The wait before something is tried again that only a change can heal, for a certificate in use: it is never
 * given up on one answer.
 */
export function hopelessBackoffMs(lifeLeftMs: number): number {
  return failureBackoffMs({ attempts: RHYTHM_MS.length + 1, lifeLeftMs });
}

/** The later of two instants. */
export function later(a: Date, b: Date): Date {
  return a > b ? a : b;
}
