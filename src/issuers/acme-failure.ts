import { AcmeConnectionError } from '../acme/connection-error.ts';
import {
  type AcmeProblem,
  AcmeProblemError,
  classify,
  describeProblem,
  KNOWN_PROBLEM_TYPES,
} from '../acme/problem.ts';
import type { AcmeAuthorization } from '../acme/resources.ts';
import type { AcmeIssuerSpec } from '../api/issuer.ts';
import { cutText } from '../lib/cut-text.ts';
import { CertopsError, type RetryAdvice } from '../lib/errors.ts';
import { factsOfRefusal, factsOfStep, factsOfValidation } from './failure-facts.ts';
import { type FailureFacts, IssuanceError } from './issuer.ts';

const MAX_WHY_CHARACTERS = 2000;
const MAX_NAMES_TOLD = 20;
const NONE: AcmeProblem = { type: '', detail: '', isPaused: false, subproblems: [] };

/**
 * The error of an issuance step in the words of this room. Whatever a CA refuses for good fails the request;
 * whatever time may heal leaves it as recorded. Anything else (an abort, a defect) passes through. `names` are those
 * that were asked for.
 */
export function issuanceFailure(
  thrown: unknown,
  step: string,
  issuer: Pick<AcmeIssuerSpec, 'disableAccountKeyGeneration'> = { disableAccountKeyGeneration: false },
  names: readonly string[] = [],
): unknown {
  if (thrown instanceof IssuanceError) return thrown;
  if (thrown instanceof AcmeProblemError) {
    return refusal(thrown, factsOfRefusal(thrown, step, names), issuer.disableAccountKeyGeneration);
  }
  if (thrown instanceof AcmeConnectionError) {
    return new IssuanceError(
      'issuers.ca-unavailable',
      {
        what: `The CA gave no usable answer (${step})`,
        why: thrown.explain(),
        next: thrown.explanation.next,
      },
      {
        failsRequest: false,
        retry: thrown.retry,
        cause: thrown,
        data: { step, ...thrown.data, cause: thrown.code },
        facts: factsOfStep(step),
      },
    );
  }
  if (thrown instanceof CertopsError && thrown.code === 'acme.order-unknown') {
    return orderGone('The CA does not know the order any more', thrown);
  }
  if (thrown instanceof CertopsError && thrown.code.startsWith('solvers.')) {
    return new IssuanceError(thrown.code, thrown.explanation, {
      failsRequest: false,
      retry: thrown.retry,
      cause: thrown,
      data: { step, ...thrown.data },
      facts: factsOfStep(step),
    });
  }
  return thrown;
}

/** The recorded order cannot be gone on with; a new one is needed. */
export function orderGone(what: string, cause?: unknown): IssuanceError {
  return new IssuanceError(
    'issuers.order-gone',
    { what, next: 'A new order is made by itself' },
    {
      failsRequest: true,
      retry: { when: 'now' },
      facts: factsOfStep('order'),
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

/**
 * A valid order's certificate is not handed out, by a copy of the CA's records that lags behind, say. It was issued
 * and must not be lost: another order would bring a second one.
 */
export function certificateNotThere(cause: AcmeProblemError): IssuanceError {
  return new IssuanceError(
    'issuers.ca-busy',
    {
      what: 'The CA has issued the certificate and does not hand it out yet',
      why: cause.explanation.why,
      next: 'It is asked for again by itself',
    },
    {
      failsRequest: false,
      retry: { when: 'backoff' },
      cause,
      data: { ...cause.data },
      facts: factsOfRefusal(cause, 'download'),
    },
  );
}

/**
 * The CA could not connect while nobody was there to answer: certops had ended after it accepted a challenge.
 * That says nothing about the names, but an invalid order stays invalid (RFC 8555, section 7.1.6).
 */
export function validationInterrupted(failure: IssuanceError): IssuanceError {
  return new IssuanceError(
    'issuers.validation-interrupted',
    {
      what: 'The CA validated while certops was not running, and found nobody',
      why: failure.explanation.why,
      next: 'A new order is made by itself',
    },
    { failsRequest: true, retry: { when: 'now' }, cause: failure, data: failure.data, facts: failure.facts },
  );
}

/** What an invalid order's authorizations say about each name, and the order itself. */
export function validationFailed(
  authorizations: readonly AcmeAuthorization[],
  orderError: AcmeProblem | undefined,
): IssuanceError {
  const failures = authorizations.flatMap(({ identifier, wildcard, challenges }) =>
    challenges
      .filter(({ error }) => error !== undefined)
      .map(({ type, error }) => ({
        identifier: wildcard ? `*.${identifier.value}` : identifier.value,
        challengeType: type,
        // Filtered above.
        problem: error as AcmeProblem,
      })),
  );
  const [first] = failures;
  // The words of the worst name stand for all.
  const problems = failures.length > 0 ? failures.map((failure) => failure.problem) : [orderError ?? NONE];
  const problem = problems.find(isForGood) ?? first?.problem ?? orderError;
  const told = failures
    .slice(0, MAX_NAMES_TOLD)
    .map((failure) => `${failure.identifier} (${failure.problem.type}): ${failure.problem.detail}`);
  const why =
    told.length > 0 ? told.join('; ') : orderError === undefined ? undefined : describeProblem(orderError);
  return new IssuanceError(
    'issuers.validation-failed',
    {
      what:
        failures.length === 0
          ? 'The CA made the order invalid'
          : `The CA could not validate ${listNames(failures.map(({ identifier }) => identifier))}`,
      why: why && cutText(why, MAX_WHY_CHARACTERS),
      next: remedyByType(new Set(failures.map(({ challengeType }) => challengeType))),
    },
    {
      failsRequest: true,
      retry: problems.some(isForGood) ? { when: 'never' } : { when: 'backoff' },
      facts: factsOfValidation(failures, orderError),
      data: {
        problemType: problem?.type,
        detail: problem?.detail,
        identifiers: failures.map(({ identifier }) => identifier),
        details: failures.map(
          ({ identifier, challengeType, problem: { type, detail } }) =>
            `${identifier} ${challengeType} ${type}: ${detail}`,
        ),
      },
    },
  );
}

function refusal(
  error: AcmeProblemError,
  facts: FailureFacts & { readonly step: string },
  mustBeGiven: boolean,
): IssuanceError {
  const { step } = facts;
  const shared = {
    cause: error,
    facts,
    data: {
      step,
      ...error.data,
      identifiers: error.problem.subproblems.flatMap(({ identifier }) => identifier ?? []),
      details: error.problem.subproblems.map(
        ({ identifier, type, detail }) => `${identifier ?? 'unnamed'} ${type}: ${detail}`,
      ),
    },
  };
  const why = describeProblem(error.problem);
  switch (error.problemClass) {
    case 'account':
      return new IssuanceError(
        'issuers.account-gone',
        {
          what: 'The CA does not know the account of this issuer',
          why,
          next: mustBeGiven
            ? 'Commit the key of an account that it knows: spec.acme.disableAccountKeyGeneration keeps certops from registering one'
            : 'It is registered again with the same key, by itself',
        },
        { ...shared, failsRequest: true, retry: { when: mustBeGiven ? 'never' : 'backoff' } },
      );
    case 'paused':
      return new IssuanceError(
        'issuers.paused',
        {
          what: 'The CA has paused issuance for these names: they failed too often',
          why,
          next:
            error.problem.link === undefined
              ? "A person must end the pause at the CA's portal; then ask for a retry"
              : `A person must end the pause at ${error.problem.link}; then ask for a retry`,
        },
        { ...shared, failsRequest: true, retry: { when: 'never' } },
      );
    case 'bad-nonce':
    case 'poll':
    case 'wait':
      return new IssuanceError(
        'issuers.ca-busy',
        { what: `The CA asks to try later (${step}): ${error.problem.type || `HTTP ${error.status}`}`, why },
        { ...shared, failsRequest: false, retry: error.retry },
      );
    case 'environment':
    case 'terminal': {
      const retry: RetryAdvice =
        error.problemClass === 'terminal' ? { when: 'never' } : laterThanTold(error.retry);
      return new IssuanceError(
        'issuers.request-refused',
        {
          what: `The CA refused the request (${step}): ${error.problem.type || `HTTP ${error.status}`}`,
          why,
          next: retry.when === 'never' ? remedyFor(error) : undefined,
        },
        { ...shared, failsRequest: true, retry },
      );
    }
  }
}

/** What a person can do about a refusal that time does not heal. */
function remedyFor({ problem }: AcmeProblemError): string {
  if (problem.type === 'userActionRequired' && problem.link !== undefined) {
    return `Open ${problem.link} and do what the CA asks for; then ask for a retry`;
  }
  return 'Correct the Certificate or its issuer';
}

/** A CA that names a time for the next attempt is heard, whatever its problem. */
function laterThanTold(retry: RetryAdvice): RetryAdvice {
  return retry.when === 'not-before' ? retry : { when: 'backoff' };
}

/** What helps against a failed validation. */
function remedyByType(types: ReadonlySet<string>): string {
  const remedies = [
    ...(types.has('dns-01') ? ['let every name server of the zone serve the TXT records to the world'] : []),
    ...(types.has('http-01') || types.size === 0
      ? ['make the names resolve to where HTTP-01 is presented, and let port 80 reach it']
      : []),
  ];
  const remedy = remedies.join(', and ');
  return `${remedy.charAt(0).toUpperCase()}${remedy.slice(1)}; it is tried again by itself`;
}

/** A type that nobody knows says nothing, and time may heal it. */
function isForGood(problem: AcmeProblem): boolean {
  if (problem.type === 'compound' && problem.subproblems.length > 0)
    return problem.subproblems.some(isForGood);
  return KNOWN_PROBLEM_TYPES.includes(problem.type) && classify(problem.type, 400) === 'terminal';
}

/** At most 20 of them. */
export function listNames(names: readonly string[]): string {
  const told = [...new Set(names)];
  return told.length <= MAX_NAMES_TOLD
    ? told.join(', ')
    : `${told.slice(0, MAX_NAMES_TOLD).join(', ')} and ${told.length - MAX_NAMES_TOLD} more`;
}
