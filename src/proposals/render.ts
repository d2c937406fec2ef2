import { printable } from '../lib/printable.ts';
import type { Remedy } from '../remedies/remedy.ts';
import { markerComment, readMarker, withMarker, withoutMarkers } from './marker.ts';
import { proposalMeaning } from './meaning.ts';
import { renderMessage } from './message.ts';
import type { OpenCause } from './open-cause.ts';
import { REWORDING_MS } from './periods.ts';
import type { PullRequest } from './pull-request.ts';
import { causeSection } from './sections/cause.ts';
import { evidenceSection } from './sections/evidence.ts';
import { footerSection } from './sections/footer.ts';
import { lastAttemptsSection } from './sections/last-attempts.ts';
import { mergingSection } from './sections/merging.ts';
import { otherCuresSection } from './sections/other-cures.ts';
import { otherwiseSection } from './sections/otherwise.ts';
import { fitSections } from './sections/section.ts';
import { stillWorksSection } from './sections/still-works.ts';
import { summarySection } from './sections/summary.ts';
import { shownInstant } from './sections/wording.ts';
import { proposalTitle } from './title.ts';

export { renderMessage } from './message.ts';

/** Room for the line that `renderHealed` puts on top. */
const HEALED_CHARACTERS = 200;
/** What forges and people put before a title whose work is not done. */
const DRAFT = /^\s*(?:\[?(?:draft|wip)\]?:?|\(draft\))\s+/i;

/** Everything that the text of a pull request is made of. */
export interface ProposalInput {
  readonly open: OpenCause;
  readonly remedy: Remedy;
  /** Unified diff of the remedy against the source branch. */
  readonly diff: string;
  readonly sourceBranch: string;
  readonly now: Date;
  readonly limits: { readonly titleCharacters: number; readonly bodyCharacters: number };
  /**
   * When it was opened again last: `now` for a step `reopen`; for an `update` what its marker says
   * (`readMarker(pullRequest.body)?.reopenedAt`). The limit of new ones an hour counts it.
   */
  readonly reopenedAt?: Date | undefined;
}

/** The text of a pull request. `meaning` stands in the marker of `body`, too. */
export interface RenderedProposal {
  readonly title: string;
  /** Markdown that ends in the marker. */
  readonly body: string;
  readonly meaning: string;
}

/**
 * The text of a cause's pull request within the forge's limits: what strangers wrote stands in code spans, where no
 * forge makes anything of it, and the least important sections are shortened first where room is short.
 */
export function renderProposal(input: ProposalInput): RenderedProposal {
  const { open, remedy, diff, now, limits, reopenedAt } = input;
  const { cause } = open;
  const meaning = proposalMeaning(input);
  const nearestEnd = open.affected[0]?.notAfter;
  const marker = markerComment({
    key: cause.key,
    meaning,
    state: 'open',
    changedAt: now,
    ...(reopenedAt === undefined ? {} : { reopenedAt }),
    ...(nearestEnd === undefined ? {} : { nearestEnd }),
  });
  const sections = [
    summarySection(open),
    stillWorksSection(open, now),
    causeSection(cause),
    evidenceSection(cause.observations),
    mergingSection(remedy, diff),
    otherCuresSection(cause),
    otherwiseSection(open, now),
    lastAttemptsSection(open),
    footerSection(cause),
  ];
  const text = fitSections(sections, limits.bodyCharacters - marker.length - 2 - HEALED_CHARACTERS);
  return {
    title: proposalTitle(open, remedy, limits.titleCharacters),
    body: text === '' ? marker : `${text}\n\n${marker}`,
    meaning,
  };
}

/**
 * The text of a proposal whose cause is gone, from the text that stands there: below a line that says so, with its
 * marker `healed`; and the one comment. A text without a marker (a person took it out) gets none.
 */
export function renderHealed(body: string, now: Date): { readonly body: string; readonly comment: string } {
  const comment =
    'The cause is gone: nothing fails for it any more. Closed by certops; should it return within 7 days, this is opened again.';
  if (readMarker(body)?.state === 'healed') return { body, comment };
  const line = `**Healed on ${shownInstant(now)}; this is how it was.**`;
  return {
    body: `${line}\n\n${withMarker(body, (marker) => ({ ...marker, state: 'healed', changedAt: now }))}`,
    comment,
  };
}

/**
 * Whether an open pull request is to be written anew: at once where its meaning differs, for mere wording when its
 * last change is over 6 hours old. On plain Git, where the text is the branch's message, the same.
 */
export function needsUpdate(
  pullRequest: Pick<PullRequest, 'title' | 'body'>,
  rendered: RenderedProposal,
  now: Date,
): boolean {
  const marker = readMarker(pullRequest.body);
  if (marker === undefined || marker.state !== 'open' || marker.meaning !== rendered.meaning) return true;
  if (now.getTime() - marker.changedAt.getTime() < REWORDING_MS) return false;
  const shown = wordsOf(pullRequest);
  const message = wordsOf(splitMessage(renderMessage(rendered, true)));
  // A repository may want a trailer of its own below every message.
  return shown !== wordsOf(rendered) && shown !== message && !shown.startsWith(`${message}\n`);
}

function splitMessage(message: string): { readonly title: string; readonly body: string } {
  const end = message.indexOf('\n');
  return { title: message.slice(0, end), body: message.slice(end + 1) };
}

/** Title and text without the marker, and without what forges change of white space. */
function wordsOf({ title, body }: { readonly title: string; readonly body: string }): string {
  const lines = withoutMarkers(body)
    .split(/\r?\n/)
    .map((line) => line.trimEnd());
  return `${printable(title).replace(DRAFT, '')}\n${lines.join('\n').trim()}`;
}
