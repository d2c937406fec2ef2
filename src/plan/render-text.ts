import { styleText } from 'node:util';
import { printable } from '../lib/printable.ts';
import type { Plan, PlanAction, PlannedChange } from './plan.ts';
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

type Style = Parameters<typeof styleText>[0];

const ACTION_STYLE: Readonly<Record<PlanAction, Style>> = {
  issue: 'green',
  reissue: 'yellow',
  renew: 'yellow',
  update: 'cyan',
  remove: 'red',
  none: 'dim',
  suspended: 'dim',
  invalid: 'red',
  denied: 'red',
};

const HEADING_WIDTH = 'recipients'.length;
const INDENT = '      ';

/** A plan for a terminal: one change a paragraph, aligned. */
export function renderPlanText(plan: Plan, hasColours: boolean): string {
  const paint = (style: Style, text: string): string =>
    hasColours ? styleText(style, text, { validateStream: false }) : text;
  const { id, summary, changes } = plan;
  const width = Math.max(0, ...changes.map(({ action }) => action.length));
  const parts = [
    `${paint('bold', `Plan ${id}`)}: ${countsInWords(plan)}`,
    ...changes.map((change) => renderChange(change, width, paint)),
  ];
  const notes = [
    ...(summary.isLarge ? [paint('yellow', largeInWords(plan))] : []),
    ...summary.warnings.map((warning) => `${paint('yellow', 'warning')}  ${printable(warning)}`),
  ];
  if (notes.length > 0) parts.push(notes.join('\n'));
  const costs = summary.costs.map(({ issuer, server, orders, limitPerThreeHours, domains, nameSets }) =>
    [
      `${paint('bold', 'Costs')} at ${printable(server)}, ${printable(issuer)}`,
      `  ${ofLimit(orders, 'order', limitPerThreeHours, 'in 3 hours')}`,
      ...domains.map(
        ({ domain, certificates, limitPerWeek }) =>
          `  ${ofLimit(certificates, 'certificate', limitPerWeek, 'in 7 days')} under ${printable(domain)}`,
      ),
      ...nameSets.map(
        ({ names, certificates, limitPerWeek }) =>
          `  ${ofLimit(certificates, 'certificate', limitPerWeek, 'in 7 days')} for exactly ${printable(names.join(', '))}`,
      ),
    ].join('\n'),
  );
  return [...parts, ...costs].join('\n\n');
}

function renderChange(
  change: PlannedChange,
  width: number,
  paint: (style: Style, text: string) => string,
): string {
  const { action, reason, kind, message } = change;
  const style = ACTION_STYLE[action];
  const place = placeOf(change);
  const object = kind === 'Certificate' ? '' : `${printable(kind)} `;
  const head = [
    `  ${paint(style, ACTION_MARK[action])} ${paint(style, action.padEnd(width))}`,
    paint('bold', `${object}${printable(nameOf(change))}`),
    printable(reason),
    ...(place === undefined || kind === 'File' ? [] : [paint('dim', printable(place))]),
  ].join('  ');
  const lines = detailsOf(change).map(
    (detail) => `${INDENT}${paint('dim', detail.heading.padEnd(HEADING_WIDTH))}  ${valuesOf(detail)}`,
  );
  return [head, `${INDENT}${printable(message)}`, ...lines].join('\n');
}

function valuesOf({ heading, values }: Detail): string {
  const shown = values.map(({ mark, text }) => {
    const space = mark === '→' ? ' ' : '';
    return `${mark}${space}${printable(text)}`;
  });
  return shown.join(heading === 'policy' ? ', ' : ' ');
}
