import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { formatInstant } from '../../src/lib/clock.ts';
import { type Bind, startBind } from '../support/bind.ts';
import {
  commitToBranch,
  deleteBranch,
  failureBranches,
  failureBranchesUntil,
  onlyFailureBranch,
} from '../support/failure-branches.ts';
import { git } from '../support/git-repo.ts';
import { committed, selfSigned, startOffline } from '../support/offline-scenario.ts';
import type { FinishedProcess } from '../support/process.ts';
import { assertNothingInClear } from '../support/promises.ts';
import {
  acmeIssuer,
  certificate,
  type LocalCa,
  type Scenario,
  startLocalCa,
  startScenario,
} from '../support/scenario.ts';

const HOUR_MS = 3_600_000;
const DAY = 24;

/** Runs at moments that a test chooses; hours from when it begins. */
function clockOf(scenario: Scenario, args: readonly string[] = []) {
  const beginMs = Date.now();
  const said: FinishedProcess[] = [];
  const run = async (hours: number, data = 'data'): Promise<FinishedProcess> => {
    const at = formatInstant(new Date(beginMs + hours * HOUR_MS));
    const env = { CERTOPS_TESTING: '1', CERTOPS_CLOCK: at };
    const finished = await scenario.runOnce({ args, data, env });
    assert.notEqual(finished.code, 2, finished.stderr);
    said.push(finished);
    return finished;
  };
  return { run, said };
}

describe('pull requests for failures, on plain Git', { concurrency: 2 }, () => {
  let bind: Bind;
  let ca: LocalCa;
  before(async () => {
    bind = await startBind([{ name: 'web.test', isDynamic: false, records: [] }]);
    ca = await startLocalCa({ dnsServer: bind.address });
  });
  after(async () => {
    await Promise.all([ca.stop(), bind.stop()]);
  });

  it('the environment’s come after the third failed attempt, and go when it is healed without them', async (context) => {
    const scenario = await startScenario('third-attempt', context, { ca });
    const { run, said } = clockOf(scenario, ['--dns-resolver', bind.address]);
    await scenario.push({
      'pebble.yaml': acmeIssuer(scenario),
      'www.yaml': certificate({ name: 'www', dnsNames: ['www.web.test'] }),
      'bad.yaml': selfSigned('bad', '  duration: 1d\n'),
    });

    const seen: (readonly string[])[] = [];
    for (const hours of [0, 0.1, 0.4]) {
      await run(hours);
      seen.push((await failureBranches(scenario)).map(({ subject }) => subject));
    }
    const [tried] = (await failureBranches(scenario)).filter(({ subject }) => subject.includes('www'));
    // Another machine: what is open is found, not opened again.
    await run(0.5, 'elsewhere');
    const found = await failureBranches(scenario);
    await bind.setRecords('web.test', ['www A 127.0.0.1']);
    await scenario.push({ 'bad.yaml': selfSigned('bad', '  duration: 24h\n') });
    const healed = await run(3, 'elsewhere');

    const bad = 'web/bad: correct spec.duration (the manifest is not valid)';
    assert.deepEqual(seen, [[bad], [bad], [bad, 'web/www: the name does not exist in DNS']]);
    assert.equal(found.length, 2);
    assert.ok(found.some(({ commit }) => commit === tried?.commit));
    assert.equal(healed.code, 0, healed.stdout);
    assert.deepEqual(await failureBranches(scenario), []);
    await assertNothingInClear(scenario, said);
  });

  it('deleted by a person it stays away for 14 days, whatever is started anew', async (context) => {
    const scenario = await startOffline('rejected', context);
    const { run, said } = clockOf(scenario);
    await scenario.push({
      'good.yaml': selfSigned('good'),
      'bad.yaml': selfSigned('bad', '  duration: 1d\n'),
    });
    await run(0);
    const first = await onlyFailureBranch(scenario);

    await deleteBranch(scenario, first.name);
    for (const [hours, data] of [
      [1, 'data'],
      [13 * DAY, 'elsewhere'],
    ] as const) {
      await run(hours, data);
      assert.deepEqual(await failureBranches(scenario), [], `after ${hours} hours`);
    }
    await run(14 * DAY + 2);

    const again = await onlyFailureBranch(scenario);
    assert.equal(again.name, first.name);
    await assertNothingInClear(scenario, said);
  });

  it('deleted by a person it comes again 72 hours before the end', async (context) => {
    const scenario = await startOffline('last-call', context);
    const { run, said } = clockOf(scenario);
    const held = 'metadata:\n  annotations: { certops.dev/suspend: later }\n';
    await scenario.push({ 'www.yaml': selfSigned('www') });
    await run(0);
    await scenario.push({ 'www.yaml': selfSigned('www').replace('metadata:\n', held) });
    await run(79 * DAY);
    const early = await failureBranches(scenario);
    // A third of the renewal window of 30 days is left.
    await run(81 * DAY);
    const first = await onlyFailureBranch(scenario);
    await deleteBranch(scenario, first.name);

    await run(82 * DAY);
    await run(86 * DAY, 'elsewhere');
    const meanwhile = await failureBranches(scenario);
    await run(87 * DAY + 1);

    const again = await onlyFailureBranch(scenario);
    assert.deepEqual([early, meanwhile], [[], []]);
    assert.match(first.subject, /^web\/www: resume it/);
    assert.equal(again.name, first.name);
    await assertNothingInClear(scenario, said);
  });

  it('what a person commits to is left alone, open and healed', async (context) => {
    const scenario = await startOffline('edited', context);
    const { run, said } = clockOf(scenario);
    const policy = 'web/bad: correct spec.duration (the manifest is not valid)';
    await scenario.push({ 'bad.yaml': selfSigned('bad', '  duration: 1d\n') });
    await run(0);
    const branch = await onlyFailureBranch(scenario);
    const own = await commitToBranch(scenario, branch.name, {
      'bad.yaml': selfSigned('bad', '  duration: 2000h\n'),
    });

    await scenario.push({ 'bad.yaml': selfSigned('bad', '  duration: 2d\n') });
    await run(1);
    const whileBroken = await onlyFailureBranch(scenario);
    await scenario.push({ 'bad.yaml': selfSigned('bad') });
    const healed = await run(2, 'elsewhere');
    const whenHealed = await onlyFailureBranch(scenario);

    assert.equal(branch.subject, policy);
    assert.deepEqual([whileBroken.commit, whenHealed.commit, healed.code], [own, own, 0]);
    await assertNothingInClear(scenario, said);
  });

  it('a daemon opens one at once, brings it up to date in place, and closes it at the next push', async (context) => {
    const scenario = await startOffline('living', context);
    await scenario.push({
      'good.yaml': selfSigned('good'),
      'bad.yaml': selfSigned('bad', '  duration: 1d\n'),
    });
    const daemon = scenario.startDaemon({ args: ['--interval', '200ms'] });
    context.after(() => daemon.kill('SIGKILL'));

    const [first] = await failureBranchesUntil(scenario, ({ length }) => length === 1);
    await scenario.push({ 'bad.yaml': selfSigned('bad', '  duration: 3d\n') });
    const [second] = await failureBranchesUntil(
      scenario,
      ([one]) => one?.diff.includes('-  duration: 3d') === true,
    );
    await scenario.push({ 'bad.yaml': selfSigned('bad') });
    await committed(scenario, 'Issue web/bad');
    await failureBranchesUntil(scenario, ({ length }) => length === 0);
    const end = await daemon.kill('SIGTERM');

    assert.equal(end.code, 0);
    assert.equal(second?.name, first?.name, 'the branch is the key');
    assert.ok(second?.diff.includes('+  duration: 72h'));
    const parents = await git(['-C', scenario.remote, 'rev-list', '--count', `main..${second?.commit}`]);
    assert.equal(parents.trim(), '1', 'it is replaced, not added to');
    await assertNothingInClear(scenario, [{ stdout: daemon.stdout(), stderr: daemon.stderr() }]);
  });
});
