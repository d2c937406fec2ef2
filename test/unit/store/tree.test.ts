import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ObjectSource } from '../../../src/store/object-source.ts';
import { FILE_MODE, objectId, readTree, TREE_MODE, withEntry } from '../../../src/store/tree.ts';
import { diffTrees } from '../../../src/store/tree-diff.ts';
import { editTree } from '../../../src/store/tree-edit.ts';

const BLOB = objectId('blob', Buffer.from('x'));
const EMPTY = objectId('tree', Buffer.alloc(0));

function build(entries: readonly (readonly [string, string])[]): Buffer {
  let raw: Buffer = Buffer.alloc(0);
  for (const [name, mode] of entries) raw = withEntry(raw, name, { mode, oid: BLOB });
  return raw;
}

class MemoryObjects implements ObjectSource {
  readonly trees = new Map<string, Buffer>([[EMPTY, Buffer.alloc(0)]]);

  async tree(oid: string | null): Promise<Buffer> {
    const found = this.trees.get(oid ?? EMPTY);
    assert.ok(found, `tree ${oid} was never made`);
    return found;
  }

  async blob(): Promise<Buffer> {
    return Buffer.alloc(0);
  }

  async edit(root: string, files: Parameters<typeof editTree>[2]): Promise<string> {
    const edited = await editTree(this, root, files);
    for (const { oid, content } of edited.trees) this.trees.set(oid, content);
    return edited.root;
  }
}

describe('trees', () => {
  it('sorts folders as if their name ended in a slash, whatever the order of insertion', () => {
    const entries = [
      ['a', TREE_MODE],
      ['a.b', FILE_MODE],
      ['a-b', FILE_MODE],
      ['a0', FILE_MODE],
      ['ab', FILE_MODE],
      ['B', FILE_MODE],
      ['é', FILE_MODE],
    ] as const;

    const forward = readTree(build(entries)).map(({ name }) => name);
    const backward = readTree(build([...entries].reverse())).map(({ name }) => name);

    assert.deepEqual(forward, ['B', 'a-b', 'a.b', 'a', 'a0', 'ab', 'é']);
    assert.deepEqual(backward, forward);
  });

  it('moves an entry to its new place when a file becomes a folder', () => {
    const raw = build([
      ['a', FILE_MODE],
      ['a.b', FILE_MODE],
    ]);

    const changed = readTree(withEntry(raw, 'a', { mode: TREE_MODE, oid: BLOB }));

    assert.deepEqual(
      changed.map(({ name, mode }) => [name, mode]),
      [
        ['a.b', FILE_MODE],
        ['a', TREE_MODE],
      ],
    );
  });

  it('comes back to the same tree when what was added is removed again', async () => {
    const objects = new MemoryObjects();
    const start = await objects.edit(EMPTY, [{ path: 'a/b/c', content: '1' }]);

    const added = await objects.edit(start, [
      { path: 'a/x/y', content: '2' },
      { path: 'z', content: '3' },
    ]);
    const back = await objects.edit(added, [
      { path: 'a/x/y', remove: true },
      { path: 'z', remove: true },
      { path: 'never/was', remove: true },
    ]);

    assert.notEqual(added, start);
    assert.equal(back, start);
  });

  const refused: { name: string; paths: readonly string[]; code: string }[] = [
    { name: 'a parent folder', paths: ['a/../b'], code: 'store.bad-path' },
    { name: 'an absolute path', paths: ['/etc/passwd'], code: 'store.bad-path' },
    { name: "Git's own folder", paths: ['a/.GIT/hooks/x'], code: 'store.bad-path' },
    { name: 'an empty path', paths: [''], code: 'store.bad-path' },
    { name: 'one path twice', paths: ['a', 'a'], code: 'store.path-conflict' },
    { name: 'a file that is also a folder', paths: ['a', 'a/b'], code: 'store.path-conflict' },
    { name: 'a folder where a file stands', paths: ['file/b'], code: 'store.path-conflict' },
  ];
  for (const { name, paths, code } of refused) {
    it(`refuses ${name}`, async () => {
      const objects = new MemoryObjects();
      const root = await objects.edit(EMPTY, [{ path: 'file', content: '1' }]);

      const editing = objects.edit(
        root,
        paths.map((path) => ({ path, content: '2' })),
      );

      await assert.rejects(editing, { code });
    });
  }

  it('tells what differs and leaves hidden folders and links out', async () => {
    const objects = new MemoryObjects();
    const before = await objects.edit(EMPTY, [
      { path: 'same/kept', content: '1' },
      { path: 'changed', content: '1' },
      { path: 'becomes', content: '1' },
      { path: 'gone/x', content: '1' },
    ]);
    const removed = await objects.edit(before, [
      { path: 'becomes', remove: true },
      { path: 'gone/x', remove: true },
    ]);
    const edited = await objects.edit(removed, [
      { path: 'becomes/folder', content: '2' },
      { path: 'changed', content: '2' },
      { path: '.hidden/x', content: '2' },
      { path: '.sops.yaml', content: '2' },
    ]);
    const linked = withEntry(await objects.tree(edited), 'link', { mode: '120000', oid: BLOB });
    const after = objectId('tree', linked);
    objects.trees.set(after, linked);

    const changes = await diffTrees(objects, before, after);

    assert.deepEqual(
      changes.map((change) => [change.path, change.before !== null, change.after !== null]),
      [
        ['.sops.yaml', false, true],
        ['becomes', true, false],
        ['becomes/folder', false, true],
        ['changed', true, true],
        ['gone/x', true, false],
      ],
    );
  });
});
