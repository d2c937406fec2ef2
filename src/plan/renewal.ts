import type { RenewalSpec } from '../api/certificate.ts';
import { renewalTime } from '../pki/renewal-time.ts';
import { chooseWindow } from './renewal-window.ts';

/** What the CA says about one certificate (RFC 9773), with the moment that was drawn from its window. */
export interface ObservedRenewalInformation {
  readonly start: Date;
  readonly end: Date;
  /** Drawn at random from the window, once for each window. */
  readonly selected: Date;
}

/** All that decides when a certificate is due. */
export interface DueTerms {
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** When it was committed: the loop guard counts from here. */
  readonly issuedAt: Date;
  readonly renewBeforeMs?: number | undefined;
  readonly renewBeforePercentage?: number | undefined;
  readonly renewal?: RenewalSpec | undefined;
  readonly renewalInformation?: ObservedRenewalInformation | undefined;
}

/** When a certificate is due. */
export interface Due {
  /** Undefined: time never makes it due (`renewal.policy: Disabled`). */
  readonly at?: Date | undefined;
  /** Whether `spec.renewal.windows` never open in time: cert-manager's `WindowError`. */
  readonly isWithoutWindow: boolean;
}

/**
 * When a certificate is due for renewal.
 *
 * The desired time is what `renewBefore` or the percentage says, else half (under ten days) or a third of the
 * real life before its end; the CA's renewal information comes before the default, and before an explicit wish
 * where it is earlier. Windows are applied on top, but not to what the CA wants renewed at once: its window is
 * over already, as after a revocation (RFC 9773, section 4.2).
 *
 * Loop guard: a certificate that was already due when it arrived (a clock gone wrong, a CA with shorter lives
 * than asked) is kept until a third of its life has passed since then.
 */
export function renewalDue(terms: DueTerms, now: Date): Due {
  if (terms.renewal?.policy === 'Disabled') return { isWithoutWindow: false };
  const { at, isUrgent } = desiredTime(terms, now);
  if (at <= terms.issuedAt) return { at: guarded(terms), isWithoutWindow: false };
  const windows = terms.renewal?.windows ?? [];
  if (windows.length === 0 || isUrgent) return { at, isWithoutWindow: false };
  const window = chooseWindow(windows, at, terms, now);
  if (window === undefined) return { at, isWithoutWindow: true };
  // In a window that is open at the desired time there is no reason to come early.
  const isOpenThen = window.start <= at && at < window.end;
  return { at: isOpenThen ? at : window.start, isWithoutWindow: false };
}

function desiredTime(terms: DueTerms, now: Date): { readonly at: Date; readonly isUrgent: boolean } {
  const own = renewalTime(terms);
  const information = terms.renewalInformation;
  // A window that ends after the certificate is no help to anybody.
  if (information === undefined || information.end > terms.notAfter) return { at: own, isUrgent: false };
  const { selected, end } = information;
  if (end <= now) return { at: selected, isUrgent: selected < own };
  const isExplicit = terms.renewBeforeMs !== undefined || terms.renewBeforePercentage !== undefined;
  return { at: isExplicit && own < selected ? own : selected, isUrgent: false };
}

function guarded({ notBefore, notAfter, issuedAt }: DueTerms): Date {
  return new Date(issuedAt.getTime() + (notAfter.getTime() - notBefore.getTime()) / 3);
}
