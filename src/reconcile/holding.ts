import { findCondition, removeCondition, setCondition } from '../api/condition.ts';
import { formatObjectName } from '../api/names.ts';
import type { Cause } from '../diagnosis/cause.ts';
import { asCertopsError, type CertopsError } from '../lib/errors.ts';
import { FairLoop } from '../lib/turn-queue.ts';
import { renderCommitMessage } from '../status/commit-message.ts';
import { type IssuerStatus, renderIssuerStatus } from '../status/issuer-status.ts';
import type { Acceptance } from './acceptance.ts';
import type { CertificateCase } from './certificate-case.ts';
import { failChange } from './certificate-changes.ts';
import type { Trouble } from './certificate-conditions.ts';
import type { Circuits } from './circuits.ts';
import { isLostPrecondition } from './error-kinds.ts';
import { changeContext, type JournalRules, withLedger } from './journal-rules.ts';
import type { CertificateKey, IssuerKey } from './keys.ts';
import type { ChangeSet, Ports, StateDocument } from './ports.ts';
import { blobIs } from './preconditions.ts';
import type { World } from './world.ts';

/** One commit tells of so many at most. */
const MAX_IN_COMMIT = 5_000;
const MAX_NAMED = 20;
/** What is to be told waits for more of its kind, but not for longer than this; */
const PATIENCE_MS = 3_000;
/** and while others are still to be decided about, on a slow machine, for so long. */
const LONGEST_PATIENCE_MS = 30_000;
/** After so many lost races it is looked for who loses them, and after more nobody is waited for. */
const PATIENT_LOSSES = 3;
const MAX_LOSSES = 10;
/** Type of the condition of an issuer that Certificates wait for. */
const SERVING = 'Serving';

type StateChange = (state: StateDocument) => StateDocument;

/** A Certificate that waits for something that others wait for, too. */
export interface Held {
  readonly target: CertificateCase;
  readonly trouble: Trouble;
  /** Whatever has the same key is told of in the same commit. */
  readonly group: string;
  /** A few words for what they all wait for. */
  readonly title: string;
  /** What rides along in the state. */
  readonly state?: StateChange | undefined;
  /** The circuit that it waits for. */
  readonly circuit?: { readonly cause: Cause; readonly issuer: IssuerKey } | undefined;
}

/**
 * Tells of Certificates that wait for one and the same thing by one commit, however many they are; and by one more
 * when an issuer serves again.
 */
export class Holding {
  readonly #ports: Ports;
  readonly #world: World;
  readonly #rules: JournalRules;
  readonly #circuits: Circuits;
  readonly #mark: (key: CertificateKey) => void;
  readonly #acceptance: Acceptance;
  /** Stays until it is told: nothing that failed is forgotten because Git is away. */
  readonly #held = new Map<CertificateKey, Held>();
  readonly #losses = new Map<CertificateKey, number>();
  #sinceMs = Number.POSITIVE_INFINITY;

  constructor(
    ports: Ports,
    world: World,
    rules: JournalRules,
    circuits: Circuits,
    acceptance: Acceptance,
    mark: (key: CertificateKey) => void,
  ) {
    this.#ports = ports;
    this.#world = world;
    this.#rules = rules;
    this.#circuits = circuits;
    this.#acceptance = acceptance;
    this.#mark = mark;
  }

  /** Puts one on the list, unless its status says so already. */
  hold(held: Held): void {
    const { key } = held.target;
    if (this.#change(held) === undefined && held.state === undefined) {
      this.#held.delete(key);
      return;
    }
    this.#held.set(key, held);
    this.#sinceMs = Math.min(this.#sinceMs, this.#ports.clock.monotonicMs());
  }

  /** Takes one off the list: something else is so by now. */
  release(key: CertificateKey): void {
    this.#held.delete(key);
  }

  /** Whether it is time to write, though others of the kind may still come; `areMarked`: some are about to be decided. */
  isDue(areMarked: boolean): boolean {
    const patienceMs = areMarked ? LONGEST_PATIENCE_MS : PATIENCE_MS;
    return this.#held.size > 0 && this.#ports.clock.monotonicMs() - this.#sinceMs >= patienceMs;
  }

  /** Commits what there is to tell; true where something was written. Throws store errors; nothing is lost then. */
  async flush(signal: AbortSignal): Promise<boolean> {
    this.#sinceMs = this.#ports.clock.monotonicMs();
    const groups = new Map<string, Held[]>();
    const loop = new FairLoop();
    for (const held of [...this.#held.values()]) {
      const current = await this.#current(held, signal);
      if (current === undefined) continue;
      const group = groups.get(held.group);
      if (group === undefined) groups.set(held.group, [current]);
      else group.push(current);
      await loop.pause();
    }
    const told: Promise<boolean>[] = [];
    for (const group of groups.values()) {
      for (let start = 0; start < group.length; start += MAX_IN_COMMIT) {
        const part = group.slice(start, start + MAX_IN_COMMIT);
        told.push(this.#commit(await this.#tell(part, signal), part, signal));
      }
    }
    for (const change of this.#resumed()) told.push(this.#commit(change, [], signal));
    return (await Promise.all(told)).includes(true);
  }

  /** As it is to be told by the newest view; undefined where something else is so by now. */
  async #current(held: Held, signal: AbortSignal): Promise<Held | undefined> {
    const { target } = held;
    if (target.source.commit === this.#world.commit) return held;
    const resolution = await this.#acceptance.certificate(target.key);
    if (resolution.kind === 'in-force' && resolution.declared.specHash === target.declared.specHash) {
      const { declared, refusal } = resolution;
      const recorded = this.#world.recorded.certificate(target.key);
      const current = { ...held, target: { ...target, declared, refusal, recorded } };
      this.#held.set(target.key, current);
      return current;
    }
    await this.#drop(held, signal);
    this.#mark(target.key);
    return undefined;
  }

  /** It is not told; that an attempt failed is remembered all the same. */
  async #drop(held: Held, signal: AbortSignal): Promise<void> {
    const { key } = held.target;
    const { clock, store } = this.#ports;
    if (held.state !== undefined) await store.updateState(withLedger(this.#rules, clock, held.state), signal);
    this.#settle([held]);
    this.#losses.delete(key);
  }

  /** Takes off the list what was told; what was put there meanwhile stays. */
  #settle(told: readonly Held[]): void {
    for (const held of told) {
      const { key } = held.target;
      if (this.#held.get(key) === held) this.#held.delete(key);
    }
  }

  async #commit(change: ChangeSet | undefined, held: readonly Held[], signal: AbortSignal): Promise<boolean> {
    if (change === undefined) {
      this.#settle(held);
      return false;
    }
    try {
      await this.#ports.store.commit(change, signal);
      this.#settle(held);
      for (const { target } of held) this.#losses.delete(target.key);
    } catch (thrown) {
      if (!isLostPrecondition(thrown)) throw thrown;
      await this.#lost(held, asCertopsError(thrown), signal);
    }
    return true;
  }

  /** The branch moved on: told again by the newest view, but not for ever, and one does not hold up the others. */
  async #lost(held: readonly Held[], error: CertopsError, signal: AbortSignal): Promise<void> {
    const { log, store } = this.#ports;
    log.debug({ ...error.data }, 'the branch moved on: another look');
    for (const one of held) {
      const { key, certificate, recorded } = one.target;
      const times = (this.#losses.get(key) ?? 0) + 1;
      this.#losses.set(key, times);
      if (times < PATIENT_LOSSES) continue;
      const path = this.#world.paths.certificateStatus(certificate.name);
      const found = await store.readPath(store.tip.commit, path);
      if (times < MAX_LOSSES && (found?.oid ?? undefined) === recorded?.blob) continue;
      log.error({ object: key, ...error.logFields() }, 'a status could not be written');
      await this.#drop(one, signal);
    }
  }

  async #tell(held: readonly Held[], signal: AbortSignal): Promise<ChangeSet | undefined> {
    const [first] = held;
    if (first === undefined) return undefined;
    const changes: ChangeSet[] = [];
    const loop = new FairLoop();
    for (const one of held) {
      const change = this.#change(one);
      if (change !== undefined) changes.push(change);
      await loop.pause();
    }
    const states = held.flatMap(({ state }) => state ?? []);
    const state: StateChange = (before) => states.reduce((current, change) => change(current), before);
    const { clock, store } = this.#ports;
    const [only] = changes;
    if (only === undefined) {
      if (states.length > 0) await store.updateState(withLedger(this.#rules, clock, state), signal);
      return undefined;
    }
    const shared = { label: 'other', state: withLedger(this.#rules, clock, state) } as const;
    if (changes.length === 1) return { ...only, ...shared };
    const serving = this.#serving(first);
    const names = held.map(({ target }) => formatObjectName(target.certificate.name));
    const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : '';
    const { trouble } = first;
    return {
      ...shared,
      message: renderCommitMessage({
        subject: `Hold ${names.length} Certificates: ${first.title}`,
        body: `${trouble.message}\n\n${names.slice(0, MAX_NAMED).join(', ')}${more}`,
        suffix: this.#world.settings.commit.trailer,
        trailers: { 'Certops-Reason': trouble.reason, 'Certops-Source': this.#world.commit },
      }),
      files: [...changes.flatMap(({ files }) => files), ...(serving?.files ?? [])],
      preconditions: [
        ...changes.flatMap(({ preconditions }) => preconditions),
        ...(serving?.preconditions ?? []),
      ],
    };
  }

  #change({ target, trouble }: Held): ChangeSet | undefined {
    const status = this.#world.paths.certificateStatus(target.certificate.name);
    const parts = { ports: this.#ports, world: this.#world, rules: this.#rules };
    return failChange(
      changeContext(parts, target, [blobIs(status, target.recorded?.blob ?? null)]),
      trouble,
      undefined,
    );
  }

  /** The issuer's own word that Certificates wait for it. */
  #serving({ circuit }: Held): Pick<ChangeSet, 'files' | 'preconditions'> | undefined {
    if (circuit === undefined) return undefined;
    const { cause, issuer } = circuit;
    const recorded = this.#world.recorded.issuer(issuer);
    // It may have been found well meanwhile.
    const open = this.#circuits.openAt(issuer);
    if (recorded === undefined || !open.some(({ key }) => key === cause.key)) return undefined;
    const told = findCondition(recorded.status.conditions, SERVING)?.message;
    if (open.some(({ title }) => sentence(title) === told)) return undefined;
    const reason =
      cause.scope === 'zone' ? 'ZoneBroken' : cause.scope === 'solver' ? 'SolverBroken' : 'IssuerBroken';
    const condition = { type: SERVING, status: 'False' as const, reason, message: sentence(cause.title) };
    return this.#withConditions(
      recorded,
      setCondition(recorded.status.conditions, condition, this.#ports.clock.now()),
    );
  }

  /** Issuers that nothing waits for any more. */
  #resumed(): readonly ChangeSet[] {
    return [...this.#world.recorded.issuers()].flatMap(([key, recorded]): ChangeSet[] => {
      const { status } = recorded;
      if (findCondition(status.conditions, SERVING) === undefined) return [];
      if (this.#circuits.openAt(key).length > 0) return [];
      const name = `${status.kind} ${formatObjectName(status.name)}`;
      const { files, preconditions } = this.#withConditions(
        recorded,
        removeCondition(status.conditions, SERVING),
      );
      const message = renderCommitMessage({
        subject: `Resume ${name}: it serves again`,
        body: 'What was found broken works again; the Certificates that waited go on.',
        suffix: this.#world.settings.commit.trailer,
        trailers: { 'Certops-Reason': 'Serving', 'Certops-Source': this.#world.commit },
      });
      return [{ label: 'other', message, files, preconditions }];
    });
  }

  #withConditions(
    recorded: { readonly status: IssuerStatus; readonly blob: string },
    conditions: IssuerStatus['conditions'],
  ): Pick<ChangeSet, 'files' | 'preconditions'> {
    const path = this.#world.paths.issuerStatus(recorded.status.name);
    return {
      files: [{ path, content: renderIssuerStatus({ ...recorded.status, conditions }) }],
      preconditions: [this.#rules.examined, blobIs(path, recorded.blob)],
    };
  }
}

function sentence(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}; one Certificate goes on trying, the others wait`;
}
