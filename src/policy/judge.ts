import { fingerprint } from '../api/fingerprint.ts';
import type { CertificateRequestPolicy, PolicySelector } from '../api/policy-spec.ts';
import { type AnswerOf, allowedViolations } from './allowed.ts';
import { constraintViolations } from './constraints.ts';
import type { PolicyRequest } from './request.ts';
import type { RuleAnswer, RuleQuestion, RuleRunner } from './rule-runner.ts';
import { type Selectable, selects } from './selector.ts';
import { describeViolations, type Violation } from './violation.ts';

/** A policy that is there and cannot be used: it approves nothing. */
export interface BrokenPolicy {
  /** As far as it is known. */
  readonly name: string;
  /** Undefined where it cannot be told which requests it is for: it may be any. */
  readonly selector?: PolicySelector | undefined;
  /** One sentence with the place. */
  readonly why: string;
}

/** Every policy there is. */
export interface PolicySet {
  /** Those that can be used: valid, every expression compiles. In order of their names. */
  readonly ready: readonly CertificateRequestPolicy[];
  readonly broken: readonly BrokenPolicy[];
  /** Fingerprint of all that verdicts hang on. */
  readonly hash: string;
}

/** What one policy has against a request. */
export interface Refusal {
  readonly policy: string;
  readonly violations: readonly Violation[];
}

/** What becomes of a request; `message` is approver-policy's own. */
export type Verdict =
  | { readonly kind: 'approved'; readonly reason: string; readonly message: string }
  /** Neither approved nor denied: it waits until a policy approves it. */
  | { readonly kind: 'unapproved'; readonly message: string; readonly refusals: readonly Refusal[] }
  | { readonly kind: 'denied'; readonly message: string; readonly refusals: readonly Refusal[] };

/** A verdict, and whether it is worth asking again later though nothing changed: time or memory ran out. */
export interface Judgement {
  readonly verdict: Verdict;
  readonly isConclusive: boolean;
}

/** Reason of the Approved and Denied conditions that policies give (approver-policy). */
export const POLICY_REASON = 'policy.cert-manager.io';

const MAX_MESSAGE_CHARS = 3000;

/** Puts policies together and fingerprints them. */
export function policySet(
  policies: readonly CertificateRequestPolicy[],
  broken: readonly BrokenPolicy[],
): PolicySet {
  const ready = policies.toSorted((a, b) => compare(a.name.name, b.name.name));
  const sorted = broken.toSorted((a, b) => compare(a.name, b.name) || compare(a.why, b.why));
  const hash = fingerprint({ ready: ready.map(({ name, spec }) => ({ name, spec })), broken: sorted });
  return { ready, broken: sorted, hash };
}

/** Whether a policy of the set is asked about a request, or may be. */
export function isConcerned(set: PolicySet, request: Selectable): boolean {
  return set.ready.some(({ spec }) => selects(spec.selector, request)) || unusable(set, request).length > 0;
}

/**
 * Judges a request by every policy that selects it. Without any policy at all requests are approved as cert-manager
 * does by itself; with one they need a policy that selects them and finds nothing against them. Rejects only with the
 * signal's reason.
 */
export async function judge(
  set: PolicySet,
  request: PolicyRequest,
  runner: Pick<RuleRunner, 'evaluate'>,
  signal?: AbortSignal,
): Promise<Judgement> {
  if (isEmpty(set)) return conclusive(APPROVED_BY_ITSELF);
  const refusals: Refusal[] = [];
  let isConclusive = true;
  for (const policy of set.ready) {
    if (!selects(policy.spec.selector, request)) continue;
    const found = await violationsOf(policy, request, runner, signal);
    if (found.violations.length === 0) return conclusive(approvedBy(policy.name.name));
    refusals.push({ policy: policy.name.name, violations: found.violations });
    isConclusive &&= found.isConclusive;
  }
  return { verdict: refused(refusals, unusable(set, request)), isConclusive };
}

/** Whether there is no policy at all. */
export function isEmpty({ ready, broken }: PolicySet): boolean {
  return ready.length === 0 && broken.length === 0;
}

/** The verdict where no expression has to be asked; undefined where one has. `requestOf` is asked where there is a policy. */
export function judgeAtOnce(set: PolicySet, requestOf: () => PolicyRequest): Verdict | undefined {
  if (isEmpty(set)) return APPROVED_BY_ITSELF;
  const request = requestOf();
  const refusals: Refusal[] = [];
  for (const policy of set.ready) {
    if (!selects(policy.spec.selector, request)) continue;
    if (questionsOf(policy, request).length > 0) return undefined;
    const violations = violationsGiven(policy, request, () => ({ kind: 'holds' }));
    if (violations.length === 0) return approvedBy(policy.name.name);
    refusals.push({ policy: policy.name.name, violations });
  }
  return refused(refusals, unusable(set, request));
}

/** The broken policies that select a request, or may. */
function unusable({ broken }: PolicySet, request: Selectable): readonly BrokenPolicy[] {
  return broken.filter(({ selector }) => selector === undefined || selects(selector, request));
}

const APPROVED_BY_ITSELF: Verdict = {
  kind: 'approved',
  reason: 'cert-manager.io',
  message: 'Certificate request has been approved by cert-manager.io',
};

function approvedBy(policy: string): Verdict {
  const message = `Approved by CertificateRequestPolicy: ${JSON.stringify(policy)}`;
  return { kind: 'approved', reason: POLICY_REASON, message };
}

function conclusive(verdict: Verdict): Judgement {
  return { verdict, isConclusive: true };
}

function refused(refusals: readonly Refusal[], broken: readonly BrokenPolicy[]): Verdict {
  const said = [
    ...refusals.map(({ policy, violations }) => `[${policy}: ${describeViolations(violations)}]`),
    ...broken.map(({ name, why }) => `[${name}: ${why}]`),
  ].join(' ');
  if (said === '') {
    const message = 'No CertificateRequestPolicies bound or applicable';
    return { kind: 'unapproved', message, refusals };
  }
  if (broken.length === 0) {
    return { kind: 'denied', message: bounded(`No policy approved this request: ${said}`), refusals };
  }
  const message = `Not all policies are ready for evaluation; refusing to deny pending policy readiness: ${said}`;
  return { kind: 'unapproved', message: bounded(message), refusals };
}

function bounded(text: string): string {
  return text.length > MAX_MESSAGE_CHARS ? `${text.slice(0, MAX_MESSAGE_CHARS - 1)}…` : text;
}

async function violationsOf(
  policy: CertificateRequestPolicy,
  request: PolicyRequest,
  runner: Pick<RuleRunner, 'evaluate'>,
  signal: AbortSignal | undefined,
): Promise<{ readonly violations: readonly Violation[]; readonly isConclusive: boolean }> {
  const questions = questionsOf(policy, request);
  const { name, namespace } = request;
  const { answers, isConclusive } = await runner.evaluate(questions, { name, namespace }, signal);
  const known = new Map(questions.map((question, index) => [questionKey(question), answers[index]]));
  const answerOf = (rule: string, value: string): RuleAnswer =>
    known.get(questionKey({ rule, value })) ?? { kind: 'error', message: 'it was not answered' };
  return { violations: violationsGiven(policy, request, answerOf), isConclusive };
}

/** What has to be asked of expressions, each once. */
function questionsOf(policy: CertificateRequestPolicy, request: PolicyRequest): readonly RuleQuestion[] {
  if (policy.rules.length === 0) return [];
  const questions = new Map<string, RuleQuestion>();
  violationsGiven(policy, request, (rule, value) => {
    questions.set(questionKey({ rule, value }), { rule, value });
    return { kind: 'holds' };
  });
  return [...questions.values()];
}

function questionKey({ rule, value }: RuleQuestion): string {
  return JSON.stringify([rule, value]);
}

function violationsGiven(
  { spec }: CertificateRequestPolicy,
  request: PolicyRequest,
  answerOf: AnswerOf,
): readonly Violation[] {
  return [
    ...allowedViolations(spec.allowed, request, answerOf),
    ...constraintViolations(spec.constraints, request),
  ];
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
