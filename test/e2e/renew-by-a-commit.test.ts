import assert from 'node:assert/strict';
import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { FORGE_CASES, startAtForge } from '../support/forges/forge-scenario.ts';
import { git, Person, refusePushes } from '../support/git-repo.ts';
import { type GitServer, startGitServer } from '../support/git-server.ts';
import { selfSigned, startOffline, statusOf } from '../support/offline-scenario.ts';
import { runProcess } from '../support/process.ts';
import { PROGRAM, type Scenario } from '../support/scenario.ts';

const ASKED = /^ {4}certops\.dev\/renew-requested-at: "\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"$/m;
const SUSPENDED = selfSigned('asleep').replace(
  'namespace: web',
  'namespace: web\n  annotations: {certops.dev/suspend: moving}',
);
const FLOW = selfSigned('flow').replace(
  'namespace: web',
  'namespace: web\n  annotations: &shared\n    owner: me\n  labels: *shared',
);

describe('renew', { concurrency: 1 }, () => {
  let scenario: Scenario;
  let clone: string;
  const cleaners: (() => void)[] = [];

  before(async () => {
    scenario = await startOffline('renew', { after: (hook) => cleaners.push(hook) });
    clone = scenario.person.dir;
    await scenario.push({
      'web.yaml': `# ours\n${selfSigned('www')}---\n${selfSigned('api')}`,
      'asleep.yaml': SUSPENDED,
      'flow.yaml': FLOW,
      'twice-a.yaml': selfSigned('twice'),
      'twice-b.yaml': selfSigned('twice'),
      'bad.yaml': selfSigned('bad', '  duration: 90d\n'),
    });
    await scenario.runOnce();
  });

  after(() => {
    for (const clean of cleaners) clean();
  });

  const tip = async (): Promise<string> => (await git(['-C', scenario.remote, 'rev-parse', 'main'])).trim();
  const renew = (...args: readonly string[]) => scenario.certops('renew', ...args, '--repo', clone);

  it('asks by one commit of the person, touches nothing else, and a new certificate comes of it', async () => {
    const text = await scenario.show('web.yaml');
    await appendFile(join(clone, 'web.yaml'), '# not committed\n');
    const head = await git(['-C', clone, 'rev-parse', 'HEAD']);
    const serial = (await statusOf(scenario, 'web/certificates/www')).certops.serialNumber;

    const asked = await renew('www', '-n', 'web');
    const commit = await git(['-C', scenario.remote, 'log', '-1', '--format=%an <%ae>%n%B', 'main']);
    const edited = (await scenario.show('web.yaml')) ?? '';
    await scenario.runOnce();

    assert.equal(asked.code, 0, asked.stderr);
    assert.match(asked.stdout, /^Pushed [0-9a-f]{12} to main: Ask to renew web\/www$/m);
    assert.match(commit, /^A Person <person@example\.com>\nAsk to renew web\/www\n/);
    assert.match(edited, ASKED);
    assert.equal(edited.replace(/^ {2}annotations:\n.*\n/m, ''), text);
    assert.equal(await git(['-C', clone, 'rev-parse', 'HEAD']), head);
    assert.match(await readFile(join(clone, 'web.yaml'), 'utf8'), /# not committed\n$/);
    assert.notEqual((await statusOf(scenario, 'web/certificates/www')).certops.serialNumber, serial);
    await git(['-C', clone, 'checkout', '-q', '--', '.']);
  });

  it('does nothing by halves, and says what stands in the way of each', async () => {
    const before = await tip();

    const refused = await renew('web/www', 'web/asleep', 'nope', 'web/flow', 'web/twice', 'web/bad');

    assert.equal(refused.code, 2);
    assert.equal(await tip(), before);
    assert.equal(refused.stdout, '');
    for (const line of [
      /^certops: asleep\.yaml:1: web\/asleep is suspended \(moving\): nothing is ordered for it$/m,
      /^certops: default\/nope is declared nowhere$/m,
      /^certops: flow\.yaml:1: web\/flow cannot be edited without touching more than its annotation/m,
      /^certops: twice-a\.yaml:1: web\/twice is declared in twice-b\.yaml, too/m,
      /^certops: bad\.yaml:\d+: web\/bad is not valid: spec\.duration: Invalid value/m,
      /^certops: nothing was changed$/m,
    ]) {
      assert.match(refused.stderr, line);
    }
  });

  it('of all, leaves out what cannot be asked for, and says so', async () => {
    const asked = await renew('--all', '-m', 'A new root\n\nSee the runbook.');

    assert.equal(asked.code, 1, asked.stderr);
    assert.equal(await git(['-C', scenario.remote, 'log', '-1', '--format=%s', 'main']), 'A new root\n');
    assert.equal(((await scenario.show('web.yaml')) ?? '').match(new RegExp(ASKED, 'gm'))?.length, 2);
    for (const name of ['asleep', 'flow', 'twice', 'bad']) {
      assert.match(asked.stderr, new RegExp(`^certops: left out: .*web/${name} `, 'm'));
    }
  });

  it('wrong usage ends with 2', async () => {
    const cases: readonly (readonly [args: readonly string[], line: RegExp])[] = [
      [[], /^certops: No Certificate is named$/m],
      [['--all', 'www'], /^certops: Names are given with --all$/m],
      [['a/b/c'], /^certops: "a\/b\/c" names no Certificate$/m],
      [['web/www', '-n', 'api'], /^certops: "web\/www" is of another namespace than api$/m],
      [['web/www', '--branch', 'absent'], /^certops: The repository has no branch absent$/m],
      [
        ['web/www', '--branch', '--upload-pack=x'],
        /^certops: "--upload-pack=x" is not a valid branch name$/m,
      ],
    ];

    for (const [args, line] of cases) {
      const refused = await renew(...args);

      assert.equal(refused.code, 2, refused.stderr);
      assert.match(refused.stderr, line);
    }
  });

  it('with --pull-request, pushes a branch of its own and says how to go on', async () => {
    const before = await tip();

    const asked = await renew('web/api', '--pull-request');

    assert.equal(asked.code, 0, asked.stderr);
    assert.equal(await tip(), before);
    const branch = /to the branch (certops\/renew\/main\/api-\d{8}-\d{6}): /.exec(asked.stdout)?.[1] ?? '';
    const changed = await git(['-C', scenario.remote, 'diff', '--name-only', `main..${branch}`]);
    assert.equal(changed, 'web.yaml\n');
    assert.match(asked.stderr, new RegExp(`git fetch origin ${branch} && git merge --no-ff FETCH_HEAD`));
  });

  it('a branch that takes no pushes is told of with the way around it', async () => {
    await refusePushes(scenario.remote, true);

    const refused = await renew('web/api');
    await refusePushes(scenario.remote, false);

    assert.equal(refused.code, 2);
    assert.match(
      refused.stderr,
      /^certops: The Git server does not take the push to main\n.*protected branch/m,
    );
    assert.match(refused.stderr, /go by a pull request/);
  });

  it('needs no clone, and commits as the person that Git knows', async () => {
    const server = await serve(scenario, cleaners);
    const asPerson = { GIT_AUTHOR_NAME: 'Ann', GIT_AUTHOR_EMAIL: 'ann@example.com' };
    const env = {
      ...scenario.env,
      ...asPerson,
      GIT_COMMITTER_NAME: 'Ann',
      GIT_COMMITTER_EMAIL: 'ann@example.com',
      CERTOPS_GIT_USERNAME: server.username,
      CERTOPS_GIT_TOKEN: server.password,
    };
    const run = (more: NodeJS.ProcessEnv) =>
      runProcess(process.execPath, [PROGRAM, 'renew', 'web/api', '--repo', server.url], {
        env: { ...env, ...more },
      });

    const asked = await run({});
    const author = await git(['-C', scenario.remote, 'log', '-1', '--format=%an', 'main']);
    const refused = await run({ CERTOPS_GIT_TOKEN: 'wrong-password-1' });

    assert.equal(asked.code, 0, asked.stderr);
    assert.equal(author, 'Ann\n');
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /^certops: The Git remote cannot be reached$/m);
    assert.doesNotMatch(asked.stderr + refused.stderr, new RegExp(server.password));
  });

  it('somebody who pushes first loses nothing, and neither do two who renew at once', async () => {
    const server = await serve(scenario, cleaners);
    const other = await Person.clone(server.urlWithCredentials, scenario.scratch.path('other'));
    await git(['-C', clone, 'remote', 'set-url', 'origin', server.urlWithCredentials]);
    await other.pull();
    await other.commit({ message: 'Mine first', files: { 'first.yaml': selfSigned('first') } });
    let pushed: Promise<unknown> | undefined;
    // Both wait for it: whoever asks second must not come before it.
    server.faults.beforePush = async () => {
      pushed ??= git(['-C', other.dir, 'push', '-q', scenario.remote, 'HEAD:main']);
      await pushed;
    };
    const times = async (): Promise<readonly string[]> =>
      [...((await scenario.show('web.yaml')) ?? '').matchAll(new RegExp(ASKED, 'gm'))].map(([line]) => line);
    const old = await times();

    const raced = await Promise.all([renew('web/www'), renew('web/api')]);
    const now = await times();

    assert.deepEqual(
      raced.map(({ code }) => code),
      [0, 0],
      raced.map(({ stderr }) => stderr).join(),
    );
    assert.ok(pushed !== undefined && (await scenario.show('first.yaml')) !== undefined);
    assert.equal(now.length, 2);
    assert.ok(now.every((line) => !old.includes(line)));
  });

  // What differs between forges is the adapters' to show.
  for (const forgeCase of FORGE_CASES.filter(({ name }) => /^(GitHub with a token|GitLab)$/.test(name))) {
    it(`${forgeCase.name}: opens a pull request whose diff asks`, async (context) => {
      const there = await startAtForge('renew-at-forge', context, forgeCase);
      await there.push({ 'web.yaml': selfSigned('www') });
      const { env, args = [] } = there.at();
      const person = identityOf('A Person');

      const asked = await runProcess(
        process.execPath,
        [PROGRAM, 'renew', 'web/www', '--pull-request', '--repo', there.forge.git.url, ...args],
        { env: { ...there.env, ...env, ...person } },
      );
      const [opened] = await there.seen();

      assert.equal(asked.code, 0, asked.stderr);
      assert.match(opened?.title ?? '', /Ask to renew web\/www$/);
      assert.match(opened?.headBranch ?? '', /^certops\/renew\/main\/www-\d{8}-\d{6}$/);
      assert.equal(opened?.baseBranch, 'main');
      assert.match(
        opened?.body ?? '',
        /^Merging asks certops to issue this Certificate again:\r?\n\r?\n- `web\/www`/,
      );
      assert.match(asked.stdout, /^Opened \S+: Ask to renew web\/www$/m);
      assert.doesNotMatch(asked.stdout + asked.stderr, new RegExp(there.forge.token));
    });
  }
});

function identityOf(name: string): Record<string, string> {
  const email = 'person@example.com';
  return {
    GIT_AUTHOR_NAME: name,
    GIT_AUTHOR_EMAIL: email,
    GIT_COMMITTER_NAME: name,
    GIT_COMMITTER_EMAIL: email,
  };
}

async function serve(scenario: Scenario, cleaners: (() => void)[]): Promise<GitServer> {
  const server = await startGitServer(scenario.remote);
  cleaners.push(() => void server.close());
  await git(['-C', scenario.remote, 'config', 'http.receivepack', 'true']);
  return server;
}
