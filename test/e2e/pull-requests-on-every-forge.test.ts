import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatInstant } from '../../src/lib/clock.ts';
import {
  APP_ALONE,
  FORGE_CASES,
  type ForgeScenario,
  startAtForge,
} from '../support/forges/forge-scenario.ts';
import type { SeenPullRequest } from '../support/forges/forge-under-test.ts';
import { git } from '../support/git-repo.ts';
import { type HostileHost, startHostileHost } from '../support/hostile-host.ts';
import { assertHarmless, assertHarmlessTitle, HOSTILE_WORDS } from '../support/hostile-words.ts';
import { compileNeedles, findInClear } from '../support/needles.ts';
import { conditionOf, statusOf } from '../support/offline-scenario.ts';
import type { FinishedProcess } from '../support/process.ts';
import { assertNothingInClear } from '../support/promises.ts';
import { certificate, type RunOptions } from '../support/scenario.ts';
import { startScriptedDns } from '../support/scripted-dns.ts';
import { simulatedIssuer } from '../support/simulated-scenario.ts';

const HOUR_MS = 3_600_000;
const SETTINGS = `apiVersion: certops.dev/v1alpha1
kind: Repository
metadata: { name: certificates }
spec:
  pullRequests:
    labels: [certops, certificates]
    reviewers: [alice]
`;

describe('from a failure to a merged pull request', { concurrency: 2 }, () => {
  for (const forgeCase of [...FORGE_CASES, APP_ALONE]) {
    it(`${forgeCase.name}: one is opened in nobody's words but the CA's, merged, and another heals`, async (context) => {
      const scenario = await startAtForge('every-forge', context, forgeCase);
      const { forge } = scenario;
      const hosts = await Promise.all(
        HOSTILE_WORDS.map((words) => startHostileHost(scenario.httpPort, words)),
      );
      for (const host of hosts) context.after(() => void host.close());
      // As many as there are words.
      const [old, shop] = hosts.map(({ address }) => address) as [string, string];
      const dns = await startScriptedDns({ 'example.com': {}, 'example.net': {} });
      context.after(() => void dns.stop());
      const ca = await scenario.startCa();
      ca.validate({ hosts: { 'old.example.com': old, 'shop.example.net': shop } });
      await scenario.push({
        'certops.yaml': SETTINGS,
        'issuer.yaml': simulatedIssuer(ca, 'acme'),
        'web/www.yaml': acme('www', ['www.example.com', 'old.example.com']),
        'web/shop.yaml': acme('shop', ['shop.example.net']),
      });
      const begin = Date.now();
      const said: FinishedProcess[] = [];
      const run = async (hours: number, options: RunOptions = {}): Promise<FinishedProcess> => {
        const now = new Date(begin + hours * HOUR_MS);
        forge.at(now);
        const finished = await scenario.runOnce(
          scenario.at({
            ...options,
            env: { CERTOPS_TESTING: '1', CERTOPS_CLOCK: formatInstant(now) },
            args: ['--dns-resolver', dns.address],
          }),
        );
        said.push(finished);
        return finished;
      };

      await run(0);
      await run(0.1);
      const early = await scenario.seen();
      const third = await run(1);
      const opened = await scenario.theOpenOne('web/www: ');
      const other = await scenario.theOpenOne('web/shop: ');
      const before = { requests: forge.requests.length, refs: await scenario.failureRefs() };
      await run(1, { data: 'another-machine' });
      const again = { writes: scenario.writesSince(before.requests), refs: await scenario.failureRefs() };
      await forge.person.merge(opened.number);
      ca.validate({ hosts: {} });
      const healed = await run(4);

      assert.deepEqual(early, [], 'two failed attempts are no reason yet');
      assert.equal(third.code, 1, third.stdout);
      assert.match(opened.title, /^web\/www: drop old\.example\.com/);
      for (const words of [
        /`old\.example\.com` by HTTP-01: the CA says `unauthorized`/,
        /did not match this challenge\. Expected/,
        /### What certops saw.*A, AAAA old\.example\.com.*\*\*the name does not exist\*\*/s,
        /### What merging does/,
      ]) {
        assert.match(opened.body, words);
      }
      for (const one of [opened, other]) {
        assert.deepEqual([...one.labels].toSorted(), ['certificates', 'certops']);
        assert.deepEqual(one.reviewers, ['alice']);
        assert.deepEqual(told(one), []);
      }
      assert.deepEqual(await addedAndTaken(scenario, opened.headCommit), ['-    - "old.example.com"']);
      assert.deepEqual(again, { writes: [], refs: before.refs }, 'all is said already');

      assert.equal(healed.code, 0, healed.stdout + healed.stderr);
      for (const name of ['www', 'shop']) {
        assert.equal(
          conditionOf(await statusOf(scenario, `web/certificates/${name}`), 'Ready'),
          'True Ready',
        );
      }
      assert.deepEqual(ca.certificates.map(({ identifiers }) => identifiers.join(' ')).toSorted(), [
        'shop.example.net',
        'www.example.com',
      ]);
      const last = await scenario.seen();
      assert.deepEqual(
        last.map((one) => [one.number, one.state, told(one).length]),
        [
          [opened.number, 'merged', 0],
          [other.number, 'closed', 1],
        ].toSorted(([one], [another]) => Number(one) - Number(another)),
      );
      // What was merged needs its branch no more; what has healed keeps it for a week, should it return.
      const refs = await scenario.failureRefs();
      assert.deepEqual(
        refs
          .trim()
          .split('\n')
          .map((line) => line.split(' ')[0]),
        [`refs/heads/${other.headBranch}`],
      );
      assertNothingLives(forge.received, [opened, other, ...last]);
      await assertNothingTold(scenario, said, hosts);
      assert.deepEqual(ca.violations, []);
    });
  }
});

/** Comments about the failure: the plan of what merging would do is told as of every pull request. */
function told({ comments }: SeenPullRequest): readonly string[] {
  return comments.filter((comment) => !comment.includes('<!-- certops-plan '));
}

function acme(name: string, dnsNames: readonly string[]): string {
  return certificate({ name, dnsNames, issuer: 'ClusterIssuer/acme' });
}

/** The lines that a pull request's one commit adds and takes away. */
async function addedAndTaken({ remote }: ForgeScenario, commit: string): Promise<readonly string[]> {
  const diff = await git(['-C', remote, 'show', '--format=', '--unified=0', commit]);
  return diff.split('\n').filter((line) => /^[+-](?![+-]{2} )/.test(line));
}

/** Every text that the forge got, and every one that it shows, is harmless outside of code. */
function assertNothingLives(
  received: readonly string[],
  shown: readonly { readonly title: string; readonly body: string; readonly comments: readonly string[] }[],
): void {
  const texts = received.filter((text) => text.startsWith('{')).map((text) => JSON.parse(text));
  const bodies = texts
    .flatMap(({ body, description }) => [body, description])
    .filter((text) => text !== undefined);
  const titles = texts.flatMap(({ title }) => title ?? []);
  assert.ok(bodies.length >= 3 && titles.length >= 2, 'the texts were not seen');
  for (const text of [...bodies, ...shown.flatMap(({ body, comments }) => [body, ...comments])])
    assertHarmless(text);
  for (const title of [...titles, ...shown.map((one) => one.title)]) assertHarmlessTitle(title);
}

/**
 * No key, no token of the forge or of Git, no key authorization is anywhere, and no challenge token but in the record of
 * an attempt, which cert-manager's Challenge wants it in and a restart needs.
 */
async function assertNothingTold(
  scenario: ForgeScenario,
  said: readonly FinishedProcess[],
  hosts: readonly HostileHost[],
): Promise<void> {
  const { forge, remote } = scenario;
  const keyAuthorizations = hosts.flatMap((host) => host.keyAuthorizations);
  const tokens = hosts.flatMap((host) => host.tokens);
  assert.equal(tokens.length, 6, 'the CA was not told what is secret at each of three attempts');
  const patterns = compileNeedles([...tokens, ...keyAuthorizations, forge.git.password]);
  const written = await git(['-C', remote, 'log', '--all', '-p', '--', '.', ':!status/*/requests/*']);
  const heard = said.flatMap(({ stdout, stderr }) => [stdout, stderr]);
  for (const text of [...forge.received, ...heard, written]) {
    assert.deepEqual(findInClear(Buffer.from(text), patterns), []);
  }
  // What an App shows instead of a token of its own.
  const shown = [...heard, written].filter((text) => /ghs_canary|eyJ[\w-]+\.eyJ/.test(text));
  assert.equal(shown.length, 0, 'a token of an App is told');
  const made = (forge.installationTokens ?? []).flatMap((token) => [token, `x-access-token:${token}`]);
  const own = forge.token.includes('KEY-----') ? made : [forge.token];
  await assertNothingInClear(scenario, said, [...keyAuthorizations, ...own, forge.git.password]);
}
