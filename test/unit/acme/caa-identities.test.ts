import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDirectory } from '../../../src/acme/resources.ts';

const URLS = {
  newNonce: 'https://ca.test/n',
  newAccount: 'https://ca.test/a',
  newOrder: 'https://ca.test/o',
};

function identitiesIn(meta: unknown): readonly string[] | undefined {
  return readDirectory({ ...URLS, meta }, 'https://ca.test/directory', () => true).caaIdentities;
}

test('the names that CAA records know a CA by are read, and what can be none is not', () => {
  assert.deepEqual(identitiesIn({ caaIdentities: ['CA.example', 7, 'a b', ''] }), ['ca.example']);
  assert.equal(identitiesIn({ caaIdentities: Array.from({ length: 500 }, () => 'a.test') })?.length, 20);
  for (const meta of [undefined, {}, { caaIdentities: 'ca.example' }, { caaIdentities: [] }]) {
    assert.equal(identitiesIn(meta), undefined);
  }
});
