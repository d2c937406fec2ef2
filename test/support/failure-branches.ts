import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { git } from './git-repo.ts';
import type { Scenario } from './scenario.ts';

/** A pull request of plain Git: the branch, and the message of its one commit. */
export interface FailureBranch {
  /** Without `refs/heads/`. */
  readonly name: string;
  readonly commit: string;
  readonly subject: string;
  readonly message: string;
  /** Lines that its commit adds and takes away, with their signs. */
  readonly diff: readonly string[];
}

const PREFIX = 'refs/heads/certops/failure/main/';
/** Base64url of 32 bytes: the shape of ACME tokens and of key authorizations' second half. */
const TOKEN = /(?<![\w-])[\w-]{43}(?![\w-])/;
const WIDEST = 80;

/** What stands at the remote, by name. */
export async function failureBranches({ remote }: Pick<Scenario, 'remote'>): Promise<FailureBranch[]> {
  const refs = await git(['-C', remote, 'for-each-ref', '--format=%(objectname) %(refname)', PREFIX]);
  return await Promise.all(
    refs
      .split('\n')
      .filter((line) => line !== '')
      .map(async (line) => {
        const [commit = '', ref = ''] = line.split(' ');
        const message = await git(['-C', remote, 'log', '-1', '--format=%B', commit]);
        const patch = await git(['-C', remote, 'show', '--format=', '--unified=0', commit]);
        const name = ref.slice('refs/heads/'.length);
        const diff = patch.split('\n').filter((text) => /^[+-](?![+-]{2} )/.test(text));
        return { name, commit, subject: message.split('\n', 1)[0] ?? '', message, diff };
      }),
  );
}

/** The only one; fails where there are none or several. */
export async function onlyFailureBranch(scenario: Pick<Scenario, 'remote'>): Promise<FailureBranch> {
  const branches = await failureBranches(scenario);
  const [only] = branches;
  assert.ok(
    only !== undefined && branches.length === 1,
    `one was expected: ${branches.map(({ subject }) => subject).join('; ') || 'none is there'}`,
  );
  return only;
}

/** Resolves with what the remote shows when that is so; rejects after `timeoutMs` (default 30,000). */
export async function failureBranchesUntil(
  scenario: Pick<Scenario, 'remote'>,
  isSo: (branches: readonly FailureBranch[]) => boolean,
  timeoutMs = 30_000,
): Promise<readonly FailureBranch[]> {
  const endAtMs = Date.now() + timeoutMs;
  for (;;) {
    const branches = await failureBranches(scenario);
    if (isSo(branches)) return branches;
    if (Date.now() > endAtMs) {
      const told = branches.map(({ name, subject }) => `${name}: ${subject}`).join('\n') || 'none';
      throw new Error(`after ${timeoutMs} ms the branches for failures are\n${told}`);
    }
    await pause(100);
  }
}

/** As a person with a clone: merges it as `git merge` does, and pushes. */
export async function mergeBranch({ person }: Pick<Scenario, 'person'>, name: string): Promise<void> {
  await person.pull();
  await git(['-C', person.dir, 'fetch', '-q', 'origin', name]);
  await git(['-C', person.dir, 'merge', '-q', '--no-ff', '-m', `Merge ${name}`, 'FETCH_HEAD']);
  await person.push();
}

/** As a person: says no, as one does where there is no forge. */
export async function deleteBranch({ person }: Pick<Scenario, 'person'>, name: string): Promise<void> {
  await git(['-C', person.dir, 'push', '-q', 'origin', `:refs/heads/${name}`]);
}

/** As a person: commits upon it. Gives back the commit. */
export async function commitToBranch(
  { person }: Pick<Scenario, 'person'>,
  name: string,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  await git(['-C', person.dir, 'fetch', '-q', 'origin', name, 'main']);
  await git(['-C', person.dir, 'checkout', '-q', '-B', 'own', `origin/${name}`]);
  const commit = await person.commit({ message: 'As I want it', files });
  await git(['-C', person.dir, 'push', '-q', 'origin', `HEAD:refs/heads/${name}`]);
  await git(['-C', person.dir, 'checkout', '-q', 'main']);
  return commit;
}

/**
 * Fails unless a person can read it and merge it: one commit of certops upon main whose message fits a terminal, says
 * what fails, what merging does and what else would help, and holds nothing that is secret.
 */
export async function assertReadable({ remote }: Scenario, branch: FailureBranch): Promise<void> {
  const { name, commit, subject, message, diff } = branch;
  const [, title] = message.split('\n', 2);
  assert.ok(subject.length <= 72 && title === '', `the subject is too long: ${subject}`);
  for (const heading of [/^What (?:fails|waits)$/m, /^What still works$/m, /^What merging does$/m]) {
    assert.match(message, heading, message);
  }
  for (const words of [
    /^What else would heal it$/m,
    /^If nothing is done$/m,
    /^Merge this branch to take the edit/m,
  ]) {
    assert.match(message, words, message);
  }
  const [, key = ''] = /^Certops-Proposal: ([0-9a-f]{64})$/m.exec(message) ?? [];
  assert.match(name, new RegExp(`^certops/failure/main/[a-z0-9._-]+-${key.slice(0, 8)}$`));
  const text = message.slice(0, message.lastIndexOf('Certops-Proposal: '));
  assert.doesNotMatch(text, TOKEN, 'a token or a key authorization stands in it');
  const wide = text.split('\n').filter((line) => line.length > WIDEST && line.trim().includes(' '));
  assert.deepEqual(wide, [], 'it does not fit a terminal');
  assert.notEqual(diff.length, 0, 'it changes nothing');
  const parents = (await git(['-C', remote, 'log', '-1', '--format=%P', commit])).trim();
  assert.equal(await git(['-C', remote, 'rev-list', `main..${parents}`]), '', 'it stands upon main');
}
