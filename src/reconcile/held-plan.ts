import { parseInstant } from '../lib/clock.ts';
import type { CertificateKey, IssuerKey } from './keys.ts';
import type { TreeFiles } from './merged-tree.ts';
import type { BlobChange, StateDocument } from './ports.ts';

/** Object ids of files by path; null where there is none. */
export type FilesInForce = ReadonlyMap<string, string | null>;

/** A change of the branch so large that it waits until a person confirms it. */
export interface HeldPlan {
  /** What `spec.confirmed` of certops.yaml has to name. */
  readonly id: string;
  /** The newest commit of which everything is in force, and the one up to which the change is held. */
  readonly base: string;
  readonly at: string;
  /** What of the commits between them is in force all the same: it was pushed beside the change, or confirmed by itself. */
  readonly besides: FilesInForce;
  readonly since: Date;
  /** `200 to issue, 3 to remove`. */
  readonly words: string;
}

/** The same with what it keeps as it is. */
export interface HeldObjects extends HeldPlan {
  readonly certificates: ReadonlySet<CertificateKey>;
  readonly issuers: ReadonlySet<IssuerKey>;
  /** Object ids of what people changed, by path, as it is in force; null where there is none. */
  readonly files: FilesInForce;
  /** Number of Certificates that are declared in what is in force. */
  readonly declared: number;
}

/** Where the state document has it. */
const KEY = 'held';
/** Of so many files the state document says that they are in force. */
const MAX_BESIDES = 1000;

/** The plan that is held as the state document has it; undefined where there is none that can be read. */
export function readHeldPlan(state: StateDocument): HeldPlan | undefined {
  const value = state[KEY];
  if (typeof value !== 'object' || value === null) return undefined;
  const { id, base, at, since, words, besides } = value as Readonly<Record<string, unknown>>;
  const when = typeof since === 'string' ? parseInstant(since) : undefined;
  const isWhole = matches(id, /^[0-9a-f]{16}$/) && matches(base, OID) && matches(at, OID);
  if (!isWhole || when === undefined || !matches(words, /^[\w ,]{1,200}$/)) return undefined;
  return { id, base, at, since: when, words, besides: readBesides(besides) };
}

function readBesides(value: unknown): FilesInForce {
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  return new Map(
    entries.flatMap(([path, oid]) => (oid === null || matches(oid, OID) ? [[path, oid] as const] : [])),
  );
}

/** The state document with this plan held, or none. */
export function withHeldPlan(state: StateDocument, plan: HeldPlan | undefined): StateDocument {
  const { [KEY]: _, ...rest } = state;
  if (plan === undefined) return rest;
  const { id, base, at, since, words, besides } = plan;
  const held = { id, base, at, since: since.toISOString(), words };
  if (besides.size === 0) return { ...rest, [KEY]: held };
  return { ...rest, [KEY]: { ...held, besides: Object.fromEntries([...besides].slice(0, MAX_BESIDES)) } };
}

/** What is said of it where it is found. */
export function heldInWords({ id, words }: HeldPlan): string {
  return `Plan ${id} (${words}) waits: add ${id} to spec.confirmed of certops.yaml, or take the change back`;
}

/** The files of a held change as they are in force, from what people changed between its two commits. */
export function filesInForce(
  { besides }: Pick<HeldPlan, 'besides'>,
  changes: readonly BlobChange[],
): FilesInForce {
  const files = new Map<string, string | null>();
  for (const { path, before, after } of changes) {
    const inForce = besides.get(path);
    const oid = inForce === undefined ? before : inForce;
    if (oid !== after) files.set(path, oid);
  }
  // What is the same in both commits is held where something between them is in force.
  const changed = new Set(changes.map(({ path }) => path));
  for (const [path, oid] of besides) if (!changed.has(path)) files.set(path, oid);
  return files;
}

/** What is in force though the base has it otherwise; the opposite of `filesInForce`. */
export function besidesOf(
  files: FilesInForce,
  changes: readonly BlobChange[],
  head: TreeFiles,
): FilesInForce {
  const before = new Map(changes.map((change) => [change.path, change.before]));
  const besides = new Map<string, string | null>();
  for (const path of new Set([...files.keys(), ...before.keys()])) {
    const now = head.get(path) ?? null;
    const [waiting, base] = [files.get(path), before.get(path)];
    const inForce = waiting === undefined ? now : waiting;
    if (inForce !== (base === undefined ? now : base)) besides.set(path, inForce);
  }
  return besides;
}

const OID = /^[0-9a-f]{40}$/;

function matches(value: unknown, pattern: RegExp): value is string {
  return typeof value === 'string' && pattern.test(value);
}
