import type { Cause } from '../../diagnosis/cause.ts';
import { type Section, wholeSection } from './section.ts';
import { sentences } from './wording.ts';

/** What would heal it besides merging. */
export function otherCuresSection({ explanation, otherCures }: Cause): Section {
  const { next } = explanation;
  const cures = [...(next === undefined || next === '' ? [] : [next]), ...otherCures];
  const lines = [...new Set(cures)].map((cure) => `- ${sentences(cure)}`);
  return wholeSection('What else would heal it', lines, 55);
}
