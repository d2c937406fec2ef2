import type { Cause, FailureContext } from '../../../src/diagnosis/cause.ts';
import { diagnoseFailure } from '../../../src/diagnosis/diagnose-failure.ts';
import type {
  Failure,
  Finding,
  IdentifierFailure,
  Observation,
  ToldProblem,
} from '../../../src/diagnosis/failure.ts';

/** An attempt at `web/www` with the ClusterIssuer `letsencrypt`. */
export const CONTEXT: FailureContext = {
  certificate: { namespace: 'web', name: 'www' },
  issuer: { kind: 'ClusterIssuer', namespace: '', name: 'letsencrypt', type: 'acme' },
};

/** The same issuer while it is set up. */
export const SETUP: FailureContext = { issuer: CONTEXT.issuer };

export function failure(code: string, more: Partial<Failure> = {}): Failure {
  return {
    code,
    explanation: { what: 'it failed' },
    isForGood: false,
    identifiers: [],
    observations: [],
    ...more,
  };
}

export function problem(type: string, more: Partial<ToldProblem> = {}): ToldProblem {
  return { type, detail: `${type} it is`, ...more };
}

export function named(
  identifier: string,
  type: string,
  challengeType: IdentifierFailure['challengeType'] = 'http-01',
): IdentifierFailure {
  return { identifier, challengeType, problem: problem(type) };
}

/** A failed validation of these names. */
export function invalid(
  identifiers: readonly IdentifierFailure[],
  observations: readonly Observation[] = [],
) {
  return failure('issuers.validation-failed', { step: 'order', identifiers, observations });
}

const ASKED = {
  address: 'A, AAAA a.test at 192.0.2.53:53',
  txt: 'TXT _acme-challenge.a.test at 192.0.2.53:53',
  caa: 'CAA a.test',
  http: 'GET http://a.test/.well-known/acme-challenge/… at 192.0.2.7',
  served: 'TLS a.test:443 at 192.0.2.7',
} as const;

export function saw(
  sight: keyof typeof ASKED,
  finding: Finding,
  identifier = 'a.test',
  more: Partial<Observation> = {},
): Observation {
  const kind = sight === 'address' || sight === 'txt' ? 'dns' : sight;
  return { kind, identifier, asked: ASKED[sight], found: 'something', finding, ...more };
}

export function diagnose(one: Failure, context: FailureContext = CONTEXT): Cause {
  return diagnoseFailure(one, context);
}

/** What most tables compare. */
export function gist({ code, class: kind, scope, subject }: Cause): string {
  return `${code} ${kind} ${scope} ${subject.kind}`;
}
