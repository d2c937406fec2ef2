import pLimit, { type LimitFunction } from 'p-limit';
import { DueQueue } from '../lib/due-queue.ts';
import { asCertopsError, isAbort } from '../lib/errors.ts';
import { FairLoop } from '../lib/turn-queue.ts';
import { WakeUp } from '../lib/wake-up.ts';
import type { CertificateDesk } from './certificate-desk.ts';
import { isLostPrecondition, isStoreError, isWaitingItsTurn } from './error-kinds.ts';
import type { IssuerDesk } from './issuer-desk.ts';
import type { Ports } from './ports.ts';
import type { Verdict } from './verdict.ts';
import type { World } from './world.ts';

/** How often an object may lose its preconditions at one and the same tip. */
const MAX_LOSSES = 10;
/** How soon an object that could not be handled is looked at again. */
const UNHANDLED_RETRY_MS = 60_000;

export interface WorklistParts {
  readonly ports: Ports;
  readonly world: World;
  readonly issuers: IssuerDesk;
  readonly certificates: CertificateDesk;
  /** Brings the world to the newest tip that is known. */
  readonly advance: () => Promise<void>;
  /** How many pieces of work may be under way at once. */
  readonly maxInFlight: number;
}

/**
 * What is still to be decided about, what is being done, and what is due when. One piece of work an object at
 * a time; objects that wait for others are put off until those are settled.
 */
export class Worklist {
  readonly #parts: WorklistParts;
  readonly #limit: LimitFunction;
  readonly #wakeUp = new WakeUp();
  readonly #due = new DueQueue();
  /** Keys to decide about; issuers have a colon in theirs, Certificates have none. */
  readonly #dirty = new Set<string>();
  readonly #postponed = new Set<string>();
  readonly #running = new Map<string, Promise<void>>();
  /** Objects that could not be handled, and why: shown in the summary, tried again later. */
  readonly #unhandled = new Map<string, string>();
  /** Objects that wait for another one's order to be done. */
  readonly #turns = new Set<string>();
  /** Objects that lost their preconditions, where and how often. */
  readonly #losses = new Map<string, { readonly commit: string; readonly times: number }>();
  #storeFailure: unknown;

  constructor(parts: WorklistParts) {
    this.#parts = parts;
    this.#limit = pLimit(parts.maxInFlight);
  }

  /** Asks for an object to be looked at. */
  mark(key: string): void {
    this.#dirty.add(key);
  }

  /** Asks for everything that time made due to be looked at. */
  markDue(): void {
    for (const key of this.#due.takeDue(this.#parts.ports.clock.now())) this.#dirty.add(key);
  }

  /** Whether nothing waits to be looked at and nothing is being done; objects may still be put off. */
  get isIdle(): boolean {
    return this.#running.size === 0 && this.#dirty.size === 0;
  }

  /** Whether anything waits to be looked at. */
  get hasMarked(): boolean {
    return this.#dirty.size > 0;
  }

  get isRunning(): boolean {
    return this.#running.size > 0;
  }

  get hasPostponed(): boolean {
    return this.#postponed.size > 0;
  }

  get nextDue(): Date | undefined {
    return this.#due.next();
  }

  get unhandled(): ReadonlyMap<string, string> {
    return this.#unhandled;
  }

  /** What stopped Git itself, if anything: nothing new is begun while it stands. */
  get storeFailure(): unknown {
    return this.#storeFailure;
  }

  /** Git may answer again: what was being done is decided about anew. */
  clearStoreFailure(): void {
    this.#storeFailure = undefined;
  }

  /** Resolves when a piece of work ends, after `timeoutMs`, or when `signal` fires. */
  wait(timeoutMs: number, signal: AbortSignal): Promise<void> {
    return this.#wakeUp.wait(timeoutMs, signal);
  }

  /** Ends a wait. */
  wake(): void {
    this.#wakeUp.notify();
  }

  /** Resolves when nothing is being done any more. */
  async finish(): Promise<void> {
    await Promise.allSettled(this.#running.values());
  }

  /**
   * Decides about everything that is marked and begins what that asks for. `isFinal`: nothing else is under
   * way, so answers that others might still change are given all the same.
   */
  async dispatch(signal: AbortSignal, isFinal = false): Promise<void> {
    const { ports, world, issuers, certificates, advance } = this.#parts;
    const now = ports.clock.now();
    const progress = {
      isUnsettled: (key: string) => this.#isUnsettled(key),
      isUnderWay: (key: string) => this.#running.has(key),
    };
    const loop = new FairLoop();
    // Issuers before Certificates, so that their state is known when a Certificate asks.
    const keys = [...this.#dirty].sort((a, b) => Number(isIssuerKey(b)) - Number(isIssuerKey(a)));
    for (const key of keys) {
      // Work that ended meanwhile has moved the tip: who decided by an older view would do it again.
      if (world.commit !== ports.store.tip.commit) await advance();
      if (this.#running.has(key) || this.#storeFailure !== undefined) continue;
      this.#dirty.delete(key);
      const desk = isIssuerKey(key) ? issuers : certificates;
      const verdict = await desk
        .decide(key, progress, isFinal, now)
        .catch((thrown: unknown) => this.#laterBecause(key, thrown));
      if (verdict.kind === 'postponed') this.#postponed.add(key);
      else this.#postponed.delete(key);
      this.#due.set(key, verdict.kind === 'settled' ? verdict.lookAgainAt : undefined);
      if (verdict.kind === 'work') this.#start(key, verdict.run, signal);
      else if (verdict.kind === 'settled') this.#release(key);
      await loop.pause();
    }
  }

  /** Decides about what was put off, now that nothing else is under way. */
  async dispatchPostponed(signal: AbortSignal): Promise<void> {
    // Issuers first: what waits for them may then be decided with what they found.
    const issuers = [...this.#postponed].filter(isIssuerKey);
    for (const key of issuers.length > 0 ? issuers : [...this.#postponed]) {
      this.#postponed.delete(key);
      this.#dirty.add(key);
    }
    await this.dispatch(signal, true);
  }

  #isUnsettled(key: string): boolean {
    return this.#dirty.has(key) || this.#running.has(key) || this.#postponed.has(key);
  }

  #start(key: string, run: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): void {
    const job = this.#limit(() => run(signal))
      .then(
        () => this.#succeed(key),
        (thrown: unknown) => this.#fail(key, thrown, signal),
      )
      .then((isToBeLookedAt) => {
        this.#running.delete(key);
        if (isToBeLookedAt) this.#dirty.add(key);
        this.#release(key);
        this.#wakeUp.notify();
      });
    this.#running.set(key, job);
  }

  #succeed(key: string): boolean {
    this.#unhandled.delete(key);
    this.#losses.delete(key);
    this.#turns.delete(key);
    return true;
  }

  /** True when the object is to be decided about again at once. */
  #fail(key: string, thrown: unknown, signal: AbortSignal): boolean {
    if (isAbort(thrown) && signal.aborted) return true;
    if (isLostPrecondition(thrown) && this.#isWorthAnotherLook(key)) {
      this.#parts.ports.log.debug(
        { object: key, ...asCertopsError(thrown).data },
        'the branch moved on: another look',
      );
      return true;
    }
    if (isWaitingItsTurn(thrown)) {
      this.#awaitTurn(key);
      return false;
    }
    if (isStoreError(thrown) && !isLostPrecondition(thrown)) {
      this.#storeFailure ??= thrown;
      return true;
    }
    this.#due.set(key, this.#laterBecause(key, thrown).lookAgainAt);
    return false;
  }

  /** Losing again and again though the branch stays where it is would be a defect of ours. */
  #isWorthAnotherLook(key: string): boolean {
    const { commit } = this.#parts.ports.store.tip;
    const last = this.#losses.get(key);
    const times = last?.commit === commit ? last.times + 1 : 1;
    this.#losses.set(key, { commit, times });
    return times < MAX_LOSSES;
  }

  /** Looked at again when all else is done, and then every minute. */
  #awaitTurn(key: string): void {
    if (this.#turns.delete(key)) {
      this.#due.set(key, this.#inAWhile());
    } else {
      this.#turns.add(key);
      this.#postponed.add(key);
    }
  }

  /** One object that cannot be handled never stops the others, and never becomes a busy loop. */
  #laterBecause(key: string, thrown: unknown): Extract<Verdict, { kind: 'settled' }> {
    if (isStoreError(thrown) && !isLostPrecondition(thrown)) {
      this.#dirty.add(key);
      throw thrown;
    }
    const error = asCertopsError(thrown);
    this.#parts.ports.log.error({ object: key, ...error.logFields() }, 'an object could not be handled');
    this.#unhandled.set(key, error.explain());
    return { kind: 'settled', lookAgainAt: this.#inAWhile() };
  }

  #inAWhile(): Date {
    return new Date(this.#parts.ports.clock.now().getTime() + UNHANDLED_RETRY_MS);
  }

  /** Whoever waited for this object is looked at again. */
  #release(key: string): void {
    if (this.#postponed.size === 0) return;
    const { desired } = this.#parts.world;
    const waiting = isIssuerKey(key) ? desired.dependents(key) : [...this.#postponed].filter(isIssuerKey);
    for (const dependent of waiting) {
      if (dependent !== key && this.#postponed.delete(dependent)) this.#dirty.add(dependent);
    }
  }
}

function isIssuerKey(key: string): boolean {
  return key.includes(':');
}
