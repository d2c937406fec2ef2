import type { CauseClass } from '../diagnosis/cause.ts';
import type { OpenCause } from './open-cause.ts';
import { firstNearEndAt } from './urgency.ts';

/** Failed attempts after which the world outside counts as broken. */
const PATIENT_ATTEMPTS = 3;

/** Whether a cause deserves a pull request by now, and if not, when time alone changes that. */
export type Eligibility =
  | { readonly isDue: true }
  | { readonly isDue: false; readonly until?: Date | undefined };

const AT_ONCE: readonly CauseClass[] = ['specification', 'policy', 'account', 'encryption'];

/**
 * When a cause gets its pull request: at once where time cannot heal it; after the third failed attempt where the world
 * outside is broken; whatever it is when a certificate in use comes near its end. A limit with a known end waits for
 * that, unless it comes too late for a certificate in use. What people suspended waits until it is near its end.
 */
export function eligibility(open: OpenCause, now: Date): Eligibility {
  const { cause, attempts, isLimit, nextAttemptAt } = open;
  const nearEndAt = firstNearEndAt(open);
  const isSuspended = cause.code === 'suspended-too-long';
  if (!isSuspended && AT_ONCE.includes(cause.class)) return { isDue: true };
  const hasKnownEnd = isLimit && nextAttemptAt !== undefined;
  if (cause.class === 'environment' && !hasKnownEnd && attempts >= PATIENT_ATTEMPTS) return { isDue: true };
  const endsTooLate = hasKnownEnd && nearEndAt !== undefined && nextAttemptAt > nearEndAt;
  if (endsTooLate || (nearEndAt !== undefined && nearEndAt <= now)) return { isDue: true };
  return { isDue: false, until: nearEndAt };
}
