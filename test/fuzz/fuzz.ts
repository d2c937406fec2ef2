import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CertopsError } from '../../src/lib/errors.ts';

const RUNS = 200;
const SLOW_FACTOR = 20;
const MAX_CASE_CPU_MS = 1000;
/** A change is judged by what it does, not by what chance finds elsewhere on that day. */
const CI_SEED = 20_261_122;
/** Looked for in everything that is told; put wherever something is secret. */
export const CANARY = 'kanarienvogel-9b1f';

/**
 * A test that a property holds for whatever `arbitrary` makes. `runs` is for a fast machine run (200 when absent);
 * `SLOW=1` multiplies it. The seed is in the message of a failure, and `FUZZ_SEED` sets it; in CI it is always the same.
 */
export function fuzz<T>(
  name: string,
  arbitrary: fc.Arbitrary<T>,
  check: (value: T) => void | Promise<void>,
  runs = RUNS,
): void {
  const isSlow = process.env.SLOW === '1';
  const seed = Number(process.env.FUZZ_SEED ?? (process.env.CI === 'true' ? CI_SEED : Number.NaN));
  test(name, async () => {
    await fc.assert(
      fc.asyncProperty(arbitrary, async (value) => {
        const before = process.cpuUsage();
        await check(value);
        const { user, system } = process.cpuUsage(before);
        const cpuMs = (user + system) / 1000;
        // Processor time, so that a busy machine fails nothing.
        assert.ok(cpuMs < MAX_CASE_CPU_MS, `one case took ${Math.round(cpuMs)} ms of processor time`);
      }),
      {
        numRuns: isSlow ? runs * SLOW_FACTOR : runs,
        includeErrorInReport: true,
        interruptAfterTimeLimit: isSlow ? 600_000 : 60_000,
        ...(Number.isNaN(seed) ? {} : { seed }),
      },
    );
  });
}

/** What `work` gives, or the error that it may throw: a CertopsError that tells no secret. Anything else fails. */
export async function outcome<T>(work: () => T | Promise<T>): Promise<T | CertopsError> {
  try {
    return await work();
  } catch (thrown) {
    assertTolerable(thrown);
    return thrown;
  }
}

/** Throws unless it is an error that certops raises on purpose, says something short, and tells no secret. */
export function assertTolerable(thrown: unknown): asserts thrown is CertopsError {
  if (!(thrown instanceof CertopsError)) throw thrown;
  assert.match(thrown.code, /^[a-z]+\.[a-z-]+$/);
  assertTellsNothing(`${thrown.message} ${thrown.explain()} ${JSON.stringify(thrown.logFields())}`);
  assert.ok(thrown.explain().length < 20_000, 'the explanation is endless');
}

/** The canary does not stand in it. */
export function assertTellsNothing(text: string): void {
  assert.ok(!text.includes(CANARY), 'a secret is told');
}

/** Text of every kind: letters, any code point, lone surrogates, control characters, and the words given. */
export function hostileText(words: readonly string[], maxParts = 12): fc.Arbitrary<string> {
  const part = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...words) },
    { weight: 2, arbitrary: fc.string({ maxLength: 8 }) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('\u0000', '\u202e', '\ufeff', '\ud800', '\r', '\t', '\u2028', '𝄞'),
    },
  );
  return fc.array(part, { maxLength: maxParts }).map((parts) => parts.join(''));
}

/** One change to a text: something cut out, put in twice, put elsewhere, or replaced by one of the words. */
export interface Mutation {
  readonly at: number;
  readonly length: number;
  readonly kind: 'cut' | 'double' | 'insert' | 'replace' | 'case';
  readonly word: string;
}

/** Changes for `mutated`. */
export function mutations(words: readonly string[], maxLength = 4): fc.Arbitrary<readonly Mutation[]> {
  return fc.array(
    fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      length: fc.integer({ min: 1, max: 40 }),
      kind: fc.constantFrom('cut', 'double', 'insert', 'replace', 'case'),
      word: fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 5 })),
    }),
    { minLength: 1, maxLength },
  );
}

/** The text after all of the changes; `at` is a share of its length. */
export function mutated(text: string, changes: readonly Mutation[]): string {
  return changes.reduce((before, { at, length, kind, word }) => {
    const start = Math.floor(at * before.length);
    const [head, middle, tail] = [
      before.slice(0, start),
      before.slice(start, start + length),
      before.slice(start + length),
    ];
    if (kind === 'cut') return head + tail;
    if (kind === 'double') return head + middle + middle + tail;
    if (kind === 'insert') return head + word + middle + tail;
    if (kind === 'case') return head + middle.toUpperCase() + tail;
    return head + word + tail;
  }, text);
}
