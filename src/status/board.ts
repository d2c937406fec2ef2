import { formatObjectName, type ObjectName } from '../api/names.ts';
import { formatInstant } from '../lib/clock.ts';

/** One Certificate as the board shows it. */
export interface BoardEntry {
  readonly name: ObjectName;
  readonly isReady: boolean;
  /** Reason of the condition that people should know of; empty when all is well. */
  readonly trouble: string;
  readonly notAfter?: Date | undefined;
  readonly renewalTime?: Date | undefined;
  readonly issuer: string;
  readonly dnsNames: readonly string[];
}

const MAX_ROWS = 200;
const MAX_NAMES = 3;
const MAX_WAITING = 50;

/**
 * `status/README.md`: what a forge shows to whoever opens the folder. Certificates by urgency: those in
 * trouble, then those that end first. Absolute dates only, so that it changes when something happened and
 * never by the mere passing of time; at most 200 rows.
 */
export function renderBoard(
  entries: readonly BoardEntry[],
  /** Recipients of `.sops.yaml` that nothing is sealed to yet, one line each. */
  waiting: readonly string[] = [],
): string {
  const sorted = [...entries].sort(byUrgency);
  const shown = sorted.slice(0, MAX_ROWS);
  const inTrouble = entries.filter(({ trouble }) => trouble !== '').length;
  const rows = shown.map((entry) =>
    [
      literal(formatObjectName(entry.name)),
      entry.isReady ? 'yes' : 'no',
      literal(entry.trouble),
      entry.notAfter === undefined ? '' : formatInstant(entry.notAfter),
      entry.renewalTime === undefined ? '' : formatInstant(entry.renewalTime),
      literal(entry.issuer),
      names(entry.dnsNames),
    ].join(' | '),
  );
  const rest = sorted.length - shown.length;
  return [
    '# Certificates',
    '',
    `${entries.length} in all, ${inTrouble === 0 ? 'none' : inTrouble} in trouble. Written by certops; times are UTC.`,
    '',
    '| Certificate | Ready | Trouble | Not after | Renewal | Issuer | Names |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...rows.map((row) => `| ${row} |`),
    ...(rest > 0 ? ['', `And ${rest} more, all of them less urgent: \`certops get certificates -A\`.`] : []),
    ...waitingLines(waiting),
    '',
  ].join('\n');
}

function waitingLines(waiting: readonly string[]): readonly string[] {
  if (waiting.length === 0) return [];
  const shown = waiting.slice(0, MAX_WAITING).map((line) => `- ${literal(line)}`);
  const more = waiting.length - shown.length;
  return [
    '',
    '## Recipients that wait',
    '',
    'Nothing is sealed to these until the daemon’s setting `recipients` names them, or somebody who holds an identity runs `certops rekey`.',
    '',
    ...shown,
    ...(more > 0 ? [`- and ${more} more`] : []),
  ];
}

function byUrgency(a: BoardEntry, b: BoardEntry): number {
  return (
    Number(b.trouble !== '') - Number(a.trouble !== '') ||
    (a.notAfter?.getTime() ?? 0) - (b.notAfter?.getTime() ?? 0) ||
    (formatObjectName(a.name) < formatObjectName(b.name) ? -1 : 1)
  );
}

/** In code spans, so that a forge links none of them. */
function names(dnsNames: readonly string[]): string {
  const more = dnsNames.length - MAX_NAMES;
  const shown = dnsNames.slice(0, MAX_NAMES).map((name) => `\`${name.replace(/[`|\\\s]/g, '')}\``);
  return shown.join(' ') + (more > 0 ? ` and ${more} more` : '');
}

/** Literal text: nothing in it renders, links or mentions. */
function literal(text: string): string {
  return text.replace(/[\\`*_{}[\]<>()#+!|@~&:]/g, (character) => `&#${character.charCodeAt(0)};`);
}
