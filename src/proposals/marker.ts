import { formatInstant, parseInstant } from '../lib/clock.ts';

/** What a proposal's text says to certops itself, hidden from people: an HTML comment, on plain Git trailers. */
export interface ProposalMarker {
  /** 64 hex digits of the cause's key. */
  readonly key: string;
  /** See `proposalMeaning`; texts of one meaning differ in words only. */
  readonly meaning: string;
  /** `healed`: certops closed it. */
  readonly state: 'open' | 'healed';
  /** When certops wrote the text. */
  readonly changedAt: Date;
  /** When certops opened it again last. */
  readonly reopenedAt?: Date | undefined;
  /** When the first of the certificates in use ends; undefined where none is. */
  readonly nearestEnd?: Date | undefined;
}

const KEY = '(?<key>[0-9a-f]{64})';
const INSTANT = '[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z';
const FIELDS = `(?<state>open|healed) (?<changed>${INSTANT}) (?<meaning>[0-9a-f.]{1,64})(?: (?<reopened>${INSTANT}))?`;
/** Alone on its lines, in either of the two forms; forges make CRLF of line ends. */
const PATTERN = [
  `^<!-- certops: ${KEY} ${FIELDS}(?: ends (?<ends>${INSTANT}))? -->\\r?$`,
  `^Certops-Proposal: ${KEY}\\r?\\nCertops-Proposal-State: ${FIELDS}\\r?$(?:\\nCertops-Proposal-Ends: (?<ends>${INSTANT})\\r?$)?`,
] as const;

/**
 * The marker of a proposal's text; undefined where a person took it out. The last one counts: it is written below
 * everything that strangers said, and their words never stand at the beginning of a line.
 */
export function readMarker(body: string): ProposalMarker | undefined {
  const found = PATTERN.flatMap((pattern) => [...body.matchAll(new RegExp(pattern, 'gm'))]);
  return found
    .sort((a, b) => a.index - b.index)
    .map(markerOf)
    .findLast((marker) => marker !== undefined);
}

/** The marker as a line of Markdown that no forge shows. */
export function markerComment(marker: ProposalMarker): string {
  const { key, nearestEnd } = marker;
  const ends = nearestEnd === undefined ? '' : ` ends ${formatInstant(nearestEnd)}`;
  return `<!-- certops: ${key} ${fieldsOf(marker)}${ends} -->`;
}

/** The marker as trailers of a commit message, at most 80 columns each but after a reopening. */
export function markerTrailers(marker: ProposalMarker): readonly string[] {
  const { key, nearestEnd } = marker;
  const ends = nearestEnd === undefined ? [] : [`Certops-Proposal-Ends: ${formatInstant(nearestEnd)}`];
  return [`Certops-Proposal: ${key}`, `Certops-Proposal-State: ${fieldsOf(marker)}`, ...ends];
}

/** The same text without markers. */
export function withoutMarkers(body: string): string {
  return PATTERN.reduce((text, pattern) => text.replace(new RegExp(pattern, 'gm'), ''), body);
}

/** The same text with its marker saying what `change` makes of it; without one, as it is. */
export function withMarker(body: string, change: (marker: ProposalMarker) => ProposalMarker): string {
  return PATTERN.reduce(
    (text, pattern, index) =>
      text.replace(new RegExp(pattern, 'gm'), (line: string) => {
        const marker = readMarker(line);
        if (marker === undefined) return line;
        const changed = change(marker);
        return index === 0 ? markerComment(changed) : markerTrailers(changed).join('\n');
      }),
    body,
  );
}

function fieldsOf({ meaning, state, changedAt, reopenedAt }: ProposalMarker): string {
  const reopened = reopenedAt === undefined ? '' : ` ${formatInstant(reopenedAt)}`;
  return `${state} ${formatInstant(changedAt)} ${meaning}${reopened}`;
}

function markerOf({ groups }: RegExpMatchArray): ProposalMarker | undefined {
  const { key = '', meaning = '', state, changed = '', reopened = '', ends = '' } = groups ?? {};
  const changedAt = parseInstant(changed);
  const reopenedAt = parseInstant(reopened);
  const nearestEnd = parseInstant(ends);
  if (changedAt === undefined) return undefined;
  return {
    key,
    meaning,
    state: state === 'healed' ? 'healed' : 'open',
    changedAt,
    ...(reopenedAt === undefined ? {} : { reopenedAt }),
    ...(nearestEnd === undefined ? {} : { nearestEnd }),
  };
}
