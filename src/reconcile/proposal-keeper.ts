import { createHash } from 'node:crypto';
import { earliest } from '../lib/clock.ts';
import { asCertopsError, type CertopsError, isAbort } from '../lib/errors.ts';
import { unreachableBackoffMs } from '../plan/backoff.ts';
import { decideProposals } from '../proposals/decide.ts';
import type { OpenCause } from '../proposals/open-cause.ts';
import type { ProposalPlan, ProposalStep, Withheld } from '../proposals/steps.ts';
import type { Ports, ProposalPorts } from './ports.ts';
import { existingProposals, listProposals, type ProposalListing } from './proposal-listing.ts';
import {
  ProposalSteps,
  type ProposalStepsParts,
  type ProposalWorld,
  type ReadyStep,
  type RemedyOf,
} from './proposal-steps.ts';

/** How often people's doings are looked for while there is anything that they could do something about. */
const POLL_MS = 5 * 60_000;
/** Looks that others ask for lie so far apart: who sends webhooks does not decide how often a forge is asked. */
const HINTED_APART_MS = 10_000;
/** A step that the forge or the server turned down is left alone for so long. */
const HELD_MS = 30 * 60_000;
/** Whatever moment a forge names. */
const LONGEST_WAIT_MS = 24 * 60 * 60_000;

/** What a look at the causes came to. */
interface Todo {
  /** Those that can be proposed. */
  readonly causes: readonly OpenCause[];
  readonly steps: readonly ReadyStep[];
}

/**
 * Keeps pull requests for failures: one for each cause that deserves one, up to date, and closed when its cause is gone.
 * Forge and branches are the state; what is remembered here only saves questions, so a new daemon on a fresh data folder
 * finds everything again, and what one left half done the next one finishes.
 *
 * No failure of a forge comes out of it: it is logged once, and tried again when that makes sense.
 */
export class ProposalKeeper {
  readonly #parts: ProposalStepsParts;
  readonly #steps: ProposalSteps;
  #listing: ProposalListing | undefined;
  /** Somebody says that the listing is no more what is there. */
  #isHinted = false;
  /** We know so ourselves. */
  #isStale = false;
  /** What the causes meant when all was done about them. */
  #settledFor: string | undefined;
  #lookAgainAt: Date | undefined;
  #failures = 0;
  #notBefore: Date | undefined;
  /** Code of the failure that was logged. */
  #told: string | undefined;
  /** Branches whose step was turned down, and until when they are left alone. */
  readonly #held = new Map<string, Date>();
  #withheld: readonly Withheld[] = [];
  #turn: Promise<unknown> = Promise.resolve();

  /** `world` is asked anew each time: it moves on. */
  constructor(ports: Pick<Ports, 'clock' | 'log'>, proposing: ProposalPorts, world: ProposalWorld) {
    const { clock, log } = ports;
    const { forge, branches, sourceBranch } = proposing;
    this.#parts = { clock, log, forge, branches, sourceBranch, world };
    this.#steps = new ProposalSteps(this.#parts);
  }

  /** What forge and remote showed at the last look, with what was done since; undefined before the first. */
  get listing(): ProposalListing | undefined {
    return this.#listing;
  }

  /** Causes without a pull request, and why. */
  get withheld(): readonly Withheld[] {
    return this.#withheld;
  }

  /** Something may have happened at the forge (a webhook says so): a `keep` looks, 10 s after the last look at the soonest. */
  hint(): void {
    this.#isHinted = true;
  }

  /**
   * Does what is to be done about the causes that stand, and says when to be called again (sooner where causes change).
   * `remedyOf` is asked for those that get a pull request or have one. One call at a time: others wait. Throws the
   * signal's reason, and nothing else.
   */
  keep(
    causes: readonly OpenCause[],
    remedyOf: RemedyOf,
    signal: AbortSignal,
  ): Promise<{ readonly lookAgainAt?: Date | undefined }> {
    const turn = this.#turn.then(() => this.#keep(causes, remedyOf, signal));
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #keep(causes: readonly OpenCause[], remedyOf: RemedyOf, signal: AbortSignal) {
    signal.throwIfAborted();
    const settings = this.#parts.world.settings.pullRequests;
    if (!settings.isEnabled) return {};
    const now = this.#parts.clock.now();
    if (this.#notBefore !== undefined && now < this.#notBefore) return { lookAgainAt: this.#notBefore };
    const meaning = digestOf([settings, causes.map(meaningOf)]);
    const isSettled = this.#listing !== undefined && !this.#isLookAsked(now) && meaning === this.#settledFor;
    const isTime = this.#lookAgainAt !== undefined && now >= this.#lookAgainAt;
    if (isSettled && !isTime) return { lookAgainAt: earliest(this.#lookAgainAt, this.#hintedLookAt()) };
    try {
      await this.#pass(causes, remedyOf, now, signal);
      this.#settledFor = meaning;
      this.#succeeded();
    } catch (thrown) {
      signal.throwIfAborted();
      this.#failed(asCertopsError(thrown), now);
    }
    return { lookAgainAt: earliest(this.#lookAgainAt, this.#hintedLookAt()) };
  }

  /** When the look is due that somebody asks for; undefined: nobody does. */
  #hintedLookAt(): Date | undefined {
    if (!this.#isHinted || this.#listing === undefined) return undefined;
    return new Date(this.#listing.at.getTime() + HINTED_APART_MS);
  }

  #isLookAsked(now: Date): boolean {
    const hintedAt = this.#hintedLookAt();
    return this.#isStale || (hintedAt !== undefined && now >= hintedAt);
  }

  async #pass(
    causes: readonly OpenCause[],
    remedyOf: RemedyOf,
    now: Date,
    signal: AbortSignal,
  ): Promise<void> {
    for (const [branch, until] of this.#held) if (until <= now) this.#held.delete(branch);
    const isFresh =
      this.#isLookAsked(now) || this.#listing === undefined || this.#isPollDue(causes, this.#listing, now);
    let listing = this.#listing;
    if (listing === undefined || isFresh) listing = await this.#list(now, signal);
    let todo = await this.#decide(causes, listing, remedyOf, now);
    if (todo.steps.length > 0 && !isFresh) {
      // Nothing is written upon what was seen a while ago.
      listing = await this.#list(now, signal);
      todo = await this.#decide(causes, listing, remedyOf, now);
    }
    for (const step of todo.steps) {
      try {
        listing = await step.carryOut(listing, signal);
        this.#listing = listing;
      } catch (thrown) {
        signal.throwIfAborted();
        this.#hold(step.branch, thrown, now);
      }
    }
    const after = this.#plan(todo.causes, listing, now);
    this.#withheld = after.withheld;
    const polling = this.#isWatching(causes, listing) ? new Date(listing.at.getTime() + POLL_MS) : undefined;
    this.#lookAgainAt = earliest(after.lookAgainAt, polling, ...this.#held.values());
  }

  async #list(now: Date, signal: AbortSignal): Promise<ProposalListing> {
    this.#isHinted = false;
    this.#isStale = false;
    try {
      const { sourceBranch } = this.#parts;
      this.#listing = await listProposals(this.#parts, sourceBranch, now, signal);
      return this.#listing;
    } catch (thrown) {
      this.#isStale = true;
      throw thrown;
    }
  }

  /** Decides, again and again without those that cannot be proposed, so that they take nobody's place. */
  async #decide(
    causes: readonly OpenCause[],
    listing: ProposalListing,
    remedyOf: RemedyOf,
    now: Date,
  ): Promise<Todo> {
    let considered = causes;
    for (;;) {
      const steps: ReadyStep[] = [];
      const hopeless = new Set<OpenCause>();
      for (const step of this.#plan(considered, listing, now).steps) {
        const ready = await this.#prepare(step, listing, remedyOf, now);
        if (ready !== undefined) steps.push(ready);
        else if (step.do === 'open' || step.do === 'reopen') hopeless.add(step.cause);
      }
      if (hopeless.size === 0) return { causes: considered, steps };
      considered = considered.filter((cause) => !hopeless.has(cause));
    }
  }

  async #prepare(
    step: ProposalStep,
    listing: ProposalListing,
    remedyOf: RemedyOf,
    now: Date,
  ): Promise<ReadyStep | undefined> {
    const branch = 'pullRequest' in step ? step.pullRequest.headBranch : this.#steps.branchOf(step.cause);
    if (this.#held.has(branch)) return undefined;
    try {
      return await this.#steps.prepare(step, listing, remedyOf);
    } catch (thrown) {
      this.#hold(branch, thrown, now);
      return undefined;
    }
  }

  #plan(causes: readonly OpenCause[], listing: ProposalListing, now: Date): ProposalPlan {
    const { sourceBranch, world } = this.#parts;
    const existing = existingProposals(listing);
    return decideProposals({ causes, existing, manners: world.settings.pullRequests, sourceBranch, now });
  }

  #isPollDue(causes: readonly OpenCause[], listing: ProposalListing, now: Date): boolean {
    return this.#isWatching(causes, listing) && now.getTime() - listing.at.getTime() >= POLL_MS;
  }

  /** Whether there is anything that a person could do something about. */
  #isWatching(causes: readonly OpenCause[], { pullRequests }: ProposalListing): boolean {
    return causes.length > 0 || pullRequests.some(({ state }) => state === 'open');
  }

  /** Leaves one branch alone for a while; the others go on. Throws what concerns them all. */
  #hold(branch: string, thrown: unknown, now: Date): void {
    if (isAbort(thrown)) throw thrown;
    const error = asCertopsError(thrown);
    if (!concernsOneAlone(error)) throw error;
    const isRace = error.retry.when === 'now';
    // After a lost race everything is looked at anew.
    if (isRace) this.#isStale = true;
    this.#held.set(branch, new Date(now.getTime() + (isRace ? unreachableBackoffMs(1) : HELD_MS)));
    const { log } = this.#parts;
    const fields = { ...error.logFields(), branch };
    if (isRace) log.info(fields, 'a pull request is looked at again');
    else log.warn(fields, 'a pull request could not be brought about');
  }

  #succeeded(): void {
    if (this.#told !== undefined)
      this.#parts.log.info({ failures: this.#failures }, 'the forge answers again');
    this.#failures = 0;
    this.#told = undefined;
    this.#notBefore = undefined;
  }

  #failed(error: CertopsError, now: Date): void {
    this.#failures += 1;
    const namedMs = error.retry.when === 'not-before' ? error.retry.at.getTime() - now.getTime() : 0;
    const waitMs = Math.max(unreachableBackoffMs(this.#failures), Math.min(namedMs, LONGEST_WAIT_MS));
    this.#notBefore = new Date(now.getTime() + waitMs);
    this.#lookAgainAt = this.#notBefore;
    // Whatever was done of the pass: the next one looks.
    this.#isStale = true;
    const { log } = this.#parts;
    const fields = { ...error.logFields(), again: this.#notBefore.toISOString() };
    if (this.#told === error.code) log.debug(fields, 'pull requests still cannot be kept');
    else log.warn(fields, 'pull requests cannot be kept for now; issuance goes on');
    this.#told = error.code;
  }
}

/** Whether only this pull request cannot be brought about; else nothing more is asked for a while. */
function concernsOneAlone({ code, retry }: CertopsError): boolean {
  const ofOne = ['forge.refused', 'forge.not-found', 'store.push-refused', 'internal'];
  if (code === 'forge.unauthorized' || code === 'forge.bad-configuration') return false;
  return retry.when === 'never' || retry.when === 'now' || ofOne.includes(code);
}

/** What of a cause may be a reason to do something at once; not its words, and not another attempt. */
function meaningOf({ cause, attempts, isLimit, nextAttemptAt, affected, lastAttempts }: OpenCause): unknown {
  return [
    ...[cause.key, cause.class, cause.scope, cause.code, cause.title],
    cause.identifiers.map(({ identifier }) => identifier),
    // The third failed attempt tells; after a merge any further one does, and that is seen by the poll.
    ...[
      Math.min(attempts, 3),
      lastAttempts.length > 0,
      isLimit,
      isLimit ? nextAttemptAt?.getTime() : undefined,
    ],
    affected.map(({ name, notAfter }) => [name.namespace, name.name, notAfter?.getTime()]),
    // What no attempt was made for is told of a manifest: another edit of it, and the remedy is another.
    lastAttempts.length === 0 ? cause.problem?.detail : undefined,
  ];
}

function digestOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}
