import type { PlannedChange, PolicyRefusal } from '../plan/plan.ts';
import { judge, type PolicySet, type Refusal, type Verdict } from '../policy/judge.ts';
import { requestOf } from '../policy/request.ts';
import { RulePatience } from '../policy/rule-patience.ts';
import type { RuleRunner } from '../policy/rule-runner.ts';
import { nextRevision } from './approval.ts';
import { concernedCertificates, PoliciesInForce } from './policies-in-force.ts';
import type { Ports, StateDocument } from './ports.ts';
import type { Standing } from './standing.ts';
import type { World } from './world.ts';

const MAX_JUDGED = 1000;
const MAX_NAMED = 5;

/** The base's policies, asked about the requests of a plan; and what another set of them would come to. */
export class PlannedPolicies {
  readonly #base: World;
  readonly #head: World;
  readonly #rules: RuleRunner;
  readonly #set: PolicySet;
  readonly #next: PolicySet;
  readonly #patience: RulePatience;

  private constructor(base: World, head: World, rules: RuleRunner, set: PolicySet, next: PolicySet) {
    this.#base = base;
    this.#head = head;
    this.#rules = rules;
    this.#set = set;
    this.#next = next;
    this.#patience = new RulePatience(rules);
  }

  static async create(
    ports: Ports,
    base: World,
    head: World,
    rules: RuleRunner,
    state: StateDocument,
  ): Promise<PlannedPolicies> {
    const setOf = async (world: World, known: StateDocument): Promise<[PolicySet, StateDocument]> => {
      const policies = new PoliciesInForce(ports, world, rules, known);
      await policies.refresh();
      return [policies.set, policies.unrecorded()?.(known) ?? known];
    };
    const [set, after] = await setOf(base, state);
    const [next] = await setOf(head, after);
    return new PlannedPolicies(base, head, rules, set, next);
  }

  /** The change as denied, where the base's policies do not let its certificate be asked for. */
  async deny(
    change: PlannedChange,
    { target, issuer }: Standing,
    signal: AbortSignal,
  ): Promise<PlannedChange | undefined> {
    const isAsked = change.action === 'issue' || change.action === 'reissue' || change.action === 'renew';
    if (!isAsked || target === undefined || issuer === undefined) return undefined;
    const isAcme = issuer.spec.type === 'acme';
    const request = requestOf(target.certificate, { revision: nextRevision(target), isAcme });
    const { verdict } = await judge(this.#set, request, this.#patience, signal);
    if (verdict.kind === 'approved') return undefined;
    const { message, refusals } = verdict;
    const policies = refusals.flatMap((refusal) => this.#refusals(refusal));
    const reason = verdict.kind === 'denied' ? 'Denied' : 'WaitingForApproval';
    return { ...change, action: 'denied', reason, message, policies };
  }

  /** What a change of policies would no longer let be asked for. */
  async warnings(signal: AbortSignal): Promise<readonly string[]> {
    if (this.#set.hash === this.#next.hash) return [];
    const concerned = concernedCertificates(this.#head, this.#set, this.#next);
    const patience = new RulePatience(this.#rules);
    const blocked: string[] = [];
    for (const key of concerned.slice(0, MAX_JUDGED)) {
      const certificate = this.#head.desired.certificates(key)[0]?.object;
      if (certificate === undefined) continue;
      const { issuerRef } = certificate.spec;
      const namespace = issuerRef.kind === 'ClusterIssuer' ? '' : certificate.name.namespace;
      const issuer = this.#head.desired.issuers(`${issuerRef.kind}:${namespace}/${issuerRef.name}`)[0]
        ?.object;
      const request = requestOf(certificate, { revision: 1, isAcme: issuer?.spec.type === 'acme' });
      const before = await judge(this.#set, request, this.#patience, signal);
      if (before.verdict.kind !== 'approved') continue;
      const after: Verdict = (await judge(this.#next, request, patience, signal)).verdict;
      if (after.kind !== 'approved') blocked.push(key);
    }
    const changed = 'policies change; this plan goes by those of the base';
    const unasked =
      concerned.length > MAX_JUDGED
        ? ` (of ${concerned.length} Certificates ${MAX_JUDGED} were looked at)`
        : '';
    if (blocked.length === 0) return [`${changed}, and the new ones block no Certificate${unasked}`];
    const more = blocked.length > MAX_NAMED ? ` and ${blocked.length - MAX_NAMED} more` : '';
    const named = `${blocked.slice(0, MAX_NAMED).join(', ')}${more}`;
    return [`${changed}; the new ones would not approve ${named} at the next issuance${unasked}`];
  }

  #refusals({ policy, violations }: Refusal): readonly PolicyRefusal[] {
    const files = [...this.#base.desired.policies.files];
    const place = files.find(([, { policies }]) => policies.some(({ name }) => name.name === policy));
    const rules = place?.[1].policies.find(({ name }) => name.name === policy)?.rules ?? [];
    return violations.map(({ field, message }) => ({
      policy,
      field,
      message,
      file: place?.[0],
      line: rules.find((rule) => rule.field === field)?.line,
    }));
  }
}
