import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Clock, systemClock } from '../../src/lib/clock.ts';
import { CertopsError } from '../../src/lib/errors.ts';
import { noFaults } from '../../src/lib/faults.ts';
import { silentLog } from '../../src/lib/log.ts';
import { Sensitive } from '../../src/lib/sensitive.ts';
import type { BranchProposal } from '../../src/store/branch-commit.ts';
import { ed25519Signer } from '../../src/store/ssh-signature.ts';
import { Store } from '../../src/store/store.ts';
import { bareRepository, git, Person, refusePushes, scratchFolder } from '../support/git-repo.ts';
import { type GitServer, startGitServer } from '../support/git-server.ts';

const signer = ed25519Signer(generateKeyPairSync('ed25519').privateKey);
const signal = AbortSignal.timeout(300_000);
setMaxListeners(0, signal);
const PREFIX = 'certops/failure/main/';
const BRANCH = `${PREFIX}web-www-01234567`;
const MESSAGE = 'web/www: drop old.example.com\n\nCertops-Proposal: 01234567\n';

function hasCode(code: string): (thrown: unknown) => boolean {
  return (thrown) => thrown instanceof CertopsError && thrown.code === code;
}

for (const transport of ['file', 'HTTP'] as const) {
  describe(`branches beside the source branch, over ${transport}`, () => {
    let folder: Awaited<ReturnType<typeof scratchFolder>>;
    const servers: GitServer[] = [];
    const stores: Store[] = [];
    let count = 0;

    before(async () => {
      folder = await scratchFolder();
    });

    after(async () => {
      await Promise.all(stores.map((store) => store.close()));
      await Promise.all(servers.map((server) => server.close()));
      await folder.remove();
    });

    async function start(options: { readonly isSigning?: boolean } = {}) {
      count += 1;
      const repository = join(folder.path, `repo-${count}.git`);
      await bareRepository(repository, {
        'web/www.yaml': 'old\n',
        'web/other.yaml': 'other\n',
        '.sops.yaml': 'x\n',
      });
      const server = transport === 'HTTP' ? await startGitServer(repository) : undefined;
      if (server !== undefined) servers.push(server);
      let now = new Date('2026-11-22T10:00:00Z');
      const clock: Clock = { ...systemClock(), now: () => now };
      const open = async (dataDir = `data-${count}-${stores.length}`): Promise<Store> => {
        const store = await Store.open({
          remoteUrl: server?.url ?? repository,
          branch: 'main',
          dataDir: join(folder.path, dataDir),
          identity: () => ({ name: 'certops', email: 'certops@localhost' }),
          signer: options.isSigning === false ? undefined : signer,
          ...(server === undefined
            ? {}
            : { credentials: { username: server.username, token: new Sensitive(server.password) } }),
          ...{ clock, faults: noFaults, log: silentLog },
        });
        stores.push(store);
        return store;
      };
      const inRepository = async (...args: string[]): Promise<string> =>
        (await git(['-C', repository, ...args])).trim();
      const person = () => Person.clone(repository, join(folder.path, `person-${count}-${stores.length}`));
      const pass = (ms: number): void => {
        now = new Date(now.getTime() + ms);
      };
      return { repository, server, open, inRepository, person, pass };
    }

    function proposal(store: Store, more: Partial<BranchProposal> = {}): BranchProposal {
      const files = new Map([['web/www.yaml', 'new\n']]);
      return { branch: BRANCH, base: store.tip.commit, files, message: MESSAGE, expected: null, ...more };
    }

    it('publishes one signed commit upon its base, which Git itself finds whole', async () => {
      const { open, inRepository } = await start();
      const store = await open();
      const base = store.tip.commit;

      const { commit } = await store.branches.publish(proposal(store), signal);

      assert.equal(await inRepository('rev-parse', `refs/heads/${BRANCH}`), commit);
      assert.equal(await inRepository('rev-parse', `${commit}^@`), base);
      assert.equal(await inRepository('diff', '--name-only', base, commit), 'web/www.yaml');
      assert.equal(await inRepository('show', `${commit}:web/www.yaml`), 'new');
      assert.match(
        await inRepository('cat-file', 'commit', commit),
        /^gpgsig -----BEGIN SSH SIGNATURE-----$/m,
      );
      assert.match(
        await inRepository('cat-file', 'commit', commit),
        /^committer certops .* 1795341600 \+0000$/m,
      );
      assert.equal(await inRepository('rev-parse', 'main'), base);
      assert.equal(await inRepository('fsck', '--full', '--strict', '--no-dangling'), '');
    });

    it('writes nothing where only time has passed', async () => {
      const { open, pass } = await start();
      const store = await open();
      const { commit } = await store.branches.publish(proposal(store), signal);
      pass(60_000);

      const again = await store.branches.publish(proposal(store, { expected: commit }), signal);

      assert.equal(again.commit, commit);
    });

    it('replaces its own branch, and refuses where it is not where it was', async () => {
      const { open } = await start();
      const store = await open();
      const { commit } = await store.branches.publish(proposal(store), signal);
      const next = { files: new Map([['web/www.yaml', 'newer\n']]) };

      const replaced = await store.branches.publish(proposal(store, { ...next, expected: commit }), signal);

      const late = proposal(store, { files: new Map([['web/www.yaml', 'late\n']]), expected: commit });
      await assert.rejects(store.branches.publish(late, signal), hasCode('store.branch-moved'));
      await assert.rejects(
        store.branches.publish({ ...late, expected: null }, signal),
        hasCode('store.branch-moved'),
      );
      await assert.rejects(store.branches.remove(BRANCH, commit, signal), hasCode('store.branch-moved'));
      const tips = await store.branches.list(PREFIX, signal);
      assert.deepEqual([...tips.keys()], [BRANCH]);
      assert.equal(tips.get(BRANCH)?.commit, replaced.commit);
    });

    it('proposes nothing that stands there already', async () => {
      const { open } = await start();
      const store = await open();
      const nothing = proposal(store, { files: new Map([['web/www.yaml', 'old\n']]) });

      await assert.rejects(store.branches.publish(nothing, signal), hasCode('store.nothing-proposed'));

      assert.equal((await store.branches.list(PREFIX, signal)).size, 0);
    });

    it('finds its branches again on a fresh data folder, and removes one once', async () => {
      const { open, inRepository } = await start();
      const first = await open();
      const { commit } = await first.branches.publish(proposal(first), signal);
      await first.close();
      const second = await open();

      const tips = await second.branches.list(PREFIX, signal);
      await second.branches.remove(BRANCH, commit, signal);
      await second.branches.remove(BRANCH, commit, signal);

      const tip = tips.get(BRANCH);
      assert.deepEqual([...tips.keys()], [BRANCH]);
      assert.equal(tip?.isOurs, true);
      assert.equal(tip?.base, second.tip.commit);
      assert.equal(tip?.message, MESSAGE);
      assert.equal(tip?.committedAt.toISOString(), '2026-11-22T10:00:00.000Z');
      assert.equal(
        await inRepository('for-each-ref', '--format=%(refname)', 'refs/heads'),
        'refs/heads/main',
      );
    });

    it('reads what a branch changes, and tells a merge from none', async () => {
      const { open, person } = await start();
      const store = await open();
      const base = store.tip.commit;
      const { commit } = await store.branches.publish(proposal(store), signal);
      const dropped = { branch: `${PREFIX}other`, files: new Map([['web/other.yaml', 'never\n']]) };
      const { commit: never } = await store.branches.publish(proposal(store, dropped), signal);
      const squashing = await person();
      await squashing.commit({ files: { 'web/www.yaml': 'new\n', 'more.yaml': 'x\n' } });
      await squashing.push();

      const changes = await store.branches.changes(base, commit);
      const merged = await store.branches.mergedAmong([base, commit, never, 'f'.repeat(40)], signal);

      assert.deepEqual(
        changes.map(({ path }) => path),
        ['web/www.yaml'],
      );
      assert.equal((await store.branches.readPath(commit, 'web/www.yaml'))?.content.toString(), 'new\n');
      assert.equal(await store.branches.mergeBase(commit, store.tip.commit), base);
      assert.deepEqual([...merged], [base, commit]);
    });

    const edits = [
      {
        name: 'a commit on top',
        edit: async (someone: Person) => {
          await someone.commit({ files: { 'web/www.yaml': 'mine\n' } });
        },
      },
      {
        name: 'an amended commit',
        edit: async (someone: Person) => {
          await git(['-C', someone.dir, 'commit', '-q', '--amend', '--no-edit', '--allow-empty']);
        },
      },
    ];
    for (const isSigning of [true, false]) {
      for (const { name, edit } of edits) {
        it(`tells ${name} by a person from its own (${isSigning ? 'signed' : 'unsigned'})`, async () => {
          const { open, person, inRepository } = await start({ isSigning });
          const store = await open();
          await store.branches.publish(proposal(store), signal);
          const isOurs = (await store.branches.list(PREFIX, signal)).get(BRANCH)?.isOurs;
          const someone = await person();
          await git(['-C', someone.dir, 'checkout', '-q', BRANCH]);
          await edit(someone);
          await git(['-C', someone.dir, 'push', '-q', '--force', 'origin', BRANCH]);

          const tip = (await store.branches.list(PREFIX, signal)).get(BRANCH);

          assert.equal(isOurs, true);
          assert.equal(tip?.isOurs, false);
          assert.equal(tip?.commit, await inRepository('rev-parse', BRANCH));
        });
      }
    }

    it('fetches the head of a pull request by its full name, and keeps no ref of it', async () => {
      const { open, person, inRepository } = await start();
      const store = await open();
      const stranger = await person();
      const head = await stranger.commit({ files: { 'web/www.yaml': 'theirs\n' } });
      await git(['-C', stranger.dir, 'tag', 'a-tag']);
      await git(['-C', stranger.dir, 'push', '-q', 'origin', 'HEAD:refs/pull/7/head', 'a-tag']);

      const { commit } = await store.branches.fetch('refs/pull/7/head', { maxBytes: 1 << 20 }, signal);

      const kept = await git(['--git-dir', branchesOf(store), 'for-each-ref']);
      assert.equal(commit, head);
      assert.equal((await store.branches.readPath(commit, 'web/www.yaml'))?.content.toString(), 'theirs\n');
      assert.equal(await store.branches.mergeBase(commit, store.tip.commit), store.tip.commit);
      assert.equal(kept, '');
      assert.equal(await inRepository('rev-parse', 'refs/pull/7/head'), head);
    });

    it('refuses a head that brings too much, keeps nothing of it, and goes on', async () => {
      const { open, person } = await start();
      const store = await open();
      const stranger = await person();
      await stranger.commit({ files: { 'large.bin': randomBytes(6 << 20).toString('base64') } });
      await git(['-C', stranger.dir, 'push', '-q', 'origin', 'HEAD:refs/pull/8/head']);
      const small = await person().catch(() => stranger);
      await git(['-C', small.dir, 'push', '-q', 'origin', 'origin/main:refs/pull/9/head']);

      await assert.rejects(
        store.branches.fetch('refs/pull/8/head', { maxBytes: 1 << 20 }, signal),
        hasCode('store.fetch-too-large'),
      );

      const left = await readdir(join(branchesOf(store), 'objects', 'pack'));
      assert.deepEqual(left, []);
      const { commit } = await store.branches.fetch('refs/pull/9/head', { maxBytes: 1 << 20 }, signal);
      assert.equal(commit, store.tip.commit);
    });

    it('refuses what is not there, and what Git finds broken, and shows a broken branch beside the others', async () => {
      const { open, inRepository } = await start();
      const store = await open();
      await store.branches.publish(proposal(store), signal);
      const main = await inRepository('rev-parse', 'main');
      const raw = await inRepository('cat-file', 'commit', main);
      const file = join(folder.path, `broken-${count}`);
      await writeFile(file, raw.replace(/^author .*$/m, 'author nobody'));
      const broken = await inRepository('hash-object', '-t', 'commit', '--literally', '-w', file);
      await inRepository('update-ref', `refs/heads/${PREFIX}broken`, broken);
      await inRepository('update-ref', 'refs/pull/6/head', broken);

      const tips = await store.branches.list(PREFIX, signal);

      assert.equal(tips.get(BRANCH)?.isOurs, true);
      assert.equal(tips.get(`${PREFIX}broken`)?.isOurs, false);
      assert.equal(tips.get(`${PREFIX}broken`)?.commit, broken);
      for (const ref of ['refs/pull/6/head', 'refs/pull/5/head'])
        await assert.rejects(
          store.branches.fetch(ref, { maxBytes: 1 << 20 }, signal),
          hasCode('store.fetch-refused'),
        );
    });

    it('shows a branch that somebody put something large on, and the others beside it', async () => {
      const { open, person } = await start();
      const store = await open();
      await store.branches.publish(proposal(store), signal);
      const someone = await person();
      const large = await someone.commit({
        files: { 'large.bin': randomBytes(17 << 20).toString('base64') },
      });
      await git(['-C', someone.dir, 'push', '-q', 'origin', `HEAD:refs/heads/${PREFIX}large`]);

      const tips = await store.branches.list(PREFIX, signal);

      assert.equal(tips.get(BRANCH)?.isOurs, true);
      assert.equal(tips.get(`${PREFIX}large`)?.isOurs, false);
      assert.equal(tips.get(`${PREFIX}large`)?.commit, large);
    });

    it('does not ask Git for what is no full ref name', async () => {
      const { open } = await start();
      const store = await open();
      const bad = [
        ...['--upload-pack=touch /tmp/x', 'main', 'HEAD', 'refs/heads/../x', 'refs/heads/a b'],
        ...['refs/*/head', '+refs/heads/main:refs/heads/x', `refs/heads/${'x'.repeat(400)}`],
      ];

      for (const ref of bad)
        await assert.rejects(
          store.branches.fetch(ref, { maxBytes: 1000 }, signal),
          hasCode('store.bad-ref'),
          ref,
        );
    });

    it('says that the server refuses the branch', async () => {
      const { repository, open } = await start();
      const store = await open();
      await refusePushes(repository, true);

      await assert.rejects(store.branches.publish(proposal(store), signal), hasCode('store.push-refused'));
    });

    it('publishes while the source branch is written, fifty times, and neither loses anything', async () => {
      const { open, inRepository } = await start();
      const store = await open();
      const base = store.tip.commit;
      const rounds = 50;

      const commits = Array.from({ length: rounds }, (_, i) =>
        store.commit({
          ...{ label: 'other', message: `Issue ${i}`, preconditions: [] },
          files: [{ path: `secrets/${i}.yaml`, content: `${i}` }],
        }),
      );
      let expected: string | null = null;
      for (let i = 0; i < rounds / 5; i++) {
        const files = new Map([['web/www.yaml', `${i}\n`]]);
        ({ commit: expected } = await store.branches.publish(
          proposal(store, { base, files, expected }),
          signal,
        ));
        await store.updateState((state) => ({ ...state, [`round-${i}`]: i }));
      }
      await Promise.all(commits);

      const state = await store.readState();
      assert.equal(await inRepository('rev-parse', BRANCH), expected);
      assert.equal(await inRepository('rev-list', '--count', `${base}..main`), String(rounds));
      assert.equal(Object.keys(state).filter((key) => key.startsWith('round-')).length, rounds / 5);
      assert.equal(state.lastTip, await inRepository('rev-parse', 'main'));
    });

    it('does not vouch for outputs by a proposal that a person merged', async () => {
      const { open, person } = await start();
      const store = await open();
      const { commit: issued } = await store.commit({
        ...{ label: 'other', message: 'Issue web/www', preconditions: [] },
        files: [{ path: 'secrets/web/www.yaml', content: 'sealed' }],
      });
      const someone = await person();
      const tampered = await someone.commit({ files: { 'secrets/web/www.yaml': 'tampered' } });
      await someone.push();
      await store.refresh();
      await store.branches.publish(proposal(store), signal);
      await git(['-C', someone.dir, 'fetch', '-q', 'origin', BRANCH]);
      await git(['-C', someone.dir, 'merge', '-q', '--ff-only', 'FETCH_HEAD']);
      await someone.push();
      await store.refresh();

      const vouched = await store.newestVouchedCommit();

      assert.notEqual(store.tip.commit, tampered);
      assert.equal(vouched, issued);
    });

    if (transport === 'HTTP')
      it('asks the remote once a list while nothing moves', async () => {
        const { open, server } = await start();
        const store = await open();
        await store.branches.publish(proposal(store), signal);
        await store.branches.list(PREFIX, signal);
        const already = server?.requests.length ?? 0;

        await store.branches.list(PREFIX, signal);

        assert.equal((server?.requests.length ?? 0) - already, 1);
      });

    function branchesOf(store: Store): string {
      const index = stores.indexOf(store);
      return join(folder.path, `data-${count}-${index}`, 'branches.git');
    }
  });
}
