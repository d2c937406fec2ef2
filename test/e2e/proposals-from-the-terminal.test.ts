import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { failureBranches } from '../support/failure-branches.ts';
import { FORGE_CASES, startAtForge } from '../support/forges/forge-scenario.ts';
import { git, Person } from '../support/git-repo.ts';
import { conditionOf, inDays, selfSigned, startOffline, statusOf } from '../support/offline-scenario.ts';
import { runProcess } from '../support/process.ts';
import { certificate, PROGRAM, type Scenario } from '../support/scenario.ts';

const WRONG = '  duration: 90d # a quarter\n';

describe('proposals, on plain Git', { concurrency: 1 }, () => {
  let scenario: Scenario;
  const cleaners: (() => void)[] = [];

  before(async () => {
    scenario = await startOffline('proposals', { after: (hook) => cleaners.push(hook) });
    await scenario.push({
      'www.yaml': selfSigned('www'),
      'lost.yaml': certificate({ name: 'lost', dnsNames: ['lost.example.com'], issuer: 'Issuer/absent' }),
    });
    await scenario.runOnce();
    await scenario.push({ 'www.yaml': selfSigned('www', WRONG), 'api.yaml': selfSigned('api', WRONG) });
    await scenario.runOnce();
  });

  after(() => {
    for (const clean of cleaners) clean();
  });

  const proposals = (...args: readonly string[]) =>
    scenario.certops('proposals', ...args, '--repo', scenario.person.dir);
  interface Listed {
    readonly number: number;
    readonly state: string;
    readonly closedBy?: string;
    readonly branch: string;
    readonly title: string;
    readonly nearestEnd?: string;
  }
  // What `list` prints as JSON.
  const listed = async () => JSON.parse((await proposals('list', '-o', 'json')).stdout) as readonly Listed[];
  const about = async (title: string): Promise<Listed> => {
    const all = await listed();
    const found = all.find((one) => one.title.startsWith(title));
    assert.ok(found, JSON.stringify(all));
    return found;
  };
  const tip = async (): Promise<string> => (await git(['-C', scenario.remote, 'rev-parse', 'main'])).trim();

  it('list tells what is open, about what, and when the certificate in use ends', async () => {
    const text = await proposals('list');
    const yaml = await proposals('list', '-o', 'yaml');
    const [www, api] = [await about('web/www: '), await about('web/api: ')];

    assert.equal(text.code, 0, text.stderr);
    const [head, ...rows] = text.stdout.trimEnd().split('\n');
    assert.match(head ?? '', /^NUMBER {3}STATE {3}SINCE {3,}NEAREST END {3}BRANCH {3,}ABOUT$/);
    assert.equal(rows.length, 3);
    assert.match(
      text.stdout,
      /^\d +open +\d+s +\d{4}-\d\d-\d\d +certops\/failure\/main\/web-www-[0-9a-f]{8} +web\/www: correct spec\.duration/m,
    );
    assert.match(text.stdout, /^\d +open +\d+s +- +certops\/failure\/main\/web-api-/m);
    assert.equal(www.nearestEnd, (await statusOf(scenario, 'web/certificates/www')).notAfter);
    assert.equal(api.nearestEnd, undefined);
    assert.match(yaml.stdout, /^- number: 3\n {2}state: open\n/);
  });

  it('show gives the whole text as a page, and the diff', async () => {
    const { number, branch } = await about('web/www: ');

    const shown = await proposals('show', String(number));
    const byBranch = await proposals('show', branch.split('/').at(-1) ?? '');
    const data = JSON.parse((await proposals('show', String(number), '-o', 'json')).stdout);
    const message = (await failureBranches(scenario)).find(({ name }) => name === branch)?.message ?? '';

    assert.equal(shown.code, 0, shown.stderr);
    assert.equal(byBranch.stdout.replace(/\(\d+s\)/, ''), shown.stdout.replace(/\(\d+s\)/, ''));
    const text = message
      .split('\n')
      .slice(2)
      .filter((line) => !line.startsWith('Certops-Proposal'))
      .join('\n')
      .trim();
    assert.ok(shown.stdout.includes(text), shown.stdout);
    assert.match(
      shown.stdout,
      /^#\d {2}web\/www: correct spec\.duration.*\nState: {7}open\nBranch: {6}certops\//,
    );
    assert.match(shown.stdout, /^Nearest end: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/m);
    assert.match(shown.stdout, /^- {2}duration: 90d # a quarter\n\+ {2}duration: 2160h # a quarter$/m);
    assert.doesNotMatch(shown.stdout, /Certops-Proposal/);
    assert.match(shown.stderr, /certops proposals accept \d/);
    assert.ok(data.text === text && data.diff.includes('+  duration: 2160h'), JSON.stringify(data));
  });

  it('accept merges as the person, takes the branch away, and the next run keeps its promise', async () => {
    const { branch } = await about('web/api: ');
    const before = await tip();
    const head = (await git(['-C', scenario.remote, 'rev-parse', branch])).trim();

    const accepted = await proposals('accept', branch);
    const parents = (await git(['-C', scenario.remote, 'log', '-1', '--format=%an %P', 'main'])).trim();
    const run = await scenario.runOnce();

    assert.equal(accepted.code, 0, accepted.stderr);
    assert.match(
      accepted.stdout,
      /^Merged #\d into main \([0-9a-f]{12}\): web\/api: correct spec\.duration/m,
    );
    assert.equal(parents, `A Person ${before} ${head}`);
    assert.ok(!(await failureBranches(scenario)).some(({ name }) => name === branch));
    assert.equal(run.code, 1, 'the others still fail');
    assert.equal(conditionOf(await statusOf(scenario, 'web/certificates/api'), 'Ready'), 'True Ready');
    assert.equal((await about('web/api: ')).state, 'merged');
  });

  it('what conflicts is named and nothing is changed', async () => {
    const { number } = await about('web/www: ');
    await scenario.push({ 'www.yaml': selfSigned('www', '  duration: 80d\n') });
    const before = await tip();

    const refused = await proposals('accept', String(number));

    assert.equal(refused.code, 2);
    assert.equal(await tip(), before);
    assert.match(
      refused.stderr,
      /cannot be merged without a person\n {2}Both changed the same lines: www\.yaml/,
    );
    await scenario.push({ 'www.yaml': selfSigned('www', WRONG) });
  });

  it('somebody who pushes meanwhile loses nothing', async () => {
    const { number } = await about('web/www: ');
    const other = await Person.clone(scenario.remote, scenario.scratch.path('busy'));
    const pushing = (async () => {
      for (let count = 0; count < 10; count += 1) {
        await other.commit({ message: `Busy ${count}`, files: { 'notes.txt': `${count}\n` } });
        await other.pushPatiently();
      }
    })();

    const accepted = await proposals('accept', String(number));
    await pushing;

    assert.equal(accepted.code, 0, accepted.stderr);
    assert.equal(await scenario.show('notes.txt'), '9\n');
    assert.match((await scenario.show('www.yaml')) ?? '', /duration: 2160h/);
  });

  it('reject deletes the branch, and it stays closed for 14 days', async () => {
    const { number, branch } = await about('Issuer web/absent: ');

    const rejected = await proposals('reject', String(number));
    await scenario.runOnce();
    const closed = await about('Issuer web/absent: ');
    await scenario.runOnce(inDays(13));
    const isBackEarly = (await failureBranches(scenario)).some(({ name }) => name === branch);
    await scenario.runOnce(inDays(15));
    const isBack = (await failureBranches(scenario)).some(({ name }) => name === branch);
    const again = await proposals('reject', String(number));
    const page = await proposals('show', String(number));

    assert.equal(rejected.code, 0, rejected.stderr);
    assert.match(rejected.stdout, /^Rejected #\d: Issuer web\/absent: /m);
    assert.match(rejected.stderr, /stays closed for 14 days/);
    assert.deepEqual([closed.state, closed.closedBy], ['closed', 'person']);
    assert.deepEqual([isBackEarly, isBack], [false, true]);
    assert.equal(again.code, 2);
    assert.match(again.stderr, /^certops: #\d is closed already$/m);
    assert.match(page.stdout, /^State: {7}closed by a person$/m);
    assert.match(page.stdout, /Its text went with its branch\./);
  });

  it('what cannot be done ends with 2 and says what to do', async () => {
    const bare = scenario.scratch.folder('no-repository');
    const cases: readonly (readonly [args: readonly string[], line: RegExp])[] = [
      [['show', '99'], /^certops: There is no proposal "99" for the branch main$/m],
      [['accept'], /missing required argument/],
      [['list', '--forge', 'github'], /^certops: --forge: there is no token for github$/m],
      [['list', '--branch', 'absent'], /^certops: The repository has no branch absent$/m],
    ];

    for (const [args, line] of cases) {
      const refused = await proposals(...args);
      assert.equal(refused.code, 2, refused.stderr);
      assert.match(refused.stderr, line);
    }
    const lost = await scenario.certops('proposals', 'list', '--repo', bare);
    assert.equal(lost.code, 2);
    assert.match(lost.stderr, /^certops: There is no Git repository at or around /m);
  });
});

it('on a forge, they are listed with who closed them, and decided about there', async (context) => {
  const [github] = FORGE_CASES;
  assert.ok(github);
  const scenario = await startAtForge('proposals-at-forge', context, github);
  await scenario.push({ 'www.yaml': selfSigned('www', WRONG), 'api.yaml': selfSigned('api', WRONG) });
  await scenario.runOnce(scenario.at());
  const one = await scenario.theOpenOne('web/www: ');
  await scenario.forge.person.close((await scenario.theOpenOne('web/api: ')).number);
  const { env, args = [] } = scenario.at();
  const proposals = (words: readonly string[], token = true) =>
    runProcess(
      process.execPath,
      [PROGRAM, 'proposals', ...words, '--repo', scenario.forge.git.url, ...(token ? args : [])],
      { env: { ...scenario.env, ...env, ...(token ? {} : { CERTOPS_FORGE_TOKEN: '' }) } },
    );

  const list = await proposals(['list']);
  const shown = await proposals(['show']);
  const decided = await Promise.all([
    proposals(['accept', String(one.number)]),
    proposals(['reject', String(one.number)]),
  ]);
  const blind = await proposals(['accept', one.headBranch], false);

  assert.equal(list.code, 0, list.stderr);
  assert.match(list.stdout, /^\d+ +open +\d+s +- +certops\/failure\/main\/web-www-/m);
  assert.match(list.stdout, /^\d+ +closed by a person +\d+s +- +certops\/failure\/main\/web-api-/m);
  assert.match(shown.stdout, /^What merging does\n\n {2}Merging corrects spec\.duration/m);
  assert.match(shown.stdout, /^\+ {2}duration: 2160h/m);
  for (const { code, stderr } of decided) {
    assert.equal(code, 2);
    assert.match(
      stderr,
      /This is a pull request on github\n {2}Merge or close it at https?:\/\/\S+\/pull\/\d+/,
    );
  }
  assert.equal(blind.code, 2);
  assert.match(blind.stderr, /This is a pull request on a forge/);
  assert.equal((await scenario.theOpenOne('web/www: ')).headCommit, one.headCommit);
});
