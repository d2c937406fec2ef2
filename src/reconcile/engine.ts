import { RateLedger } from '../acme/rate-ledger.ts';
import type { Tenancy } from '../api/tenancy.ts';
import { zoneCausesOf } from '../diagnosis/zone-cause.ts';
import { asCertopsError } from '../lib/errors.ts';
import { RuleRunner } from '../policy/rule-runner.ts';
import { Acceptance } from './acceptance.ts';
import { declaredApplicant } from './applicant.ts';
import { Approval } from './approval.ts';
import { Attempts } from './attempts.ts';
import { BoardClerk } from './board-clerk.ts';
import { CertificateCases } from './certificate-case.ts';
import { CertificateClerk } from './certificate-clerk.ts';
import { CertificateDesk } from './certificate-desk.ts';
import { Circuits } from './circuits.ts';
import { Denials } from './denials.ts';
import { isKeystorePasswordCode, isLostPrecondition } from './error-kinds.ts';
import { GoingBack } from './going-back.ts';
import { readHeldPlan } from './held-plan.ts';
import { Holding } from './holding.ts';
import { Issuance } from './issuance.ts';
import { IssuerDesk } from './issuer-desk.ts';
import { IssuerPool } from './issuer-pool.ts';
import { Obstacles } from './obstacles.ts';
import { concernedCertificates, PoliciesInForce } from './policies-in-force.ts';
import type { Ports, StateDocument } from './ports.ts';
import { Proposing } from './proposing.ts';
import { RecipientsClerk } from './recipients-clerk.ts';
import { RecipientsKeeper } from './recipients-keeper.ts';
import { Registration } from './registration.ts';
import { RenewalInformationTimetable } from './renewal-information.ts';
import { RenewalInquiry } from './renewal-inquiry.ts';
import { Reviewer } from './reviewer.ts';
import { SafetyRail } from './safety-rail.ts';
import { SecretInspection } from './secret-inspection.ts';
import { type Summary, summarize } from './summary.ts';
import { Troubles } from './troubles.ts';
import { Vouching } from './vouching.ts';
import { Worklist } from './worklist.ts';
import { World, type WorldChange } from './world.ts';

export interface EngineOptions {
  /** How often the remote is looked at when nothing else wakes the engine. */
  readonly pollIntervalMs: number;
  /** How many issuances may be under way at once. */
  readonly maxInFlight: number;
  /** Whether commits are signed; without signatures outputs are believed as they are. */
  readonly isSigning: boolean;
  /** A commit whose outputs the operator vouches for. */
  readonly trustFrom?: string | undefined;
  /** The operator's tenancy rules, beneath those of certops.yaml: both must allow what a file declares. */
  readonly tenancyFloor?: Tenancy | undefined;
  /** New orders at one account in a minute; undefined: what the rate ledger holds right, 0: no limit. */
  readonly ordersPerMinute?: number | undefined;
}

/** How soon after a failure of Git itself the next look is taken; doubled each time, up to five minutes. */
const STORE_RETRY_MS = 5_000;
const STORE_RETRY_MAX_MS = 300_000;
/** How long a process that is stopped may take to record what failed. */
const LAST_WORDS_MS = 5_000;
/** Where the state document says which certops.yaml was accepted last, by blob. */
const SETTINGS_KEY = 'settings';

/**
 * The loop: look at the branch, decide about what changed or fell due, do it, commit it, look again,
 * until nothing changes any more.
 */
export class Engine {
  readonly #ports: Ports;
  readonly #options: EngineOptions;
  readonly #world: World;
  readonly #vouching: Vouching;
  readonly #pool: IssuerPool;
  readonly #attempts: Attempts;
  readonly #board: BoardClerk;
  readonly #recipients: RecipientsKeeper;
  readonly #resealing: RecipientsClerk;
  readonly #timetable: RenewalInformationTimetable;
  readonly #policies: PoliciesInForce;
  readonly #rules = new RuleRunner();
  readonly #work: Worklist;
  readonly #circuits: Circuits;
  readonly #holding: Holding;
  readonly #proposing: Proposing;
  readonly #reviewer: Reviewer;
  readonly #rail: SafetyRail;
  #stopping: AbortSignal = new AbortController().signal;
  #isHinted = false;
  #lookedAtMs: number | undefined;
  #advancing: Promise<void> = Promise.resolve();
  #recordedSettings: string | undefined;

  constructor(ports: Ports, options: EngineOptions, state: StateDocument) {
    const attempts = new Attempts(state);
    const settings = state[SETTINGS_KEY];
    this.#recordedSettings = typeof settings === 'string' ? settings : undefined;
    this.#ports = ports;
    this.#options = options;
    this.#attempts = attempts;
    const world = new World(
      ports.store,
      ports.readManifests,
      ports.log,
      this.#recordedSettings,
      options.tenancyFloor,
    );
    this.#world = world;
    this.#vouching = new Vouching(ports, options.isSigning, (commit) => world.pathsAt(commit));
    const ledger = RateLedger.load(state, { ordersPerMinute: options.ordersPerMinute });
    this.#pool = new IssuerPool(ports, world, ledger);
    const examined = this.#vouching.precondition();
    this.#recipients = new RecipientsKeeper(ports, world, examined, options.isSigning);
    this.#resealing = new RecipientsClerk(ports, world, examined);
    this.#board = new BoardClerk(world, ports.store, examined);
    const rail = new SafetyRail(ports, world, readHeldPlan(state));
    this.#rail = rail;
    const acceptance = new Acceptance(world, ports.store, ports.readManifests, rail);
    const registration = new Registration(ports, world, this.#pool, attempts, examined);
    const issuers = new IssuerDesk(world, acceptance, registration, attempts);
    const advance = () => this.#advance();
    const cases = new CertificateCases(ports, world, new SecretInspection(ports, world));
    const timetable = new RenewalInformationTimetable(state);
    this.#timetable = timetable;
    this.#policies = new PoliciesInForce(ports, world, this.#rules, state);
    const mark = (key: string) => {
      this.#work.mark(key);
      // It may be asked for while everybody waits.
      this.#work.wake();
    };
    const rules = { examined, ledger };
    const circuits = new Circuits({
      ...{ attempts, clock: ports.clock, joinCauses: zoneCausesOf, mark },
      describe: (key) => declaredApplicant(world, key, ports.clock.now()),
    });
    this.#circuits = circuits;
    const holding = new Holding(ports, world, rules, circuits, acceptance, mark);
    this.#holding = holding;
    const clerk = new CertificateClerk(ports, world, attempts, rules, holding);
    const troubles = new Troubles();
    this.#proposing = new Proposing(ports, world, acceptance, { attempts, circuits, troubles, rail });
    this.#reviewer = new Reviewer(ports, world, rail);
    const certificates = new CertificateDesk({
      ...{ ports, world, acceptance, issuers, registration, attempts, advance, cases, timetable },
      ...{ circuits, holding, troubles, clerk },
      obstacles: new Obstacles({ ports, world, acceptance, issuers, clerk, holding, troubles }),
      inquiry: new RenewalInquiry(ports, world, this.#pool, timetable),
      approval: new Approval(this.#policies, this.#rules, ports.clock, advance),
      denials: new Denials(ports),
      goingBack: new GoingBack(ports, world, cases),
      issuance: new Issuance(ports, world, this.#pool, rules),
    });
    const { maxInFlight } = options;
    this.#work = new Worklist({ ports, world, issuers, certificates, advance, maxInFlight });
  }

  /** Reads what survives restarts and makes an engine. */
  static async create(ports: Ports, options: EngineOptions): Promise<Engine> {
    return new Engine(ports, options, await ports.store.readState());
  }

  /** The view of the repository that decisions are made from. */
  get world(): World {
    return this.#world;
  }

  /**
   * Runs until nothing changes any more. Throws store errors (`store.…`) and `reconcile.settings`,
   * `reconcile.unvouched-outputs`: nothing can be done then.
   */
  async runOnce(signal: AbortSignal): Promise<Summary> {
    this.#stopping = signal;
    await this.#begin(signal);
    for (;;) {
      await this.#settle(signal);
      if (this.#work.storeFailure !== undefined) throw this.#work.storeFailure;
      const before = this.#world.commit;
      // What time makes due while a run lasts (another attempt at what just failed) is the next run's.
      await this.#look(signal);
      if (this.#world.commit === before && this.#work.isIdle) {
        await this.#proposing.finish(signal);
        await this.#reviewer.runOnce(signal);
        return summarize(this.#world, this.#unhandled(), this.#rail.held, this.#ports.clock.now());
      }
    }
  }

  /** Runs until `signal` fires. Failures of Git are logged and tried again. */
  async run(signal: AbortSignal): Promise<void> {
    const { log, clock } = this.#ports;
    this.#stopping = signal;
    let isBegun = false;
    let reviewing: Promise<void> | undefined;
    let failures = 0;
    while (!signal.aborted) {
      try {
        if (isBegun) {
          await this.#look(signal);
          this.#work.markDue();
        } else {
          await this.#begin(signal);
          log.info({ commit: this.#world.commit }, 'watching the branch');
        }
        isBegun = true;
        reviewing ??= this.#reviewer.run(signal);
        await this.#turnUntil(signal, clock.monotonicMs() + this.#options.pollIntervalMs);
        if (this.#work.storeFailure !== undefined) throw this.#work.storeFailure;
        failures = 0;
      } catch (thrown) {
        if (signal.aborted) break;
        const error = asCertopsError(thrown);
        this.#work.clearStoreFailure();
        log.error(error.logFields(), error.explain());
        if (error.retry.when === 'never' && !isBegun) throw error;
        failures += 1;
        const waitMs = Math.min(STORE_RETRY_MS * 2 ** (failures - 1), STORE_RETRY_MAX_MS);
        await clock.sleep(waitMs, signal).catch(() => {});
      }
    }
    await Promise.all([this.#work.finish(), this.#proposing.settled(), reviewing]);
    if (isBegun) await this.#tellLast();
    log.info({}, 'stopped; what was begun is gone on with at the next start');
  }

  /** What failed just before the end is not to be tried anew by the next process as if it had not. */
  async #tellLast(): Promise<void> {
    try {
      await this.#advance();
      await this.#holding.flush(AbortSignal.timeout(LAST_WORDS_MS));
    } catch (thrown) {
      this.#ports.log.warn(asCertopsError(thrown).logFields(), 'what failed last could not be recorded');
    }
  }

  /** Looks at the branch now: somebody says that it has moved. */
  lookNow(): void {
    this.#isHinted = true;
    this.#proposing.hint();
    this.#reviewer.hint();
    this.#work.wake();
  }

  /** When the branch was last looked at, by the clock that never jumps; undefined before the first time. */
  get lookedAtMs(): number | undefined {
    return this.#lookedAtMs;
  }

  /** Frees what the issuers hold. */
  close(): void {
    this.#pool.close();
    void this.#rules.close();
  }

  /** Objects that could not be decided about, and policies that cannot be used, with why. */
  #unhandled(): ReadonlyMap<string, string> {
    const policies = [...this.#policies.untold].map(
      ([name, fault]) => [`CertificateRequestPolicy:${name}`, fault] as const,
    );
    return new Map([...this.#work.unhandled, ...policies]);
  }

  async #begin(signal: AbortSignal): Promise<void> {
    await this.#ports.store.refresh(signal);
    if (this.#options.trustFrom !== undefined) this.#vouching.trust(this.#options.trustFrom);
    await this.#advance();
    this.#lookedAtMs = this.#ports.clock.monotonicMs();
  }

  async #look(signal: AbortSignal): Promise<void> {
    this.#isHinted = false;
    await this.#ports.store.refresh(signal);
    await this.#advance();
    this.#lookedAtMs = this.#ports.clock.monotonicMs();
  }

  /** Decides and works until nothing is left to do now. */
  async #settle(signal: AbortSignal): Promise<void> {
    const work = this.#work;
    for (;;) {
      signal.throwIfAborted();
      if (work.storeFailure !== undefined && !work.isRunning) return;
      await work.dispatch(signal);
      if (work.isIdle) {
        if (work.hasPostponed) await work.dispatchPostponed(signal);
        else if (!(await this.#updateBoard(signal))) return;
      } else if (this.#holding.isDue(work.hasMarked)) await this.#holding.flush(signal);
      if (work.isRunning) await work.wait(this.#circuits.grow(), signal);
      await this.#advance();
    }
  }

  /** The daemon's turn: work as it comes, until the next poll is due. */
  async #turnUntil(signal: AbortSignal, deadlineMs: number): Promise<void> {
    const { clock } = this.#ports;
    const work = this.#work;
    while (!signal.aborted && work.storeFailure === undefined) {
      await work.dispatch(signal);
      if (work.isIdle && work.hasPostponed) {
        await work.dispatchPostponed(signal);
        continue;
      }
      if (work.isIdle && (await this.#updateBoard(signal))) continue;
      if (this.#holding.isDue(work.hasMarked)) await this.#holding.flush(signal);
      if (work.isIdle) this.#proposing.start(signal, () => work.wake());
      const nextDueMs = (work.nextDue?.getTime() ?? Number.POSITIVE_INFINITY) - clock.now().getTime();
      const untilPollMs = deadlineMs - clock.monotonicMs();
      if (untilPollMs <= 0 || this.#isHinted) return;
      const wasIdle = work.isIdle;
      // It begins when nothing else is under way: until then there is nothing to wake up for.
      const untilProposingMs = work.isIdle ? this.#proposing.untilDueMs() : Number.POSITIVE_INFINITY;
      const untilMs = [nextDueMs, untilPollMs, this.#circuits.grow(), untilProposingMs];
      await work.wait(Math.min(...untilMs), signal);
      work.markDue();
      await this.#advance();
      if (wasIdle && work.isIdle) return;
    }
  }

  /** When all else is done: who may read what, and the board. True when there was something to write. */
  async #updateBoard(signal: AbortSignal): Promise<boolean> {
    if (await this.#holding.flush(signal)) {
      await this.#advance();
      return true;
    }
    await this.#recordSettings(signal);
    await this.#recordPolicies(signal);
    const now = this.#ports.clock.now();
    const { nextDue } = this.#work;
    // What falls due this very moment is still to be asked about.
    const until = nextDue !== undefined && nextDue <= now ? new Date(nextDue.getTime() - 1) : now;
    const served = this.#timetable.served(until);
    if (served !== undefined) await this.#ports.store.updateState(served, signal);
    const changes = [this.#recipients.update(), await this.#board.update()];
    const written = changes.filter((change) => change !== undefined);
    // In one push, in this order.
    const pushed = written.map((change) =>
      this.#ports.store.commit(change, signal).catch((thrown: unknown) => {
        if (!isLostPrecondition(thrown)) throw thrown;
      }),
    );
    await Promise.all(pushed);
    const isResealed = await this.#resealing.catchUp(signal);
    if (written.length === 0 && !isResealed) return false;
    await this.#advance();
    return true;
  }

  /** Which settings were accepted last, so that a later start with broken ones has something to go by. */
  async #recordSettings(signal: AbortSignal): Promise<void> {
    const { settingsBlob } = this.#world;
    if (settingsBlob === undefined || settingsBlob === this.#recordedSettings) return;
    await this.#ports.store.updateState((state) => ({ ...state, [SETTINGS_KEY]: settingsBlob }), signal);
    this.#recordedSettings = settingsBlob;
  }

  /** The same for policies. */
  async #recordPolicies(signal: AbortSignal): Promise<void> {
    const accepted = this.#policies.unrecorded();
    if (accepted === undefined) return;
    await this.#ports.store.updateState(accepted, signal);
    this.#policies.confirmRecorded();
  }

  /** Brings the world to the newest known tip; calls made meanwhile share one look. */
  #advance(): Promise<void> {
    const next = this.#advancing.catch(() => {}).then(() => this.#advanceOnce());
    this.#advancing = next;
    return next;
  }

  async #advanceOnce(): Promise<void> {
    const { store, sealer } = this.#ports;
    const isFirst = this.#world.isEmpty;
    if (!isFirst && this.#world.commit === store.tip.commit) return;
    // Before anything is written: that would count as judged.
    await this.#rail.begin(store.tip.commit, this.#stopping);
    await this.#putBack();
    const tip = store.tip.commit;
    // Before the view moves: nobody acts on what was not judged.
    await this.#rail.judge(tip, this.#stopping);
    const change = await this.#world.advance(tip);
    for (const key of this.#rail.takeMoved()) this.#work.mark(key);
    this.#reviewer.lookAtBase();
    if (change.haveRulesChanged) sealer.setRules(this.#world.sopsRules);
    this.#mark(change, isFirst);
    const before = await this.#policies.refresh();
    if (before !== undefined) {
      for (const key of concernedCertificates(this.#world, before, this.#policies.set)) this.#work.mark(key);
    }
    for (const key of await this.#recipients.refresh()) this.#work.mark(key);
  }

  /** Nothing is believed of outputs that somebody else changed: that is told apart and answered first. */
  async #putBack(): Promise<void> {
    const { store } = this.#ports;
    for (;;) {
      const tip = store.tip.commit;
      const foreign = await this.#vouching.examine(tip);
      if (foreign.length === 0) return;
      const { trailer } = this.#world.settings.commit;
      await store.commit(await this.#vouching.answer(foreign, tip, trailer)).catch((thrown: unknown) => {
        if (!isLostPrecondition(thrown)) throw thrown;
      });
    }
  }

  #mark(change: WorldChange, isFirst: boolean): void {
    const { desired, recorded } = this.#world;
    const mark = (key: string) => this.#work.mark(key);
    for (const secret of change.secrets) {
      for (const issuer of desired.issuersUsingSecretNamed(secret.slice(secret.indexOf('/') + 1))) {
        change.issuers.add(issuer);
      }
      for (const certificate of desired.claimants(secret)) mark(certificate);
      const users = desired.certificatesUsingSecret(secret);
      if (users.size > 0) this.#attempts.forget(({ code }) => isKeystorePasswordCode(code));
      for (const certificate of users) mark(certificate);
    }
    for (const key of change.certificates) mark(key);
    for (const key of change.issuers) {
      mark(key);
      for (const dependent of desired.dependents(key)) mark(dependent);
    }
    if (change.haveRulesChanged) {
      for (const key of this.#attempts.forget(({ code }) => code.startsWith('sops.'))) mark(key);
    }
    if (!isFirst) return;
    for (const [key] of recorded.certificates()) mark(key);
    for (const [key] of recorded.issuers()) mark(key);
  }
}
