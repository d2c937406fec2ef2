import type { Finding, Observation } from '../../diagnosis/failure.ts';
import { quoteInline } from '../../lib/markdown-quote.ts';
import { type Section, titled } from './section.ts';

const HEADING = 'What certops saw';
const MANY = 20;
const FEW = 5;

const FINDING_IN_WORDS: Readonly<Record<Finding, string>> = {
  'no-such-domain': 'the name does not exist',
  'no-address': 'the name has no address',
  'as-expected': 'as it should be',
  missing: 'it is not there',
  'something-else': 'something else is there',
  unreachable: 'no usable answer',
  'caa-forbids': 'CAA forbids it',
  'caa-allows': 'CAA allows it',
  'served-elsewhere': 'another server answers',
  'served-here': 'the certificate in use is served',
  unknown: 'it could not be looked',
};

/** What was looked at when it failed, and what was there. */
export function evidenceSection(observations: readonly Observation[]): Section {
  if (observations.length === 0) return [];
  const few = { text: titled(HEADING, list(observations, FEW)), worth: 40 };
  if (observations.length <= FEW) return [few];
  return [{ text: titled(HEADING, list(observations, MANY)), worth: 20 }, few];
}

function list(observations: readonly Observation[], count: number): readonly string[] {
  const more = observations.length - count;
  return [...observations.slice(0, count).map(lines), ...(more > 0 ? [`- and ${more} more`] : [])];
}

function lines({ asked, found, finding }: Observation): string {
  const shown = found === '' ? '' : `\n  > ${quoteInline(found)}`;
  return `- ${quoteInline(asked)}: **${FINDING_IN_WORDS[finding]}**${shown}`;
}
