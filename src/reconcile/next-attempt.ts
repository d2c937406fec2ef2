import type { CertopsError } from '../lib/errors.ts';
import { failureBackoffMs, hopelessBackoffMs, later, unreachableBackoffMs } from '../plan/backoff.ts';
import { isEncryptionError, isKeystorePasswordCode } from './error-kinds.ts';

/** What the next attempt hangs on. */
export interface Failing {
  /** Whether the attempt came to nothing; else it stands and is gone on with. */
  readonly isOver: boolean;
  readonly attempts: number;
  readonly waits: number;
  readonly lifeLeftMs: number | undefined;
}

/** When the next attempt may be made; undefined: not before something changes. */
export function nextAttempt(
  error: CertopsError,
  { isOver, attempts, waits, lifeLeftMs }: Failing,
  now: Date,
): Date | undefined {
  const after = (ms: number): Date => new Date(now.getTime() + ms);
  switch (error.retry.when) {
    case 'never':
      return lifeLeftMs === undefined ? undefined : after(hopelessBackoffMs(lifeLeftMs));
    case 'not-before':
      // "At once" is an answer, too; it must not become hammering.
      return later(error.retry.at, after(unreachableBackoffMs(Math.max(attempts, waits))));
    case 'now':
      return attempts + waits === 1 ? now : after(unreachableBackoffMs(attempts + waits));
    case 'backoff':
      return after(isOver ? failureBackoffMs({ attempts, lifeLeftMs }) : unreachableBackoffMs(waits));
  }
}

/** The reason of the `Issuing` condition for an error. */
export function troubleReason(error: CertopsError, isOver: boolean): string {
  if (isEncryptionError(error)) return 'EncryptionUnavailable';
  if (isKeystorePasswordCode(error.code)) return 'KeystorePasswordSecretNotFound';
  if (error.code === 'issuers.no-presenter') return 'PresenterUnavailable';
  return isOver ? 'Failed' : 'IssuerUnreachable';
}
