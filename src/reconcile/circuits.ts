import type { Cause } from '../diagnosis/cause.ts';
import type { Clock } from '../lib/clock.ts';
import type { Applicant } from './applicant.ts';
import type { Attempts } from './attempts.ts';
import {
  type Circuit,
  domainOf,
  FIRST_ZONE_PROBE_MS,
  type FoundBy,
  isOfDomain,
  isOutdated,
  isShared,
  issuerOf,
  matches,
  type Turn,
  take,
} from './circuit.ts';
import type { CertificateKey, IssuerKey } from './keys.ts';
import { Lane } from './lane.ts';

const MINUTE_MS = 60_000;
/** A probe that has been due for so long and was not made (held up elsewhere, say) is another Certificate's to make. */
const IDLE_PROBE_MS = 15 * MINUTE_MS;
/** The same for one that is not tried again before something changes: not all changes show in Git. */
const HOPELESS_PROBE_MS = 24 * 60 * MINUTE_MS;

/** Whether a Certificate may ask its issuer now. */
export type Admission =
  | { readonly kind: 'go' }
  /** Another one is finding out whether the way is clear; it is marked again when that is known. */
  | { readonly kind: 'queue' }
  /** What it needs is broken, and another one goes on trying; it is marked again when that succeeds. */
  | { readonly kind: 'held'; readonly cause: Cause; readonly lookAgainAt: Date };

/** How an attempt ended. */
export type AttemptEnd =
  | { readonly kind: 'succeeded' }
  | { readonly kind: 'failed'; readonly cause: Cause | undefined }
  /** It was never made, or says nothing. */
  | { readonly kind: 'nothing' };

export interface CircuitParts {
  readonly attempts: Attempts;
  readonly clock: Clock;
  /** What is known of a Certificate that failed, when circuits are found again after a restart. */
  readonly describe: (key: CertificateKey) => Applicant | undefined;
  /** The causes of zones that causes of one issuer's Certificates come to. */
  readonly joinCauses: (causes: readonly Cause[]) => readonly Cause[];
  /** Asks for a Certificate to be decided about again. */
  readonly mark: (key: CertificateKey) => void;
}

/**
 * Who may ask an issuer, so that a broken one hears of one Certificate and not of five hundred.
 *
 * A _lane_ is an issuer with the solvers that are needed: nobody having got through lately, one goes first. A
 * _circuit_ is open while an issuer, a solver or a zone is found broken: one probe goes on by its own back-off, the
 * others wait without orders. Both follow from the failed attempts on record, so they are the same after a restart.
 */
export class Circuits {
  readonly #parts: CircuitParts;
  readonly #lanes = new Map<string, Lane>();
  readonly #open = new Map<string, Circuit>();
  readonly #held = new Map<CertificateKey, string>();
  #isRestored = false;

  constructor(parts: CircuitParts) {
    this.#parts = parts;
  }

  /** How many wait for an open circuit. */
  get heldCount(): number {
    return this.#held.size;
  }

  /** The cause that an object waits for without having failed itself. */
  heldBy(key: CertificateKey): Cause | undefined {
    const cause = this.#held.get(key);
    return cause === undefined ? undefined : this.#open.get(cause)?.cause;
  }

  /** Certificates that wait for a cause, without those that failed for it. */
  heldFor(causeKey: string): readonly CertificateKey[] {
    return [...this.#held].filter(([, cause]) => cause === causeKey).map(([key]) => key);
  }

  /** Causes of all open circuits. */
  all(): readonly Cause[] {
    this.#restore();
    return [...this.#open.values()].map(({ cause }) => cause);
  }

  /** Causes of open circuits at an issuer. */
  openAt(issuer: IssuerKey): readonly Cause[] {
    this.#restore();
    return [...this.#open.values()].filter((circuit) => circuit.issuer === issuer).map(({ cause }) => cause);
  }

  /** The cause of a zone that a cause of one Certificate has become part of. */
  zoneOf(key: CertificateKey, cause: Cause): Cause | undefined {
    return [...this.#open.values()].find(
      (circuit) =>
        circuit.cause.scope === 'zone' &&
        circuit.cause.key !== cause.key &&
        circuit.cause.code === cause.code &&
        this.#isPartOf(circuit, key),
    )?.cause;
  }

  /** One that may ask for nothing now waits for nothing either. */
  release(key: CertificateKey): void {
    this.#held.delete(key);
  }

  /**
   * Asks for leave; whoever gets it must say when it sets out (`begin`) and how it ended (`leave`). `isFinal`: nothing
   * else is under way, so nobody is waited for who has not come.
   */
  admit(applicant: Applicant, now: Date, isFinal = false): Admission {
    this.#restore();
    const { key } = applicant;
    this.#held.delete(key);
    for (const circuit of [...this.#open.values()]) if (isOutdated(circuit, applicant)) this.#close(circuit);
    const turns: [Circuit, Turn][] = [];
    for (const circuit of this.#open.values()) {
      if (!matches(circuit, applicant)) continue;
      const turn = this.#turn(circuit, applicant, now);
      if (turn === undefined) return this.#hold(circuit, applicant, now);
      turns.push([circuit, turn]);
    }
    if (!isFinal && turns.some(([, turn]) => turn === 'later')) return { kind: 'queue' };
    if (applicant.isAcme && !this.#laneOf(applicant).enter(key, this.#parts.clock.monotonicMs())) {
      return { kind: 'queue' };
    }
    // Only who really goes takes the turn of others.
    for (const [circuit, turn] of turns) take(circuit, turn, key, now);
    return { kind: 'go' };
  }

  /** Whether one that was given leave may set out: what it needs may have been found broken while it waited. */
  begin(applicant: Applicant): boolean {
    for (const circuit of this.#open.values()) {
      if (!matches(circuit, applicant) || isOutdated(circuit, applicant)) continue;
      if (circuit.probe !== applicant.key && !circuit.letThrough.has(applicant.key)) return false;
    }
    if (applicant.isAcme) this.#laneOf(applicant).begin(applicant.key, this.#parts.clock.monotonicMs());
    return true;
  }

  /** Says how an attempt ended that was given leave. */
  leave(applicant: Applicant, end: AttemptEnd, now: Date): void {
    for (const { letThrough } of this.#open.values()) letThrough.delete(applicant.key);
    if (end.kind === 'succeeded') this.#closeFor(applicant);
    if (end.kind === 'failed') this.#noteFailure(applicant, end.cause, now);
    if (!applicant.isAcme) return;
    const released = this.#laneOf(applicant).leave(applicant.key, end.kind, this.#parts.clock.monotonicMs());
    for (const key of released) this.#parts.mark(key);
  }

  /** Lets more go where one that goes first takes long; milliseconds until that may be so again. */
  grow(): number {
    const nowMs = this.#parts.clock.monotonicMs();
    let untilMs = Number.POSITIVE_INFINITY;
    for (const lane of this.#lanes.values()) {
      for (const key of lane.grow(nowMs)) this.#parts.mark(key);
      untilMs = Math.min(untilMs, lane.untilGrowthMs(nowMs));
    }
    return untilMs;
  }

  #hold(circuit: Circuit, { key, isNearEnd }: Applicant, now: Date): Admission {
    this.#held.set(key, circuit.cause.key);
    const isTimed = circuit.cause.scope === 'zone' || (isNearEnd && circuit.nextProbeAt > now);
    const lookAgainAt = isTimed ? circuit.nextProbeAt : new Date(now.getTime() + 2 * IDLE_PROBE_MS);
    return { kind: 'held', cause: circuit.cause, lookAgainAt };
  }

  #noteFailure(applicant: Applicant, cause: Cause | undefined, now: Date): void {
    for (const circuit of [...this.#open.values()]) {
      // It got further than what was found broken.
      const isOther = circuit.probe === applicant.key && circuit.cause.key !== cause?.key;
      if (isOther && circuit.cause.scope !== 'zone') this.#close(circuit);
    }
    if (cause === undefined) return;
    if (!isShared(cause)) this.#joinZone(cause, applicant, now);
    else if (!this.#isContradicted(cause, applicant)) this.#openFor(cause, applicant, now);
  }

  /** Whether somebody got through the same way meanwhile: a CA that answers 503 now and then is not away. */
  #isContradicted(cause: Cause, applicant: Applicant): boolean {
    return (
      applicant.isAcme && cause.zone === undefined && this.#laneOf(applicant).hasPassedSince(applicant.key)
    );
  }

  #openFor(cause: Cause, { key, issuer, issuerHash, solvers }: FoundBy, now: Date): void {
    const known = this.#open.get(cause.key);
    if (known !== undefined) {
      if (now <= known.since) return;
      known.since = now;
      // Of those on record the one that was tried last is the probe.
      if (this.#isRestored) return;
      known.probe = key;
      known.probeSince = now;
      return;
    }
    // A process that has just begun finds out at once whether it is so still.
    const waitMs = this.#isRestored ? FIRST_ZONE_PROBE_MS : 0;
    const nextProbeAt = new Date(now.getTime() + waitMs);
    this.#open.set(cause.key, {
      ...{ cause, issuer, issuerHash, solvers, nextProbeAt },
      isFromRecord: !this.#isRestored,
      since: now,
      probe: key,
      probeSince: now,
      probes: 1,
      letThrough: new Set(),
    });
    // Whoever queues behind it is to be told.
    for (const [name, lane] of this.#lanes) {
      if (!name.startsWith(`${issuer} `)) continue;
      for (const waiting of lane.shut()) this.#parts.mark(waiting);
    }
  }

  /** Several that fail the same way under one zone are a cause of that zone. */
  #joinZone(cause: Cause, applicant: Applicant, now: Date): void {
    const { attempts, joinCauses, clock } = this.#parts;
    // Where others get through the zone is well.
    if (this.#laneOf(applicant).isClear(clock.monotonicMs())) return;
    const domain = domainOf(cause);
    const alike: Cause[] = [];
    for (const [key] of attempts.entries()) {
      const other = attempts.causeOf(key)?.cause;
      if (other?.scope !== 'certificate' || other.code !== cause.code || !isOfDomain(other, domain)) continue;
      if (issuerOf(other) === applicant.issuer) alike.push(other);
    }
    for (const joined of joinCauses(alike)) this.#openFor(joined, applicant, now);
  }

  /** Whether a Certificate may ask though a circuit is open; undefined: it waits. */
  #turn(circuit: Circuit, applicant: Applicant, now: Date): Turn | undefined {
    const { attempts } = this.#parts;
    if (this.#isAskedAnew(circuit, applicant)) return 'probe';
    const isTime = now >= circuit.nextProbeAt;
    if (circuit.cause.scope === 'zone') {
      if (applicant.isNearEnd) return 'free';
      return isTime ? 'besides' : undefined;
    }
    if (circuit.probe === applicant.key) return 'own';
    // The probe goes by its own back-off, which may be long where nothing of it is in use.
    if (applicant.isNearEnd && isTime) return 'besides';
    if (!this.#isProbeThere(circuit)) return 'probe';
    const probe = attempts.get(circuit.probe);
    const hopelessUntilMs = probe && probe.failedAt.getTime() + HOPELESS_PROBE_MS;
    const dueMs = probe?.retryAt?.getTime() ?? hopelessUntilMs ?? 0;
    const isIdle = now.getTime() - Math.max(circuit.probeSince.getTime(), dueMs) > IDLE_PROBE_MS;
    if (!isIdle) return undefined;
    // In a process that has just begun it may still come.
    return circuit.isFromRecord ? 'later' : 'probe';
  }

  /** A person's word that it is mended, newer than the last failure that it was found by. */
  #isAskedAnew(circuit: Circuit, { key, retryRequestedAt: asked }: Applicant): boolean {
    const { attempts } = this.#parts;
    if (asked === undefined || asked.getTime() === attempts.get(key)?.retryRequestedAt?.getTime())
      return false;
    return asked > (attempts.cause(circuit.cause.key)?.since ?? circuit.since);
  }

  /** Whether the probe still asks the same issuer: it may be suspended, removed, or another issuer's by now. */
  #isProbeThere({ probe, issuer, cause }: Circuit): boolean {
    return cause.scope === 'zone' || this.#parts.describe(probe)?.issuer === issuer;
  }

  /** Whoever got through shows that nothing that it needs is broken. */
  #closeFor(applicant: Applicant): void {
    for (const circuit of [...this.#open.values()]) if (matches(circuit, applicant)) this.#close(circuit);
  }

  #close(circuit: Circuit): void {
    this.#open.delete(circuit.cause.key);
    for (const key of this.heldFor(circuit.cause.key)) {
      this.#held.delete(key);
      this.#parts.mark(key);
    }
  }

  /** What failed before this process began. */
  #restore(): void {
    if (this.#isRestored) return;
    const { attempts, describe, joinCauses, clock } = this.#parts;
    const ofNames: Cause[] = [];
    for (const [key, { issuerHash, failedAt }] of attempts.entries()) {
      const cause = attempts.causeOf(key)?.cause;
      const applicant = cause && describe(key);
      // One that went over to another issuer says nothing about that one.
      if (cause === undefined || applicant === undefined || applicant.issuer !== issuerOf(cause)) continue;
      if (isShared(cause)) this.#openFor(cause, { ...applicant, issuerHash }, failedAt);
      else if (cause.scope === 'certificate') ofNames.push(cause);
    }
    for (const cause of joinCauses(ofNames)) {
      const issuer = issuerOf(cause);
      if (issuer !== undefined) this.#openFor(cause, { key: '', issuer, solvers: [] }, clock.now());
    }
    this.#isRestored = true;
  }

  #isPartOf(circuit: Circuit, key: CertificateKey): boolean {
    const applicant = this.#parts.describe(key);
    return applicant !== undefined && matches(circuit, applicant);
  }

  /** Another revision of an issuer is another way. */
  #laneOf({ issuer, issuerHash = '', solvers }: Applicant): Lane {
    const name = `${issuer} ${issuerHash} ${solvers.join(', ')}`;
    const lane = this.#lanes.get(name) ?? new Lane();
    this.#lanes.set(name, lane);
    return lane;
  }
}
