import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { selfSigned, startOffline } from '../support/offline-scenario.ts';
import { certificate, type Scenario } from '../support/scenario.ts';

describe('the command line', { concurrency: 2 }, () => {
  let scenario: Scenario;
  let repo: readonly string[];

  const cleaners: (() => void)[] = [];

  before(async () => {
    scenario = await startOffline('command-line', { after: (hook) => cleaners.push(hook) });
    await scenario.push({
      'web.yaml': [
        selfSigned('www', '', ['www.example.com', 'example.com']),
        certificate({ name: 'lost', dnsNames: ['lost.example.com'], issuer: 'Issuer/absent' }),
      ].join('---\n'),
    });
    assert.equal((await scenario.runOnce()).code, 1);
    repo = ['--repo', scenario.remote];
  });

  after(() => {
    for (const clean of cleaners) clean();
  });

  it('get shows kubectl’s columns', async () => {
    const cases = [
      {
        args: ['get', 'certificates', '-n', 'web'],
        lines: [
          /^NAME {3}READY {3}SECRET {5}AGE$/,
          /^lost {3}False {3}lost-tls {3}\d+s$/,
          /^www {4}True {4}www-tls {4}\d+s$/,
        ],
      },
      {
        args: ['get', 'cert', '-A', '-o', 'wide'],
        lines: [
          /^NAMESPACE {3}NAME {3}READY {3}SECRET {5}ISSUER {7}STATUS .* AGE$/,
          /^web {9}lost {3}False {3}lost-tls {3}absent {7}\S.* \d+s$/,
          /^web {9}www {4}True {4}www-tls {4}selfsigned {3}Certificate is up to date and has not expired +\d+s$/,
        ],
      },
      { args: ['get', 'ciss'], lines: [/^NAME {9}READY {3}AGE$/, /^selfsigned {3}True {4}\d+s$/] },
      {
        args: ['get', 'requests', '-n', 'web'],
        lines: [
          /^NAME {4}APPROVED {3}DENIED {3}READY {3}ISSUER {21}AGE$/,
          /^www-1 {3}True {16}True {4}ClusterIssuer\/selfsigned {3}\d+s$/,
        ],
      },
    ];

    for (const { args, lines } of cases) {
      const shown = await scenario.certops(...args, ...repo);
      const said = shown.stdout.trimEnd().split('\n');

      assert.equal(shown.code, 0, shown.stderr);
      assert.equal(said.length, lines.length, shown.stdout);
      for (const [index, line] of lines.entries()) assert.match(said[index] ?? '', line);
    }
  });

  it('JSON and YAML stand alone on stdout', async () => {
    const json = await scenario.certops('get', 'certificates', '-A', '-o', 'json', ...repo);
    const yaml = await scenario.certops('get', 'certificates', 'www', '-n', 'web', '-o', 'yaml', ...repo);
    const run = await scenario.runOnce({ args: ['-o', 'json'] });

    const list = JSON.parse(json.stdout);
    assert.deepEqual([list.kind, json.stderr], ['List', '']);
    assert.deepEqual(
      list.items.map(({ metadata }: { metadata: { name: string } }) => metadata.name),
      ['lost', 'www'],
    );
    assert.match(
      yaml.stdout,
      /^apiVersion: v1\nkind: List\nitems:\n {2}- apiVersion: status\.certops\.dev\/v1$/m,
    );
    const summary = JSON.parse(run.stdout);
    assert.deepEqual([summary.certificates, summary.ready, summary.findings.length], [2, 1, 1]);
    assert.equal(summary.findings[0].object, 'Certificate web/lost');
  });

  it('describe tells the conditions and the story', async () => {
    const shown = await scenario.certops('describe', 'certificate', 'www', '-n', 'web', ...repo);
    const lost = await scenario.certops('describe', 'cert', 'lost', '-n', 'web', ...repo);

    assert.equal(shown.code, 0, shown.stderr);
    for (const line of [
      /^Name: {9}www$/m,
      /^Namespace: {4}web$/m,
      /^Declared in: {2}web\.yaml$/m,
      /^Spec:$/m,
      /^ {2}Dns Names:\n {4}www\.example\.com\n {4}example\.com$/m,
      /^ {4}Message: +Certificate is up to date and has not expired$/m,
      /^ {2}Not After: +\d{4}-\d\d-\d\dT/m,
      /^Events:\n {2}Type {5}Reason {9}Age {3}From {6}Message\n/m,
      /^ {2}Normal {3}DoesNotExist {3}\d+s {2,5}certops {3}Issue web\/www$/m,
    ]) {
      assert.match(shown.stdout, line);
    }
    assert.match(lost.stdout, /^ {4}Message: +Referenced Issuer "web\/absent" not found/m);
    assert.match(lost.stdout, /^ {2}Warning {2,}IssuerNotFound /m);
  });

  it('what cannot be done ends with 2 and says what to do', async () => {
    const empty = scenario.scratch.folder('no-repository');
    const cases: readonly (readonly [args: readonly string[], ...lines: readonly RegExp[]])[] = [
      [
        ['get', 'pods', ...repo],
        /^certops: "pods" is nothing that can be shown$/,
        /^ {2}There are certificates, /,
      ],
      [
        ['get', 'certificates', '--repo', empty],
        /^certops: There is no Git repository/,
        /^ {2}Name one with --repo$/,
      ],
      [['get', 'certificates', '--nonsense'], /^error: unknown option '--nonsense'$/, /--help/],
      [['get'], /^error: missing required argument 'KIND'$/, /--help/],
      [['frobnicate'], /^error: unknown command 'frobnicate'$/, /--help/],
      [
        ['describe', 'issuer', 'x', ...repo],
        /^certops: Only certificates can be described/,
        /^ {2}certops describe /,
      ],
      [['run', '--once'], /^certops: No repository is named$/, /^ {2}Name it with --repo, CERTOPS_REPO/],
      [['run', '--once', '--repo', 'ext::sh -c id'], /^certops: /, /^ {2}\S/],
      [
        ['run', '--once', ...repo, '--interval', '90d'],
        /^certops: --interval: "90d" is no duration/,
        /^ {2}Write it like/,
      ],
      [
        ['run', '--once', ...repo, '--branch', 'absent'],
        /^certops: The remote has no branch absent$/,
        /^ {2}Push a first/,
      ],
      [['run', '--once', ...repo, '--git-token', 'x'], /^error: unknown option '--git-token'$/, /--help/],
    ];

    for (const [args, ...lines] of cases) {
      const ended = await scenario.certops(...args);
      const said = ended.stderr.trimEnd().split('\n');

      assert.equal(ended.code, 2, `${args.join(' ')}: ${ended.stdout}${ended.stderr}`);
      assert.equal(ended.stdout, '');
      for (const [index, line] of lines.entries()) assert.match(said[index] ?? '', line, ended.stderr);
      assert.doesNotMatch(ended.stderr, /\bat .*\.js:\d+/, 'no stack of ours');
    }
  });

  it('what is not there is a finding, what is not asked for is not', async () => {
    const named = await scenario.certops('get', 'certificates', 'nobody', '-n', 'web', ...repo);
    const namespace = await scenario.certops('get', 'certificates', ...repo);
    const described = await scenario.certops('describe', 'certificate', 'nobody', ...repo);

    assert.deepEqual([named.code, namespace.code, described.code], [1, 0, 1]);
    assert.equal(named.stderr, 'No certificates "nobody" found in web namespace.\n');
    assert.equal(
      namespace.stderr,
      'No certificates found in default namespace. There are 2 in other namespaces: add -A.\n',
    );
    assert.equal(described.stderr, 'No certificate "nobody" found in default namespace.\n');
  });

  it('every command explains itself', async () => {
    for (const command of [[], ['init'], ['run'], ['get'], ['describe']]) {
      const help = await scenario.certops(...command, '--help');

      assert.deepEqual([help.code, help.stderr], [0, ''], command.join(' '));
      assert.match(help.stdout, new RegExp(`^Usage: certops ${command.join(' ')}`.trimEnd()));
    }
    const version = await scenario.certops('--version');
    assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
  });

  it('init leaves a folder with files alone, and uses the keys that are there', async () => {
    const full = scenario.scratch.folder('full');
    scenario.scratch.write('full/notes.txt', 'mine');
    const recipientOf = async (dir: string) =>
      /age1\w+/.exec(await readFile(join(dir, '.sops.yaml'), 'utf8'))?.[0];

    const refused = await scenario.certops('init', full);
    const again = await scenario.certops('init', scenario.scratch.path('second'));

    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /is not empty\n {2}Name a new folder.*Nothing was changed/);
    assert.deepEqual(await readdir(full), ['notes.txt']);
    assert.equal(again.code, 0, again.stderr);
    assert.equal(
      await recipientOf(scenario.scratch.path('second')),
      await recipientOf(scenario.scratch.path('template')),
    );
    assert.doesNotMatch(again.stdout, /A new (age identity|signing key)/);
  });

  it('the daemon ends cleanly at SIGINT and SIGTERM, within seconds', async (context) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const daemon = scenario.startDaemon({ data: signal });
      context.after(() => void daemon.kill('SIGKILL'));
      await daemon.waitForLine(/watching the branch/);
      const startedMs = performance.now();

      const end = await daemon.kill(signal);

      assert.deepEqual(end, { code: 0, signal: null });
      assert.ok(performance.now() - startedMs < 10_000);
      assert.match(daemon.stderr(), /stopped; what was begun is gone on with/);
    }
  });
});
