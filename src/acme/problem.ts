import type { Clock } from '../lib/clock.ts';
import { cutText } from '../lib/cut-text.ts';
import { CertopsError, type RetryAdvice } from '../lib/errors.ts';
import { retryAfterMs } from '../lib/retry-after.ts';
import { withoutCutTokens, withoutTokens } from '../lib/without-tokens.ts';
import { findHttpsUrl, httpsUrl } from './https-url.ts';

const TYPE_PREFIX = 'urn:ietf:params:acme:error:';
const MAX_DETAIL_CHARACTERS = 500;
const MAX_TEXT_CHARACTERS = 2000;
const MAX_SUBPROBLEMS = 100;
/** The wait after a rate limit whose end the CA does not name: Let's Encrypt's first step of retrying. */
const UNTOLD_RATE_LIMIT_MS = 60_000;
const MAX_TOLD_CHARACTERS = 100;
/** As much of a detail is looked at. */
const MAX_READ_CHARACTERS = 8192;

/**
 * What an ACME problem means for the next attempt:
 * - `bad-nonce`: the same request at once, with a fresh nonce; it was not looked at.
 * - `wait`: the server is busy or limits us; the order stands.
 * - `poll`: the order is not there yet; look at it again.
 * - `paused`: the CA serves these names again when a person has said so at its portal, and not before.
 * - `environment`: a name could not be validated; a new order is needed.
 * - `account`: the account is unknown or not allowed to.
 * - `terminal`: nothing but another specification or issuer helps.
 */
export type ProblemClass = 'bad-nonce' | 'wait' | 'poll' | 'paused' | 'environment' | 'account' | 'terminal';

/** RFC 8555, section 6.7, and Boulder's own `alreadyReplaced`, `conflict`, `invalidProfile`. */
const CLASS_OF_TYPE: Readonly<Record<string, ProblemClass>> = {
  accountDoesNotExist: 'account',
  alreadyReplaced: 'terminal',
  alreadyRevoked: 'terminal',
  badCSR: 'terminal',
  badNonce: 'bad-nonce',
  badPublicKey: 'terminal',
  badRevocationReason: 'terminal',
  badSignatureAlgorithm: 'terminal',
  caa: 'environment',
  compound: 'terminal',
  conflict: 'wait',
  connection: 'environment',
  dns: 'environment',
  externalAccountRequired: 'terminal',
  incorrectResponse: 'environment',
  invalidContact: 'terminal',
  invalidProfile: 'terminal',
  malformed: 'terminal',
  orderNotReady: 'poll',
  rateLimited: 'wait',
  rejectedIdentifier: 'terminal',
  serverInternal: 'wait',
  tls: 'environment',
  unauthorized: 'environment',
  unsupportedContact: 'terminal',
  unsupportedIdentifier: 'terminal',
  userActionRequired: 'terminal',
};

/** What is worse comes later: a compound problem is as bad as the worst of its parts. */
const FROM_GOOD_TO_BAD: readonly ProblemClass[] = [
  'bad-nonce',
  'poll',
  'wait',
  'environment',
  'account',
  'paused',
  'terminal',
];

/** Every type with a class of its own: RFC 8555's 24 and Boulder's 3. */
export const KNOWN_PROBLEM_TYPES: readonly string[] = Object.keys(CLASS_OF_TYPE);

/** A problem document (RFC 7807) or one of its subproblems (RFC 8555, section 6.7.1), made harmless. */
export interface AcmeProblem {
  /** Without the ACME prefix where it has it (`rateLimited`); at most 100 characters. */
  readonly type: string;
  /** The CA's own words, at most 500 characters, one line, no control characters, no tokens or key authorizations. */
  readonly detail: string;
  /** The name that it is about. */
  readonly identifier?: string | undefined;
  /** Where a person is sent to, https only: `instance` (RFC 8555, section 7.3.3), or a URL in a paused detail. */
  readonly link?: string | undefined;
  readonly isPaused: boolean;
  readonly subproblems: readonly AcmeProblem[];
}

/** What the CA said when it refused a request. `code` is `acme.` and the type in kebab case, or `acme.refused`. */
export class AcmeProblemError extends CertopsError {
  readonly problem: AcmeProblem;
  readonly problemClass: ProblemClass;
  /** HTTP status. */
  readonly status: number;
  /** The earliest moment to try again, by the clock that certops decides by, where the CA named one. */
  readonly retryAfter: Date | undefined;

  constructor(answer: {
    readonly problem: AcmeProblem;
    readonly status: number;
    readonly retryAfter: Date | undefined;
    /** The Retry-After header as the CA sent it, which may ask for more than is waited. */
    readonly retryAfterTold?: string | undefined;
    readonly url: string;
  }) {
    const { problem, status, retryAfter, retryAfterTold, url } = answer;
    const problemClass = classifyProblem(problem, status);
    const isKnown = Object.hasOwn(CLASS_OF_TYPE, problem.type);
    super(
      isKnown ? `acme.${kebab(problem.type)}` : 'acme.refused',
      {
        what: `The ACME server refused a request: ${isKnown ? problem.type : `HTTP ${status}`}`,
        why: describeProblem(problem),
      },
      {
        retry: adviceFor(problemClass, retryAfter),
        data: {
          problemType: problem.type,
          status,
          detail: problem.detail,
          url,
          ...(problem.link === undefined ? {} : { link: problem.link }),
          ...(retryAfterTold === undefined
            ? {}
            : { retryAfterTold: plainLine(retryAfterTold, MAX_TOLD_CHARACTERS) }),
        },
      },
    );
    this.problem = problem;
    this.problemClass = problemClass;
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** Makes the error of an answer that is none of what was expected. */
export function problemOfAnswer(
  answer: {
    readonly status: number;
    readonly headers: { readonly 'retry-after'?: string | undefined; readonly date?: string | undefined };
    readonly data: unknown;
    readonly url: string;
  },
  clock: Pick<Clock, 'now' | 'realNow'>,
): AcmeProblemError {
  const problem = readProblem(answer.data) ?? {
    type: '',
    detail: `HTTP status ${answer.status} without a problem document`,
    isPaused: false,
    subproblems: [],
  };
  const isLimited = problem.type === 'rateLimited' || answer.status === 429;
  const waitMs =
    retryAfterMs(answer.headers, clock.realNow()) ?? (isLimited ? UNTOLD_RATE_LIMIT_MS : undefined);
  return new AcmeProblemError({
    problem,
    status: answer.status,
    // The CA's HTTP-dates are real; when to look again is decided by the clock that may be moved.
    retryAfter: waitMs === undefined ? undefined : new Date(clock.now().getTime() + waitMs),
    retryAfterTold: answer.headers['retry-after'],
    url: answer.url,
  });
}

/** Reads a problem document; returns undefined where there is none. Never throws: strangers write these. */
export function readProblem(value: unknown): AcmeProblem | undefined {
  if (!isRecord(value)) return undefined;
  if (typeof value.type !== 'string' && typeof value.detail !== 'string') return undefined;
  const subproblems = Array.isArray(value.subproblems) ? value.subproblems.slice(0, MAX_SUBPROBLEMS) : [];
  const identifier = isRecord(value.identifier) ? value.identifier.value : undefined;
  const detail = typeof value.detail === 'string' ? value.detail : '';
  const type = toldLine(typeof value.type === 'string' ? value.type : '', 100 + TYPE_PREFIX.length).replace(
    TYPE_PREFIX,
    '',
  );
  const isPaused = saysPaused(type, detail);
  const link = (isPaused ? findHttpsUrl(detail) : undefined) ?? httpsUrl(value.instance);
  return {
    type,
    detail: toldLine(detail, MAX_DETAIL_CHARACTERS),
    isPaused,
    ...(link === undefined ? {} : { link }),
    ...(typeof identifier === 'string' ? { identifier: plainLine(identifier, 255) } : {}),
    subproblems: subproblems
      // RFC 8555, section 6.7.1: subproblems have none of their own.
      .map((sub: unknown) => readProblem(isRecord(sub) ? { ...sub, subproblems: [] } : sub))
      .filter((sub) => sub !== undefined),
  };
}

/** The CA's words on one line: the detail, then each subproblem with its name; at most 2000 characters. */
export function describeProblem(problem: AcmeProblem): string {
  const parts = problem.subproblems.map((sub) => `${sub.identifier ?? 'a name'}: ${sub.detail}`);
  return cutText([problem.detail, ...parts].filter((part) => part !== '').join('; '), MAX_TEXT_CHARACTERS);
}

/**
 * Which class a problem belongs to; an unknown type is judged by the HTTP status. An answer without a type is
 * no problem document (RFC 8555, section 6.7): something before the CA spoke, and it may be gone next time.
 */
export function classify(type: string, status: number): ProblemClass {
  // Over its request limits a server may answer 503 with any type or none.
  if (status === 429 || status === 503) return 'wait';
  const known = Object.hasOwn(CLASS_OF_TYPE, type) ? CLASS_OF_TYPE[type] : undefined;
  return known ?? (status >= 500 || type === '' ? 'wait' : 'terminal');
}

/** As `classify`, with what the rest of the problem says: a pause, and the parts of a compound one. */
function classifyProblem(problem: AcmeProblem, status: number): ProblemClass {
  if (problem.isPaused) return 'paused';
  if (problem.type !== 'compound' || problem.subproblems.length === 0) return classify(problem.type, status);
  const classes = problem.subproblems.map((sub) => classifyProblem(sub, status));
  return FROM_GOOD_TO_BAD.findLast((candidate) => classes.includes(candidate)) ?? 'terminal';
}

/**
 * Whether Boulder refuses a paused account (`wfe2`, `probs.Paused`). It has no type of its own: it comes as
 * `rateLimited`, and nothing but its words tell it from a limit that time lifts.
 */
function saysPaused(type: string, detail: string): boolean {
  if (type !== 'rateLimited' && type !== 'unauthorized') return false;
  const words = detail.slice(0, 8192);
  return (
    /\btemporarily prevented from requesting certificates\b/i.test(words) ||
    /https:\/\/\S{1,200}\/unpause\b/i.test(words)
  );
}

function adviceFor(problemClass: ProblemClass, retryAfter: Date | undefined): RetryAdvice {
  if (problemClass === 'terminal' || problemClass === 'account' || problemClass === 'paused') {
    return { when: 'never' };
  }
  return retryAfter === undefined ? { when: 'backoff' } : { when: 'not-before', at: retryAfter };
}

/** As `plainLine`, without what proves control of a name: CAs quote it, and this text goes everywhere. */
function toldLine(text: string, maxCharacters: number): string {
  const isCut = text.length > MAX_READ_CHARACTERS;
  const line = onOneLine(text.slice(0, MAX_READ_CHARACTERS));
  return cutText(isCut ? withoutCutTokens(line) : withoutTokens(line), maxCharacters);
}

function plainLine(text: string, maxCharacters: number): string {
  return cutText(onOneLine(text.slice(0, maxCharacters * 2)), maxCharacters);
}

/** Control, format and bidirectional characters have no business in an error text. */
function onOneLine(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
}

function kebab(type: string): string {
  return type.replace(/([a-z])([A-Z])/g, '$1-$2').toLowerCase();
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
