import { createHash } from 'node:crypto';
import type { RenewalInformation } from '../issuers/issuer.ts';
import { parseInstant } from '../lib/clock.ts';
import type { ObservedRenewalInformation } from '../plan/renewal.ts';
import type { IssuedFacts, SuggestedWindow } from '../status/certificate-status.ts';
import type { CertificateKey } from './keys.ts';
import type { StateDocument } from './ports.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Where the CA names no other: four times a day. Let's Encrypt asks for at least two. */
const PERIOD_MS = 6 * HOUR_MS;
/** A short life is asked about more often. */
const LOOKS_A_LIFE = 12;
/** After an answer that did not come: a minute, doubling to a period (RFC 9773, section 4.3). */
const FIRST_RETRY_MS = MINUTE_MS;
/** How far the state may lag behind: what is lost with it is asked once more. */
const RECORD_EVERY_MS = 30 * MINUTE_MS;
const STATE_KEY = 'renewalInformationCheckedAt';

interface Asked {
  readonly serialNumber: string;
  readonly window?: SuggestedWindow | undefined;
  readonly nextAt: Date;
  readonly failures: number;
}

/**
 * When to ask a CA about which certificate (RFC 9773), without a record for each: a certificate is asked about
 * at fixed times counted from its issue, and the state keeps one instant up to which all such times were
 * served. So neither a restart nor an hourly job asks too often, and the state stays small.
 */
export class RenewalInformationTimetable {
  readonly #asked = new Map<CertificateKey, Asked>();
  #servedUntil: Date | undefined;
  #recordedUntil: Date | undefined;

  constructor(state: StateDocument) {
    const value = state[STATE_KEY];
    this.#servedUntil = typeof value === 'string' ? parseInstant(value) : undefined;
    this.#recordedUntil = this.#servedUntil;
  }

  /** When to ask next; in the past where it is due. */
  nextCheck(key: CertificateKey, issued: IssuedFacts): Date {
    const asked = this.#asked.get(key);
    if (asked?.serialNumber === issued.serialNumber) return asked.nextAt;
    const lifeMs = issued.notAfter.getTime() - issued.notBefore.getTime();
    const periodMs = Math.max(MINUTE_MS, Math.min(PERIOD_MS, lifeMs / LOOKS_A_LIFE));
    const served = this.#servedUntil;
    if (served === undefined || served <= issued.issuedAt) {
      return new Date(issued.issuedAt.getTime() + periodMs);
    }
    const looks = Math.floor((served.getTime() - issued.issuedAt.getTime()) / periodMs);
    return new Date(issued.issuedAt.getTime() + (looks + 1) * periodMs);
  }

  /** Whether this process has heard about this very certificate lately. */
  isFresh(key: CertificateKey, issued: IssuedFacts, now: Date): boolean {
    const asked = this.#asked.get(key);
    return asked?.serialNumber === issued.serialNumber && asked.nextAt > now;
  }

  /** What the CA said last about this very certificate, in this process. */
  window(key: CertificateKey, issued: IssuedFacts | undefined): SuggestedWindow | undefined {
    const asked = this.#asked.get(key);
    return asked !== undefined && asked.serialNumber === issued?.serialNumber ? asked.window : undefined;
  }

  /** An answer came; undefined where the CA offers none. */
  answered(
    key: CertificateKey,
    { serialNumber }: IssuedFacts,
    answer: RenewalInformation | undefined,
    now: Date,
  ): void {
    const waitMs = answer?.retryAfterMs ?? DAY_MS;
    const window = answer && {
      start: answer.start,
      end: answer.end,
      explanationUrl: answer.explanationUrl,
    };
    this.#asked.set(key, { serialNumber, window, nextAt: new Date(now.getTime() + waitMs), failures: 0 });
  }

  /** No answer came. */
  failed(key: CertificateKey, { serialNumber }: IssuedFacts, now: Date): void {
    const { failures: before = 0, window } = this.#asked.get(key) ?? {};
    const failures = before + 1;
    const waitMs = Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), PERIOD_MS);
    this.#asked.set(key, { serialNumber, window, nextAt: new Date(now.getTime() + waitMs), failures });
  }

  /**
   * All that was due up to `now` has been asked about. Returns the change of the state, where it is time to keep
   * it.
   */
  served(now: Date): ((state: StateDocument) => StateDocument) | undefined {
    if (this.#asked.size === 0) return undefined;
    this.#servedUntil = now;
    const recorded = this.#recordedUntil;
    if (recorded !== undefined && now.getTime() - recorded.getTime() < RECORD_EVERY_MS) return undefined;
    this.#recordedUntil = now;
    return (state) => ({ ...state, [STATE_KEY]: now.toISOString() });
  }
}

/**
 * What the decision is made from: the window on record, with the moment that this certificate drew from it. The
 * draw is its serial number's, so that it is as good as random among certificates (RFC 9773, section 4.2) and
 * the same after a restart.
 */
export function drawFrom(
  window: SuggestedWindow | undefined,
  { serialNumber }: Pick<IssuedFacts, 'serialNumber'>,
): ObservedRenewalInformation | undefined {
  if (window === undefined) return undefined;
  const { start, end } = window;
  const digest = createHash('sha256')
    .update(`${serialNumber} ${start.toISOString()} ${end.toISOString()}`)
    .digest();
  const share = digest.readUInt32BE(0) / 2 ** 32;
  const selected = new Date(start.getTime() + Math.floor(share * (end.getTime() - start.getTime())));
  return { start, end, selected };
}
