import type { ManifestFile, ManifestObject, Position } from '../api/manifest.ts';
import { isManifestPath, SETTINGS_FILE } from '../api/manifest-paths.ts';
import { formatIssuerRef, formatObjectName, issuerName } from '../api/names.ts';
import { silentLog } from '../lib/log.ts';
import { createPlan, type Plan, type PlannedChange } from '../plan/plan.ts';
import { costsOf, costWarnings, type PlannedOrder } from '../plan/plan-costs.ts';
import type { RuleRunner } from '../policy/rule-runner.ts';
import type { OutputPath, OutputPaths } from '../status/paths.ts';
import { Attempts } from './attempts.ts';
import type { Declared } from './desired-state.ts';
import type { CertificateKey } from './keys.ts';
import {
  declaredOf,
  differencesOf,
  namesOf,
  type Outcome,
  outcomeAfter,
  outcomeOf,
} from './planned-certificate.ts';
import { plannedIssuer } from './planned-issuer.ts';
import { PlannedPolicies } from './planned-policies.ts';
import { plannedProblems } from './planned-problems.ts';
import { type LooseFile, PlannedTree } from './planned-tree.ts';
import { duplicates, rulesWarnings } from './planned-warnings.ts';
import type { Ports, StateDocument } from './ports.ts';
import { type QuietFiles, quietFiles } from './quiet-files.ts';
import { type Standing, Standings } from './standing.ts';
import { takenAway, touchedObjects, wantedRecords } from './touched-objects.ts';
import { World } from './world.ts';

/** The parts of the ports that a plan needs: no key, no network, nothing that writes. */
export interface PlanPorts {
  readonly store: Pick<Ports['store'], 'readBlob' | 'blobSizes'>;
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
  /** The daemon's state document, as far as it is at hand. */
  readonly state: StateDocument;
  readonly now: Date;
  /** What falls due by then is part of the plan. */
  readonly dueBy?: Date | undefined;
  /** What is to be told besides. */
  readonly warnings: readonly string[];
}

const SOPS_RULES_FILE = '.sops.yaml';
const RECORDS: ReadonlySet<string | undefined> = new Set([
  'secret',
  'certificate-status',
  'request',
  'request-key',
  'issuer-status',
  'account-key',
  'recipients',
]);

/**
 * What merging would do, from the same facts and by the same rules as the daemon. Policies, tenancy, recipients and what
 * certops has on record are the base's: a change cannot vouch for itself. Throws store errors, `reconcile.settings`, and
 * the signal's reason.
 */
export async function planMerge(
  ports: PlanPorts,
  question: PlanQuestion,
  signal: AbortSignal,
): Promise<Plan> {
  const { state, loose } = question;
  // Cases, acceptance and policies read blobs and manifests, and ask for rules, requests and keys; nothing else of the
  // ports is touched by them.
  const all = { ...ports, log: silentLog } as unknown as Ports;
  const accepted = typeof state.settings === 'string' ? state.settings : undefined;
  const paths = await new World(
    new PlannedTree(ports.store, question.base, loose, () => false),
    ports.readManifests,
    silentLog,
    accepted,
  ).pathsAt('manifests');
  const kindOf = outputKinds(paths);
  const isOutput = (path: string) => kindOf(path) !== undefined;
  const { files, meddled } = withBaseOutputs(question, isOutput, (path) => kindOf(path) === 'secret');
  const quiet = await findQuiet(ports, question, files, isOutput);
  signal.throwIfAborted();
  const isHidden = (path: string) => RECORDS.has(kindOf(path)) || quiet.has(path);
  const baseTree = new PlannedTree(ports.store, question.base, loose, isHidden);
  const headTree = new PlannedTree(ports.store, files, loose, isHidden);
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
    takenAway(question.base, files, base),
  );
  const isWanted = wantedRecords(base, touched);
  for (const [tree, world] of [
    [baseTree, base],
    [headTree, head],
  ] as const) {
    tree.reveal(isWanted);
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

/** What a path of the outputs holds, undefined elsewhere; of each path it is found out once, for both sides and all steps. */
function outputKinds(paths: OutputPaths): (path: string) => OutputPath['kind'] | undefined {
  const kinds = new Map<string, OutputPath['kind'] | undefined>();
  return (path) => {
    const known = kinds.get(path);
    if (known !== undefined || kinds.has(path)) return known;
    const kind = paths.classify(path)?.kind;
    kinds.set(path, kind);
    return kind;
  };
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
  isOutput: (path: string) => boolean,
  isSecret: (path: string) => boolean,
): { readonly files: ReadonlyMap<string, string>; readonly meddled: number } {
  const files = new Map(head);
  let meddled = 0;
  for (const path of changedPaths(base, head)) {
    if (!isOutput(path)) continue;
    const before = base.get(path);
    if (!head.has(path) && isSecret(path)) continue;
    meddled += 1;
    if (before === undefined) files.delete(path);
    else files.set(path, before);
  }
  return { files, meddled };
}

/** Files that are not the same on both sides, in the order of head and then of base. */
function changedPaths(
  base: ReadonlyMap<string, string>,
  head: ReadonlyMap<string, string>,
): readonly string[] {
  const changed: string[] = [];
  for (const [path, oid] of head) if (base.get(path) !== oid) changed.push(path);
  for (const path of base.keys()) if (!head.has(path)) changed.push(path);
  return changed;
}

/** Which files need not be parsed; none where the change is about everything. */
async function findQuiet(
  ports: PlanPorts,
  { base, dueBy, loose }: PlanQuestion,
  head: ReadonlyMap<string, string>,
  isOutput: (path: string) => boolean,
): Promise<QuietFiles> {
  const changed = changedPaths(base, head);
  if (dueBy !== undefined || changed.includes(SETTINGS_FILE)) return new Map();
  const manifests = changed.filter(
    (path) => /\.ya?ml$/.test(path) && !isOutput(path) && path !== SOPS_RULES_FILE,
  );
  const secrets = changed.filter(isOutput).map((path) => path.replace(/^.*\//, '').replace(/\.yaml$/, ''));
  const candidates = [...base].filter(
    ([path, oid]) =>
      head.get(path) === oid && /\.ya?ml$/.test(path) && !isOutput(path) && path !== SETTINGS_FILE,
  );
  const store = {
    readBlob: async (oid: string, maxBytes: number) =>
      loose.get(oid)?.bytes ?? (await ports.store.readBlob(oid, maxBytes)),
  };
  const ids = manifests
    .flatMap((path) => [base.get(path), head.get(path)])
    .filter((oid) => oid !== undefined);
  return quietFiles(store, ports.readManifests, new Map(candidates), ids, secrets);
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
