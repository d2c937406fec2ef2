import { quoteInline as code, quoteWords } from '../lib/markdown-quote.ts';
import type { Plan, PlannedChange } from './plan.ts';
import {
  ACTION_MARK,
  countsInWords,
  type Detail,
  detailsOf,
  largeInWords,
  nameOf,
  ofLimit,
  placeOf,
} from './render-words.ts';

/** Under what the forges take of a comment (GitHub: 65,536 characters). */
const MAX_BYTES = 60_000;

/**
 * A plan as a comment on a pull request, at most 60 kB. Whatever files, policies or people wrote stands in code spans,
 * where nothing renders, mentions or links.
 */
export function renderPlanMarkdown(plan: Plan): string {
  const { id, summary, changes } = plan;
  const head = [
    '### certops plan',
    '',
    `**${capital(countsInWords(plan))}.** Plan ${code(id)}`,
    ...(summary.isLarge ? ['', `> **${quoteWords(largeInWords(plan))}**`] : []),
    ...section(
      'Warnings',
      summary.warnings.slice(0, 20).map((warning) => `- ${code(warning)}`),
    ),
  ].join('\n');
  const costs = section('Cost of the CA’s limits', summary.costs.slice(0, 10).flatMap(costLines)).join('\n');
  const room = MAX_BYTES - bytesOf(head) - bytesOf(costs) - 500;
  const blocks: string[] = [];
  let used = 0;
  for (const change of changes) {
    const block = changeBlock(change);
    used += bytesOf(block) + 1;
    if (used > room) break;
    blocks.push(block);
  }
  const cut = changes.length - blocks.length;
  const told =
    cut === 0
      ? ''
      : `\n*${cut} more changes are cut from this comment; ${code('certops plan')} shows them all.*`;
  const body = changes.length === 0 ? '' : ['', '#### Changes', '', ...blocks].join('\n');
  return [head, body, told, costs].filter((part) => part !== '').join('\n');
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', `#### ${title}`, '', ...lines];
}

function changeBlock(change: PlannedChange): string {
  const { action, reason, kind, message } = change;
  const place = placeOf(change);
  const mark = ACTION_MARK[action].trim();
  const shown = mark === '' ? '' : `${code(mark)} `;
  const where = place === undefined || kind === 'File' ? '' : ` in ${code(place)}`;
  return [
    `- ${shown}**${action}** ${code(kind)} ${code(nameOf(change))} (${code(reason)})${where}`,
    `  - ${code(message)}`,
    ...detailsOf(change).map((detail) => `  - ${detail.heading}: ${valuesOf(detail)}`),
  ].join('\n');
}

function valuesOf({ values }: Detail): string {
  return values
    .map(({ mark, text }) => (mark === '→' ? `→ ${code(text)}` : code(`${mark}${text}`)))
    .join(' ');
}

function costLines({
  issuer,
  server,
  orders,
  limitPerThreeHours,
  domains,
  nameSets,
}: Plan['summary']['costs'][number]): readonly string[] {
  return [
    `- ${code(issuer)} at ${code(server)}: ${ofLimit(orders, 'order', limitPerThreeHours, 'in 3 hours')}`,
    ...domains.map(
      ({ domain, certificates, limitPerWeek }) =>
        `  - ${ofLimit(certificates, 'certificate', limitPerWeek, 'in 7 days')} under ${code(domain)}`,
    ),
    ...nameSets.map(
      ({ names, certificates, limitPerWeek }) =>
        `  - ${ofLimit(certificates, 'certificate', limitPerWeek, 'in 7 days')} for exactly ${code(names.join(', '))}`,
    ),
  ];
}

function bytesOf(text: string): number {
  return Buffer.byteLength(text);
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
