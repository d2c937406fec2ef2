/** Under ten days half of the life is left when renewal is due by default (Let's Encrypt's advice). */
const SHORT_LIFE_MS = 10 * 86_400_000;

/** What decides when a certificate is due: its real dates and the wishes of its specification. */
export interface RenewalTerms {
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** `spec.renewBefore` in milliseconds. */
  readonly renewBeforeMs?: number | undefined;
  /** `spec.renewBeforePercentage`, 1 to 99: the part of the lifetime that remains when renewal is due. */
  readonly renewBeforePercentage?: number | undefined;
}

/**
 * When a certificate is due for renewal, in whole seconds (cert-manager `pki.RenewalTime`, without windows).
 *
 * `renewBefore` counts if it is shorter than the lifetime that was really issued, else the percentage of that
 * lifetime, else a third of it (half of it under ten days). Times are cut to the second because that is what a status can hold.
 */
export function renewalTime(terms: RenewalTerms): Date {
  const lifetimeMs = terms.notAfter.getTime() - terms.notBefore.getTime();
  const dueMs = terms.notAfter.getTime() - remainingMs(lifetimeMs, terms);
  return new Date(Math.floor(dueMs / 1000) * 1000);
}

function remainingMs(lifetimeMs: number, terms: RenewalTerms): number {
  const { renewBeforeMs, renewBeforePercentage } = terms;
  if (renewBeforeMs !== undefined && renewBeforeMs > 0 && renewBeforeMs < lifetimeMs) return renewBeforeMs;
  if (renewBeforePercentage !== undefined && renewBeforePercentage > 0 && renewBeforePercentage < 100) {
    return (lifetimeMs * renewBeforePercentage) / 100;
  }
  return lifetimeMs < SHORT_LIFE_MS ? lifetimeMs / 2 : lifetimeMs / 3;
}
