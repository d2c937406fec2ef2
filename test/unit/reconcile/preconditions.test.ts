import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readManifests } from '../../../src/daemon/manifest-reader.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { certificateHash, type Declared } from '../../../src/reconcile/desired-state.ts';
import type { TreeView } from '../../../src/reconcile/ports.ts';
import { blobIs, manifestStands } from '../../../src/reconcile/preconditions.ts';
import { World } from '../../../src/reconcile/world.ts';
import { MemoryRepository } from '../../support/memory-repository.ts';
import { CA_ISSUER, certificateText } from './manifests.ts';

const GOOD = certificateText('www');
const OTHER = certificateText('www', { duration: '100h' });

function viewOf(repository: MemoryRepository): TreeView {
  const { commit } = repository.tip;
  return {
    base: commit,
    oid: async (path) => (await repository.readPath(commit, path))?.oid ?? null,
    read: async (path) => (await repository.readPath(commit, path))?.content ?? null,
  };
}

const EDITS: readonly (readonly [name: string, seen: string | null, now: string | null, stands: boolean])[] =
  [
    ['the same file', GOOD, GOOD, true],
    ['a comment more', GOOD, `# hello\n${GOOD}`, true],
    ['an object more', GOOD, `${CA_ISSUER}---\n${GOOD}`, true],
    ['another specification', GOOD, OTHER, false],
    ['broken', GOOD, `${GOOD}  [`, false],
    ['gone', GOOD, null, false],
    // The revision in force is an earlier one of the file: what must not move is that it is refused.
    ['refused and unchanged', `${GOOD}  nonsense: 1\n`, `${GOOD}  nonsense: 1\n`, true],
    ['refused and edited', `${GOOD}  nonsense: 1\n`, `${GOOD}  nonsense: 2\n`, false],
    ['refused and mended', `${GOOD}  nonsense: 1\n`, OTHER, false],
    ['emptied and unchanged', '# nothing\n', '# nothing\n', true],
    ['emptied and filled again', '# nothing\n', OTHER, false],
    ['removed and unchanged', null, null, true],
    ['removed and back', null, OTHER, false],
  ];

for (const [name, seen, now, stands] of EDITS) {
  test(`a manifest ${stands ? 'stands' : 'does not stand'}: ${name}`, async () => {
    const repository = new MemoryRepository();
    const world = new World(repository, readManifests, silentLog);
    await world.advance(repository.add({ 'a.yaml': GOOD }));
    const [declared] = world.desired.certificates('web/www');
    await world.advance(repository.add({ 'a.yaml': seen }));
    const condition = manifestStands(declared as Declared<never>, world, readManifests, certificateHash);

    repository.add({ 'a.yaml': now });

    assert.equal(await condition.holds(viewOf(repository)), stands);
  });
}

test('a blob is what it was, or is still absent', async () => {
  const repository = new MemoryRepository();
  repository.add({ a: '1' });
  const view = viewOf(repository);
  const oid = await view.oid('a');

  const held = await Promise.all(
    [blobIs('a', oid), blobIs('a', null), blobIs('b', null)].map(({ holds }) => holds(view)),
  );

  assert.deepEqual(held, [true, false, true]);
});
