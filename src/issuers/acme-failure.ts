import { AcmeConnectionError } from '../acme/connection-error.ts';
import { type AcmeProblem, AcmeProblemError, describeProblem } from '../acme/problem.ts';
import type { AcmeAuthorization } from '../acme/resources.ts';
import { CertopsError, type RetryAdvice } from '../lib/errors.ts';
import { IssuanceError } from './issuer.ts';

const MAX_WHY_CHARACTERS = 2000;
const MAX_NAMES_TOLD = 20;

/**
 * The error of an issuance step in the words of this room. Whatever a CA refuses for good fails the request;
 * whatever time may heal leaves it as recorded. Anything else (an abort, a defect) passes through.
 */
export function issuanceFailure(thrown: unknown, step: string): unknown {
  if (thrown instanceof IssuanceError) return thrown;
  if (thrown instanceof AcmeProblemError) return refusal(thrown, step);
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
    });
  }
  return thrown;
}

/** The recorded order cannot be gone on with; a new one is needed. */
export function orderGone(what: string, cause?: unknown): IssuanceError {
  return new IssuanceError(
    'issuers.order-gone',
    { what, next: 'A new order is made by itself' },
    { failsRequest: true, retry: { when: 'now' }, ...(cause === undefined ? {} : { cause }) },
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
    { failsRequest: true, retry: { when: 'now' }, cause: failure, data: failure.data },
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
  const problem = first?.problem ?? orderError;
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
      why: why?.slice(0, MAX_WHY_CHARACTERS),
      next: 'Make the names resolve to the HTTP-01 listener and port 80 reach it; it is tried again by itself',
    },
    {
      failsRequest: true,
      retry: problem !== undefined && isForGood(problem) ? { when: 'never' } : { when: 'backoff' },
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

function refusal(error: AcmeProblemError, step: string): IssuanceError {
  const shared = {
    cause: error,
    data: {
      step,
      ...error.data,
      identifiers: error.problem.subproblems.flatMap(({ identifier }) => identifier ?? []),
      details: error.problem.subproblems.map(
        ({ identifier, type, detail }) => `${identifier ?? 'unnamed'} ${type}: ${detail}`,
      ),
    },
  };
  const why = describeProblem(error.problem).slice(0, MAX_WHY_CHARACTERS);
  switch (error.problemClass) {
    case 'account':
      return new IssuanceError(
        'issuers.account-gone',
        {
          what: 'The CA does not know the account of this issuer',
          why,
          next: 'It is registered again with the same key, by itself',
        },
        { ...shared, failsRequest: true, retry: { when: 'backoff' } },
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
      const retry: RetryAdvice = error.problemClass === 'terminal' ? { when: 'never' } : { when: 'backoff' };
      return new IssuanceError(
        'issuers.request-refused',
        {
          what: `The CA refused the request (${step}): ${error.problem.type || `HTTP ${error.status}`}`,
          why,
          next: retry.when === 'never' ? 'Correct the Certificate or its issuer' : undefined,
        },
        { ...shared, failsRequest: true, retry },
      );
    }
  }
}

function isForGood({ type }: AcmeProblem): boolean {
  return type === 'rejectedIdentifier' || type === 'unsupportedIdentifier' || type === 'malformed';
}

function listNames(names: readonly string[]): string {
  const told = [...new Set(names)];
  return told.length <= MAX_NAMES_TOLD
    ? told.join(', ')
    : `${told.slice(0, MAX_NAMES_TOLD).join(', ')} and ${told.length - MAX_NAMES_TOLD} more`;
}
