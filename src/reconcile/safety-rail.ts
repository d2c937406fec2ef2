import type { RepositorySettings } from '../api/repository.ts';
import { asCertopsError, isAbort } from '../lib/errors.ts';
import { createPlan, isOverRail, type Plan, type PlannedChange, weightyChanges } from '../plan/plan.ts';
import { countsInWords } from '../plan/render-words.ts';
import { confirmedParts } from './confirmed-parts.ts';
import { isStoreError } from './error-kinds.ts';
import {
  besidesOf,
  filesInForce,
  type HeldObjects,
  type HeldPlan,
  heldInWords,
  withHeldPlan,
} from './held-plan.ts';
import { type CertificateKey, certificateKey, issuerKey } from './keys.ts';
import { filesOf, type TreeFiles, withChanges } from './merged-tree.ts';
import type { BlobChange, Ports } from './ports.ts';
import { PushedFiles } from './pushed-files.ts';
import { areSameButForConfirmed } from './settings-of.ts';
import type { World } from './world.ts';

/** So many files are read to find out whether a change may be large; more of them are. */
const MAX_READ_FILES = 50;
/** What can never be over the rail, however few Certificates there are. */
const NEVER_LARGE = 3;

/**
 * Holds changes of the branch that would issue, reissue or remove so many Certificates that a person has to say that it is
 * meant (contract, section 5). What was in force before such a change goes on, and so does everything that it is not
 * about; the plan is the one that a review shows, and so is its id.
 */
export class SafetyRail {
  readonly #ports: Pick<Ports, 'store' | 'readManifests' | 'branchPlanner' | 'clock' | 'log'>;
  readonly #world: World;
  readonly #pushed: PushedFiles;
  readonly #recorded: HeldPlan | undefined;
  #held: HeldObjects | undefined;
  /** What was held until now, until the view of the repository shows what was judged. */
  #former: readonly HeldObjects[] = [];
  /** Keys of the objects that are held, or no longer, since somebody asked last. */
  #moved = new Set<string>();
  /** The newest commit that was judged; undefined before the first. */
  #judged: string | undefined;
  /** What is held was changed since by commits that count as judged. */
  #isBehind = false;

  /** `recorded` is what the state document says of it. */
  constructor(
    ports: Pick<Ports, 'store' | 'readManifests' | 'branchPlanner' | 'clock' | 'log'>,
    world: World,
    recorded: HeldPlan | undefined,
  ) {
    this.#ports = ports;
    this.#world = world;
    this.#pushed = new PushedFiles(ports, world);
    this.#recorded = recorded;
  }

  /** The change that waits, if any. */
  get held(): HeldObjects | undefined {
    return this.#held;
  }

  /** Whether an object (by the key of a Certificate or issuer) stays as it was accepted last. */
  holds(key: string): boolean {
    const isIn = (held: HeldObjects) => held.certificates.has(key) || held.issuers.has(key);
    return (this.#held !== undefined && isIn(this.#held)) || this.#former.some(isIn);
  }

  /**
   * Finds out what was judged by whoever wrote last, once: before this process writes anything, which would count as
   * judged. Throws store errors, `reconcile.settings` and the signal's reason; it begins anew then.
   */
  async begin(tip: string, signal: AbortSignal): Promise<void> {
    this.#judged ??= await this.#judgedBefore(tip, signal);
  }

  /**
   * Judges what the branch has become, before anybody acts on it. What it lets go is held until `takeMoved` is called.
   * Throws store errors, `reconcile.settings` and the signal's reason; the same is judged anew then.
   */
  async judge(tip: string, signal: AbortSignal): Promise<void> {
    await this.begin(tip, signal);
    if (this.#judged !== undefined) await this.#weigh(this.#judged, tip, signal);
    this.#judged = tip;
    this.#isBehind = false;
  }

  /** When the view shows what was judged: the keys of the objects that are held from now on, or no longer. */
  takeMoved(): ReadonlySet<string> {
    const moved = this.#moved;
    this.#moved = new Set();
    this.#former = [];
    return moved;
  }

  /** The commit that was judged last by whoever wrote last, with what is held since; the tip where nobody did. */
  async #judgedBefore(tip: string, signal: AbortSignal): Promise<string> {
    const { store } = this.#ports;
    const isThere = (commit: string) => store.isAncestor(commit, tip);
    const last = await store.lastPushedTip();
    // Where history was rewritten, somebody has said that it is right as it is.
    const judged = last !== undefined && (await isThere(last)) ? last : tip;
    const recorded = this.#recorded;
    if (recorded === undefined) return judged;
    const isKnown = (await isThere(recorded.base)) && (await isThere(recorded.at));
    this.#held = isKnown ? await this.#restored(recorded, signal) : undefined;
    if (this.#held === undefined) {
      await this.#record(undefined);
      return judged;
    }
    const { id, at, files } = this.#held;
    // Whoever wrote last may have done so upon a newer commit, and ended before that was judged.
    if ((await this.#pushed.confirmedAt(judged)).includes(id)) await this.#release(CONFIRMED);
    const since = await this.#pushed.between(at, judged);
    this.#isBehind = since.some(({ path }) => files.has(path));
    return judged;
  }

  /** What is held according to the state document; undefined where that cannot be found out any more. */
  async #restored(recorded: HeldPlan, signal: AbortSignal): Promise<HeldObjects | undefined> {
    const { base, at } = recorded;
    const files = filesInForce(recorded, await this.#pushed.between(base, at));
    const head = await filesOf(this.#ports.store, at);
    const plan = await this.#plan(withFiles(head, files), head, signal);
    if (plan === undefined) return undefined;
    const parts = await this.#partsBetween(base, at, await this.#pushed.confirmedAt(at), signal);
    const { changes, isLarge } = withoutParts(plan, parts);
    return isLarge
      ? { ...recorded, ...objectsOf(changes), files, declared: plan.summary.certificates }
      : undefined;
  }

  async #weigh(judged: string, tip: string, signal: AbortSignal): Promise<void> {
    if (judged === tip && !this.#isBehind) return;
    const asked = await this.#pushed.between(judged, tip);
    if (asked.length === 0 && !this.#isBehind) return;
    const [before, after] = [await this.#pushed.settingsAt(judged), await this.#pushed.settingsAt(tip)];
    const confirmed = after?.confirmed ?? [];
    if (this.#held !== undefined && confirmed.includes(this.#held.id)) await this.#release(CONFIRMED);
    const held = this.#held;
    if (!this.#isBehind && areAlike(before, after) && !(await this.#mayMatter(asked))) return;
    const base = held?.base ?? judged;
    const files = new Map(held?.files);
    for (const change of asked) if (!files.has(change.path)) files.set(change.path, change.before);
    const head = await filesOf(this.#ports.store, tip);
    for (const [path, oid] of files) if ((head.get(path) ?? null) === oid) files.delete(path);
    const plan = await this.#plan(withFiles(head, files), head, signal);
    if (plan === undefined) return;
    if (!isOverRail(weightyChanges(plan.changes).length, plan.summary.certificates)) {
      return this.#release(NO_LONGER_LARGE);
    }
    if (confirmed.includes(plan.id)) return this.#release(CONFIRMED);
    const parts = await this.#partsBetween(base, tip, confirmed, signal);
    const rest = withoutParts(plan, parts);
    if (!rest.isLarge || confirmed.includes(rest.id)) return this.#release(CONFIRMED);
    for (const path of rest.files) files.delete(path);
    await this.#hold({
      ...{ id: rest.id, base, at: tip, since: held?.since ?? this.#ports.clock.now() },
      besides: base === judged ? new Map() : besidesOf(files, await this.#pushed.between(base, tip), head),
      words: countsInWords(rest).slice(0, 200),
      ...{ ...objectsOf(rest.changes), files, declared: plan.summary.certificates },
    });
  }

  /** Whether a change may be over the rail, or about what is held, by the files that differ: seldom a plan has to be made. */
  async #mayMatter(asked: readonly BlobChange[]): Promise<boolean> {
    const { desired, isEmpty } = this.#world;
    const held = this.#held;
    if (held !== undefined && asked.some(({ path }) => held.files.has(path))) return true;
    const declared = held?.declared ?? [...desired.certificateKeys()].length;
    if (!isEmpty && !isOverRail(Number.POSITIVE_INFINITY, declared)) return false;
    if (asked.length > MAX_READ_FILES) return true;
    const touched = new Set<CertificateKey>();
    for (const { before, after } of asked) {
      for (const oid of [before, after]) {
        for (const object of await this.#pushed.objectsOf(oid)) {
          if (object.kind === 'Certificate') touched.add(certificateKey(object.name));
          else if (object.kind === 'Issuer' || object.kind === 'ClusterIssuer') {
            const key = issuerKey(object.kind, object.name);
            // Whose they are is not known before the first look.
            if (isEmpty || held?.issuers.has(key) === true) return true;
            for (const dependent of desired.dependents(key)) touched.add(dependent);
          }
        }
      }
    }
    if (held !== undefined && [...touched].some((key) => held.certificates.has(key))) return true;
    return isEmpty ? touched.size > NEVER_LARGE : isOverRail(touched.size, declared);
  }

  #partsBetween(
    base: string,
    tip: string,
    confirmed: readonly string[],
    signal: AbortSignal,
  ): Promise<ReadonlySet<CertificateKey>> {
    const { store } = this.#ports;
    const plan = async (from: string, to: string) =>
      this.#plan(await filesOf(store, from), await filesOf(store, to), signal);
    return confirmedParts({ store, pushed: this.#pushed, plan }, { base, tip, confirmed });
  }

  /** What becomes of one tree by another; undefined where that cannot be found out. */
  async #plan(base: TreeFiles, head: TreeFiles, signal: AbortSignal): Promise<Plan | undefined> {
    const { store, branchPlanner, clock, log } = this.#ports;
    try {
      const question = { base, head, state: await store.readState(), now: clock.now(), warnings: [] };
      return await branchPlanner(question, store, signal);
    } catch (thrown) {
      if (isStoreError(thrown) || isAbort(thrown)) throw thrown;
      const error = asCertopsError(thrown);
      // It guards against slips: what cannot be judged must not keep certificates from being renewed.
      log.error(error.logFields(), 'how large a change is could not be found out; it is carried out');
      return undefined;
    }
  }

  async #hold(held: HeldObjects): Promise<void> {
    await this.#record(held);
    this.#become(held);
    this.#ports.log.warn({ plan: held.id, commit: held.at }, heldInWords(held));
  }

  async #release(why: string): Promise<void> {
    if (this.#held === undefined) return;
    const { id } = this.#held;
    await this.#record(undefined);
    this.#become(undefined);
    this.#ports.log.info({ plan: id }, why);
  }

  #become(held: HeldObjects | undefined): void {
    for (const key of [...keysOf(this.#held), ...keysOf(held)]) this.#moved.add(key);
    if (this.#held !== undefined) this.#former = [...this.#former, this.#held];
    this.#held = held;
  }

  /** At once, and first: what is pushed from now on counts as judged. */
  async #record(held: HeldPlan | undefined): Promise<void> {
    await this.#ports.store.updateState((state) => withHeldPlan(state, held));
  }
}

const CONFIRMED = 'the plan that was held is confirmed, and carried out';
const NO_LONGER_LARGE = 'nothing is held any more: what was is taken back, or small enough to be carried out';

function keysOf(held: HeldObjects | undefined): readonly string[] {
  return held === undefined ? [] : [...held.certificates, ...held.issuers];
}

/** A tree with other files in their places. */
function withFiles(tree: TreeFiles, files: ReadonlyMap<string, string | null>): TreeFiles {
  return withChanges(
    tree,
    [...files].map(([path, after]) => ({ path, after })),
  );
}

/** A plan without the Certificates that were confirmed by themselves; `files` are those that are about them alone. */
function withoutParts(
  plan: Plan,
  parts: ReadonlySet<CertificateKey>,
): Plan & { readonly isLarge: boolean; readonly files: ReadonlySet<string> } {
  const { certificates } = plan.summary;
  const isPart = (change: PlannedChange) =>
    change.kind === 'Certificate' && parts.has(certificateKey(change));
  const changes = plan.changes.filter((change) => !isPart(change));
  const isLarge = isOverRail(weightyChanges(changes).length, certificates);
  const of = (some: readonly PlannedChange[]) => new Set(some.flatMap(({ file }) => file ?? []));
  const others = of(changes);
  const files = new Set([...of(plan.changes.filter(isPart))].filter((path) => !others.has(path)));
  return { ...createPlan({ changes, certificates, costs: [], warnings: [] }), isLarge, files };
}

function objectsOf(changes: readonly PlannedChange[]): Pick<HeldObjects, 'certificates' | 'issuers'> {
  const issuers = changes.filter(({ kind }) => kind === 'Issuer' || kind === 'ClusterIssuer');
  return {
    certificates: new Set(weightyChanges(changes).map(certificateKey)),
    issuers: new Set(issuers.map((issuer) => issuerKey(issuer.kind, issuer))),
  };
}

/** Whether two settings come to the same, whatever they confirm. */
function areAlike(before: RepositorySettings | undefined, after: RepositorySettings | undefined): boolean {
  // What cannot be read is not in force: the last settings that could be are.
  if (after === undefined) return true;
  return before !== undefined && areSameButForConfirmed(before, after);
}
