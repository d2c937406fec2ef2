import type { OpenCause } from '../open-cause.ts';
import { type Section, wholeSection } from './section.ts';
import { isHeldPlan, isOnlyTheEdit, shownInstant, shownName } from './wording.ts';

/** What happens if nobody does anything. */
export function otherwiseSection(open: OpenCause, now: Date): Section {
  const what = isHeldPlan(open) ? 'change' : 'edit';
  const told =
    isHeldPlan(open) || isOnlyTheEdit(open)
      ? `What was accepted before stays in force and goes on being renewed; the ${what} never takes effect.`
      : `${again(open)}${end(open, now)}`;
  return wholeSection('If nothing is done', [told], 65);
}

function again({ nextAttemptAt, isLimit }: OpenCause): string {
  if (nextAttemptAt === undefined) return 'It is not tried again before something changes.';
  const when = shownInstant(nextAttemptAt);
  if (isLimit) return `It is tried again on ${when}; the CA allows no attempt before that.`;
  return `It is tried again on ${when}.`;
}

function end({ affected }: OpenCause, now: Date): string {
  const next = affected.find(({ notAfter }) => notAfter !== undefined && notAfter > now);
  if (next?.notAfter === undefined) return '';
  const whose = affected.length === 1 ? 'the certificate in use' : `the certificate of ${shownName(next)}`;
  return ` On **${shownInstant(next.notAfter)}** ${whose} ends, and clients refuse it from then on.`;
}
