import type { CauseCode } from './cause.ts';
import type { ErrorRule } from './error-rules.ts';
import type { Failure, ToldProblem } from './failure.ts';

const REFUSED = { code: 'request-refused', scope: 'certificate' } as const;
const BUSY = { code: 'ca-unavailable', scope: 'issuer' } as const;
const UNUSABLE = { code: 'account-unusable', scope: 'issuer' } as const;

function ofName(code: CauseCode): ErrorRule {
  return { code, scope: 'certificate' };
}

/** What a problem of the CA means when a certificate is asked for: RFC 8555, section 6.7, and what came after it. */
const ORDER_RULES: Readonly<Record<string, ErrorRule>> = {
  accountDoesNotExist: UNUSABLE,
  // RFC 9773, section 7.4.
  alreadyReplaced: { ...REFUSED, title: 'the CA takes the certificate for replaced already' },
  alreadyRevoked: REFUSED,
  // RFC 8739, section 6.
  autoRenewalCanceled: REFUSED,
  autoRenewalCancellationInvalid: REFUSED,
  autoRenewalExpired: REFUSED,
  autoRenewalRevocationNotSupported: REFUSED,
  badCSR: { ...REFUSED, title: 'the CA refuses the signing request' },
  badNonce: BUSY,
  badPublicKey: { ...REFUSED, title: 'the CA does not sign such a key' },
  badRevocationReason: REFUSED,
  badSignatureAlgorithm: { ...REFUSED, title: 'the CA does not take the signature algorithm' },
  caa: ofName('caa-forbids'),
  compound: REFUSED,
  conflict: { code: 'ca-unavailable', scope: 'certificate' },
  connection: ofName('connection-failed'),
  dns: ofName('dns-trouble'),
  externalAccountRequired: { code: 'account-binding-required', scope: 'issuer' },
  incorrectResponse: ofName('wrong-answer'),
  invalidContact: {
    code: 'issuer-misconfigured',
    scope: 'issuer',
    title: 'the CA does not take the address of the account',
    why: 'The e-mail address in spec.acme.email is none that the CA accepts.',
    next: 'Correct spec.acme.email, or leave it out.',
  },
  invalidProfile: { code: 'profile-unknown', scope: 'certificate' },
  malformed: REFUSED,
  // RFC 9799, section 6.3.
  onionCAARequired: REFUSED,
  orderNotReady: { code: 'ca-unavailable', scope: 'certificate' },
  rateLimited: { code: 'rate-limited', scope: 'certificate' },
  rejectedIdentifier: ofName('identifier-rejected'),
  serverInternal: BUSY,
  tls: ofName('tls-trouble'),
  unauthorized: { ...REFUSED, title: 'the CA does not let the account ask for this' },
  // RFC 9115, section 2.3.2.
  unknownDelegation: REFUSED,
  unsupportedContact: {
    code: 'issuer-misconfigured',
    scope: 'issuer',
    title: 'the CA does not take the kind of address of the account',
    why: 'The CA accepts no such address as spec.acme.email has.',
    next: 'Correct spec.acme.email, or leave it out.',
  },
  unsupportedIdentifier: {
    ...ofName('identifier-rejected'),
    title: 'the CA does not certify names of this kind',
  },
  userActionRequired: { code: 'action-required', scope: 'issuer' },
};

/** Problems that mean something else when an account is registered. */
const REGISTRATION_RULES: Readonly<Record<string, ErrorRule>> = {
  badPublicKey: { ...UNUSABLE, title: 'the CA does not take the account key' },
  badSignatureAlgorithm: { ...UNUSABLE, title: 'the CA does not take the kind of the account key' },
};

/** Every type that has a rule of its own. */
export const RULED_PROBLEM_TYPES: readonly string[] = Object.keys(ORDER_RULES);

/** Errors of ours that only say that the CA refused: what it said decides. */
const TOLD_BY_PROBLEM: readonly string[] = [
  'issuers.ca-busy',
  'issuers.contact-update-failed',
  'issuers.registration-failed',
  'issuers.request-refused',
];

/** The rule of what the CA said, where it is what counts; undefined where the error of ours says more. */
export function problemRule({ code, problem, step, isForGood }: Failure): ErrorRule | undefined {
  if (problem === undefined) return undefined;
  const isTold = TOLD_BY_PROBLEM.includes(code) || code.startsWith('acme.');
  if (problem.isPaused === true) return { code: 'paused', scope: 'certificate' };
  if (!isTold) return undefined;
  // Over its request limits a server may answer with any type or none (RFC 8555 knows no 503 of its own).
  if (problem.status === 503) return BUSY;
  const isRegistration = step === 'registration';
  const rule = ruleOf(problem.type, isRegistration);
  if (rule !== undefined) return rule;
  if (isRegistration && isForGood) return UNUSABLE;
  if ((problem.status ?? 0) >= 500 || problem.type === '') return BUSY;
  return isForGood ? REFUSED : BUSY;
}

function ruleOf(type: string, isRegistration: boolean): ErrorRule | undefined {
  if (isRegistration && Object.hasOwn(REGISTRATION_RULES, type)) return REGISTRATION_RULES[type];
  if (!Object.hasOwn(ORDER_RULES, type)) return undefined;
  const rule = ORDER_RULES[type];
  // No name is validated there: whatever is said of the request is said of the account.
  return isRegistration && rule?.scope === 'certificate' && !HEALS.includes(rule.code) ? UNUSABLE : rule;
}

const HEALS: readonly CauseCode[] = ['rate-limited', 'ca-unavailable'];

/** What a CA's problem with one name means by itself. */
export function codeOfNameProblem({ type }: ToldProblem, challengeType: string | undefined): CauseCode {
  switch (type) {
    case 'unauthorized':
    case 'incorrectResponse':
      if (challengeType === 'dns-01') return 'dns-record-missing';
      return challengeType === undefined && type === 'unauthorized' ? 'validation-failed' : 'wrong-answer';
    case 'caa':
    case 'connection':
    case 'dns':
    case 'rejectedIdentifier':
    case 'tls':
    case 'unsupportedIdentifier':
      return ruleOf(type, false)?.code ?? 'validation-failed';
    default:
      return 'validation-failed';
  }
}
