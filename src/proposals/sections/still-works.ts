import { formatObjectName } from '../../api/names.ts';
import { quoteCell } from '../../lib/markdown-quote.ts';
import type { Affected, OpenCause } from '../open-cause.ts';
import { type Section, titled } from './section.ts';
import { countOfCertificates, shownInstant, shownName } from './wording.ts';

const HEADING = 'What still works';
const MAX_ROWS = 20;
const FEW_ROWS = 5;
const MAX_NAME_CHARACTERS = 100;

/** What is in use, and until when; of many the most urgent. */
export function stillWorksSection({ affected }: OpenCause, now: Date): Section {
  const [first] = affected;
  if (first === undefined) return [];
  if (affected.length === 1) return [{ text: titled(HEADING, [alone(first, now)]), worth: 95 }];
  const told = counts(affected, now);
  const rows = [MAX_ROWS, FEW_ROWS].filter((count, index) => index === 0 || count < affected.length);
  return [
    ...rows.map((count, index) => ({
      text: titled(HEADING, [told, '', ...table(affected, count)]),
      worth: index === 0 && rows.length > 1 ? 30 : 60,
    })),
    { text: titled(HEADING, [told]), worth: 95 },
  ];
}

function alone(one: Affected, now: Date): string {
  const { notAfter, renewalTime } = one;
  if (notAfter === undefined) return `Nothing yet: ${shownName(one)} was never issued.`;
  if (notAfter <= now)
    return `Nothing: the certificate of ${shownName(one)} ended on **${shownInstant(notAfter)}**.`;
  const renewal =
    renewalTime === undefined ? '' : ` It ${isTime(renewalTime, now)} on ${shownInstant(renewalTime)}.`;
  return `The certificate in use works until **${shownInstant(notAfter)}**.${renewal}`;
}

function isTime(renewalTime: Date, now: Date): string {
  return renewalTime <= now ? 'was due for renewal' : 'is due for renewal';
}

function counts(affected: readonly Affected[], now: Date): string {
  const working = affected.filter(({ notAfter }) => notAfter !== undefined && notAfter > now);
  const ended = affected.filter(({ notAfter }) => notAfter !== undefined && notAfter <= now).length;
  const never = affected.length - working.length - ended;
  const [next] = working;
  const isAlone = working.length === 1;
  return [
    next?.notAfter === undefined
      ? ''
      : `${countOfCertificates(working.length)} ${isAlone ? 'works' : 'work'}; ${
          isAlone ? `${shownName(next)} ends` : `the first to end is ${shownName(next)},`
        } on **${shownInstant(next.notAfter)}**.`,
    ended === 0 ? '' : `**${ended} ${ended === 1 ? 'has' : 'have'} ended.**`,
    never === 0 ? '' : `${never} ${never === 1 ? 'was' : 'were'} never issued.`,
  ]
    .filter((part) => part !== '')
    .join(' ');
}

/** A long table is folded: what is wrong comes before whom it concerns. */
function table(affected: readonly Affected[], count: number): readonly string[] {
  const more = affected.length - count;
  const shown = Math.min(count, affected.length);
  const lines = [
    '| Certificate | Works until | Renewal due |',
    '| --- | --- | --- |',
    ...affected.slice(0, count).map(row),
    ...(more > 0 ? ['', `And ${more} more.`] : []),
  ];
  if (shown <= FEW_ROWS) return lines;
  const summary = more > 0 ? `The ${shown} most urgent` : `All ${shown}, the most urgent first`;
  return [`<details><summary>${summary}</summary>`, '', ...lines, '', '</details>'];
}

function row({ name, notAfter, renewalTime }: Affected): string {
  const cells = [
    quoteCell(formatObjectName(name), MAX_NAME_CHARACTERS),
    notAfter === undefined ? 'never issued' : shownInstant(notAfter),
    renewalTime === undefined ? '' : shownInstant(renewalTime),
  ];
  return `| ${cells.join(' | ')} |`;
}
