import {
  type FromTo,
  PLAN_ACTIONS,
  type Plan,
  type PlanAction,
  type PlannedChange,
  weightyChanges,
} from './plan.ts';

/** The mark before a change: what comes, what becomes another, what goes, what stands in the way. */
export const ACTION_MARK: Readonly<Record<PlanAction, string>> = {
  issue: '+',
  reissue: '~',
  renew: '~',
  update: '~',
  remove: '-',
  none: ' ',
  suspended: ' ',
  invalid: '!',
  denied: '!',
};

const IN_WORDS: Readonly<Record<PlanAction, string>> = {
  issue: 'to issue',
  reissue: 'to reissue',
  renew: 'to renew',
  update: 'to update',
  remove: 'to remove',
  none: 'without effect',
  suspended: 'suspended',
  invalid: 'invalid',
  denied: 'denied',
};

/** `1 to issue, 2 to remove`; `nothing to do` where there is nothing. */
export function countsInWords({ summary }: Plan): string {
  const parts = PLAN_ACTIONS.flatMap((action) => {
    const count = summary.actions[action];
    return count === undefined ? [] : [`${count} ${IN_WORDS[action]}`];
  });
  return parts.length === 0 ? 'nothing to do' : parts.join(', ');
}

/** What is said of a plan over the safety rail. */
export function largeInWords({ id, summary, changes }: Plan): string {
  const count = weightyChanges(changes).length;
  const large = `This is a large change: ${count} Certificates issued, reissued or removed; the repository declares ${summary.certificates} now.`;
  if (!summary.isUnconfirmed) return large;
  return `${large} It is held until somebody confirms it: add ${id} to spec.confirmed of certops.yaml in the same change.`;
}

/** `namespace/name`, or the place of what has no name. */
export function nameOf({ namespace, name, file, line }: PlannedChange): string {
  if (name === '') return placeOf({ file, line }) ?? '';
  return namespace === '' ? name : `${namespace}/${name}`;
}

/** `file:line`. */
export function placeOf({ file, line }: Pick<PlannedChange, 'file' | 'line'>): string | undefined {
  if (file === undefined) return undefined;
  return line === undefined ? file : `${file}:${line}`;
}

/** One line of what differs: a heading and values, each with how it is marked. */
export interface Detail {
  readonly heading: string;
  readonly values: readonly { readonly mark: '' | '+' | '-' | '→'; readonly text: string }[];
}

const MAX_NAMES = 20;

/** What differs, line by line. */
export function detailsOf(change: PlannedChange): readonly Detail[] {
  const { namesAdded = [], namesRemoved = [], fields = [], policies = [] } = change;
  const names: Detail['values'] = [
    ...shortened(namesAdded).map((text) => ({ mark: '+' as const, text })),
    ...shortened(namesRemoved).map((text) => ({ mark: '-' as const, text })),
  ];
  const details: readonly (Detail | undefined)[] = [
    names.length === 0 ? undefined : { heading: 'names', values: names },
    // Of what goes, its names and its Secret matter.
    ...(change.action === 'remove' ? [] : [fromTo('issuer', change.issuer), fromTo('key', change.key)]),
    fromTo('Secret', change.secretPath),
    fromTo('recipients', {
      from: change.recipients?.from?.join(' '),
      to: change.recipients?.to?.join(' '),
    }),
    change.action !== 'update' || fields.length === 0
      ? undefined
      : { heading: 'fields', values: [{ mark: '', text: fields.join(', ') }] },
    ...policies.map(({ policy, file, line, field }): Detail => {
      const place = placeOf({ file, line });
      return {
        heading: 'policy',
        values: [policy, field, ...(place === undefined ? [] : [place])].map(plain),
      };
    }),
  ];
  return details.filter((detail) => detail !== undefined);
}

function plain(text: string): Detail['values'][number] {
  return { mark: '', text };
}

function fromTo(heading: string, value: FromTo<string> | undefined): Detail | undefined {
  const { from, to } = value ?? {};
  if (from !== undefined && to !== undefined) {
    return { heading, values: [plain(from), { mark: '→', text: to }] };
  }
  if (to !== undefined) return { heading, values: [plain(to)] };
  return from === undefined ? undefined : { heading, values: [{ mark: '-', text: from }] };
}

function shortened(names: readonly string[]): readonly string[] {
  return names.length <= MAX_NAMES
    ? names
    : [...names.slice(0, MAX_NAMES), `(${names.length - MAX_NAMES} more)`];
}

/** `7 orders (of 300 in 3 hours)`. */
export function ofLimit(count: number, what: string, limit: number | undefined, span: string): string {
  const counted = `${count} ${what}${count === 1 ? '' : 's'}`;
  return limit === undefined ? counted : `${counted} (of ${limit} ${span})`;
}
