import {
  type AllowedAttributes,
  type AllowedList,
  type AllowedOid,
  type AllowedText,
  NAME_LISTS,
  type PolicyRule,
  SUBJECT_LISTS,
} from '../api/policy-spec.ts';
import type { PolicyRequest, ValuesOfOid } from './request.ts';
import type { RuleAnswer } from './rule-runner.ts';
import { internal, invalid, required, type Violation } from './violation.ts';
import { matchesAnyWildcard, matchesWildcard } from './wildcard.ts';

/** What an expression says about a value of the request. */
export type AnswerOf = (rule: string, value: string) => RuleAnswer;

const PATH = 'spec.allowed';

/**
 * What of a request `spec.allowed` does not allow (approver-policy `approver/allowed/evaluator.go`), in its order.
 * What a policy does not mention must be absent. Name constraints have no rule of their own: they narrow what a CA may
 * do, so whoever may be one may have them.
 */
export function allowedViolations(
  allowed: AllowedAttributes,
  request: PolicyRequest,
  answerOf: AnswerOf,
): readonly Violation[] {
  const { subject } = allowed;
  const found: Violation[] = [];
  if (request.fault !== undefined) found.push(internal('literalSubject', `${PATH}.subject`, request.fault));
  found.push(...texts('commonName', `${PATH}.commonName`, request.commonNames, allowed.commonName, answerOf));
  for (const list of NAME_LISTS) {
    found.push(...values(list, `${PATH}.${list}`, request[list], allowed[list], answerOf));
  }
  found.push(...oids('otherNames', `${PATH}.otherNames`, request.otherNames, allowed.otherNames, answerOf));
  if (request.isCA && allowed.isCA !== true) {
    found.push(invalid('isCA', `${PATH}.isCA`, true, allowed.isCA === undefined ? 'nil' : 'false'));
  }
  if (request.hasNameConstraints && allowed.isCA !== true) {
    found.push(invalid('nameConstraints', `${PATH}.isCA`, 'nameConstraints', 'no allowed value'));
  }
  const { usages } = allowed;
  if (!request.usages.every((usage) => usages?.includes(usage) === true)) {
    found.push(invalid('usages', `${PATH}.usages`, request.usages, usages?.join(', ') ?? 'nil'));
  }
  const path = `${PATH}.subject`;
  for (const list of SUBJECT_LISTS) {
    found.push(...values('subject', `${path}.${list}`, request.subject[list], subject[list], answerOf));
  }
  const { serialNumber, otherAttributes } = subject;
  found.push(...texts('subject', `${path}.serialNumber`, request.serialNumbers, serialNumber, answerOf));
  const others = request.otherAttributes;
  found.push(...oids('literalSubject', `${path}.otherAttributes`, others, otherAttributes, answerOf));
  return found;
}

/** An attribute of which a name should have one value; each of several has to pass. */
function texts(
  about: string,
  path: string,
  given: readonly string[],
  allowed: AllowedText | undefined,
  answerOf: AnswerOf,
): readonly Violation[] {
  const present = given.filter((value) => value !== '');
  if (present.length === 0) return allowed?.required === true ? [required(about, `${path}.required`)] : [];
  return present.flatMap((value) => {
    if (allowed === undefined || isSilent(allowed.value, allowed.validations)) {
      return [invalid(about, path, value, 'no allowed value')];
    }
    const isMatch = allowed.value === undefined || matchesWildcard(allowed.value, value);
    return [
      ...(isMatch ? [] : [invalid(about, `${path}.value`, value, allowed.value ?? '')]),
      ...failedRules(about, path, value, allowed.validations, answerOf),
    ];
  });
}

function values(
  about: string,
  path: string,
  given: readonly string[],
  allowed: AllowedList | undefined,
  answerOf: AnswerOf,
): readonly Violation[] {
  if (given.length === 0) return allowed?.required === true ? [required(about, `${path}.required`)] : [];
  if (allowed === undefined || isSilent(allowed.values, allowed.validations)) {
    return [invalid(about, path, given, 'no allowed values')];
  }
  const patterns = allowed.values;
  const isSubset = patterns === undefined || given.every((value) => matchesAnyWildcard(patterns, value));
  return [
    ...(isSubset ? [] : [invalid(about, `${path}.values`, given, patterns.join(', '))]),
    ...given.flatMap((value) => failedRules(about, path, value, allowed.validations, answerOf)),
  ];
}

/** Values by OID: those of an OID without an entry are not allowed. */
function oids(
  about: string,
  path: string,
  given: readonly ValuesOfOid[],
  allowed: readonly AllowedOid[],
  answerOf: AnswerOf,
): readonly Violation[] {
  const present = given.flatMap((one) => {
    const entry = allowed.find(({ oid }) => oid === one.oid);
    const at = `${path}[${one.oid}]`;
    if (entry === undefined) return [invalid(about, at, one.values, 'no allowed value')];
    return values(about, at, one.values, entry, answerOf);
  });
  const missing = allowed
    .filter((entry) => entry.required && given.every(({ oid }) => oid !== entry.oid))
    .map(({ oid }) => required(about, `${path}[${oid}].required`));
  return [...present, ...missing];
}

/** Neither patterns nor expressions say what would be allowed. */
function isSilent(patterns: unknown, validations: readonly PolicyRule[]): boolean {
  return patterns === undefined && validations.length === 0;
}

function failedRules(
  about: string,
  path: string,
  value: string,
  validations: readonly PolicyRule[],
  answerOf: AnswerOf,
): readonly Violation[] {
  return validations.flatMap(({ rule, message }, index) => {
    const at = `${path}.validations[${index}]`;
    const answer = answerOf(rule, value);
    if (answer.kind === 'holds') return [];
    if (answer.kind === 'error') return [internal(about, at, answer.message)];
    return [invalid(about, at, value, message ?? `failed rule: ${rule}`)];
  });
}
