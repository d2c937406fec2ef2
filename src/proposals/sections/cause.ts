import type { Cause, CauseCode } from '../../diagnosis/cause.ts';
import type { IdentifierFailure, ToldProblem } from '../../diagnosis/failure.ts';
import { quoteInline } from '../../lib/markdown-quote.ts';
import { type Section, titled } from './section.ts';
import { quotation, sentences } from './wording.ts';

const HEADING = 'What fails';
const HEADING_OF_PLANS = 'What waits';
const MANY = 20;
const FEW = 3;

/** The cause, name by name, in the CA's own words. */
export function causeSection(cause: Cause): Section {
  const { explanation, identifiers } = cause;
  const heading = cause.code === 'plan-held' ? HEADING_OF_PLANS : HEADING;
  const told = sentences(explanation.what, explanation.why);
  const full = titled(heading, paragraphs(told, answer(cause), names(identifiers, MANY)));
  const few = titled(heading, paragraphs(told, answer(cause), names(identifiers, FEW)));
  const bare = titled(heading, [told]);
  return [
    ...(few === full ? [] : [{ text: full, worth: 50 }]),
    ...(bare === few ? [] : [{ text: few, worth: 80 }]),
    { text: bare, worth: 97 },
  ];
}

/** Parts with an empty line between them. */
function paragraphs(...parts: readonly string[]): readonly string[] {
  return parts.filter((part) => part !== '').flatMap((part, index) => (index === 0 ? [part] : ['', part]));
}

/** Causes for which no CA was asked: their problem says what was found where. */
const FOUND_HERE: readonly CauseCode[] = [
  ...(['manifest-invalid', 'not-allowed-here', 'not-served', 'denied', 'unapproved', 'plan-held'] as const),
  ...(['issuer-missing', 'secret-claimed', 'secret-not-owned'] as const),
];

function whoseWords(code: CauseCode, problem: ToldProblem): string {
  if (code === 'suspended-too-long') return 'The annotation says why:';
  return FOUND_HERE.includes(code) ? 'What certops found:' : `The CA answered ${kindOf(problem)}:`;
}

/** What was said of the request as a whole, unless the CA said the same of a name. */
function answer({ code, problem, identifiers }: Cause): string {
  if (problem === undefined || identifiers.some((one) => one.problem.detail === problem.detail)) return '';
  return [
    whoseWords(code, problem),
    '',
    quotation(problem.detail),
    ...(problem.isPaused === true ? ['', 'It has paused this account for these names.'] : []),
    ...(problem.link === undefined ? [] : ['', `It wants a person to open ${quoteInline(problem.link)}.`]),
  ].join('\n');
}

function names(identifiers: readonly IdentifierFailure[], count: number): string {
  const more = identifiers.length - count;
  return [
    ...identifiers.slice(0, count).map(nameLines),
    ...(more > 0 ? [`- and ${more} more ${more === 1 ? 'name' : 'names'}`] : []),
  ].join('\n');
}

function nameLines({ identifier, challengeType, problem }: IdentifierFailure): string {
  const by = challengeType === undefined ? '' : ` by ${challengeType.toUpperCase()}`;
  return `- ${quoteInline(identifier)}${by}: the CA says ${kindOf(problem)}\n  ${quotation(problem.detail)}`;
}

function kindOf({ type, status }: ToldProblem): string {
  return `${quoteInline(type, 100)}${status === undefined ? '' : ` (HTTP ${status})`}`;
}
