import { type ASTNode, Environment, type ParseResult } from '@marcbachmann/cel-js';
import { compileLinearRegex, type LinearRegex, RegexSyntaxError } from '../lib/linear-regex.ts';
import { printable } from '../lib/printable.ts';
import { formatString } from './cel-format.ts';
import type { RuleAnswer, RuleFault, RuleSubject } from './rule-runner.ts';

const LIMITS = { maxAstNodes: 2000, maxDepth: 50, maxListElements: 1000, maxMapEntries: 1000 };
const MAX_KEPT = 1000;

/**
 * Methods of the library that are replaced: `matches` runs JavaScript's patterns, which one of 29 characters keeps busy
 * for seconds, and the ASCII ones change other letters, too. Overloads cannot be taken away, so calls are renamed
 * before they are bound.
 */
const REPLACED: Readonly<Record<string, string>> = {
  matches: 'certopsMatches',
  lowerAscii: 'certopsLowerAscii',
  upperAscii: 'certopsUpperAscii',
};

/**
 * Expressions as approver-policy has them (cel-go with its strings extension): `self` is a string, `cr` has `name` and
 * `namespace`, the result is a bool. Not bounded in time: only for a thread that can be ended.
 */
export class RuleEngine {
  readonly #environment: Environment;
  readonly #programs = new Map<string, ParseResult | string>();
  readonly #patterns = new Map<string, LinearRegex>();

  constructor() {
    this.#environment = new Environment({
      unlistedVariablesAreDyn: false,
      homogeneousAggregateLiterals: false,
      limits: LIMITS,
    })
      .registerType({ name: 'CertificateRequest', schema: { name: 'string', namespace: 'string' } })
      .registerVariable('self', 'string')
      .registerVariable('cr', 'CertificateRequest')
      .registerFunction('matches(string, string): bool', (text: string, pattern: string) =>
        this.#matches(text, pattern),
      )
      .registerFunction('string.certopsMatches(string): bool', (text: string, pattern: string) =>
        this.#matches(text, pattern),
      )
      .registerFunction('string.certopsLowerAscii(): string', (text: string) =>
        text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()),
      )
      .registerFunction('string.certopsUpperAscii(): string', (text: string) =>
        text.replace(/[a-z]+/g, (letters) => letters.toUpperCase()),
      )
      .registerFunction('string.charAt(int): string', (text: string, index: bigint) => charAt(text, index))
      .registerFunction('string.replace(string, string): string', (text: string, from: string, to: string) =>
        text.replaceAll(from, () => to),
      )
      .registerFunction('string.reverse(): string', (text: string) => [...text].reverse().join(''))
      .registerFunction('string.format(list<dyn>): string', formatString);
  }

  /** What is wrong with an expression; undefined for nothing. */
  check(rule: string): RuleFault | undefined {
    // As it is written, so that places and names in what is said are those of the author.
    const { valid, type, error } = this.#environment.check(rule);
    if (!valid) {
      return {
        message: printable(error?.summary ?? 'it does not compile'),
        offset: error?.range?.start ?? 0,
      };
    }
    if (type !== 'bool') return { message: `got ${type}, wanted bool result type`, offset: 0 };
    const program = this.#program(rule);
    return typeof program === 'string' ? { message: program, offset: 0 } : undefined;
  }

  /** Whether a rule holds for a value. Never throws. */
  evaluate(rule: string, value: string, { name, namespace }: RuleSubject): RuleAnswer {
    const program = this.#program(rule);
    if (typeof program === 'string') return { kind: 'error', message: program };
    try {
      const result: unknown = program({ self: value, cr: { name, namespace } });
      if (result === true) return { kind: 'holds' };
      if (result === false) return { kind: 'fails' };
      return { kind: 'error', message: 'the result is no bool' };
    } catch (thrown) {
      return { kind: 'error', message: summaryOf(thrown) };
    }
  }

  /** The expression ready to run, or why it is not. */
  #program(rule: string): ParseResult | string {
    const known = this.#programs.get(rule);
    if (known !== undefined) return known;
    const program = this.#compile(rule);
    if (this.#programs.size >= MAX_KEPT) this.#programs.clear();
    this.#programs.set(rule, program);
    return program;
  }

  #compile(rule: string): ParseResult | string {
    try {
      const program = this.#environment.parse(rule);
      renameCalls(program.ast);
      const { valid, type, error } = program.check();
      return valid && type === 'bool' ? program : summaryOf(error);
    } catch (thrown) {
      return summaryOf(thrown);
    }
  }

  #matches(text: string, pattern: string): boolean {
    const known = this.#patterns.get(pattern);
    if (known !== undefined) return known.test(text);
    const compiled = compileLinearRegex(pattern);
    if (this.#patterns.size >= MAX_KEPT) this.#patterns.clear();
    this.#patterns.set(pattern, compiled);
    return compiled.test(text);
  }
}

/** Renames calls of replaced methods, in place, wherever in the tree they stand. */
function renameCalls(node: ASTNode): void {
  // Nodes hold nodes, lists of them and plain values; depth and number are bounded by LIMITS.
  const pending: unknown[] = [node];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    if (Array.isArray(at)) pending.push(...at);
    else if (isNode(at)) {
      const { op, args } = at;
      if (op === 'rcall' && Array.isArray(args) && typeof args[0] === 'string') {
        args[0] = REPLACED[args[0]] ?? args[0];
      }
      pending.push(args);
    }
  }
}

function isNode(value: unknown): value is { readonly op: string; readonly args: unknown } {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value;
}

function charAt(text: string, index: bigint): string {
  const characters = [...text];
  if (index < 0n || index > BigInt(characters.length)) throw new RangeError('charAt: index out of range');
  return characters[Number(index)] ?? '';
}

function summaryOf(thrown: unknown): string {
  if (thrown instanceof RegexSyntaxError) return `the pattern of matches() is no RE2: ${thrown.message}`;
  const summary = (thrown as { readonly summary?: unknown } | undefined)?.summary; // of the library's own errors
  if (typeof summary === 'string') return ownNames(printable(summary));
  return ownNames(thrown instanceof Error ? printable(thrown.message) : 'it could not be evaluated');
}

/** What was renamed, as its author wrote it. */
function ownNames(text: string): string {
  return Object.entries(REPLACED).reduce((said, [own, renamed]) => said.replaceAll(renamed, own), text);
}
