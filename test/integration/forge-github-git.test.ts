import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import type { ForgeConfig } from '../../src/daemon/forge-config.ts';
import { gitCredentials } from '../../src/daemon/git-credentials.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { CertopsError } from '../../src/lib/errors.ts';
import { noFaults } from '../../src/lib/faults.ts';
import { silentLog } from '../../src/lib/log.ts';
import { Sensitive } from '../../src/lib/sensitive.ts';
import { Store } from '../../src/store/store.ts';
import { type GithubUnderTest, startGithubSimulator } from '../support/forges/github-simulator.ts';
import { git, scratchFolder } from '../support/git-repo.ts';
import { compileNeedles, findInClear } from '../support/needles.ts';
import { failure } from './forge-suite/scene.ts';

type AppConfig = NonNullable<ForgeConfig['app']>;

const PROPOSAL = 'certops/failure/main/web-www-0a1b2c3d';

/** A GitHub whose App is all that opens its repository, and how a daemon comes to it. */
async function startScene(t: TestContext) {
  const at = await startGithubSimulator('app');
  const folder = await scratchFolder();
  const stores: Store[] = [];
  t.after(async () => {
    for (const store of stores) await store.close();
    await at.close();
    await folder.remove();
  });
  assert.ok(at.credentials.kind === 'app');
  const { appId: id, privateKey } = at.credentials;
  const clock = systemClock();
  const open = async (change: Partial<AppConfig> = {}): Promise<Store> => {
    const app = { id, privateKey, installationId: undefined, ...change };
    const forge = { kind: 'github', url: at.apiUrl, token: undefined, app } as const;
    const store = await Store.open({
      ...{ remoteUrl: at.gitUrl, branch: 'main', dataDir: join(folder.path, `data-${stores.length}`) },
      identity: () => ({ name: 'certops', email: 'certops@localhost' }),
      credentials: gitCredentials({ repo: at.gitUrl, forge, allowPlainLoopback: true }, clock),
      ...{ clock, faults: noFaults, log: silentLog, silenceTimeoutMs: 20_000 },
    });
    stores.push(store);
    return store;
  };
  const write = (store: Store, path: string) =>
    store.commit({ label: 'other', message: path, files: [{ path, content: path }], preconditions: [] });
  const propose = (store: Store, content: string, expected: string | null, signal: AbortSignal) =>
    store.branches.publish(
      {
        ...{ branch: PROPOSAL, base: store.tip.commit, expected, message: content },
        files: new Map([['web/www.yaml', content]]),
      },
      signal,
    );
  return { at, folder: folder.path, open, write, propose };
}

/** Lets every Git that is started from here write down its arguments; gives the file. */
async function listenToGit(t: TestContext, folder: string): Promise<string> {
  const argumentsFile = join(folder, 'arguments');
  const path = process.env.PATH ?? '';
  const script = `#!/bin/sh\nprintf '%s ' "$@" >>'${argumentsFile}'\necho >>'${argumentsFile}'\nPATH='${path}' exec git "$@"\n`;
  await mkdir(join(folder, 'bin'));
  await writeFile(join(folder, 'bin', 'git'), script, { mode: 0o755 });
  process.env.PATH = `${join(folder, 'bin')}:${path}`;
  t.after(() => {
    process.env.PATH = path;
  });
  return argumentsFile;
}

function exchanges({ requests }: GithubUnderTest): readonly string[] {
  return requests.filter((request) => request.endsWith('/access_tokens'));
}

test('Git with an App: one token reads, writes and proposes, with the rights for that and no others', async (t) => {
  const { at, open, write, propose } = await startScene(t);
  const store = await open();

  const { commit } = await write(store, 'one.yaml');
  const proposal = await propose(store, 'one', null, t.signal);
  const asked = at.requests.length;
  const tip = await store.refresh(t.signal);
  const listed = await store.branches.list('certops/failure/main/', t.signal);

  assert.equal(tip.commit, commit);
  assert.equal(listed.get(PROPOSAL)?.commit, proposal.commit);
  assert.equal((await git(['-C', at.repository, 'rev-parse', PROPOSAL])).trim(), proposal.commit);
  assert.deepEqual(at.requests.slice(asked), [], 'a poll asks the API for nothing');
  assert.equal(exchanges(at).length, 1);
  const [wanted = ''] = at.received.filter((text) => text.includes('permissions'));
  assert.deepEqual(JSON.parse(wanted), {
    repositories: ['certificates'],
    permissions: { contents: 'write' },
  });
});

test('Git with an App: nothing opens the repository but its token', async (t) => {
  const { at } = await startScene(t);
  const folder = await scratchFolder();
  t.after(() => folder.remove());
  const options = {
    ...{ remoteUrl: at.gitUrl, branch: 'main', dataDir: join(folder.path, 'data') },
    identity: () => ({ name: 'certops', email: 'certops@localhost' }),
    ...{ clock: systemClock(), faults: noFaults, log: silentLog },
  };

  const thrown = await failure(Store.open(options, t.signal));

  assert.match((thrown as CertopsError).explain(), /HTTP 401/);
});

const renewals: readonly {
  readonly name: string;
  readonly act: (
    store: Store,
    scene: Awaited<ReturnType<typeof startScene>>,
    t: TestContext,
  ) => Promise<unknown>;
}[] = [
  { name: 'a poll', act: (store, _, t) => store.refresh(t.signal) },
  { name: 'a push', act: (store, { write }) => write(store, 'two.yaml') },
  { name: 'a push of a proposal', act: (store, { propose }, t) => propose(store, 'two', null, t.signal) },
  {
    name: 'a fetch of what strangers ask for',
    act: async (store, { at }, t) => {
      const files = { 'theirs.yaml': '#\n' };
      const pull = await at.person.open({ headBranch: 'topic', title: 't', files });
      at.revokeInstallationTokens();
      const ref = `refs/pull/${pull.number}/head`;
      const fetched = await store.branches.fetch(ref, { maxBytes: 1 << 20 }, t.signal);
      assert.equal(fetched.commit, pull.headCommit);
    },
  },
];
for (const { name, act } of renewals) {
  test(`Git with an App: a token that counts no more is renewed by ${name}`, async (t) => {
    const scene = await startScene(t);
    const store = await scene.open();
    scene.at.revokeInstallationTokens();

    await act(store, scene, t);

    assert.equal(exchanges(scene.at).length, 2);
  });
}

test('Git with an App: a token is renewed before its hour is over', async (t) => {
  const { at, open } = await startScene(t);
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
  const store = await open();
  t.mock.timers.tick(58 * 60_000);
  await store.refresh(t.signal);
  const before = exchanges(at).length;
  t.mock.timers.tick(90_000);

  await store.refresh(t.signal);

  // The first one would still have counted.
  assert.deepEqual([before, exchanges(at).length], [1, 2]);
});

const troubles: readonly {
  readonly name: string;
  readonly code: string;
  readonly words: RegExp;
  readonly break: (at: GithubUnderTest) => Promise<Partial<AppConfig>>;
}[] = [
  {
    name: 'a key of another App',
    code: 'forge.unauthorized',
    words: /does not let certops do this.*401/,
    break: async () => {
      const other = await startGithubSimulator('app');
      await other.close();
      assert.ok(other.credentials.kind === 'app');
      return { privateKey: other.credentials.privateKey };
    },
  },
  {
    name: 'a key that is none',
    code: 'forge.bad-configuration',
    words: /no RSA key/,
    break: async () => ({ privateKey: new Sensitive('-----BEGIN RSA PRIVATE KEY-----\ncanary-key\n') }),
  },
  {
    name: 'an App that is not installed',
    code: 'forge.not-found',
    words: /404/,
    break: async () => ({ installationId: 816 }),
  },
  {
    name: 'an App without the right to write',
    code: 'forge.refused',
    words: /permissions requested are not granted/,
    break: async (at) => {
      at.grant({ contents: 'read', metadata: 'read' });
      return {};
    },
  },
  {
    name: 'a forge that is away',
    code: 'forge.unreachable',
    words: /out of order.*503/,
    break: async (at) => {
      at.faults.outage = 'status';
      return {};
    },
  },
];
for (const trouble of troubles) {
  test(`Git with an App: ${trouble.name} is said as for the API, and to be tried again`, async (t) => {
    const { at, open } = await startScene(t);

    const thrown = await failure(trouble.break(at).then(open));

    assert.ok(thrown instanceof CertopsError);
    assert.equal(thrown.code, 'store.unreachable');
    assert.equal(thrown.data.tokenError, trouble.code);
    assert.deepEqual(thrown.retry, { when: 'backoff' });
    assert.match(thrown.explain(), trouble.words);
    assert.doesNotMatch(
      inspect(thrown) + JSON.stringify(thrown.logFields()),
      /canary|PRIVATE KEY|eyJ[\w-]+\.eyJ/,
    );
  });
}

test('Git with an App: when the forge comes back, so does Git, without a new start', async (t) => {
  const { at, open, write } = await startScene(t);
  const store = await open();
  at.revokeInstallationTokens();
  at.faults.outage = 'reset';

  const read = await failure(store.refresh(t.signal));
  const written = await failure(write(store, 'lost.yaml'));
  at.faults.outage = undefined;
  const { commit } = await write(store, 'found.yaml');

  assert.equal((read as CertopsError).data.tokenError, 'forge.unreachable');
  assert.equal((written as CertopsError).code, 'store.unreachable');
  assert.equal((await git(['-C', at.repository, 'rev-parse', 'main'])).trim(), commit);
});

test('Git with an App: no token reaches an argument of Git, a file or an error', async (t) => {
  const { at, folder, open, write, propose } = await startScene(t);
  const argumentsFile = await listenToGit(t, folder);
  const store = await open();
  await write(store, 'one.yaml');
  await propose(store, 'one', null, t.signal);
  const pull = await at.person.open({ headBranch: 'topic', title: 't', files: { 'theirs.yaml': '#\n' } });
  await store.branches.fetch(`refs/pull/${pull.number}/head`, { maxBytes: 1 << 20 }, t.signal);

  at.git.faults.status = 500;
  const thrown = await failure(write(store, 'two.yaml'));
  at.git.faults.status = undefined;

  const heard = await readFile(argumentsFile, 'utf8');
  const told = inspect(thrown, { depth: 10 }) + JSON.stringify((thrown as CertopsError).logFields());
  for (const words of [/^fetch /m, /^push .*main/m, /^-c .* fetch .*refs\/pull/m]) assert.match(heard, words);
  assert.equal(at.installationTokens.length, 1);
  const needles = compileNeedles(
    at.installationTokens.flatMap((token) => [token, `x-access-token:${token}`]),
  );
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  assert.ok(files.some(({ name }) => name.endsWith('.pack')));
  for (const file of files.filter((entry) => entry.isFile())) {
    const content = await readFile(join(file.parentPath, file.name));
    assert.deepEqual(findInClear(content, needles), [], file.name);
  }
  assert.deepEqual(findInClear(Buffer.from(told), needles), []);
});
