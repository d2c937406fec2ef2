import type { CauseCode } from './cause.ts';
import type { Finding, IdentifierFailure, Observation } from './failure.ts';
import { codeOfNameProblem } from './problem-rules.ts';

/** What a CA's failed look at names comes to, with what certops saw for itself. */
export interface ValidationVerdict {
  readonly code: CauseCode;
  /** All names, first those of the code. */
  readonly identifiers: readonly IdentifierFailure[];
  /** Names that fail for something else. */
  readonly others: readonly {
    readonly code: CauseCode;
    readonly identifiers: readonly IdentifierFailure[];
  }[];
  /** What certops saw does not fit what the CA says; a sentence. */
  readonly contradiction?: string | undefined;
  /** The domain above all of the names whose CAA records forbid the CA. */
  readonly zone?: string | undefined;
}

/** Of several names the first of these codes stands for all: what only people can change comes first. */
const FROM_WORST: readonly CauseCode[] = [
  'identifier-rejected',
  'caa-forbids',
  'name-not-found',
  'name-without-address',
  'dns-trouble',
  'dns-servers-disagree',
  'dns-record-missing',
  'connection-failed',
  'tls-trouble',
  'wrong-answer',
  'validation-failed',
];

/** Judges the names that a CA could not validate; there is at least one. */
export function judgeValidation(
  identifiers: readonly IdentifierFailure[],
  observations: readonly Observation[],
): ValidationVerdict {
  const judged = identifiers.map((failure) => {
    const own = observations.filter(({ identifier }) => isSameName(identifier, failure.identifier));
    return { failure, ...judgeName(failure, own), own };
  });
  const code = FROM_WORST.find((worst) => judged.some((one) => one.code === worst)) ?? 'validation-failed';
  const telling = judged.filter((one) => one.code === code);
  const others = judged.filter((one) => one.code !== code);
  const zones = new Set(judged.map(({ own }) => forbiddenAbove(own)));
  const [zone] = zones;
  const contradiction = telling.find((one) => one.contradiction !== undefined)?.contradiction;
  return {
    code,
    identifiers: [...telling, ...others].map(({ failure }) => failure),
    others: FROM_WORST.flatMap((other) => {
      const same = others.filter((one) => one.code === other).map(({ failure }) => failure);
      return same.length === 0 ? [] : [{ code: other, identifiers: same }];
    }),
    ...(contradiction === undefined ? {} : { contradiction }),
    ...(code === 'caa-forbids' && zones.size === 1 && zone !== undefined && others.length === 0
      ? { zone }
      : {}),
  };
}

interface NameVerdict {
  readonly code: CauseCode;
  readonly contradiction?: string | undefined;
}

/** The CA's word decides the kind; what we saw makes it more exact where both fit together. */
function judgeName(failure: IdentifierFailure, observations: readonly Observation[]): NameVerdict {
  const told = codeOfNameProblem(failure.problem, failure.challengeType);
  const isDns01 = failure.challengeType === 'dns-01';
  const saw = sightOf(observations);
  switch (told) {
    case 'dns-trouble':
      return isDns01 ? recordVerdict(told, saw) : (nameVerdict(saw) ?? asTold(told, worksHere(saw)));
    case 'connection-failed':
      return nameVerdict(saw) ?? asTold(told, answersHere(saw));
    case 'dns-record-missing':
      return recordVerdict(told, saw);
    case 'wrong-answer':
      return asTold(told, answersHere(saw) ?? goneHere(saw));
    case 'caa-forbids':
      return asTold(told, allowedHere(saw));
    case 'validation-failed':
      return isDns01 ? recordVerdict(told, saw) : (nameVerdict(saw) ?? httpVerdict(told, saw));
    default:
      return { code: told };
  }
}

/** What was looked at: of DNS either the name's addresses or the TXT record of its challenge. */
type Sight = 'address' | 'txt' | Exclude<Observation['kind'], 'dns'>;
type Saw = (sight: Sight, finding: Finding) => boolean;

function sightOf(observations: readonly Observation[]): Saw {
  const seen = observations.map(({ kind, asked, finding }) => {
    const sight = kind !== 'dns' ? kind : asked.startsWith('TXT ') ? 'txt' : 'address';
    return `${sight} ${finding}`;
  });
  return (sight, finding) => seen.includes(`${sight} ${finding}`);
}

/** A TXT record that certops itself did not see everywhere, so that the CA was not told to look. */
export function judgeVisibility(observations: readonly Observation[]): CauseCode {
  return recordVerdict('dns-record-missing', sightOf(observations)).code;
}

/**
 * A name that does not exist, or leads nowhere, cannot be connected to; unless other servers of its zone know it. One
 * server alone does not say that a name is gone while others do not answer: it may be out of date.
 */
function nameVerdict(saw: Saw): NameVerdict | undefined {
  if (saw('address', 'as-expected')) return undefined;
  const isAgreed = !saw('address', 'unreachable');
  if (saw('address', 'no-such-domain') && isAgreed) return { code: 'name-not-found' };
  return saw('address', 'no-address') ? { code: 'name-without-address' } : undefined;
}

function httpVerdict(told: CauseCode, saw: Saw): NameVerdict {
  if (saw('http', 'unreachable')) return { code: 'connection-failed' };
  if (saw('http', 'something-else') || saw('http', 'missing')) return { code: 'wrong-answer' };
  return asTold(told, answersHere(saw));
}

/** DNS-01: whether the name itself exists is of no interest, only the TXT record is. */
function recordVerdict(told: CauseCode, saw: Saw): NameVerdict {
  const isThere = saw('txt', 'as-expected');
  const isMissing = saw('txt', 'missing') || saw('txt', 'something-else');
  if (isThere && isMissing) return { code: 'dns-servers-disagree' };
  if (isMissing) return { code: 'dns-record-missing' };
  if (saw('txt', 'unreachable') && told !== 'dns-record-missing') return { code: 'dns-trouble' };
  return asTold(
    told,
    isThere ? 'certops itself finds the TXT record at every name server that it could ask' : undefined,
  );
}

function asTold(code: CauseCode, contradiction: string | undefined): NameVerdict {
  return contradiction === undefined ? { code } : { code, contradiction };
}

function answersHere(saw: Saw): string | undefined {
  return saw('http', 'as-expected')
    ? 'certops itself gets the right answer at the challenge URL, so it may depend on where one asks from'
    : undefined;
}

function goneHere(saw: Saw): string | undefined {
  if (saw('address', 'no-such-domain')) return 'certops itself does not find the name in DNS';
  if (saw('address', 'no-address')) return 'certops itself finds no address of the name';
  return saw('http', 'unreachable') ? 'certops itself cannot connect to the name' : undefined;
}

function worksHere(saw: Saw): string | undefined {
  const works = saw('address', 'as-expected') || saw('http', 'as-expected') || saw('http', 'something-else');
  return works ? 'certops itself resolves the name, so it may depend on where one asks from' : undefined;
}

function allowedHere(saw: Saw): string | undefined {
  return saw('caa', 'caa-allows') && !saw('caa', 'caa-forbids')
    ? 'certops itself finds CAA records that allow this CA, or none'
    : undefined;
}

/** The domain above the name whose CAA records forbid it; undefined where they are the name's own. */
function forbiddenAbove(observations: readonly Observation[]): string | undefined {
  const found = observations.find(({ kind, finding }) => kind === 'caa' && finding === 'caa-forbids');
  if (found === undefined) return undefined;
  const at = (found.at ?? /^CAA (?<name>\S+)/.exec(found.asked)?.groups?.name ?? '')
    .toLowerCase()
    .replace(/\.$/, '');
  const name = plainName(found.identifier);
  return at.includes('.') && name.endsWith(`.${at}`) ? at : undefined;
}

function isSameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase() || plainName(one) === plainName(other);
}

/** Lower case, without the `*.` of a wildcard, which is validated at the name below it. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/^\*\./, '').replace(/\.$/, '');
}
