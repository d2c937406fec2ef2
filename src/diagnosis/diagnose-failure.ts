import { cutText } from '../lib/cut-text.ts';
import type { Explanation } from '../lib/errors.ts';
import type { Cause, CauseCode, CauseScope, CauseSubject, FailureContext } from './cause.ts';
import { causeKey, plainZone } from './cause-key.ts';
import { CAUSE_WORDS, classOf } from './cause-words.ts';
import { ERROR_RULES, type ErrorRule, UNKNOWN_RULE } from './error-rules.ts';
import type { Failure, IdentifierFailure, Observation } from './failure.ts';
import { codeOfNameProblem, problemRule } from './problem-rules.ts';
import { listNames, sentence, tellSolver } from './telling.ts';
import { judgeValidation, judgeVisibility, type ValidationVerdict } from './validation.ts';

const MAX_TOLD = 20;
/** Of all names together; each gets its part. */
const MAX_DETAIL_CHARACTERS = 3_000;
const MAX_OBSERVATION_CHARACTERS = 4_000;

/** Codes of a CA's look at names, or at a request because of them. */
const VALIDATIONS: readonly string[] = ['issuers.validation-failed', 'issuers.validation-interrupted'];

/** What a failed attempt was judged to be, before it is put into words. */
interface Judgement {
  readonly rule: ErrorRule;
  readonly identifiers: readonly IdentifierFailure[];
  /** The CA found something wrong with names. */
  readonly isValidation: boolean;
  readonly others?: ValidationVerdict['others'] | undefined;
  readonly contradiction?: string | undefined;
  readonly zone?: string | undefined;
}

/** Why an attempt failed: what kind of thing it is, whose, how far it reaches, and what heals it. Never throws. */
export function diagnoseFailure(failure: Failure, context: FailureContext): Cause {
  const judgement = judge(failure);
  const { rule, identifiers, isValidation } = judgement;
  const scope = scopeOf(rule, failure, context, judgement.zone);
  const issuer = issuerSubject(context);
  const subject = subjectOf(scope, failure, context, issuer);
  // An issuer's manifest has no names of its own that could be invalid.
  const code = scope === 'issuer' && rule.code === 'manifest-invalid' ? 'issuer-misconfigured' : rule.code;
  const zone = scope === 'zone' ? judgement.zone : rule.isZoned ? failure.solver?.zone : undefined;
  const isHealing =
    rule.isHealing === true || (failure.code === 'issuers.account-gone' && !failure.isForGood);
  return {
    key: keyOf({ code, scope, subject, zone }, failure, identifiers, isValidation),
    class: classOf(code, failure.isForGood, isHealing),
    scope,
    subject,
    issuer,
    ...(zone === undefined ? {} : { zone: plainZone(zone) ?? zone }),
    code,
    title: rule.title ?? CAUSE_WORDS[code].title,
    explanation: explain(code, scope, judgement, failure),
    otherCures: CAUSE_WORDS[code].cures,
    ...(failure.problem === undefined ? {} : { problem: failure.problem }),
    identifiers: boundedIdentifiers(identifiers),
    observations: boundedObservations(failure.observations),
  };
}

function judge(failure: Failure): Judgement {
  const { code, identifiers, observations, problem } = failure;
  const plain = { identifiers, isValidation: false };
  const told = problemRule(failure);
  if (told?.code === 'paused') return { ...plain, rule: told };
  const own = (Object.hasOwn(ERROR_RULES, code) ? ERROR_RULES[code] : undefined) ?? fallback(code);
  const isOfNames =
    VALIDATIONS.includes(code) || (failure.step !== 'registration' && isAboutNames(identifiers));
  if (isOfNames && own.title === undefined && identifiers.length > 0 && mayBeOfNames(own, told)) {
    const verdict = judgeValidation(identifiers, observations);
    const isRefused = verdict.code === 'validation-failed' && failure.isForGood;
    const rule: ErrorRule = { code: isRefused ? 'request-refused' : verdict.code, scope: 'certificate' };
    return { ...verdict, rule, isValidation: true };
  }
  if (VALIDATIONS.includes(code) && own.title === undefined && problem !== undefined) {
    // The CA made the order invalid and blames no name.
    const named = codeOfNameProblem(problem, undefined);
    const rule = problemRule({ ...failure, code: 'issuers.request-refused' });
    const judged = rule ?? { code: named, scope: 'certificate' };
    return { ...plain, rule: judged, isValidation: judged.scope === 'certificate' };
  }
  if (code === 'solvers.dns-not-visible') {
    return { ...plain, rule: { code: judgeVisibility(observations), scope: 'certificate' } };
  }
  return { ...plain, rule: told ?? own };
}

/** Whether a CA refused single names, with types that are about names. */
function isAboutNames(identifiers: readonly IdentifierFailure[]): boolean {
  return identifiers.some(
    ({ problem, challengeType }) => codeOfNameProblem(problem, challengeType) !== 'validation-failed',
  );
}

/** A limit or an account stays that, though the CA names names. */
function mayBeOfNames(own: ErrorRule, told: ErrorRule | undefined): boolean {
  const rule = told ?? own;
  return rule.scope === 'certificate' && rule.code !== 'rate-limited' && rule.code !== 'ca-unavailable';
}

function fallback(code: string): ErrorRule {
  return code.startsWith('sops.') ? { code: 'secret-unreadable', scope: 'repository' } : UNKNOWN_RULE;
}

function scopeOf(
  rule: ErrorRule,
  { owner, step, secret }: Failure,
  { certificate }: FailureContext,
  zone: string | undefined,
): CauseScope {
  if (rule.code === 'secret-unreadable' && rule.scope === 'certificate' && secret !== undefined) {
    return 'repository';
  }
  if (rule.scope !== 'certificate') return rule.scope;
  if (certificate === undefined || owner === 'issuer' || step === 'registration') return 'issuer';
  return zone === undefined ? 'certificate' : 'zone';
}

function issuerSubject({ issuer }: FailureContext): CauseSubject {
  const { kind, namespace, name } = issuer;
  return { kind, namespace: kind === 'ClusterIssuer' ? '' : namespace, name };
}

function subjectOf(
  scope: CauseScope,
  { code, secret }: Failure,
  { certificate }: FailureContext,
  issuer: CauseSubject,
): CauseSubject {
  if (scope === 'repository') {
    const settings = code === 'reconcile.settings' ? 'certops.yaml' : '.sops.yaml';
    return { kind: 'File', namespace: '', name: secret ?? settings };
  }
  if (scope === 'certificate' && certificate !== undefined) {
    return { kind: 'Certificate', namespace: certificate.namespace, name: certificate.name };
  }
  return issuer;
}

function keyOf(
  cause: {
    readonly code: CauseCode;
    readonly scope: CauseScope;
    readonly subject: CauseSubject;
    readonly zone: string | undefined;
  },
  { solver, secret }: Failure,
  identifiers: readonly IdentifierFailure[],
  isValidation: boolean,
): string {
  const { scope } = cause;
  if (scope === 'solver') {
    const { type = 'http-01', provider, server, credential } = solver ?? {};
    const parts = [type, provider, server?.toLowerCase(), credential?.name, credential?.key];
    return causeKey({ ...cause, parts });
  }
  if (scope === 'certificate') {
    const names = identifiers.map(({ identifier }) => identifier);
    return causeKey({ ...cause, code: isValidation ? 'validation' : cause.code, names, parts: [secret] });
  }
  return causeKey({ ...cause, parts: scope === 'issuer' ? [secret] : [] });
}

function explain(
  code: CauseCode,
  scope: CauseScope,
  { rule, identifiers, isValidation, others = [], contradiction, zone }: Judgement,
  { solver, secret }: Failure,
): Explanation {
  const words = CAUSE_WORDS[code];
  const names = namesOf(identifiers);
  const title = sentence(rule.title ?? words.title);
  const isValidated = isValidation && code !== 'identifier-rejected' && code !== 'request-refused';
  const about =
    scope === 'solver' ? tellSolver(solver) : scope === 'certificate' ? names : listNames([secret ?? '']);
  const what =
    isValidated && names !== undefined
      ? `The CA could not validate ${names}`
      : `${title}${about === undefined ? '' : `: ${about}`}`;
  const whys = [
    rule.why ?? words.why,
    ...(zone === undefined ? [] : [`The CAA records stand at ${zone}, above all of the names.`]),
    ...others.map(({ code: other, identifiers: some }) => {
      return `Otherwise with ${namesOf(some) ?? 'some names'}: ${CAUSE_WORDS[other].title}.`;
    }),
    ...(contradiction === undefined ? [] : [`${sentence(contradiction)}; but the CA's word decides.`]),
  ];
  return { what, why: whys.join(' '), next: rule.next ?? words.next };
}

function namesOf(identifiers: readonly IdentifierFailure[]): string | undefined {
  return listNames(identifiers.map(({ identifier }) => identifier));
}

/** At most 20 names, and not more words than a small document has room for. */
function boundedIdentifiers(identifiers: readonly IdentifierFailure[]): readonly IdentifierFailure[] {
  const told = identifiers.slice(0, MAX_TOLD);
  const each = Math.max(100, Math.floor(MAX_DETAIL_CHARACTERS / Math.max(1, told.length)));
  return told.map((failure) => ({
    ...failure,
    problem: { ...failure.problem, detail: cutText(failure.problem.detail, each) },
  }));
}

/**
 * At most 20, and of each name all or none: what speaks against the rest must not be what is left out. Where not even
 * the first name's fit, its words are cut.
 */
function boundedObservations(observations: readonly Observation[]): readonly Observation[] {
  const names = new Set(observations.map(({ identifier }) => identifier));
  const kept: Observation[] = [];
  let left = MAX_OBSERVATION_CHARACTERS;
  for (const name of names) {
    const own = observations.filter(({ identifier }) => identifier === name);
    const told = kept.length === 0 ? withinBounds(own, left) : own;
    const characters = told.map(charactersOf).reduce((sum, each) => sum + each, 0);
    if (characters > left || kept.length + told.length > MAX_TOLD) continue;
    left -= characters;
    kept.push(...told);
  }
  return kept;
}

/** The same observations, with the same room for the words of each where they are too many. */
function withinBounds(observations: readonly Observation[], maxCharacters: number): readonly Observation[] {
  const characters = observations.map(charactersOf).reduce((sum, each) => sum + each, 0);
  if (characters <= maxCharacters) return observations;
  const each = Math.floor(maxCharacters / observations.length);
  return observations.map((observation) => {
    const half = Math.max(20, Math.floor((each - observation.identifier.length) / 2));
    return {
      ...observation,
      asked: cutText(observation.asked, half),
      found: cutText(observation.found, half),
    };
  });
}

function charactersOf({ identifier, asked, found }: Observation): number {
  return identifier.length + asked.length + found.length;
}
