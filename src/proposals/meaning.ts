import { createHash } from 'node:crypto';
import type { Cause, CauseCode } from '../diagnosis/cause.ts';
import type { Remedy } from '../remedies/remedy.ts';
import type { OpenCause } from './open-cause.ts';

/** RFC 3339, as `certops.dev/retry-requested-at` has it: another one is no other remedy. */
const INSTANT = /\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z/g;

/**
 * What a proposal says, without how: `<what a person decides about>.<what is worth telling at once>`, hexadecimal. The
 * first half changes with the kind of the cause, and then a person who said no is asked again. The second changes with
 * the remedy, with how many Certificates it concerns (roughly) and with the nearest end; never with time alone, another
 * attempt, or a stranger's wording.
 */
export function proposalMeaning({
  open,
  remedy,
  now,
}: {
  readonly open: OpenCause;
  readonly remedy: Remedy;
  readonly now: Date;
}): string {
  const nearest = open.affected[0]?.notAfter;
  const files = [...remedy.files]
    .map(([path, text]) => [path, remedy.kind === 'retry' ? text.replace(INSTANT, '') : text])
    .sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
  const told = digest([
    open.cause.code,
    remedy.kind,
    remedy.title,
    files,
    open.cause.identifiers.map(({ identifier }) => identifier).sort(),
    // A crowd that comes in one by one is told of at 1, 2, 4, 8, …
    Math.floor(Math.log2(Math.max(1, open.affected.length))),
    nearest?.getTime() ?? null,
    nearest !== undefined && nearest <= now,
  ]);
  return `${decisionOf(open.cause)}.${told}`;
}

/** Whether a marker's meaning is about the same as the cause is now; else a person's decision is worth little. */
export function isAboutTheSame(meaning: string, cause: Cause): boolean {
  return meaning.split('.')[0] === decisionOf(cause);
}

/** What the same failure may be called, by what certops happens to see of DNS and the host this time. */
const SAME_TO_PEOPLE: readonly CauseCode[] = [
  ...(['name-not-found', 'name-without-address', 'connection-failed', 'wrong-answer'] as const),
  ...(['validation-failed', 'dns-trouble', 'dns-record-missing', 'dns-servers-disagree'] as const),
];

function decisionOf({ class: kind, scope, code }: Cause): string {
  return digest([kind, scope, SAME_TO_PEOPLE.includes(code) ? 'validation' : code]);
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 12);
}
