import { printable } from '../lib/printable.ts';

/** The trailers that programs read, in the order in which they are written. */
export const TRAILERS = [
  'Certops-Certificate',
  'Certops-Revision',
  'Certops-Reason',
  'Certops-Issuer',
  'Certops-Serial',
  'Certops-Fingerprint',
  'Certops-Not-After',
  'Certops-Source',
  'Certops-Event',
] as const;

export type Trailer = (typeof TRAILERS)[number];

export interface CommitMessage {
  /** One line; cut to 72 characters. */
  readonly subject: string;
  /** For people; wrapped lines of plain text, may be empty. */
  readonly body: string;
  readonly trailers: Readonly<Partial<Record<Trailer, string | readonly string[] | undefined>>>;
  /** `spec.commit.trailer` of the repository, for example `[skip ci]`; empty for none. */
  readonly suffix: string;
}

const SUBJECT_MAX = 72;
const BODY_WIDTH = 72;

/**
 * Renders a commit message. Text that comes from outside (a CA's words) is brought to one line of
 * printable characters first, so that nobody can forge a trailer or a line of ours.
 */
export function renderCommitMessage(message: CommitMessage): string {
  const subject = truncate(printable(message.subject), SUBJECT_MAX);
  const body = message.body
    .split('\n')
    .map((line) => wrap(printable(line), BODY_WIDTH))
    .join('\n')
    .trim();
  const trailers = TRAILERS.flatMap((name) => {
    const value = message.trailers[name];
    if (value === undefined) return [];
    return (typeof value === 'string' ? [value] : value).map((item) => `${name}: ${printable(item)}`);
  });
  const paragraphs = [
    subject,
    body,
    message.suffix === '' ? '' : printable(message.suffix),
    trailers.join('\n'),
  ];
  return `${paragraphs.filter((paragraph) => paragraph !== '').join('\n\n')}\n`;
}

function truncate(text: string, max: number): string {
  const characters = [...text];
  return characters.length <= max ? text : `${characters.slice(0, max - 1).join('')}…`;
}

function wrap(line: string, width: number): string {
  const lines: string[] = [];
  let current = '';
  for (const word of line.split(' ')) {
    if (current !== '' && current.length + 1 + word.length > width) {
      lines.push(current);
      current = word;
    } else {
      current = current === '' ? word : `${current} ${word}`;
    }
  }
  // A body line must never look like a trailer of ours to a program.
  return [...lines, current].map((text) => (/^certops-[a-z-]+:/i.test(text) ? `> ${text}` : text)).join('\n');
}
