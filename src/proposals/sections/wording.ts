import { formatObjectName } from '../../api/names.ts';
import type { CauseSubject } from '../../diagnosis/cause.ts';
import { quoteInline, quoteWords } from '../../lib/markdown-quote.ts';
import type { Affected, OpenCause } from '../open-cause.ts';

/** `2026-12-04 11:22 UTC`: absolute, since the text is read at another time than it is written. */
export function shownInstant(instant: Date): string {
  return `${instant.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** The object in words: `web/www`, `ClusterIssuer letsencrypt`, `Issuer web/letsencrypt`, `File teams/web.yaml`. */
export function subjectInWords({ kind, namespace, name }: CauseSubject): string {
  const object = formatObjectName({ namespace, name });
  return kind === 'Certificate' ? object : `${kind} ${object}`;
}

/** Whether a large change waits for a person, and nothing is wrong with it. */
export function isHeldPlan({ cause }: OpenCause): boolean {
  return cause.code === 'plan-held';
}

/** Whether an edit alone is refused: the revision before it stays in force, so the certificate in use is renewed. */
export function isOnlyTheEdit({ cause, attempts, affected }: OpenCause): boolean {
  const isRefused = cause.code === 'manifest-invalid' || cause.code === 'not-allowed-here';
  return isRefused && attempts === 0 && affected.some(({ notAfter }) => notAfter !== undefined);
}

/** `1 Certificate`, `500 Certificates`. */
export function countOfCertificates(count: number): string {
  return `${count} ${count === 1 ? 'Certificate' : 'Certificates'}`;
}

/** A Certificate's name in a code span. */
export function shownName({ name }: Affected): string {
  return quoteInline(formatObjectName(name));
}

/** Sentences of ours, each ended by a full stop. */
export function sentences(...parts: readonly (string | undefined)[]): string {
  return parts
    .flatMap((part) => (part === undefined || part === '' ? [] : [quoteWords(part)]))
    .map((part) => (/[.!?:]$/.test(part) ? part : `${part}.`))
    .join(' ');
}

/** Words of a stranger, set off from ours. */
export function quotation(text: string): string {
  return `> ${quoteInline(text)}`;
}
