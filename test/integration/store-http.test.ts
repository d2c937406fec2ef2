import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '../../src/lib/clock.ts';
import { noFaults } from '../../src/lib/faults.ts';
import { silentLog } from '../../src/lib/log.ts';
import { Sensitive } from '../../src/lib/sensitive.ts';
import type { ChangeSet } from '../../src/store/change-set.ts';
import { openReadOnly } from '../../src/store/read-only.ts';
import { Store, type StoreOptions } from '../../src/store/store.ts';
import { bareRepository, git, Person, refusePushes, scratchFolder } from '../support/git-repo.ts';
import { type GitServer, startGitServer } from '../support/git-server.ts';

function write(path: string, content: string, more: Partial<ChangeSet> = {}): ChangeSet {
  return {
    label: 'other',
    message: `Write ${path}`,
    files: [{ path, content }],
    preconditions: [],
    ...more,
  };
}

describe('the store over HTTP', () => {
  let folder: Awaited<ReturnType<typeof scratchFolder>>;
  let server: GitServer;
  let options: StoreOptions;
  let store: Store;
  let repository: string;

  before(async () => {
    folder = await scratchFolder();
    repository = join(folder.path, 'config.git');
    await bareRepository(repository);
    server = await startGitServer(repository);
    options = {
      remoteUrl: server.url,
      branch: 'main',
      dataDir: join(folder.path, 'data'),
      identity: () => ({ name: 'certops', email: 'certops@localhost' }),
      credentials: { username: server.username, token: new Sensitive(server.password) },
      clock: systemClock(),
      faults: noFaults,
      log: silentLog,
      silenceTimeoutMs: 1500,
    };
    store = await Store.open(options);
  });

  after(async () => {
    await store.close();
    await server.close();
    await folder.remove();
  });

  const remoteTip = async (): Promise<string> => (await git(['-C', repository, 'rev-parse', 'main'])).trim();

  it('sees what a person pushes and pushes back', async () => {
    const person = await Person.clone(server.urlWithCredentials, join(folder.path, 'person'));
    const theirs = await person.commit({ files: { 'web/www.yaml': 'kind: Certificate\n' } });
    await person.push();

    const tip = await store.refresh();
    const { commit } = await store.commit(write('secrets/web/www.yaml', 'sealed'));

    assert.equal(tip.commit, theirs);
    assert.equal(await remoteTip(), commit);
    assert.equal((await store.readPath(commit, 'secrets/web/www.yaml'))?.content.toString(), 'sealed');
    assert.equal((await store.readState()).lastTip, commit);
  });

  it('polls an unmoved branch with one request a ref', async () => {
    await store.refresh();
    const already = server.requests.length;

    await store.refresh();

    assert.deepEqual(server.requests.slice(already), [
      'POST /config.git/git-upload-pack',
      'POST /config.git/git-upload-pack',
    ]);
  });

  it('rebuilds on a lost race and rejects only the change set whose precondition fell', async () => {
    const person = await Person.clone(repository, join(folder.path, 'racer'));
    await person.commit({ files: { 'web/raced.yaml': 'theirs\n' } });
    let pushes = 0;
    server.faults.beforePush = async () => {
      pushes += 1;
      if (pushes === 1) await person.push();
    };

    const [kept, lost] = await Promise.allSettled([
      store.commit(write('secrets/kept.yaml', 'kept')),
      store.commit(
        write('secrets/lost.yaml', 'lost', {
          preconditions: [
            {
              what: 'web/raced.yaml is absent',
              holds: async (v) => (await v.oid('web/raced.yaml')) === null,
            },
          ],
        }),
      ),
    ]);
    server.faults.beforePush = undefined;

    const files = await git(['-C', repository, 'ls-tree', '-r', '--name-only', 'main']);
    assert.equal(kept.status, 'fulfilled');
    assert.equal(lost.status === 'rejected' && lost.reason.code, 'store.precondition-failed');
    assert.equal(pushes, 2);
    assert.match(files, /secrets\/kept\.yaml/);
    assert.match(files, /web\/raced\.yaml/);
    assert.doesNotMatch(files, /lost\.yaml/);
  });

  it('takes a push for done that arrived although the answer never came', async () => {
    const before = Number(await git(['-C', repository, 'rev-list', '--count', 'main']));
    server.faults.cutsAfterNextPush = true;

    const { commit } = await store.commit(write('secrets/cut.yaml', 'once'));

    assert.equal(await remoteTip(), commit);
    assert.equal(Number(await git(['-C', repository, 'rev-list', '--count', 'main'])), before + 1);
  });

  it('says that the server refuses our commits, and goes on when it no longer does', async () => {
    await refusePushes(repository, true);

    await assert.rejects(store.commit(write('secrets/refused.yaml', 'x')), {
      code: 'store.push-refused',
    });
    await refusePushes(repository, false);
    const { commit } = await store.commit(write('secrets/refused.yaml', 'x'));

    assert.equal(await remoteTip(), commit);
  });

  const outages: { name: string; break: () => void }[] = [
    { name: 'answers 503', break: () => Object.assign(server.faults, { status: 503 }) },
    { name: 'hangs', break: () => Object.assign(server.faults, { isHanging: true }) },
  ];
  for (const outage of outages) {
    it(`calls a server that ${outage.name} unreachable and recovers`, async () => {
      outage.break();

      await assert.rejects(store.refresh(), { code: 'store.unreachable' });
      await assert.rejects(store.commit(write('secrets/out.yaml', outage.name)), {
        code: 'store.unreachable',
      });
      Object.assign(server.faults, { status: undefined, isHanging: undefined });
      const { commit } = await store.commit(write('secrets/out.yaml', outage.name));

      assert.equal(await remoteTip(), commit);
    });
  }

  it('calls wrong credentials by their name without showing them', async () => {
    const wrong = { username: 'robot', token: new Sensitive('canary-wrong-token') };

    const opening = Store.open({ ...options, dataDir: join(folder.path, 'other'), credentials: wrong });

    await assert.rejects(opening, (error: { code: string; explain(): string }) => {
      assert.equal(error.code, 'store.unreachable');
      assert.match(error.explain(), /credentials \(HTTP 401\)/);
      assert.doesNotMatch(error.explain(), /canary/);
      return true;
    });
  });

  it('opens a URL for reading only and leaves nothing behind', async () => {
    const reader = await openReadOnly({ pathOrUrl: server.urlWithCredentials });

    const changes = await reader.changes(null, reader.tip.commit);
    await reader.close();

    assert.equal(reader.tip.commit, await remoteTip());
    assert.ok(changes.some(({ path }) => path === 'README.md'));
  });
});
