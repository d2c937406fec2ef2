import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readManifestFile } from '../../../src/api/read-manifests.ts';
import { BAD_CERTIFICATES, BAD_ISSUERS } from '../../support/bad-objects.ts';

describe('bad Certificates and Issuers', () => {
  for (const { name, content, lint, before } of [...BAD_CERTIFICATES, ...BAD_ISSUERS]) {
    it(`${name} is refused at its field, and the object is known by its name`, () => {
      const file = readManifestFile(Buffer.from(content));
      const good = before === undefined ? undefined : readManifestFile(Buffer.from(before));

      const [problem] = file.problems.filter(({ severity }) => severity === 'error');
      assert.equal(`* ${problem?.rule} ${problem?.field}`, lint, JSON.stringify(file.problems));
      assert.deepEqual(problem?.name, { namespace: 'web', name });
      assert.deepEqual([file.objects.length, file.isReadable], [0, true]);
      assert.deepEqual(good?.problems ?? [], []);
    });
  }
});
