import { createHash } from 'node:crypto';
import { type CaLimits, limitsOf, type RateLimit } from './known-limits.ts';
import { LEDGER_KINDS, type LedgerEntries, mergeEntries, readEntries } from './rate-ledger-state.ts';
import type { AcmeIdentifier } from './resources.ts';

const STATE_KEY = 'ledger';
/** How soon to ask again while others find out whether a name can be validated at all. */
const BUSY_NAME_WAIT_MS = 5_000;
const FORGOTTEN_ORDER_MS = 3_600_000;

/** What is about to be ordered. */
export interface OrderIntent {
  /** Account URI. */
  readonly account: string;
  readonly directoryUrl: string;
  readonly identifiers: readonly AcmeIdentifier[];
  /** Who asks, so that one that was told to come again at a time finds its place kept. */
  readonly owner: string;
  /** It takes the place of another by renewal information: CAs do not count it against the limit of same names. */
  readonly isReplacement: boolean;
}

/** Why an order must wait, and until when (real time). */
export interface BudgetRefusal {
  readonly limit: 'new-orders' | 'failed-validations' | 'same-names' | 'name-in-progress';
  readonly until: Date;
  /** The names that it is about; none for an account's limits. */
  readonly identifiers: readonly string[];
  readonly count: number;
  readonly windowMs: number;
}

export interface RateLedgerOptions {
  /** In place of 10 new orders a minute for each account; 0 or infinity: no limit. */
  readonly ordersPerMinute?: number | undefined;
  /** Told whenever something was noted that `stateChange` would write. */
  readonly onChange?: (() => void) | undefined;
}

type StateDocument = { readonly [key: string]: unknown };

/**
 * What was asked of CAs lately, by their own reckoning, so that no crash, restart or tight loop makes certops
 * ask more than they allow. All times are real: CAs count by their own clock. What is noted here survives by
 * the state document; it is small, bounded, and rides along with commits that are made anyway.
 */
export class RateLedger {
  readonly #options: RateLedgerOptions;
  #entries: LedgerEntries;
  /** Times at which somebody who was told to wait may order, by account and owner. */
  readonly #places = new Map<string, Map<string, number>>();
  /** Who has an order under way, and since when, by account and name. */
  readonly #underWay = new Map<string, Map<string, number>>();
  /** Names that were validated since their last failure: their orders need not go one by one. */
  readonly #proven = new Set<string>();

  constructor(options: RateLedgerOptions = {}) {
    this.#options = options;
    this.#entries = readEntries(undefined);
  }

  /** A ledger with what the state document holds; what cannot be read is left out. */
  static load(state: StateDocument, options: RateLedgerOptions = {}): RateLedger {
    const ledger = new RateLedger(options);
    ledger.#entries = readEntries(state[STATE_KEY]);
    return ledger;
  }

  /** What belongs into the state document under `ledger`; undefined when there is nothing to remember. */
  toState(now: Date): LedgerEntries | undefined {
    const pruned = mergeEntries(this.#entries, undefined, now.getTime());
    this.#entries = pruned;
    return LEDGER_KINDS.every((kind) => Object.keys(pruned[kind]).length === 0) ? undefined : pruned;
  }

  /** The change of the state document that brings the ledger up to date; keeps what others noted there. */
  stateChange(now: Date): (state: StateDocument) => StateDocument {
    const own = this.toState(now);
    return (state) => {
      const { [STATE_KEY]: before, ...others } = state;
      const merged = mergeEntries(own ?? readEntries(undefined), readEntries(before), now.getTime());
      const isEmpty = LEDGER_KINDS.every((kind) => Object.keys(merged[kind]).length === 0);
      return isEmpty ? others : { ...others, [STATE_KEY]: merged };
    };
  }

  /**
   * Whether an order may be made now. Undefined: yes, and it counts as made from here on; whoever gets this
   * calls `endOrder` when nothing more will be validated for it.
   */
  admit(intent: OrderIntent, now: Date): BudgetRefusal | undefined {
    const limits = limitsOf(intent.directoryUrl, this.#options.ordersPerMinute);
    const nowMs = now.getTime();
    const refusal =
      this.#namesRefusal(intent, limits, nowMs) ??
      this.#failuresRefusal(intent, limits, nowMs) ??
      this.#ordersRefusal(intent, limits, nowMs);
    if (refusal !== undefined) return refusal;
    this.#places.get(intent.account)?.delete(intent.owner);
    const longestMs = Math.max(0, ...limits.newOrders.map(({ windowMs }) => windowMs));
    if (longestMs > 0) this.#note('orders', intent.account, now, longestMs);
    this.beginOrder(intent.account, intent.identifiers, intent.owner, now);
    return undefined;
  }

  /** An order is gone on with (after a restart, say): its names are being validated. */
  beginOrder(account: string, identifiers: readonly AcmeIdentifier[], owner: string, now: Date): void {
    for (const key of keysOf(account, identifiers)) {
      const owners = this.#underWay.get(key) ?? new Map<string, number>();
      this.#underWay.set(key, owners.set(owner, now.getTime()));
    }
  }

  /** Nothing more is validated for an order that was begun. */
  endOrder(account: string, identifiers: readonly AcmeIdentifier[], owner: string): void {
    for (const key of keysOf(account, identifiers)) {
      const owners = this.#underWay.get(key);
      owners?.delete(owner);
      if (owners?.size === 0) this.#underWay.delete(key);
    }
  }

  /** The CA tried to validate these names and could not. Wildcards count as the name below the asterisk. */
  noteFailures(account: string, names: readonly string[], now: Date): void {
    for (const name of new Set(names.map((one) => one.replace(/^\*\./, '')))) {
      const key = `${account} ${name}`;
      this.#proven.delete(key);
      this.#note('failures', key, now);
    }
  }

  /** A certificate was issued: every name was validated, and the limit of same names counts it. */
  noteCertificate(intent: Omit<OrderIntent, 'owner' | 'isReplacement'>, now: Date): void {
    const { account, directoryUrl, identifiers } = intent;
    for (const key of keysOf(account, identifiers)) {
      // Names that are proven are known again soon enough: forgetting them only makes orders wait for each other.
      if (this.#proven.size >= 10_000) this.#proven.clear();
      this.#proven.add(key);
    }
    if (limitsOf(directoryUrl).certificatesOfSameNames !== undefined) {
      this.#note('certificates', namesKey(directoryUrl, identifiers), now);
    }
  }

  #namesRefusal(intent: OrderIntent, limits: CaLimits, nowMs: number): BudgetRefusal | undefined {
    const limit = limits.certificatesOfSameNames;
    if (limit === undefined || intent.isReplacement) return undefined;
    const key = namesKey(intent.directoryUrl, intent.identifiers);
    const freeMs = freeAt(this.#entries.certificates[key] ?? [], limit, nowMs);
    const identifiers = intent.identifiers.map(({ value }) => value);
    return freeMs <= nowMs
      ? undefined
      : { limit: 'same-names', until: new Date(freeMs), identifiers, ...limit };
  }

  #failuresRefusal(intent: OrderIntent, limits: CaLimits, nowMs: number): BudgetRefusal | undefined {
    const limit = limits.failedValidations;
    let untilMs = nowMs;
    let isInProgress = false;
    const identifiers: string[] = [];
    for (const key of keysOf(intent.account, intent.identifiers)) {
      const times = this.#entries.failures[key] ?? [];
      const freeMs = freeAt(times, limit, nowMs);
      const failed = times.filter((time) => time > nowMs - limit.windowMs).length;
      const atStake = this.#proven.has(key) ? 0 : this.#atStake(key, intent.owner, nowMs);
      if (freeMs <= nowMs && failed + atStake < limit.count) continue;
      identifiers.push(key.slice(intent.account.length + 1));
      isInProgress ||= freeMs <= nowMs;
      untilMs = Math.max(untilMs, freeMs > nowMs ? freeMs : nowMs + BUSY_NAME_WAIT_MS);
    }
    if (identifiers.length === 0) return undefined;
    const isFinal = untilMs > nowMs + BUSY_NAME_WAIT_MS || !isInProgress;
    return {
      limit: isFinal ? 'failed-validations' : 'name-in-progress',
      until: new Date(untilMs),
      identifiers,
      ...limit,
    };
  }

  /** How many others may still bring a failure for the name. Orders that nobody ended count for an hour. */
  #atStake(key: string, owner: string, nowMs: number): number {
    const owners = [...(this.#underWay.get(key) ?? [])];
    return owners.filter(([other, sinceMs]) => other !== owner && sinceMs > nowMs - FORGOTTEN_ORDER_MS)
      .length;
  }

  /** Whoever must wait gets a place of its own, so that they do not all come back at the same moment. */
  #ordersRefusal(intent: OrderIntent, limits: CaLimits, nowMs: number): BudgetRefusal | undefined {
    const [tightest] = limits.newOrders;
    if (tightest === undefined) return undefined;
    const places = this.#places.get(intent.account) ?? new Map<string, number>();
    this.#places.set(intent.account, places);
    const longestMs = Math.max(...limits.newOrders.map(({ windowMs }) => windowMs));
    for (const [owner, atMs] of places) if (atMs < nowMs - longestMs) places.delete(owner);
    const made = this.#entries.orders[intent.account] ?? [];
    const own = places.get(intent.owner);
    // A place that is due stands before those that were given for later.
    const isDue = own !== undefined && own <= nowMs;
    const others = isDue
      ? []
      : [...places].filter(([owner]) => owner !== intent.owner).map(([, atMs]) => atMs);
    const untilMs = freeByAll([...made, ...others], limits.newOrders, nowMs);
    if (untilMs <= nowMs) return undefined;
    const placeMs = own === undefined || isDue ? untilMs : Math.min(untilMs, own);
    places.set(intent.owner, placeMs);
    return { limit: 'new-orders', until: new Date(placeMs), identifiers: [], ...tightest };
  }

  /** `keptMs`: how far back anything looks at times of this key. */
  #note(kind: keyof LedgerEntries, key: string, now: Date, keptMs = Number.POSITIVE_INFINITY): void {
    const atMs = now.getTime();
    const kept = (this.#entries[kind][key] ?? []).filter((time) => time > atMs - keptMs);
    this.#entries = { ...this.#entries, [kind]: { ...this.#entries[kind], [key]: [...kept, atMs] } };
    this.#options.onChange?.();
  }
}

/** The earliest moment, `atMs` or later, at which every limit has room. */
function freeByAll(times: readonly number[], limits: readonly RateLimit[], atMs: number): number {
  for (let candidateMs = atMs; ; ) {
    const freeMs = Math.max(...limits.map((limit) => freeAt(times, limit, candidateMs)));
    if (freeMs <= candidateMs) return candidateMs;
    candidateMs = freeMs;
  }
}

/** The earliest moment, `atMs` or later, at which fewer than `count` of the times lie within the window before it. */
function freeAt(times: readonly number[], { count, windowMs }: RateLimit, atMs: number): number {
  const within = times.filter((time) => time > atMs - windowMs);
  if (within.length < count) return atMs;
  // The one that has to leave the window before another fits.
  const leaving = within.sort((a, b) => a - b).at(-count) ?? atMs;
  return leaving + windowMs;
}

function keysOf(account: string, identifiers: readonly AcmeIdentifier[]): readonly string[] {
  return [...new Set(identifiers.map(({ value }) => `${account} ${value.replace(/^\*\./, '')}`))];
}

/** By host, not by account: the CA counts certificates of all its accounts together. */
function namesKey(directoryUrl: string, identifiers: readonly AcmeIdentifier[]): string {
  const names = identifiers.map(({ value }) => value).sort();
  const digest = createHash('sha256').update(JSON.stringify(names)).digest('base64url').slice(0, 22);
  return `${new URL(directoryUrl).hostname} ${digest}`;
}
