import {
  AcceptedRecipients,
  type AcceptedRule,
  namedRules,
  narrowed,
  widened,
} from './accepted-recipients.ts';
import {
  type CreationRule,
  matchRule,
  parseSopsRules,
  type SealingRule,
  type SopsRules,
} from './sops/rules.ts';
import { SopsError } from './sops/sops-error.ts';

/** A recipient that a rule names and that nothing is sealed to yet. */
export interface HeldRecipient {
  /** `path_regex` of the rule; empty where it has none. */
  readonly pattern: string;
  readonly recipient: string;
}

type Rules =
  | { readonly kind: 'missing' }
  | { readonly kind: 'unreadable'; readonly error: SopsError }
  | { readonly kind: 'read'; readonly rules: SopsRules };

const MAX_ANSWERS = 200_000;

/** The newest `.sops.yaml`, and who is accepted of those whom it names. */
export class RulesInForce {
  /** Accepted wherever a rule names them. */
  readonly #always: ReadonlySet<string>;
  #rules: Rules = { kind: 'missing' };
  #accepted: AcceptedRecipients | undefined;
  /** Answers of `recipients` by path, while rules and acceptance stand: every look asks for every Secret. */
  readonly #answers = new Map<string, readonly string[] | undefined>();

  /** `always`: those that the operator allows, and our own. */
  constructor(always: readonly string[]) {
    this.#always = new Set(always);
  }

  /** Takes the text of `.sops.yaml`, undefined where there is none. Never throws: `prove` tells what is wrong. */
  set(text: string | undefined): void {
    this.#rules = readRules(text);
    this.#answers.clear();
  }

  /** Takes the list of who is accepted; undefined: whomever the rules name. */
  setAccepted(accepted: readonly AcceptedRule[] | undefined): void {
    this.#accepted = accepted && new AcceptedRecipients(accepted);
    this.#answers.clear();
  }

  /**
   * What the rules name, rule by rule, or those of `text`; undefined where they are missing or cannot be read. It is the
   * list of who is accepted to begin with.
   */
  named(text?: string): readonly AcceptedRule[] | undefined {
    const rules = text === undefined ? this.#rules : readRules(text);
    return rules.kind === 'read' ? namedRules(rules.rules) : undefined;
  }

  /** The list without those that the rules name no more; as it is where the rules cannot be read. */
  narrowed(accepted: readonly AcceptedRule[]): readonly AcceptedRule[] {
    return this.#rules.kind === 'read' ? narrowed(accepted, this.#rules.rules) : accepted;
  }

  /** The list with `recipients` accepted for the rule that holds for `path`, as far as it names them. */
  widened(
    accepted: readonly AcceptedRule[],
    path: string,
    recipients: readonly string[],
  ): readonly AcceptedRule[] {
    const rule = this.#usableRule(path);
    const added = recipients.filter((recipient) => rule?.recipients.includes(recipient));
    const known = new AcceptedRecipients(accepted).at(path);
    if (rule === undefined || added.every((recipient) => known.includes(recipient))) return accepted;
    return widened(accepted, path, rule.pattern, added);
  }

  /** Whom a Secret at `path` would be sealed to now; undefined where no rule can be used. Proves nothing. */
  recipients(path: string): readonly string[] | undefined {
    if (this.#answers.has(path)) return this.#answers.get(path);
    const rule = this.#usableRule(path);
    const answer = rule && this.#acceptedOf(rule, path);
    if (this.#answers.size >= MAX_ANSWERS) this.#answers.clear();
    this.#answers.set(path, answer);
    return answer;
  }

  /** Whom the rule for `path` names, accepted or not; undefined where no rule can be used. */
  namedRecipients(path: string): readonly string[] | undefined {
    return this.#usableRule(path)?.recipients;
  }

  /** Whom rules name and nothing is sealed to yet. */
  held(): readonly HeldRecipient[] {
    const accepted = this.#accepted;
    if (accepted === undefined || this.#rules.kind !== 'read') return [];
    return this.#rules.rules.rules.flatMap(({ pattern, recipients }) => {
      const known = accepted.of(pattern);
      return recipients
        .filter((recipient) => !known.includes(recipient) && !this.#always.has(recipient))
        .map((recipient) => ({ pattern, recipient }));
    });
  }

  /** The rule for a path where one can be used, whoever is accepted. */
  #usableRule(path: string): CreationRule | undefined {
    if (this.#rules.kind !== 'read') return undefined;
    try {
      return matchRule(this.#rules.rules, path);
    } catch (thrown) {
      if (thrown instanceof SopsError) return undefined;
      throw thrown;
    }
  }

  #acceptedOf(rule: SealingRule, path: string): readonly string[] {
    if (this.#accepted === undefined) return rule.recipients;
    const accepted = this.#accepted.at(path);
    return rule.recipients.filter((recipient) => this.#always.has(recipient) || accepted.includes(recipient));
  }

  /**
   * The rule to seal by for a path, with the recipients that are accepted.
   *
   * @throws SopsError `sops.rules-missing`, `sops.rules-unreadable`, `sops.rule-unsupported`, `sops.no-rule`,
   *   `sops.no-recipient`
   */
  ruleFor(path: string): SealingRule {
    if (this.#rules.kind === 'unreadable') throw this.#rules.error;
    if (this.#rules.kind === 'missing') {
      throw new SopsError(
        'sops.rules-missing',
        {
          what: 'Nothing can be sealed, because there is no .sops.yaml',
          next: 'Commit a .sops.yaml with a creation rule that names age recipients, or run certops init',
        },
        { path },
      );
    }
    const rule = matchRule(this.#rules.rules, path);
    if (rule === undefined) {
      throw new SopsError(
        'sops.no-rule',
        {
          what: `No rule of .sops.yaml matches ${path}`,
          next: `Add a creation rule whose path_regex matches ${path}`,
        },
        { path },
      );
    }
    if (rule.recipients.length === 0) {
      throw new SopsError(
        'sops.no-recipient',
        {
          what: `Rule ${rule.index + 1} of .sops.yaml (line ${rule.line}), which matches ${path}, names no recipient`,
          next: 'Give it age recipients (age1…), the daemon’s among them',
        },
        { path, line: rule.line },
      );
    }
    return { ...rule, recipients: this.#acceptedOf(rule, path) };
  }
}

function readRules(text: string | undefined): Rules {
  if (text === undefined) return { kind: 'missing' };
  try {
    return { kind: 'read', rules: parseSopsRules(text) };
  } catch (thrown) {
    if (!(thrown instanceof SopsError)) throw thrown;
    return { kind: 'unreadable', error: thrown };
  }
}
