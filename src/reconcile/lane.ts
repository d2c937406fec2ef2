import type { AttemptEnd } from './circuits.ts';
import type { CertificateKey } from './keys.ts';

/** How long a way counts as clear after somebody got through. */
const CLEAR_FOR_MS = 60 * 60_000;
/** One that goes first and takes long does not hold up the others: more go after each such step, twice as many. */
const GROWTH_STEP_MS = 10_000;
const MAX_GROWTH_STEPS = 10;

/**
 * The way to an issuer by certain solvers. While nobody got through lately one goes first; each one that fails for a
 * reason of its own lets one more go, so that three that fail the same way can be recognised before the rest follows.
 */
export class Lane {
  /** When each one under way began, in monotonic milliseconds. */
  readonly #underWay = new Map<CertificateKey, number>();
  readonly #waiting = new Set<CertificateKey>();
  #passedAtMs = Number.NEGATIVE_INFINITY;
  #clearUntilMs = Number.NEGATIVE_INFINITY;
  #failures = 0;

  /** Whether a Certificate may go; else it waits to be released. */
  enter(key: CertificateKey, nowMs: number): boolean {
    if (!this.#hasRoom(nowMs)) {
      this.#waiting.add(key);
      return false;
    }
    this.#waiting.delete(key);
    this.#underWay.set(key, nowMs);
    return true;
  }

  /** One that was let go really sets out, having waited for its turn elsewhere. */
  begin(key: CertificateKey, nowMs: number): void {
    if (this.#underWay.has(key)) this.#underWay.set(key, nowMs);
  }

  /** Whether somebody got through since this one set out: what it failed for is then not everybody's. */
  hasPassedSince(key: CertificateKey): boolean {
    return this.#passedAtMs > (this.#underWay.get(key) ?? Number.POSITIVE_INFINITY);
  }

  /** One is back; gives those that may go now. */
  leave(key: CertificateKey, end: AttemptEnd['kind'], nowMs: number): readonly CertificateKey[] {
    this.#underWay.delete(key);
    if (end === 'succeeded') {
      this.#passedAtMs = nowMs;
      this.#clearUntilMs = nowMs + CLEAR_FOR_MS;
      this.#failures = 0;
    }
    if (end === 'failed') this.#failures += 1;
    return this.grow(nowMs);
  }

  /** Those that may go by now. They enter anew; whoever has no wish to any more holds up nobody. */
  grow(nowMs: number): readonly CertificateKey[] {
    if (this.#waiting.size === 0) return [];
    const room = this.#room(nowMs) - this.#underWay.size;
    const released = room <= 0 ? [] : [...this.#waiting].slice(0, room);
    for (const key of released) this.#waiting.delete(key);
    return released;
  }

  /** Whether somebody got through lately. */
  isClear(nowMs: number): boolean {
    return nowMs < this.#clearUntilMs;
  }

  /** What it leads to was found broken: whoever comes next goes first again. Gives everybody who waits. */
  shut(): readonly CertificateKey[] {
    this.#clearUntilMs = Number.NEGATIVE_INFINITY;
    this.#failures = 0;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    return waiting;
  }

  /** Milliseconds until time alone lets more go; infinite where nobody waits. */
  untilGrowthMs(nowMs: number): number {
    const startedMs = Math.min(...this.#underWay.values());
    if (this.#waiting.size === 0 || !Number.isFinite(startedMs)) return Number.POSITIVE_INFINITY;
    return GROWTH_STEP_MS - ((nowMs - startedMs) % GROWTH_STEP_MS);
  }

  #hasRoom(nowMs: number): boolean {
    return this.#underWay.size < this.#room(nowMs);
  }

  #room(nowMs: number): number {
    if (this.isClear(nowMs)) return Number.POSITIVE_INFINITY;
    const startedMs = Math.min(...this.#underWay.values());
    const steps = Number.isFinite(startedMs) ? Math.floor((nowMs - startedMs) / GROWTH_STEP_MS) : 0;
    return (1 + this.#failures) * 2 ** Math.min(steps, MAX_GROWTH_STEPS);
  }
}
