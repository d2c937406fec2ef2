import { asCertopsError, type CertopsError, isAbort } from '../lib/errors.ts';
import { unreachableBackoffMs } from '../plan/backoff.ts';
import type { Acceptance } from './acceptance.ts';
import { type CausesParts, causesAtHand } from './causes-at-hand.ts';
import type { Ports } from './ports.ts';
import { ProposalKeeper } from './proposal-keeper.ts';
import { RemedyFinding } from './remedy-finding.ts';
import type { World } from './world.ts';

/** Whatever moment a forge names. */
const LONGEST_WAIT_MS = 30 * 60_000;

/** Keeps pull requests true to what fails, beside everything else: nothing waits for a forge. */
export class Proposing {
  readonly #ports: Ports;
  readonly #world: World;
  readonly #parts: Omit<CausesParts, 'world'>;
  readonly #remedies: RemedyFinding;
  #keeper: ProposalKeeper | undefined;
  #running: Promise<void> | undefined;
  #lookAgainAt: Date | undefined;
  #isHinted = false;
  /** What was so when they were looked after last. */
  #seen: string | undefined;
  /** In a row: the forge could not be opened, or something is wrong with us. */
  #failures = 0;
  #notBefore: Date | undefined;
  /** Code of the failure that was logged. */
  #told: string | undefined;

  constructor(ports: Ports, world: World, acceptance: Acceptance, parts: Omit<CausesParts, 'world'>) {
    this.#ports = ports;
    this.#world = world;
    this.#parts = parts;
    this.#remedies = new RemedyFinding(ports, world, acceptance, parts.rail);
  }

  /** Somebody says that pull requests may have changed. */
  hint(): void {
    this.#isHinted = true;
    this.#keeper?.hint();
  }

  /** Begins where there is a reason and nothing of it is under way; `onEnd` is called when it is over. */
  start(signal: AbortSignal, onEnd: () => void): void {
    if (this.#ports.openProposing === undefined || this.#running !== undefined) return;
    if (this.#seen === this.#stamp() && !this.#isHinted && this.untilDueMs() > 0) return;
    this.#running = this.#keep(signal).finally(() => {
      this.#running = undefined;
      onEnd();
    });
  }

  /** Does all of it, after what is under way. */
  async finish(signal: AbortSignal): Promise<void> {
    await this.#running;
    if (this.#ports.openProposing !== undefined) await this.#keep(signal);
  }

  /** Resolves when nothing of it is under way. */
  async settled(): Promise<void> {
    await this.#running;
  }

  /** Milliseconds until time alone makes a difference; infinite where it never does. */
  untilDueMs(): number {
    if (this.#lookAgainAt === undefined || this.#running !== undefined) return Number.POSITIVE_INFINITY;
    return Math.max(0, this.#lookAgainAt.getTime() - this.#ports.clock.now().getTime());
  }

  async #keep(signal: AbortSignal): Promise<void> {
    const { clock } = this.#ports;
    this.#seen = this.#stamp();
    this.#isHinted = false;
    // Commits come faster than it makes sense to ask again.
    if (this.#notBefore !== undefined && clock.now() < this.#notBefore) return;
    try {
      const causes = causesAtHand({ ...this.#parts, world: this.#world }, clock.now());
      const keeper = await this.#open(signal);
      const kept = await keeper?.keep(causes, (open) => this.#remedies.find(open), signal);
      this.#lookAgainAt = kept?.lookAgainAt;
      this.#failures = 0;
      this.#notBefore = undefined;
      this.#told = undefined;
    } catch (thrown) {
      if (isAbort(thrown) && signal.aborted) return;
      this.#failed(asCertopsError(thrown), clock.now());
    }
  }

  /** Whatever is wrong with pull requests, certificates go on; it is told once and tried again. */
  #failed(error: CertopsError, now: Date): void {
    const { log } = this.#ports;
    this.#failures += 1;
    const { retry } = error;
    const namedMs = retry.when === 'not-before' ? retry.at.getTime() - now.getTime() : 0;
    const waitMs =
      retry.when === 'never'
        ? LONGEST_WAIT_MS
        : Math.max(unreachableBackoffMs(this.#failures), Math.min(namedMs, LONGEST_WAIT_MS));
    this.#notBefore = new Date(now.getTime() + waitMs);
    this.#lookAgainAt = this.#notBefore;
    const fields = { ...error.logFields(), again: this.#notBefore.toISOString() };
    if (this.#told === error.code) log.debug(fields, 'pull requests still cannot be looked after');
    else if (error.code === 'internal') log.error(fields, 'pull requests cannot be looked after');
    else log.warn(fields, 'pull requests cannot be looked after for now; issuance goes on');
    this.#told = error.code;
  }

  async #open(signal: AbortSignal): Promise<ProposalKeeper | undefined> {
    const ports = this.#ports;
    if (this.#keeper === undefined && ports.openProposing !== undefined) {
      this.#keeper = new ProposalKeeper(ports, await ports.openProposing(signal), this.#world);
    }
    return this.#keeper;
  }

  #stamp(): string {
    const { attempts, circuits, troubles, rail } = this.#parts;
    const versions = [attempts.version, circuits.heldCount, troubles.version, rail.held?.id ?? 'none'];
    return [this.#world.commit, ...versions].join(' ');
  }
}
