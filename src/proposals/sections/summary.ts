import { quoteInline, quoteWords } from '../../lib/markdown-quote.ts';
import type { OpenCause } from '../open-cause.ts';
import type { Section } from './section.ts';
import { countOfCertificates, isHeldPlan, isOnlyTheEdit, shownName, subjectInWords } from './wording.ts';

/** One line: who cannot do what, and why. */
export function summarySection(open: OpenCause): Section {
  const { cause, affected } = open;
  const who = isHeldPlan(open)
    ? `${countOfCertificates(affected.length)} ${affected.length === 1 ? 'stays as it is' : 'stay as they are'}`
    : isOnlyTheEdit(open)
      ? `${quoteInline(subjectInWords(cause.subject))} is not accepted as it stands`
      : whoCannot(cause.subject, affected);
  const text = `**${who}: ${quoteWords(cause.title).replace(/\.$/, '')}.**`;
  return [{ text, worth: 100 }];
}

function whoCannot(subject: OpenCause['cause']['subject'], affected: OpenCause['affected']): string {
  const [first] = affected;
  if (first === undefined) {
    const is = subject.kind === 'File' ? 'is not accepted' : 'cannot be used';
    return `${quoteInline(subjectInWords(subject))} ${is}`;
  }
  const inUse = affected.filter(({ notAfter }) => notAfter !== undefined).length;
  const verb = inUse === 0 ? 'issued' : inUse === affected.length ? 'renewed' : 'issued or renewed';
  if (affected.length === 1) return `${shownName(first)} cannot be ${verb}`;
  return `${countOfCertificates(affected.length)} cannot be ${verb}`;
}
