import type { ManifestFile, ManifestObject, Position } from '../api/manifest.ts';
import { isManifestPath, SETTINGS_FILE } from '../api/manifest-paths.ts';
import { formatIssuerRef, formatObjectName, issuerName } from '../api/names.ts';
import { silentLog } from '../lib/log.ts';
import { createPlan, type Plan, type PlannedChange } from '../plan/plan.ts';
import { costsOf, costWarnings, type PlannedOrder } from '../plan/plan-costs.ts';
import type { RuleRunner } from '../policy/rule-runner.ts';
import type { OutputPaths } from '../status/paths.ts';
import { Attempts } from './attempts.ts';
import { type BaseFiles, baseFiles, isYaml } from './base-files.ts';
import type { Declared } from './desired-state.ts';
import type { CertificateKey } from './keys.ts';
import { withChanges } from './merged-tree.ts';
import {
  declaredOf,
  differencesOf,
  namesOf,
  type Outcome,
  outcomeAfter,
  outcomeOf,
} from './planned-certificate.ts';
import { type HeldChange, withoutHeldChange } from './planned-hold.ts';
import { plannedIssuer } from './planned-issuer.ts';
import { PlannedPolicies } from './planned-policies.ts';
import { plannedProblems } from './planned-problems.ts';
import { type LooseFile, PlannedTree } from './planned-tree.ts';
import { duplicates, rulesWarnings } from './planned-warnings.ts';
import type { Ports, StateDocument } from './ports.ts';
import { type BlobSource, type QuietFiles, quietFiles } from './quiet-files.ts';
import { areSameButForConfirmed, plannedSettings } from './settings-of.ts';
import { type Standing, Standings } from './standing.ts';
import { isWantedRecord, takenAway, touchedObjects } from './touched-objects.ts';
import { World } from './world.ts';

/** The parts of the ports that a plan needs: no key, no network, nothing that writes. */
export interface PlanPorts {
  readonly store: BlobSource & Pick<Ports['store'], 'blobSizes'>;
  /** Asked for its rules alone. */
  readonly sealer: Pick<Ports['sealer'], 'setRules' | 'rules' | 'open'>;
  readonly pki: Pick<
    Ports['pki'],
    'compareRequestWithSpec' | 'describePrivateKeyMismatch' | 'decodePrivateKey'
  >;
  readonly readManifests: Ports['readManifests'];
  readonly rules: RuleRunner;
}

/** What is planned. */
export interface PlanQuestion {
  /** Files by path, with their object ids: the branch to merge into. */
  readonly base: ReadonlyMap<string, string>;
  /** The same as merging would leave them. */
  readonly head: ReadonlyMap<string, string>;
  /** Files of `head` that no commit has, by object id. */
  readonly loose: ReadonlyMap<string, LooseFile>;
  /** What of the base waits for a confirmation. */
  readonly held?: HeldChange | undefined;
  /** The daemon's state document, as far as it is at hand. */
  readonly state: StateDocument;
  readonly now: Date;
  /** What falls due by then is part of the plan. */
  readonly dueBy?: Date | undefined;
  /** What is to be told besides. */
  readonly warnings: readonly string[];
}

const SOPS_RULES_FILE = '.sops.yaml';

/**
 * What merging would do, from the same facts and by the same rules as the daemon. Policies, tenancy, recipients and what
 * certops has on record are the base's: a change cannot vouch for itself. Throws store errors, `reconcile.settings`, and
 * the signal's reason.
 */
export async function planMerge(ports: PlanPorts, asked: PlanQuestion, signal: AbortSignal): Promise<Plan> {
  const { state, loose } = asked;
  // Cases, acceptance and policies read blobs and manifests, and ask for rules, requests and keys; nothing else of the
  // ports is touched by them.
  const all = { ...ports, log: silentLog } as unknown as Ports;
  const accepted = typeof state.settings === 'string' ? state.settings : undefined;
  const paths = await new World(
    new PlannedTree(ports.store, asked.base, loose, []),
    ports.readManifests,
    silentLog,
    accepted,
  ).pathsAt('manifests');
  const isOutput = (path: string) => paths.classify(path) !== undefined;
  const question = await withoutHeldChange(ports, asked, isOutput);
  const { files, changed, meddled } = withBaseOutputs(question, paths);
  const groups = baseFiles(question.base, paths);
  const quiet = await findQuiet(ports, question, files, changed, groups, paths);
  signal.throwIfAborted();
  const shown = [...groups.others, ...groups.manifests.filter((path) => !quiet.has(path))];
  const added = changed.filter((path) => !question.base.has(path));
  const baseTree = new PlannedTree(ports.store, question.base, loose, shown);
  const headTree = new PlannedTree(ports.store, files, loose, [
    ...shown.filter((path) => files.has(path)),
    ...added,
  ]);
  const base = new World(baseTree, ports.readManifests, silentLog, accepted);
  await base.advance('manifests');
  signal.throwIfAborted();
  const head = new World(
    headTree,
    ports.readManifests,
    silentLog,
    base.settingsBlob ?? accepted,
    base.settings.tenancy,
  );
  await head.advance('manifests');
  signal.throwIfAborted();
  ports.sealer.setRules(base.sopsRules);

  const touched = touchedObjects(
    base,
    head,
    question.dueBy !== undefined,
    takenAway(
      changed.filter((path) => !files.has(path)),
      base,
    ),
  );
  const wanted = groups.records.flatMap(({ path, place }) => (isWantedRecord(touched, place) ? [path] : []));
  for (const [tree, world] of [
    [baseTree, base],
    [headTree, head],
  ] as const) {
    tree.reveal(wanted);
    await world.advance('recorded');
    signal.throwIfAborted();
  }

  const attempts = new Attempts(state);
  const at = question.dueBy ?? question.now;
  const sides = {
    before: new Standings({ ...all, store: readerOf(all, baseTree) }, base, attempts, at),
    after: new Standings({ ...all, store: readerOf(all, headTree) }, head, attempts, at),
  };
  const policies = await PlannedPolicies.create(all, base, head, ports.rules, state);
  const changes: PlannedChange[] = [];
  const orders: PlannedOrder[] = [];
  for (const key of [...touched.certificates].sort()) {
    signal.throwIfAborted();
    const [before, after] = [await sides.before.of(key), await sides.after.of(key)];
    const { prune } = head.settings.output;
    const outcome =
      outcomeOf(before, after, prune) ?? (question.dueBy && dueOutcome(outcomeAfter(after, prune)));
    if (outcome === undefined || isNobody(before, after)) continue;
    const change = await describe(outcome, key, before, after);
    const denied = await policies.deny(change, after, signal);
    changes.push(denied ?? change);
    if (denied === undefined) orders.push(...orderOf(change, after));
  }
  for (const key of [...touched.issuers].sort()) {
    const [before, after] = [await sides.before.issuer(key), await sides.after.issuer(key)];
    const change = await plannedIssuer(key, before, after, head, position);
    if (change !== undefined) changes.push(change);
  }
  changes.push(...plannedProblems(base, head, changes));
  const costs = costsOf(orders);
  const warnings = [
    ...question.warnings,
    ...(meddled === 0 ? [] : [`${meddled} files that certops writes are changed; certops puts them back`]),
    ...duplicates(base, head, touched),
    ...rulesWarnings(base, head, ports.sealer.rules),
    ...(await policies.warnings(signal)),
    ...costWarnings(costs),
  ];
  const parsed = [...base.desired.certificateKeys()].length;
  const certificates = [...quiet]
    .filter(([path]) => isManifestPath(path, base.settings))
    .reduce((sum, [, count]) => sum + count, parsed);
  const { confirmed } = head.settings;
  return createPlan({ changes, certificates, costs, warnings, confirmed });

  async function describe(
    outcome: Outcome,
    key: CertificateKey,
    before: Standing,
    after: Standing,
  ): Promise<PlannedChange> {
    const [from, to] = [declaredOf(before), declaredOf(after)];
    const [namespace = '', name = ''] = key.split('/');
    const file = after.resolution.kind === 'refused' ? after.resolution.path : (to ?? from)?.path;
    const rejected = head.desired.rejections(key)[0];
    const isRefused = after.resolution.kind !== 'removed' && after.resolution.refusal !== undefined;
    const place =
      isRefused && rejected !== undefined
        ? { file: rejected.path, ...rejected.problem.position }
        : { file, ...(await position(to ?? from)) };
    return {
      ...{ action: outcome.action, reason: outcome.reason, kind: 'Certificate', namespace, name },
      ...place,
      message: withoutPlace(outcome.message, place),
      ...differencesOf(from, isRefused ? from : to, { base, head }, (path) =>
        ports.sealer.rules.namedRecipients(path),
      ),
    };
  }

  async function position(declared: Declared<ManifestObject> | undefined): Promise<Partial<Position>> {
    if (declared === undefined) return {};
    const { kind, name } = declared.object;
    const manifests: ManifestFile = await ports.readManifests(
      await headTree.readBlob(declared.blob, 1 << 20),
    );
    const found = manifests.objects.find(
      ({ object }) => object.kind === kind && formatObjectName(object.name) === formatObjectName(name),
    );
    return found === undefined ? {} : { line: found.position.line, column: found.position.column };
  }
}

/** Refusals begin with their place, which a change has apart. */
function withoutPlace(message: string, { file, line, column }: Partial<PlannedChange>): string {
  const place = `${file}:${line}:${column}: `;
  return message.startsWith(place) ? message.slice(place.length) : message;
}

/** The blobs of a tree in place of the store's. */
function readerOf(ports: Ports, tree: PlannedTree): Ports['store'] {
  return {
    ...ports.store,
    readBlob: (oid, maxBytes) => tree.readBlob(oid, maxBytes),
    blobSizes: (oids) => tree.blobSizes(oids),
  };
}

/**
 * Head with the base's outputs: nothing that others write there is believed. A Secret that is taken away is missed, and
 * issued again.
 */
function withBaseOutputs(
  { base, head }: PlanQuestion,
  paths: OutputPaths,
): {
  readonly files: ReadonlyMap<string, string>;
  /** What differs from the base then. */
  readonly changed: readonly string[];
  readonly meddled: number;
} {
  const meddledWith: string[] = [];
  const changed: string[] = [];
  for (const path of changedPaths(base, head)) {
    const place = paths.classify(path);
    const isTaken = place === undefined || (!head.has(path) && place.kind === 'secret');
    (isTaken ? changed : meddledWith).push(path);
  }
  const restored = meddledWith.map((path) => ({ path, after: base.get(path) ?? null }));
  return { files: withChanges(head, restored), changed, meddled: meddledWith.length };
}

/** Files that are not the same on both sides, in the order of head and then of base. */
function changedPaths(
  base: ReadonlyMap<string, string>,
  head: ReadonlyMap<string, string>,
): readonly string[] {
  if (base === head) return [];
  const changed: string[] = [];
  let same = 0;
  for (const [path, oid] of head) {
    const before = base.get(path);
    if (before !== oid) changed.push(path);
    if (before !== undefined) same += 1;
  }
  // Where head has every path of the base, none is gone.
  if (same < base.size) for (const path of base.keys()) if (!head.has(path)) changed.push(path);
  return changed;
}

/** Which files need not be parsed; none where the change is about everything. */
async function findQuiet(
  ports: PlanPorts,
  { base, dueBy, loose }: PlanQuestion,
  head: ReadonlyMap<string, string>,
  changed: readonly string[],
  groups: BaseFiles,
  paths: OutputPaths,
): Promise<QuietFiles> {
  if (dueBy !== undefined) return new Map();
  const isOutput = (path: string) => paths.classify(path) !== undefined;
  const isRead = (path: string) => path !== SETTINGS_FILE && path !== SOPS_RULES_FILE;
  const manifests = changed.filter((path) => isYaml(path) && !isOutput(path) && isRead(path));
  const secrets = changed.filter(isOutput).map((path) => path.replace(/^.*\//, '').replace(/\.yaml$/, ''));
  const isChanged = new Set(changed);
  const candidates = groups.manifests.flatMap((path) => {
    const oid = isChanged.has(path) ? undefined : base.get(path);
    return oid === undefined ? [] : [{ path, oid }];
  });
  const ids = manifests
    .flatMap((path) => [base.get(path), head.get(path)])
    .filter((oid) => oid !== undefined);
  const loosely: BlobSource = {
    ...ports.store,
    readBlob: async (oid, maxBytes) => loose.get(oid)?.bytes ?? (await ports.store.readBlob(oid, maxBytes)),
  };
  if (changed.includes(SETTINGS_FILE)) {
    const before = await plannedSettings(ports, base, loose);
    const after = await plannedSettings(ports, head, loose);
    // Other settings are about everything.
    if (before === undefined || after === undefined || !areSameButForConfirmed(before, after))
      return new Map();
  }
  return quietFiles(loosely, ports.readManifests, candidates, ids, secrets);
}

/** Of what time makes due, only what is asked for; who waits or is suspended, waits. */
function dueOutcome(outcome: Outcome | undefined): Outcome | undefined {
  return outcome !== undefined && ['issue', 'reissue', 'renew'].includes(outcome.action)
    ? outcome
    : undefined;
}

/** Neither there before nor after. */
function isNobody(before: Standing, after: Standing): boolean {
  return before.resolution.kind === 'removed' && after.resolution.kind === 'removed';
}

function orderOf({ action }: PlannedChange, { resolution, issuer }: Standing): readonly PlannedOrder[] {
  if (!['issue', 'reissue', 'renew'].includes(action) || resolution.kind !== 'in-force') return [];
  if (issuer?.spec.type !== 'acme') return [];
  const { name, spec } = resolution.declared.object;
  const { namespace } = issuerName(spec.issuerRef, name.namespace);
  const shown = formatIssuerRef(spec.issuerRef);
  return [
    {
      issuer: namespace === '' ? shown : `${shown} (${namespace})`,
      server: issuer.spec.server,
      names: namesOf(resolution.declared.object),
    },
  ];
}
