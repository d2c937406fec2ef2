import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnswerTooLong } from '../../../src/forge/errors.ts';
import { type PageRequest, readInPages } from '../../../src/forge/pages.ts';

const MAX_LENGTH = 1000;

/** A list of entries of some lengths, whose pages hold `cutAt` at most. */
function forge(lengths: readonly number[], cutAt = 100) {
  const asked: string[] = [];
  const ask = async ({ page, perPage }: PageRequest) => {
    asked.push(`${page}/${perPage}`);
    const size = Math.min(perPage, cutAt);
    const entries = lengths.map((length, index) => ({ length, index }));
    const shown = entries.slice((page - 1) * size, page * size);
    if (shown.reduce((sum, { length }) => sum + length, 0) > MAX_LENGTH)
      throw new AnswerTooLong({ what: 'Too long' });
    return { items: shown.map(({ index }) => index), hasNext: page * size < lengths.length };
  };
  return { asked, ask };
}

async function all<T>(pages: AsyncIterable<readonly T[]>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const page of pages) found.push(...page);
  return found;
}

function upTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

test('what fits is read in long pages', async () => {
  const { ask, asked } = forge(Array(250).fill(1));

  const found = await all(readInPages(ask, { perPage: 100, maxPages: 50 }));

  assert.deepEqual(found, upTo(250));
  assert.deepEqual(asked, ['1/100', '2/100', '3/100']);
});

test('what does not fit is read in shorter pages, and what comes after it in long ones again', async () => {
  const { ask, asked } = forge([...Array(100).fill(1), ...Array(100).fill(60), ...Array(100).fill(1)]);

  const found = await all(readInPages(ask, { perPage: 100, maxPages: 50 }));

  assert.deepEqual(found, upTo(300));
  assert.deepEqual(asked, ['1/100', '2/100', ...upTo(10).map((index) => `${index + 11}/10`), '3/100']);
});

test('an entry that never fits is left out, even the first one', async () => {
  const { ask } = forge([MAX_LENGTH + 1, ...Array(104).fill(1), MAX_LENGTH + 1, 1, MAX_LENGTH + 1]);

  const found = await all(readInPages(ask, { perPage: 100, maxPages: 50 }));

  assert.deepEqual(
    found,
    upTo(107).filter((index) => index !== 0 && index !== 105),
  );
});

for (const cutAt of [100, 50, 30, 25, 7, 1]) {
  for (const lengths of [
    Array(171).fill(1),
    [...Array(60).fill(1), ...Array(60).fill(90), ...Array(51).fill(1)],
    [MAX_LENGTH + 1, ...Array(169).fill(99), 1],
    [...Array(80).fill(99), ...Array(90).fill(1), 2],
  ]) {
    test(`nothing that fits is missed where the server cuts pages at ${cutAt}: ${lengths[0]}, ${lengths[80]}`, async () => {
      const { ask } = forge(lengths, cutAt);

      const found = await all(readInPages(ask, { perPage: 50, maxPages: 200, mayBeCut: true }));

      const fitting = upTo(171).filter((index) => (lengths[index] ?? 0) <= MAX_LENGTH);
      assert.deepEqual([...new Set(found)], fitting);
    });
  }
}

test('a forge whose every answer is too long is asked four times', async () => {
  let asked = 0;
  const ask = () => {
    asked += 1;
    return Promise.reject(new AnswerTooLong({ what: 'Too long' }));
  };

  const read = all(readInPages(ask, { perPage: 100, maxPages: 50 }));

  await assert.rejects(read, { code: 'forge.bad-answer' });
  assert.equal(asked, 4);
});

test('other failures are not tried again', async () => {
  let asked = 0;
  const reason = new Error('503');
  const ask = () => {
    asked += 1;
    return Promise.reject(reason);
  };

  const read = all(readInPages(ask, { perPage: 100, maxPages: 50 }));

  await assert.rejects(read, reason);
  assert.equal(asked, 1);
});

test('no more is read than so many long pages', async () => {
  const { ask } = forge([...Array(100).fill(60), ...Array(400).fill(1)]);

  const found = await all(readInPages(ask, { perPage: 100, maxPages: 3 }));

  assert.deepEqual(found, upTo(300));
});
