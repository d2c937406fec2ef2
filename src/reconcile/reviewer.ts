import { asCertopsError, type CertopsError } from '../lib/errors.ts';
import { WakeUp } from '../lib/wake-up.ts';
import type { PullRequest } from '../proposals/pull-request.ts';
import type { Planner, Ports, ProposalPorts } from './ports.ts';
import { reviewPullRequest } from './review.ts';
import { type ReviewBase, ReviewBases } from './review-base.ts';
import { ReviewTurns } from './review-turns.ts';
import type { SafetyRail } from './safety-rail.ts';
import type { World } from './world.ts';

const POLL_MS = 5 * 60_000;
/**
 * Looks that others ask for lie so far apart: who sends webhooks does not decide how often a forge is asked. Short, since
 * a verdict is to be there within ten seconds.
 */
const HINTED_APART_MS = 2_000;
const AT_ONCE = 2;
const RETRY_MS = 15_000;
const RETRY_MAX_MS = 3_600_000;

/** What is known of a pull request from its last review. */
interface Known {
  /** Head commits with which it was seen then. */
  readonly heads: ReadonlySet<string>;
  readonly baseHash: string;
  /** Times in a row that it has to be tried again. */
  readonly failures: number;
  /** When that is, by the clock that never jumps; undefined: what was found stands. */
  readonly againAtMs?: number | undefined;
}

/**
 * Reviews pull requests into the source branch, beside everything else: nothing waits for it. A hint or five minutes let
 * it look for new ones; another base lets it plan them anew. Whatever goes wrong is logged and tried again.
 */
export class Reviewer {
  readonly #ports: Ports;
  readonly #world: Pick<World, 'paths'>;
  readonly #bases: ReviewBases;
  readonly #turns = new ReviewTurns();
  readonly #wakeUp = new WakeUp();
  readonly #known = new Map<number, Known>();
  readonly #running = new Map<number, Promise<void>>();
  #listing: { readonly open: readonly PullRequest[]; readonly atMs: number } | undefined;
  /** In the first listing of a process, what was reviewed before it began keeps its status meanwhile. */
  #isFirstListing = true;
  /** Somebody says that there may be something new. */
  #isHinted = false;
  /** The next turn looks, whenever that was done last. */
  #isStale = false;
  #pausedUntilMs = 0;
  #failures = 0;
  /** Code of the failure that was logged. */
  #told: string | undefined;
  #proposing: ProposalPorts | undefined;

  constructor(ports: Ports, world: Pick<World, 'paths'>, rail: Pick<SafetyRail, 'held'>) {
    this.#ports = ports;
    this.#world = world;
    this.#bases = new ReviewBases(
      ports.store,
      (path) => this.#world.paths.classify(path) !== undefined,
      rail,
    );
  }

  /** Somebody says that there may be something new: it looks, 10 s after the last look at the soonest. */
  hint(): void {
    this.#isHinted = true;
    this.#wakeUp.notify();
  }

  /** The source branch has moved. */
  lookAtBase(): void {
    this.#wakeUp.notify();
  }

  /** Goes on until `signal` fires; never throws. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const waitMs = await this.#turn(signal);
      if (waitMs === undefined) break;
      await this.#wakeUp.wait(waitMs, signal);
    }
    await Promise.all(this.#running.values());
  }

  /** Reviews what is open now, as far as it may in a minute; never throws. */
  async runOnce(signal: AbortSignal): Promise<void> {
    this.#isStale = true;
    for (;;) {
      if ((await this.#turn(signal)) === undefined || this.#running.size === 0) return;
      await Promise.race(this.#running.values());
    }
  }

  /** Begins what can be begun; gives the milliseconds to wait, undefined where there is nothing to review, ever. */
  async #turn(signal: AbortSignal): Promise<number | undefined> {
    const { planner, openProposing, clock } = this.#ports;
    if (openProposing === undefined) return undefined;
    const pausedMs = this.#pausedUntilMs - clock.monotonicMs();
    if (pausedMs > 0) return pausedMs;
    try {
      this.#proposing ??= await openProposing(signal);
      // On plain Git a pull request is a branch, and nothing can be said of it.
      if (this.#proposing.forge.kind === 'git') return undefined;
      return await this.#begin(this.#proposing, planner, signal);
    } catch (thrown) {
      if (signal.aborted) return 0;
      return this.#pause(asCertopsError(thrown));
    }
  }

  async #begin(proposing: ProposalPorts, planner: Planner, signal: AbortSignal): Promise<number> {
    const { clock } = this.#ports;
    const open = await this.#list(proposing, signal);
    const nowMs = clock.monotonicMs();
    const untilLookMs = this.#untilLookMs(nowMs);
    if (open.length === 0) return untilLookMs;
    const base = await this.#bases.newest();
    const waiting = open.filter((pull) => !this.#running.has(pull.number));
    const due = waiting.filter((pull) => this.#untilDueMs(pull, base, nowMs) <= 0);
    for (const pull of this.#turns.inOrder(due, nowMs)) {
      if (this.#running.size >= AT_ONCE || this.#turns.untilFreeMs(nowMs) > 0) break;
      this.#turns.take(pull, nowMs);
      const review = this.#review({ proposing, planner }, pull, base, signal).finally(() => {
        this.#running.delete(pull.number);
        this.#wakeUp.notify();
      });
      this.#running.set(pull.number, review);
    }
    const isWaitingForTurn = due.some((pull) => !this.#running.has(pull.number));
    // Whoever ends rings.
    const untilTurnMs =
      isWaitingForTurn && this.#running.size < AT_ONCE ? this.#turns.untilFreeMs(nowMs) : untilLookMs;
    if (!isWaitingForTurn) this.#isFirstListing = false;
    const untilAgain = waiting.map((pull) => this.#untilDueMs(pull, base, nowMs)).filter((ms) => ms > 0);
    return Math.max(0, Math.min(untilLookMs, untilTurnMs, ...untilAgain));
  }

  /** The open ones as they were listed last, or now where somebody says so or it is time. */
  async #list(proposing: ProposalPorts, signal: AbortSignal): Promise<readonly PullRequest[]> {
    const nowMs = this.#ports.clock.monotonicMs();
    if (this.#listing !== undefined && !this.#isStale && this.#untilLookMs(nowMs) > 0) {
      return this.#listing.open;
    }
    this.#isHinted = false;
    this.#isStale = false;
    let open: readonly PullRequest[];
    try {
      open = await proposing.forge.openPullRequests(proposing.sourceBranch, signal);
    } catch (thrown) {
      this.#isStale = true;
      throw thrown;
    }
    this.#failures = 0;
    this.#told = undefined;
    this.#listing = { open, atMs: nowMs };
    const numbers = new Set(open.map(({ number }) => number));
    for (const number of this.#known.keys()) if (!numbers.has(number)) this.#known.delete(number);
    return open;
  }

  /** Until it is time to list, for itself or because somebody said so. */
  #untilLookMs(nowMs: number): number {
    if (this.#listing === undefined) return 0;
    return this.#listing.atMs + (this.#isHinted ? HINTED_APART_MS : POLL_MS) - nowMs;
  }

  /** Infinite where it was reviewed as it is. */
  #untilDueMs({ number, headCommit }: PullRequest, base: ReviewBase, nowMs: number): number {
    const known = this.#known.get(number);
    if (known === undefined || known.baseHash !== base.hash || !known.heads.has(headCommit)) return 0;
    return known.againAtMs === undefined ? Number.POSITIVE_INFINITY : known.againAtMs - nowMs;
  }

  async #review(
    { proposing, planner }: { readonly proposing: ProposalPorts; readonly planner: Planner },
    pull: PullRequest,
    base: ReviewBase,
    signal: AbortSignal,
  ): Promise<void> {
    const { log } = this.#ports;
    const parts = { ports: this.#ports, proposing, planner };
    const heads = new Set([pull.headCommit]);
    const before = this.#known.get(pull.number);
    const isSame = before?.baseHash === base.hash && before.heads.has(pull.headCommit);
    const isAnnounced = before === undefined ? !this.#isFirstListing : !isSame;
    let error: CertopsError | undefined;
    try {
      const outcome = await reviewPullRequest(parts, pull, base, { isAnnounced }, signal);
      heads.add(outcome.head);
      error = outcome.error;
      this.#failures = 0;
      this.#told = undefined;
    } catch (thrown) {
      if (signal.aborted) return;
      error = asCertopsError(thrown);
      // What hits one request hits them all.
      if (isOfForge(error)) this.#pause(error);
    }
    if (error !== undefined) {
      log.warn({ ...error.logFields(), pullRequest: pull.number }, 'a pull request could not be reviewed');
    }
    const failures = error === undefined ? 0 : (isSame ? before.failures : 0) + 1;
    const waitMs = error === undefined ? undefined : this.#untilAgainMs(error, failures);
    const againAtMs = waitMs && this.#ports.clock.monotonicMs() + waitMs;
    this.#known.set(pull.number, { heads, baseHash: base.hash, failures, againAtMs });
  }

  /** Undefined where it comes to the same until something changes. */
  #untilAgainMs(error: CertopsError, failures: number): number | undefined {
    // That one is about the machine, too.
    const isFinal = error.retry.when === 'never' && !isOfForge(error) && error.code !== 'worker.too-slow';
    return isFinal ? undefined : this.#waitMs(error, failures);
  }

  #pause(error: CertopsError): number {
    const { log, clock } = this.#ports;
    this.#failures += 1;
    const waitMs = this.#waitMs(error, this.#failures);
    this.#pausedUntilMs = clock.monotonicMs() + waitMs;
    const fields = { ...error.logFields(), waitMs };
    if (this.#told === error.code) log.debug(fields, 'pull requests still cannot be reviewed');
    else log.warn(fields, 'pull requests cannot be reviewed for now; issuance goes on');
    this.#told = error.code;
    return waitMs;
  }

  #waitMs({ retry }: CertopsError, failures: number): number {
    if (retry.when === 'never') return RETRY_MAX_MS;
    const doubledMs = Math.min(RETRY_MS * 2 ** (failures - 1), RETRY_MAX_MS);
    if (retry.when !== 'not-before') return doubledMs;
    const untilMs = retry.at.getTime() - this.#ports.clock.realNow().getTime();
    return Math.min(Math.max(untilMs, 1000), RETRY_MAX_MS);
  }
}

/** Its network, its limits or our rights; not one pull request. */
function isOfForge({ code }: CertopsError): boolean {
  return ['forge.unreachable', 'forge.rate-limited', 'forge.unauthorized'].includes(code);
}
