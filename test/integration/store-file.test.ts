import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { type FaultStep, noFaults } from '../../src/lib/faults.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { ChangeSet, FileChange } from '../../src/store/change-set.ts';
import { ed25519Signer } from '../../src/store/ssh-signature.ts';
import { Store, type StoreOptions } from '../../src/store/store.ts';
import { bareRepository, git, Person, scratchFolder } from '../support/git-repo.ts';

const signer = ed25519Signer(generateKeyPairSync('ed25519').privateKey);

function changeSet(message: string, files: readonly FileChange[], more: Partial<ChangeSet> = {}): ChangeSet {
  return { label: 'other', message, files, preconditions: [], ...more };
}

describe('the store over a file remote', () => {
  let folder: Awaited<ReturnType<typeof scratchFolder>>;
  let count = 0;
  const opened: Store[] = [];

  before(async () => {
    folder = await scratchFolder();
  });

  after(async () => {
    await Promise.all(opened.map((store) => store.close()));
    await folder.remove();
  });

  async function open(options: StoreOptions): Promise<Store> {
    const store = await Store.open(options);
    opened.push(store);
    return store;
  }

  async function repositoryAndOptions(files?: Record<string, string>) {
    count += 1;
    const repository = join(folder.path, `repo-${count}.git`);
    await bareRepository(repository, files);
    const options: StoreOptions = {
      remoteUrl: repository,
      branch: 'main',
      dataDir: join(folder.path, `data-${count}`),
      identity: () => ({ name: 'certops', email: 'certops@localhost' }),
      signer,
      clock: systemClock(),
      faults: noFaults,
      log: silentLog,
    };
    const inRepository = async (...args: string[]): Promise<string> =>
      (await git(['-C', repository, ...args])).trim();
    return { repository, options, inRepository };
  }

  it('groups what is handed over together into one push of one commit each', async () => {
    const { options, inRepository } = await repositoryAndOptions();
    const steps: FaultStep[] = [];
    const store = await open({ ...options, faults: { reach: (step) => steps.push(step) } });
    const total = 200;

    const results = await Promise.all(
      Array.from({ length: total }, (_, i) =>
        store.commit(
          changeSet(
            `Issue n${i % 7}/app-${i}`,
            [{ path: `secrets/n${i % 7}/app-${i}.yaml`, content: `${i}` }],
            {
              label: 'issue',
            },
          ),
        ),
      ),
    );
    await store.close();

    const history = (await inRepository('rev-list', '--parents', 'main')).split('\n');
    const files = (await inRepository('ls-tree', '-r', '--name-only', 'main')).split('\n');
    assert.deepEqual(steps, ['issue-built', 'issue-pushing', 'issue-pushed']);
    assert.equal(new Set(results.map(({ commit }) => commit)).size, total);
    assert.equal(history.length, total + 1);
    assert.ok(history.every((line) => line.split(' ').length <= 2));
    assert.equal(files.filter((path) => path.startsWith('secrets/')).length, total);
    assert.equal(await inRepository('fsck', '--full', '--strict', '--no-dangling'), '');
  });

  it('removes files and the folders that become empty, and makes no commit for what is already so', async () => {
    const { options, inRepository } = await repositoryAndOptions({
      'a/b/c/one': '1',
      'a.b': '2',
      'a-b': '3',
      keep: '4',
    });
    const store = await open(options);
    const { commit: same } = await store.commit(changeSet('Nothing', [{ path: 'keep', content: '4' }]));
    const first = store.tip.commit;

    const { commit } = await store.commit(changeSet('Remove', [{ path: 'a/b/c/one', remove: true }]));
    const changes = await store.changes(first, commit);
    await store.close();

    assert.equal(same, first);
    assert.equal(await inRepository('ls-tree', '-r', '-t', '--name-only', 'main'), 'a-b\na.b\nkeep');
    assert.deepEqual(
      changes.map(({ path, after: now }) => [path, now]),
      [['a/b/c/one', null]],
    );
  });

  it('loses nothing when a person and the store push at once fifty times', async () => {
    const { repository, options, inRepository } = await repositoryAndOptions();
    const store = await open(options);
    const person = await Person.clone(repository, join(folder.path, `person-${count}`));
    const rounds = 50;

    const theirs = async (): Promise<void> => {
      for (let i = 0; i < rounds; i++) {
        await person.commit({ files: { [`people/${i}`]: `${i}` } });
        await person.pushPatiently();
      }
    };
    const ours = async (): Promise<void> => {
      for (let i = 0; i < rounds; i++)
        await store.commit(changeSet(`Ours ${i}`, [{ path: `ours/${i}`, content: `${i}` }]));
    };
    await Promise.all([theirs(), ours()]);
    await store.close();

    const files = (await inRepository('ls-tree', '-r', '--name-only', 'main')).split('\n');
    assert.equal(await inRepository('rev-list', '--count', '--min-parents=2', 'main'), '0');
    assert.equal(await inRepository('rev-list', '--count', 'main'), String(1 + 2 * rounds));
    assert.equal(files.length, 1 + 2 * rounds);
  });

  it('stops when the history is rewritten until a person accepts it, also after a restart', async () => {
    const { repository, options, inRepository } = await repositoryAndOptions();
    const first = await inRepository('rev-parse', 'main');
    const running = await open(options);
    await running.commit(changeSet('Ours', [{ path: 'ours', content: '1' }]));
    await git(['-C', repository, 'update-ref', 'refs/heads/main', first]);
    const freshData = { ...options, dataDir: `${options.dataDir}-fresh` };

    await assert.rejects(running.refresh(), { code: 'store.history-rewritten' });
    await assert.rejects(running.commit(changeSet('More', [{ path: 'more', content: '1' }])), {
      code: 'store.history-rewritten',
    });
    await assert.rejects(open(freshData), { code: 'store.history-rewritten' });
    const untouched = await inRepository('rev-parse', 'main');
    const accepted = await Store.acceptHistory(freshData);
    const { commit } = await running.refresh();
    await running.commit(changeSet('More', [{ path: 'more', content: '1' }]));
    await running.close();
    const restarted = await open(options);
    await restarted.close();

    assert.equal(untouched, first);
    assert.equal(accepted.commit, first);
    assert.equal(commit, first);
    assert.equal(await inRepository('ls-tree', '-r', '--name-only', 'main'), 'README.md\nmore');
  });

  const damages: { name: string; damage: (mirror: string) => Promise<void> }[] = [
    { name: 'without its HEAD', damage: (mirror) => rm(join(mirror, 'HEAD')) },
    { name: 'without objects', damage: (mirror) => rm(join(mirror, 'objects'), { recursive: true }) },
    {
      name: 'without its packs',
      damage: (mirror) => rm(join(mirror, 'objects', 'pack'), { recursive: true }),
    },
  ];
  for (const { name, damage } of damages) {
    it(`makes a mirror ${name} anew`, async () => {
      const { options } = await repositoryAndOptions();
      const first = await open(options);
      const { commit } = await first.commit(changeSet('Ours', [{ path: 'ours', content: '1' }]));
      await first.close();
      await damage(join(options.dataDir, 'mirror.git'));

      const second = await open(options);
      const read = await second.readPath(commit, 'ours');
      await second.close();

      assert.equal(read?.content.toString(), '1');
    });
  }

  it('heals a mirror that is damaged while it is in use', async () => {
    const { options, inRepository } = await repositoryAndOptions();
    const store = await open(options);
    await store.commit(changeSet('First', [{ path: 'first', content: 'kept by the remote' }]));
    const blob = await inRepository('rev-parse', 'main:first');
    const packs = join(options.dataDir, 'mirror.git', 'objects', 'pack');
    await rm(packs, { recursive: true });

    await assert.rejects(store.readBlob(blob, 1024), { code: 'store.mirror-damaged' });
    await store.refresh();
    const content = await store.readBlob(blob, 1024);
    const { commit } = await store.commit(changeSet('Ours', [{ path: 'ours', content: '1' }]));
    await store.close();

    assert.equal(Buffer.from(content).toString(), 'kept by the remote');
    assert.equal(await inRepository('rev-parse', 'main'), commit);
  });

  it('keeps few objects and packs after a thousand commits', async () => {
    const { options, inRepository } = await repositoryAndOptions();
    const store = await open({ ...options, maxBatch: { changeSets: 15, bytes: 8 * 1024 * 1024 } });

    await Promise.all(
      Array.from({ length: 1000 }, (_, i) =>
        store.commit(changeSet(`Issue ${i}`, [{ path: `secrets/n${i % 20}/${i}`, content: `${i}` }])),
      ),
    );
    const { commit } = store.tip;
    const read = await store.readPath(commit, 'secrets/n19/999');
    await store.close();

    const mirror = join(options.dataDir, 'mirror.git');
    const counts = await git(['-C', mirror, 'count-objects', '-v']);
    const packs = (await readdir(join(mirror, 'objects', 'pack'))).filter((file) => file.endsWith('.pack'));
    assert.equal(read?.content.toString(), '999');
    assert.equal(/^count: (\d+)$/m.exec(counts)?.[1], '0');
    assert.ok(packs.length <= 60, `${packs.length} packs`);
    assert.equal(await inRepository('rev-list', '--count', 'main'), '1001');
  });

  it('keeps the state document by compare-and-swap between two daemons', async () => {
    const { options } = await repositoryAndOptions();
    const one = await open(options);
    const two = await open({ ...options, dataDir: `${options.dataDir}-two` });
    const add = (store: Store, name: string): Promise<void> =>
      store.updateState((state) => ({ ...state, [name]: 1 }));

    await Promise.all([add(one, 'a'), add(two, 'b')]);
    await add(one, 'c');
    await two.refresh();
    const state = await two.readState();
    await Promise.all([one.close(), two.close()]);

    assert.deepEqual({ a: state.a, b: state.b, c: state.c }, { a: 1, b: 1, c: 1 });
  });

  it('finds the newest commit of its own below what people pushed', async () => {
    const { repository, options } = await repositoryAndOptions();
    const store = await open(options);
    const nothing = await store.newestVouchedCommit();
    const { commit } = await store.commit(
      changeSet('Issue web/www\n\nText.\n\nCertops-Certificate: web/www\nCertops-Revision: 1\n', [
        { path: 'ours', content: '1' },
      ]),
    );
    const person = await Person.clone(repository, join(folder.path, `person-${count}`));
    await person.commit({ files: { theirs: '1' } });
    await person.push();
    await store.refresh();

    const vouched = await store.newestVouchedCommit();
    const story = await store.log({
      maxCount: 5,
      trailer: { name: 'Certops-Certificate', value: 'web/www' },
    });
    const all = await store.log({ maxCount: 5, path: 'theirs' });
    await store.close();

    assert.equal(nothing, null);
    assert.equal(vouched, commit);
    assert.deepEqual(
      story.map(({ subject, signature, trailers }) => [subject, signature, trailers.length]),
      [['Issue web/www', 'ours', 2]],
    );
    assert.deepEqual(
      all.map(({ signature, author }) => [signature, author.name]),
      [['none', 'A Person']],
    );
  });

  it('finds the newest commit of its own behind the merge that git pull makes', async () => {
    const { repository, options } = await repositoryAndOptions();
    const store = await open(options);
    const person = await Person.clone(repository, join(folder.path, `person-${count}`));
    await store.commit(changeSet('Issue one', [{ path: 'ours', content: '1' }]));
    await person.pull();
    const { commit } = await store.commit(changeSet('Issue two', [{ path: 'ours', content: '2' }]));
    await person.commit({ files: { theirs: '1' } });
    await git(['-C', person.dir, 'pull', '-q', '--no-rebase', '--no-edit', 'origin', 'main']);
    await person.push();
    await store.refresh();

    const vouched = await store.newestVouchedCommit();
    await store.close();

    assert.equal(vouched, commit);
  });

  it('says so when the branch is not there', async () => {
    const { options } = await repositoryAndOptions();

    await assert.rejects(open({ ...options, branch: 'absent' }), { code: 'store.branch-missing' });
  });
});
