import { RE2JS } from '@bufbuild/re2';

const MAX_PATTERN_CHARS = 1000;

/** A pattern that Go's RE2 would refuse. */
export class RegexSyntaxError extends Error {}

/** A compiled pattern; `test` looks anywhere in the text, in time proportional to its length. */
export interface LinearRegex {
  test(text: string): boolean;
}

/**
 * Compiles Go's regular expressions (RE2 syntax: no look-around, no back-references), so that no pattern and
 * no text can make the match run for ever. Patterns are capped at 1,000 characters.
 *
 * @throws RegexSyntaxError for everything that Go would refuse.
 */
export function compileLinearRegex(pattern: string): LinearRegex {
  if (pattern.length > MAX_PATTERN_CHARS) throw new RegexSyntaxError('the pattern is too long');
  try {
    const compiled = new RE2JS(pattern);
    return { test: (text) => compiled.test(text) };
  } catch (thrown) {
    throw new RegexSyntaxError(thrown instanceof Error ? thrown.message : 'it is not RE2 syntax');
  }
}
