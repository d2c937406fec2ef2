import assert from 'node:assert/strict';
import { mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { scanBlobs } from '../../src/store/blob-scan.ts';
import { GitProcess } from '../../src/store/git-process.ts';
import { lookUpRef } from '../../src/store/ref-lookup.ts';
import { openRevisions, type Revisions } from '../../src/store/revisions.ts';
import { git } from '../support/git-repo.ts';
import { makeScratch, type Scratch } from '../support/scratch.ts';

const MIB = 1024 * 1024;

describe('a repository on disk of which commits are compared', () => {
  let scratch: Scratch;
  let repo: string;
  let gitDir: string;
  let revisions: Revisions;

  const run = async (...args: readonly string[]): Promise<string> =>
    (await git(['-C', repo, '-c', 'user.name=A', '-c', 'user.email=a@example.com', ...args])).trim();

  const commit = async (message: string): Promise<string> => {
    await run('add', '--all');
    await run('commit', '--quiet', '--allow-empty', '--message', message);
    return run('rev-parse', 'HEAD');
  };

  before(async () => {
    scratch = makeScratch('revisions');
    repo = scratch.folder('repo');
    gitDir = join(repo, '.git');
    await git(['init', '-q', '-b', 'main', repo]);
    scratch.write('repo/a/one.yaml', 'one\n');
    scratch.write('repo/a/.hidden/two.yaml', 'two\n');
    scratch.write('repo/.sops.yaml', 'rules\n');
    symlinkSync('one.yaml', join(repo, 'a', 'link.yaml'));
    await commit('first');
    revisions = await openRevisions(repo);
  });

  after(async () => {
    await revisions.close();
    scratch.remove();
  });

  describe('refs', () => {
    before(async () => {
      for (const branch of ['packed', 'twice', 'v1', 'team/loose', 'origin']) await run('branch', branch);
      await run('pack-refs', '--all');
      await commit('second');
      for (const branch of ['loose', 'team/one', 'config', 'remote-too']) await run('branch', branch);
      await run('branch', '--force', 'twice');
      await run('tag', 'v1');
      await run('tag', '--annotate', '--message=note', 'noted');
      await run('update-ref', 'refs/remotes/origin/main', 'HEAD');
      await run('update-ref', 'refs/remotes/origin/remote-too', 'HEAD~1');
      await run('update-ref', 'refs/remotes/remote-too', 'HEAD~1');
      await run('update-ref', 'refs/heads/tree-like/inner', 'HEAD~1');
      await run('update-ref', 'refs/loosely', 'HEAD~1');
      await run('branch', 'loosely');
      await run('symbolic-ref', 'refs/heads/alias', 'refs/heads/packed');
      scratch.write('repo/.git/refs/heads/broken', 'nothing\n');
    });

    const plain = ['HEAD', 'main', 'packed', 'loose', 'twice', 'team/loose', 'team/one', 'origin/main'];
    const others = [
      'v1',
      'noted',
      'config',
      'remote-too',
      'loosely',
      'alias',
      'HEAD~1',
      'HEAD^0',
      'refs/heads/main',
    ];
    const missing = ['absent', 'broken', 'tree-like', '-x', '', 'a..b', 'main:a/one.yaml', '0'.repeat(40)];

    for (const name of [...plain, ...others]) {
      it(`${name} means the commit that git takes it for`, async () => {
        const expected = await run('rev-parse', '--verify', `${name}^{commit}`);

        const found = await revisions.resolve(name);

        assert.equal(found, expected);
      });
    }

    it('plain names are told without asking git, every other is not', async () => {
      const told = await Promise.all(plain.map((name) => lookUpRef(gitDir, name)));
      const asked = await Promise.all(others.map((name) => lookUpRef(gitDir, name)));

      assert.ok(told.every((oid) => oid !== null));
      assert.deepEqual(
        asked,
        others.map(() => null),
      );
    });

    it('an id of a commit is taken as it is, an id of anything else as git takes it', async () => {
      const head = await run('rev-parse', 'HEAD');
      const tag = await run('rev-parse', 'noted');
      const blob = await run('rev-parse', 'HEAD:a/one.yaml');

      assert.equal(await revisions.resolve(head), head);
      assert.equal(await revisions.resolve(tag), head);
      await assert.rejects(revisions.resolve(blob), { code: 'store.ref-unknown' });
    });

    for (const name of missing) {
      it(`${JSON.stringify(name)} names no commit`, async () => {
        await assert.rejects(revisions.resolve(name), { code: 'store.ref-unknown' });
      });
    }
  });

  it('lists ordinary files outside hidden folders', async () => {
    const tip = await revisions.resolve('main');

    const files = await revisions.files(tip);

    const changes = await revisions.changes(null, tip);
    assert.deepEqual([...files.keys()].sort(), ['.sops.yaml', 'a/one.yaml']);
    assert.deepEqual(new Map(changes.map(({ path, after }) => [path, after])), files);
  });

  it('the merge base of a branch that was begun on the tip is the tip, of one that parted the fork', async () => {
    const fork = await revisions.resolve('main');
    await run('switch', '--quiet', '--create', 'topic');
    const topic = await commit('topic');
    const near = await revisions.mergeBase(fork, topic);
    await run('switch', '--quiet', 'main');
    const moved = await commit('moved');
    const parted = await revisions.mergeBase(moved, topic);

    assert.deepEqual([near, parted], [fork, fork]);
  });

  describe('many blobs at once', () => {
    const store = async (name: string, content: string | Uint8Array): Promise<string> => {
      const file = scratch.write(`blobs/${name}`, content);
      return run('hash-object', '-w', file);
    };
    const scan = async (oids: readonly string[], maxBytes = MIB): Promise<ReadonlyMap<number, string>> => {
      const found = new Map<number, string>();
      await scanBlobs(new GitProcess(gitDir), oids, maxBytes, (bytes, index) => {
        assert.ok(!found.has(index), `${index} is shown twice`);
        found.set(index, bytes.length > 100 ? `${bytes.length} bytes` : bytes.toString('utf8'));
      });
      return found;
    };

    it('shows each with its index, and leaves out what is missing, no blob or too large', async () => {
      const [one, empty] = [await store('one', 'one\n'), await store('empty', '')];
      const [large, huge] = [
        await store('large', 'x'.repeat(2 * MIB)),
        await store('huge', 'y'.repeat(9 * MIB)),
      ];
      const limit = await store('limit', 'z'.repeat(MIB));
      const tree = await run('rev-parse', 'HEAD^{tree}');
      const oids = [one, '1'.repeat(40), empty, 'no id\n', tree, large, one, huge, limit, huge, one];

      const found = await scan(oids);

      const shown = [
        [0, 'one\n'],
        [2, ''],
        [6, 'one\n'],
        [8, `${MIB} bytes`],
        [10, 'one\n'],
      ];
      assert.deepEqual([...found], shown);
    });

    it('shows thousands whole and in order, whatever their sizes', async () => {
      const texts = Array.from({ length: 50 }, (_, index) => `${index} `.repeat(index * index + 1));
      const oids = await Promise.all(texts.map((text, index) => store(`many-${index}`, text)));
      const asked = Array.from({ length: 3000 }, (_, index) => (index * 7) % 50);
      const seen: string[] = [];

      await scanBlobs(
        new GitProcess(gitDir),
        asked.map((index) => oids[index] ?? ''),
        MIB,
        (bytes) => {
          seen.push(bytes.toString('utf8'));
        },
      );

      assert.deepEqual(
        seen,
        asked.map((index) => texts[index]),
      );
    });

    it('goes on behind an object that git cannot read', async () => {
      const [one, damaged, two] = [
        await store('1', 'one'),
        await store('2', 'damaged'),
        await store('3', 'two'),
      ];
      const file = join(gitDir, 'objects', damaged.slice(0, 2), damaged.slice(2));
      rmSync(file);
      writeFileSync(file, 'no zlib stream');

      const found = await scan([one, damaged, two]);

      assert.deepEqual(
        [...found],
        [
          [0, 'one'],
          [2, 'two'],
        ],
      );
    });

    it('shows nothing of a repository that is not there', async () => {
      const found: unknown[] = [];

      await scanBlobs(new GitProcess(scratch.folder('empty')), ['1'.repeat(40)], MIB, (bytes) =>
        found.push(bytes),
      );

      assert.deepEqual(found, []);
    });

    it('rejects with what the visitor throws', async () => {
      const one = await store('thrown', 'one');
      const thrown = new Error('enough');

      const scanning = scanBlobs(new GitProcess(gitDir), [one, one], MIB, () => {
        throw thrown;
      });

      await assert.rejects(scanning, thrown);
    });
  });

  describe('what differs on disk', () => {
    const differing = async (): Promise<ReadonlySet<string> | undefined> =>
      revisions.differencesOnDisk(repo, await revisions.resolve('HEAD'));

    before(async () => {
      for (const name of ['same', 'edited', 'gone', 'staged', 'untracked-again', 'assumed', 'sparse'])
        scratch.write(`repo/disk/${name}.yaml`, `${name}\n`);
      await commit('disk');
    });

    it('a clean work tree differs in nothing', async () => {
      const found = await differing();

      assert.deepEqual(
        [...(found ?? ['unknown'])].filter((path) => path !== ''),
        [],
      );
    });

    it('tells what was edited, removed, staged, untracked, or is not to be looked at by git', async () => {
      const [edited, past] = [join(repo, 'disk/edited.yaml'), new Date(0)];
      // As long as before and as old as it can be: only what Git keeps besides tells it.
      writeFileSync(edited, 'EDITED\n');
      utimesSync(edited, past, past);
      rmSync(join(repo, 'disk/gone.yaml'));
      writeFileSync(join(repo, 'disk/staged.yaml'), 'other\n');
      await run('add', 'disk/staged.yaml');
      await run('rm', '--quiet', '--cached', 'disk/untracked-again.yaml');
      await run('update-index', '--assume-unchanged', 'disk/assumed.yaml');
      await run('update-index', '--skip-worktree', 'disk/sparse.yaml');

      const found = await differing();

      assert.ok(found !== undefined);
      const told = ['edited', 'gone', 'staged', 'untracked-again', 'assumed', 'sparse'];
      assert.deepEqual(
        told.filter((name) => !found.has(`disk/${name}.yaml`)),
        [],
      );
      assert.ok(!found.has('disk/same.yaml'));
    });

    it('an edit within the second in which git last looked is told', async () => {
      const file = join(repo, 'disk/racy.yaml');
      for (let round = 0; round < 5; round++) {
        writeFileSync(file, `${round}a\n`);
        await commit(`racy ${round}`);
        writeFileSync(file, `${round}b\n`);

        const found = await differing();

        assert.ok(found?.has('disk/racy.yaml'), `round ${round}`);
      }
    });

    it('of a linked work tree nothing is known', async () => {
      const linked = scratch.path('linked');
      await run('worktree', 'add', '--quiet', '--detach', linked);
      const others = await openRevisions(linked);

      const found = await others.differencesOnDisk(linked, await revisions.resolve('HEAD'));
      await others.close();

      assert.equal(found, undefined);
    });

    it('of a repository without an index, or whose index is damaged, nothing is known or all', async () => {
      const bare = scratch.folder('plain');
      mkdirSync(join(bare, '.git'));

      const found = await revisions.differencesOnDisk(bare, 'main');

      assert.equal(found, undefined);
    });
  });
});
