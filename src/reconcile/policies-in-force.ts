import { subdomainFault } from '../api/kubernetes-names.ts';
import type { ManifestProblem } from '../api/manifest.ts';
import { MANIFEST_MAX_BYTES } from '../api/manifest-paths.ts';
import type { CertificateRequestPolicy } from '../api/policy-spec.ts';
import { asCertopsError } from '../lib/errors.ts';
import { concernedBy } from '../policy/changes.ts';
import { type BrokenPolicy, type PolicySet, policySet } from '../policy/judge.ts';
import type { RuleFault, RuleRunner } from '../policy/rule-runner.ts';
import type { DeclaredPolicy } from './declared-policies.ts';
import type { CertificateKey } from './keys.ts';
import type { Ports, StateDocument } from './ports.ts';
import { mayDeclare } from './tenancy.ts';
import type { World } from './world.ts';

/** Where a policy was accepted from last. */
interface AcceptedFrom {
  readonly path: string;
  readonly blob: string;
}

/** One policy, as it is found to stand. */
interface Found {
  readonly policy?: DeclaredPolicy | undefined;
  readonly broken?: BrokenPolicy | undefined;
  /** Why its newest revision is not in force. */
  readonly fault?: string | undefined;
  /** Nothing in its file by itself says so. */
  readonly isUntold?: boolean | undefined;
}

const STATE_KEY = 'policies';
const POLICY = { kind: 'CertificateRequestPolicy', namespace: '' } as const;
const MAX_KEPT_RULES = 2000;

/**
 * Which policies are in force: of each the newest revision that can be used, else the last one that was accepted, from
 * the blob that the state names. One that never could be used counts as there and approves nothing, and so does one
 * that may stand in a file that nobody can read: whatever is wrong with policies opens no door.
 */
export class PoliciesInForce {
  readonly #ports: Pick<Ports, 'store' | 'readManifests' | 'log'>;
  readonly #world: World;
  readonly #runner: Pick<RuleRunner, 'check'>;
  readonly #checked = new Map<string, RuleFault | undefined>();
  #accepted: ReadonlyMap<string, AcceptedFrom>;
  #recorded: string;
  #seen: { readonly policies: object; readonly version: number } | undefined;
  #untold: ReadonlyMap<string, string> = new Map();
  #set: PolicySet = policySet([], []);
  #faults: ReadonlyMap<string, string> = new Map();
  /** Something could not be found out that may be another time. */
  #isUncertain = false;

  constructor(
    ports: Pick<Ports, 'store' | 'readManifests' | 'log'>,
    world: World,
    runner: Pick<RuleRunner, 'check'>,
    state: StateDocument,
  ) {
    this.#ports = ports;
    this.#world = world;
    this.#runner = runner;
    this.#accepted = readAccepted(state[STATE_KEY]);
    this.#recorded = JSON.stringify(renderAccepted(this.#accepted));
  }

  /** Every policy there is, as of the last `refresh`. */
  get set(): PolicySet {
    return this.#set;
  }

  /** Whether the set is that of what is declared now. */
  get isFresh(): boolean {
    const { policies } = this.#world.desired;
    return this.#seen?.policies === policies && this.#seen.version === policies.version;
  }

  /** Why policies are not in force as they are declared, by name, where their files by themselves do not say so. */
  get untold(): ReadonlyMap<string, string> {
    return this.#untold;
  }

  /** Looks again at what is declared. The set before, where another one is in force now. Not twice at a time. */
  async refresh(): Promise<PolicySet | undefined> {
    if (this.isFresh && !this.#isUncertain) return undefined;
    const { policies } = this.#world.desired;
    const { version } = policies;
    this.#isUncertain = false;
    const found = new Map<string, Found>();
    for (const name of this.#names()) {
      const one = await this.#find(name);
      if (one !== undefined) found.set(name, one);
    }
    const inForce = [...found.values()].flatMap(({ policy }) => (policy === undefined ? [] : [policy]));
    const broken = [...found.values()].flatMap((one) => (one.broken === undefined ? [] : [one.broken]));
    const faults = [...found].flatMap(([name, { fault }]) =>
      fault === undefined ? [] : [[name, fault] as const],
    );
    const before = this.#set;
    this.#set = policySet(
      inForce.map(({ policy }) => policy),
      [...broken, ...this.#nameless(new Set(inForce.map(({ path }) => path)))],
    );
    const kept = [...this.#accepted].filter(([name]) => found.get(name)?.broken !== undefined);
    const taken = inForce.map(({ policy, path, blob }) => [policy.name.name, { path, blob }] as const);
    this.#accepted = new Map([...kept, ...taken]);
    this.#tell(new Map(faults));
    const untold = [...found].flatMap(([name, { fault, isUntold }]) =>
      fault !== undefined && isUntold === true ? [[name, fault] as const] : [],
    );
    this.#untold = new Map(untold);
    this.#seen = { policies, version };
    return before.hash === this.#set.hash ? undefined : before;
  }

  /** The change of the state that remembers what is accepted now; undefined where it does already. */
  unrecorded(): ((state: StateDocument) => StateDocument) | undefined {
    const accepted = renderAccepted(this.#accepted);
    const text = JSON.stringify(accepted);
    if (text === this.#recorded) return undefined;
    return (state) => ({ ...state, [STATE_KEY]: accepted });
  }

  /** What `unrecorded` gave is in the state now. */
  confirmRecorded(): void {
    this.#recorded = JSON.stringify(renderAccepted(this.#accepted));
  }

  #names(): ReadonlySet<string> {
    const names = new Set(this.#accepted.keys());
    for (const [path, { policies, errors }] of this.#world.desired.policies.files) {
      for (const { name } of policies) names.add(name.name);
      if (!this.#isOurs(path)) continue;
      for (const error of errors) if (isNamed(error)) names.add(error.name.name);
    }
    return names;
  }

  /** Files that the rules let say nothing of policies say nothing of them, whatever they look like. */
  #isOurs(path: string): boolean {
    return mayDeclare(this.#world.tenancy, path, POLICY);
  }

  async #find(name: string): Promise<Found | undefined> {
    const { desired } = this.#world;
    const files = [...desired.policies.files].sort(([a], [b]) => (a < b ? -1 : 1));
    const accepted = this.#accepted.get(name);
    const declarations = files.flatMap(([path, { blob, policies }]) =>
      policies.filter((policy) => policy.name.name === name).map((policy) => ({ policy, path, blob })),
    );
    const rejections = files.flatMap(([path, { errors }]) =>
      this.#isOurs(path)
        ? errors.flatMap((error) => (isNamed(error) && error.name.name === name ? [{ path, error }] : []))
        : [],
    );
    // One object in two files: the file on record goes on, by its last good revision where it is broken now.
    const onRecord = declarations.find(({ path }) => path === accepted?.path);
    const rejected = rejections.find(({ path }) => path === accepted?.path) ?? rejections[0];
    const isBroken = accepted !== undefined && rejected?.path === accepted.path;
    const declared = onRecord ?? (isBroken ? undefined : declarations[0]);
    if (declared !== undefined) {
      const fault = await this.#fault(declared);
      if (fault === undefined) return { policy: declared };
      return { ...(await this.#fallBack(name, accepted, fault, declared.policy)), isUntold: true };
    }
    if (rejected !== undefined)
      return this.#fallBack(name, accepted, describe(rejected.path, rejected.error));
    if (accepted === undefined) return undefined;
    if (this.#world.isOversized(accepted.path)) {
      const why = `${accepted.path} is over 1 MiB, and files of that size are never manifests; split it`;
      return this.#fallBack(name, accepted, why);
    }
    const unreadable = [...desired.unreadableFiles].filter((path) => this.#isOurs(path)).sort();
    const [first] = unreadable;
    if (first === undefined) return undefined;
    const path = unreadable.includes(accepted.path) ? accepted.path : first;
    const problem = desired.firstError(path);
    const why = problem === undefined ? path : describe(path, problem);
    return this.#fallBack(name, accepted, `${why}; until it can be read, nothing counts as removed`);
  }

  /** What keeps a valid policy from being used; undefined for nothing. */
  async #fault({ policy, path }: DeclaredPolicy): Promise<string | undefined> {
    const [unserved] = policy.unserved;
    if (unserved !== undefined) {
      return `${path}:${unserved.line}:${unserved.column}: ${unserved.field} is valid, but certops does not serve it: the policy approves nothing`;
    }
    const faults = await this.#check(policy.rules.map(({ rule }) => rule));
    const index = faults.findIndex((fault) => fault !== undefined);
    const wrong = policy.rules[index];
    if (wrong === undefined) return undefined;
    const { line, column, field } = wrong;
    return `${path}:${line}:${column}: ${field}: the expression does not compile: ${faults[index]?.message}`;
  }

  /** What is wrong with each of the expressions; known ones are not asked about again. */
  async #check(rules: readonly string[]): Promise<readonly (RuleFault | undefined)[]> {
    if (rules.every((rule) => this.#checked.has(rule))) return rules.map((rule) => this.#checked.get(rule));
    const { faults, isConclusive } = await this.#runner.check(rules);
    if (this.#checked.size > MAX_KEPT_RULES) this.#checked.clear();
    if (!isConclusive) this.#isUncertain = true;
    else for (const [index, rule] of rules.entries()) this.#checked.set(rule, faults[index]);
    return faults;
  }

  /** The last accepted revision where there is one that may still be declared there; else nothing can be approved. */
  async #fallBack(
    name: string,
    accepted: AcceptedFrom | undefined,
    fault: string,
    declared?: CertificateRequestPolicy,
  ): Promise<Found> {
    if (accepted !== undefined && this.#isOurs(accepted.path)) {
      const earlier = await this.#earlierRevision(accepted.blob, name);
      const standing = earlier && { policy: earlier, ...accepted };
      if (standing !== undefined && (await this.#fault(standing)) === undefined) {
        return { policy: standing, fault: `${fault}; the last revision that was accepted stays in force` };
      }
    }
    const { selector } = declared?.spec ?? {};
    return { broken: { name, ...(selector === undefined ? {} : { selector }), why: fault }, fault };
  }

  async #earlierRevision(blob: string, name: string): Promise<CertificateRequestPolicy | undefined> {
    try {
      const bytes = await this.#ports.store.readBlob(blob, MANIFEST_MAX_BYTES);
      const { objects } = await this.#ports.readManifests(bytes);
      return objects
        .flatMap(({ object }) => (object.kind === 'CertificateRequestPolicy' ? [object] : []))
        .find((policy) => policy.name.name === name);
    } catch (thrown) {
      // Fails closed: without it nothing is approved.
      this.#ports.log.error({ blob, ...asCertopsError(thrown).logFields() }, 'a policy cannot be read again');
      this.#isUncertain = true;
      return undefined;
    }
  }

  /** Policies of which not even the name is known; in a file with policies in force they are taken to be those. */
  #nameless(onRecord: ReadonlySet<string>): readonly BrokenPolicy[] {
    return [...this.#world.desired.policies.files].flatMap(([path, { errors, isHiding }]): BrokenPolicy[] => {
      if (!this.#isOurs(path) || onRecord.has(path)) return [];
      const nameless = errors.find((error) => !isNamed(error));
      if (nameless !== undefined) return [{ name: path, why: describe(path, nameless) }];
      if (!isHiding || errors.length > 0) return [];
      const problem = this.#world.desired.firstError(path);
      const why = problem === undefined ? 'it cannot be read' : describe(path, problem);
      return [{ name: path, why }];
    });
  }

  #tell(faults: ReadonlyMap<string, string>): void {
    for (const [policy, fault] of faults) {
      if (this.#faults.get(policy) !== fault) this.#ports.log.error({ policy }, fault);
    }
    this.#faults = faults;
  }
}

/** Certificates whose requests policies may judge otherwise since `before`. */
export function concernedCertificates(
  { desired, recorded }: World,
  before: PolicySet,
  after: PolicySet,
): readonly CertificateKey[] {
  const isConcerned = concernedBy(before, after);
  const keys = new Set([...desired.certificateKeys(), ...[...recorded.certificates()].map(([key]) => key)]);
  return [...keys].filter((key) => {
    const certificate = desired.certificates(key)[0]?.object;
    // What is in force of a broken manifest is not at hand: better one look too many.
    if (certificate === undefined) return true;
    const { name, spec } = certificate;
    return isConcerned({ namespace: name.namespace, issuerRef: spec.issuerRef });
  });
}

function isNamed(
  problem: ManifestProblem,
): problem is ManifestProblem & { readonly name: NonNullable<ManifestProblem['name']> } {
  return problem.name !== undefined && subdomainFault(problem.name.name) === undefined;
}

function describe(path: string, { position, message }: ManifestProblem): string {
  return `${path}:${position.line}:${position.column}: ${message}`;
}

type Accepted = Readonly<Record<string, AcceptedFrom>>;

function renderAccepted(accepted: ReadonlyMap<string, AcceptedFrom>): Accepted {
  const sorted = [...accepted].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([name, { path, blob }]) => [name, { path, blob }]));
}

/** What cannot be read is left out, and so is no longer known to have been there. */
function readAccepted(value: unknown): ReadonlyMap<string, AcceptedFrom> {
  if (typeof value !== 'object' || value === null) return new Map();
  return new Map(
    Object.entries(value).flatMap(([name, entry]) => {
      // Plain JSON of our own; whatever else it is has no such members.
      const { path, blob } = (entry ?? {}) as { readonly path?: unknown; readonly blob?: unknown };
      return typeof path === 'string' && typeof blob === 'string' ? [[name, { path, blob }]] : [];
    }),
  );
}
