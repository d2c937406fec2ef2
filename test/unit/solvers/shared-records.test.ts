import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SharedRecords } from '../../../src/solvers/shared-records.ts';

test('a record is added again for everybody who needs it, and removed for the last', async () => {
  const records = new SharedRecords();
  const done: string[] = [];
  const note = (what: string) => async () => void done.push(what);

  await records.acquire('k', note('add'));
  // The server may have lost it since.
  await records.acquire('k', note('add'));
  await records.sweep('k', note('sweep'));
  await records.release('k', note('remove'));
  await records.release('k', note('remove'));
  await records.sweep('k', note('sweep'));

  assert.deepEqual(done, ['add', 'add', 'remove', 'sweep']);
});

test('adding and removing never overtake one another, and a failed addition counts nothing', async () => {
  const records = new SharedRecords();
  const done: string[] = [];
  const slowly = (what: string) => async () => {
    await new Promise((resolve) => setImmediate(resolve));
    done.push(what);
  };
  await records.acquire('k', slowly('add 1'));

  const refused = records.acquire('k', () => Promise.reject(new Error('refused')));
  const all = Promise.allSettled([
    refused,
    records.release('k', slowly('remove 1')),
    records.acquire('k', slowly('add 2')),
  ]);

  await assert.rejects(refused);
  await all;
  assert.deepEqual(done, ['add 1', 'remove 1', 'add 2']);
});
