import type { AcmeProblem, AcmeProblemError } from '../acme/problem.ts';
import type { IdentifierFailure, ToldProblem } from '../diagnosis/failure.ts';
import type { FailureFacts } from './issuer.ts';

const MAX_IDENTIFIERS = 100;
/** Types that are about a name, not about the request or the account. */
const ABOUT_ONE_NAME: readonly string[] = [
  'caa',
  'connection',
  'dns',
  'incorrectResponse',
  'rejectedIdentifier',
  'tls',
  'unsupportedIdentifier',
];
const CHALLENGE_TYPES = ['http-01', 'dns-01', 'tls-alpn-01'] as const;

/** What one name failed with, as it is put together from an authorization. */
export interface NamedProblem {
  /** `*.` included. */
  readonly identifier: string;
  readonly challengeType: string;
  readonly problem: AcmeProblem;
}

/**
 * The CA refused a request: its problem, and its parts by name (RFC 8555, section 6.7.1). Where only one of several
 * names is bad, Boulder sends no parts and writes the name into the detail: it is looked for among `names`, those that
 * were asked for.
 */
export function factsOfRefusal(
  { problem, status }: AcmeProblemError,
  step: string,
  names: readonly string[] = [],
): FailureFacts & { readonly step: string } {
  const told = toldProblem(problem, status);
  const parts = problem.subproblems.flatMap(namedPart);
  const meant = ABOUT_ONE_NAME.includes(problem.type) ? namesIn(problem.detail, names) : [];
  const identifiers = parts.length > 0 ? parts : meant.map((identifier) => ({ identifier, problem: told }));
  return { step, problem: told, identifiers: identifiers.slice(0, MAX_IDENTIFIERS), observations: [] };
}

/** The CA made an order invalid: what it said of each name, or of the order where it said nothing of any. */
export function factsOfValidation(
  failures: readonly NamedProblem[],
  orderError: AcmeProblem | undefined,
): FailureFacts {
  const named = failures.map(({ identifier, challengeType, problem }) => ({
    identifier,
    challengeType: CHALLENGE_TYPES.find((known) => known === challengeType),
    problem: toldProblem(problem),
  }));
  const parts = orderError?.subproblems.flatMap(namedPart) ?? [];
  return {
    step: 'order',
    problem: orderError === undefined ? undefined : toldProblem(orderError),
    identifiers: (named.length > 0 ? named : parts).slice(0, MAX_IDENTIFIERS),
    observations: [],
  };
}

/** Nothing was asked of a CA, or it said nothing: what was being done, and whose doing it is. */
export function factsOfStep(step: string, owner?: FailureFacts['owner']): FailureFacts {
  return { step, identifiers: [], observations: [], ...(owner === undefined ? {} : { owner }) };
}

/** Names that cannot be asked for, in words of ours: no CA spoke. */
export function factsOfNames(names: readonly string[], type: string, detail: string): FailureFacts {
  const identifiers = names
    .slice(0, MAX_IDENTIFIERS)
    .map((identifier) => ({ identifier, problem: { type, detail } }));
  return { step: 'new order', identifiers, observations: [] };
}

/** The CA's problem document as it is kept and told. */
export function toldProblem({ type, detail, isPaused, link }: AcmeProblem, status?: number): ToldProblem {
  return {
    type,
    detail,
    ...(status === undefined ? {} : { status }),
    ...(isPaused ? { isPaused } : {}),
    ...(link === undefined ? {} : { link }),
  };
}

function namedPart(part: AcmeProblem): readonly IdentifierFailure[] {
  const { identifier } = part;
  return identifier === undefined ? [] : [{ identifier, problem: toldProblem(part) }];
}

/** Those of the names that a text has as words of their own; the only name there is needs no mention. */
function namesIn(text: string, names: readonly string[]): readonly string[] {
  if (names.length === 1) return names;
  const words = new Set(
    text
      .toLowerCase()
      .split(/[^a-z0-9.*:-]+/)
      .map((word) => word.replace(/[.:]+$/, '')),
  );
  return names.filter((name) => words.has(name.toLowerCase()));
}
