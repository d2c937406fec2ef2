import { quoteInline } from '../../lib/markdown-quote.ts';
import type { OpenCause } from '../open-cause.ts';
import type { Section } from './section.ts';
import { shownInstant } from './wording.ts';

const MAX_SHOWN = 5;

/** How often it was tried since when, and the last attempts, folded. */
export function lastAttemptsSection({ attempts, since, lastAttempts }: OpenCause): Section {
  if (lastAttempts.length === 0) return [];
  const times = attempts === 1 ? '1 attempt' : `${attempts} attempts`;
  const items = lastAttempts
    .slice(0, MAX_SHOWN)
    .map(
      ({ at, object, what }) => `- ${shownInstant(at)}, ${quoteInline(object)}: ${quoteInline(what, 300)}`,
    );
  const text = [
    `<details><summary>${times} failed since ${shownInstant(since)}</summary>`,
    '',
    ...items,
    '',
    '</details>',
  ].join('\n');
  return [{ text, worth: 10 }];
}
