import { compileLinearRegex, type LinearRegex, RegexSyntaxError } from '../lib/linear-regex.ts';
import type { SopsRules } from './sops/rules.ts';

/** Whom a rule of `.sops.yaml` may show what it seals: an entry of the list that is kept of it. */
export interface AcceptedRule {
  /** `path_regex` of the rule; empty for one that matches every path. */
  readonly pattern: string;
  /** `age1…`. */
  readonly recipients: readonly string[];
}

/** What rules name, rule by rule: the list to begin with. */
export function namedRules({ rules }: SopsRules): readonly AcceptedRule[] {
  return rules.map(({ pattern, recipients }) => ({ pattern, recipients }));
}

/**
 * Who may read what is sealed for a path. It is asked by path and not by rule, so that a rule that is moved, split or
 * taken away shows nobody what they could not read before.
 */
export class AcceptedRecipients {
  readonly #rules: readonly (AcceptedRule & { readonly regex: LinearRegex | undefined })[];
  readonly #everywhere: readonly string[];

  constructor(rules: readonly AcceptedRule[]) {
    this.#rules = rules.flatMap((rule) => {
      const regex = compile(rule.pattern);
      return regex === 'unreadable' ? [] : [{ ...rule, regex }];
    });
    const [first, ...others] = rules;
    this.#everywhere = (first?.recipients ?? []).filter((recipient) =>
      others.every(({ recipients }) => recipients.includes(recipient)),
    );
  }

  /** Those of the first entry that matches; where none does, those that may read under every entry. */
  at(path: string): readonly string[] {
    return this.#rules.find(({ regex }) => regex?.test(path) ?? true)?.recipients ?? this.#everywhere;
  }

  /** Those of a rule by its pattern, for telling; where it has no entry, those under every entry. */
  of(pattern: string): readonly string[] {
    return this.#rules.find((rule) => rule.pattern === pattern)?.recipients ?? this.#everywhere;
  }
}

/**
 * The list without what the rules name no more: whoever was taken away and is added again waits again. A rule that
 * keeps its pattern answers for its entry, all rules together for an entry whose rule is gone.
 */
export function narrowed(accepted: readonly AcceptedRule[], { rules }: SopsRules): readonly AcceptedRule[] {
  const anywhere = rules.flatMap(({ recipients }) => recipients);
  return accepted.map(({ pattern, recipients }) => {
    const named = rules.find((rule) => rule.pattern === pattern)?.recipients ?? anywhere;
    return { pattern, recipients: recipients.filter((recipient) => named.includes(recipient)) };
  });
}

/**
 * The list after somebody who may has shown what is sealed for `path` to `recipients`: they are accepted for the rule
 * with `pattern`, which holds for that path now. A rule that has no entry gets one, just before the entry that held for
 * the path until now.
 */
export function widened(
  accepted: readonly AcceptedRule[],
  path: string,
  pattern: string,
  recipients: readonly string[],
): readonly AcceptedRule[] {
  const current = accepted.findIndex((rule) => {
    const regex = compile(rule.pattern);
    return regex !== 'unreadable' && (regex?.test(path) ?? true);
  });
  const before = new AcceptedRecipients(accepted).at(path);
  const entry = { pattern, recipients: [...new Set([...before, ...recipients])] };
  if (accepted[current]?.pattern === pattern) return accepted.with(current, entry);
  const place = current === -1 ? accepted.length : current;
  return [...accepted.slice(0, place), entry, ...accepted.slice(place)];
}

function compile(pattern: string): LinearRegex | undefined | 'unreadable' {
  if (pattern === '') return undefined;
  try {
    return compileLinearRegex(pattern);
  } catch (thrown) {
    if (thrown instanceof RegexSyntaxError) return 'unreadable';
    throw thrown;
  }
}
