import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSopsMetadata } from '../../../src/secrets/sops/metadata.ts';
import { openDocument } from '../../../src/secrets/sops/open.ts';
import { asJson, expectedFixture, FIXTURES, sealedFixture, testIdentities } from './sops-fixtures.ts';

test('there are golden files', () => {
  assert.ok(FIXTURES.length >= 10);
});

for (const name of FIXTURES) {
  test(`opens what real sops sealed: ${name}`, async () => {
    const opened = await openDocument(sealedFixture(name), await testIdentities(), name);

    assert.deepEqual(asJson(opened.document.reveal()), expectedFixture(name));
  });
}

test('reads the clear facts of a document without a key', () => {
  const metadata = readSopsMetadata(sealedFixture('secret-two-recipients'));

  assert.equal(metadata.recipients.length, 2);
  assert.match(metadata.recipients[0] ?? '', /^age1/);
  assert.equal(metadata.lastModified.toISOString().slice(0, 19), metadata.lastModifiedText.slice(0, 19));
  assert.equal(metadata.version, '3.13.3');
  assert.equal(metadata.hasOtherKeys, false);
  assert.equal(metadata.macOnlyEncrypted, false);
});
