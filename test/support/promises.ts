import assert from 'node:assert/strict';
import { createPrivateKey, type JsonWebKey } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { describeFindings, scanForCleartext } from './canary.ts';
import { git } from './git-repo.ts';
import { openIndependently } from './independent-sops.ts';
import type { Scenario } from './scenario.ts';

/** Each key is looked for in several encodings, in everything: some of them are enough. */
const MOST_KEYS_OPENED = 5;

/** What a process said, for the scan. */
interface Said {
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Fails when a key stands in clear anywhere in the scenario: data folders, temporary files, what the given
 * processes said, every Git object of remote, mirrors and clone, unreachable ones too. Looks for keys of any
 * kind and for the very bytes of those that the remote's sealed files hold.
 */
export async function assertNothingInClear(
  scenario: Scenario,
  said: readonly Said[],
  secrets: readonly string[] = [],
): Promise<void> {
  const { scratch, remote, identityFile, signingKey } = scenario;
  for (const { stdout, stderr } of said) appendFileSync(scratch.path('said.log'), `${stdout}${stderr}`);
  const sealed = (await scenario.list()).filter(
    (path) => path.endsWith('.key.yaml') || /^secrets\/.*\.yaml$/.test(path),
  );
  const needles: (string | Buffer)[] = [...secrets];
  const step = Math.ceil(sealed.length / MOST_KEYS_OPENED);
  for (const path of sealed.filter((_, index) => index % step === 0)) {
    needles.push(...(await privateKeyBytes(scenario, path)));
  }

  const report = await scanForCleartext({
    roots: [scratch.dir],
    gitRepos: [remote],
    needles,
    allowed: [identityFile, signingKey],
  });

  assert.equal(describeFindings(report), '');
  assert.ok(sealed.length > 0 && report.filesScanned > 0 && report.objectsScanned > 0, 'nothing was scanned');
}

/** Fails when the branch has a merge, or does not lead back to this commit of a person. */
export async function assertLinear({ remote }: Scenario, descendsFrom: readonly string[]): Promise<void> {
  assert.equal(await git(['-C', remote, 'rev-list', '--merges', 'main']), '', 'there is a merge');
  const all = new Set((await git(['-C', remote, 'rev-list', 'main'])).split('\n'));
  const lost = descendsFrom.filter((commit) => !all.has(commit));
  assert.deepEqual(lost, [], 'a commit of a person was lost');
}

/**
 * Fails when a commit of certops touches anything but the output folders; the first of all, which `certops init`
 * made, is a person's. Gives back how many there are.
 */
export async function assertOwnPathsOnly({ remote }: Scenario): Promise<number> {
  const log = await git([
    ...[
      '-C',
      remote,
      'log',
      '--author=certops',
      '--min-parents=1',
      '--format=%x00',
      '--name-only',
      '--no-renames',
      'main',
    ],
  ]);
  const [, ...commits] = log.split('\0');
  const foreign = commits
    .flatMap((paths) => paths.split('\n'))
    .filter((path) => path !== '' && !/^(secrets|status)\//.test(path));
  assert.deepEqual(foreign, [], 'certops wrote outside of its folders');
  return commits.length;
}

/** The forms in which a sealed file's private key might leak without its PEM label. */
async function privateKeyBytes(scenario: Scenario, path: string): Promise<readonly Buffer[]> {
  const text = await scenario.show(path);
  assert.ok(text !== undefined, `${path} is not there`);
  const { data } = await openIndependently(text, scenario.identityFile);
  const pem = (data as Readonly<Record<string, string>>)['tls.key'];
  if (pem === undefined) return [];
  const key = createPrivateKey(Buffer.from(pem, 'base64'));
  const { d = '', p }: JsonWebKey = key.export({ format: 'jwk' });
  return [d, p ?? d].map((member) => Buffer.from(member, 'base64url'));
}
