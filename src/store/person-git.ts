import { spawn } from 'node:child_process';
import type { Sensitive } from '../lib/sensitive.ts';
import { StoreError } from './errors.ts';
import type { GitOutcome } from './git-process.ts';

/** A token for an HTTPS remote, beside whatever the person's own Git knows. */
export interface PersonCredentials {
  readonly url: string;
  readonly authorization: Sensitive<string>;
}

export interface PersonGitOptions {
  /** Where Git runs. */
  readonly dir: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly credentials?: PersonCredentials | undefined;
}

/** Long enough to type a passphrase or to touch a key. */
const TIMEOUT_MS = 5 * 60_000;
const MAX_OUTPUT_BYTES = 8 * 1024 * 1024;

/** What would make Git work on another repository than the one that is meant (`git rev-parse --local-env-vars`). */
const ELSEWHERE = /^GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|COMMON_DIR|NAMESPACE|PREFIX)$/;

/**
 * A person's own Git, with their configuration, identity, keys, hooks and helpers for credentials: what it commits and
 * pushes is theirs. Started without `simple-git`, which takes away the variables that such a Git lives by
 * (`GIT_SSH_COMMAND`, `GIT_ASKPASS`, `GIT_AUTHOR_NAME`). Nothing that certops does as itself goes this way.
 */
export class PersonGit {
  readonly dir: string;
  readonly #environment: NodeJS.ProcessEnv;

  constructor({ dir, environment, credentials }: PersonGitOptions) {
    this.dir = dir;
    this.#environment = personEnvironment(environment, credentials);
  }

  /**
   * Runs Git to its end and gives back what it said; an exit code other than 0 is not thrown. Rejects with the signal's
   * reason, a `TimeoutError` after 5 minutes, or `store.git-missing`.
   */
  async run(args: readonly string[], signal: AbortSignal): Promise<GitOutcome> {
    signal.throwIfAborted();
    const child = spawn('git', [...args], {
      cwd: this.dir,
      env: this.#environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own would lose the terminal, at which ssh and gpg ask for passphrases.
      killSignal: 'SIGTERM',
    });
    const stop = (): void => void child.kill('SIGTERM');
    const timer = setTimeout(stop, TIMEOUT_MS);
    signal.addEventListener('abort', stop, { once: true });
    const said = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8');
      child[name].on('data', (text: string) => {
        if (said[name].length < MAX_OUTPUT_BYTES) said[name] += text;
      });
    }
    try {
      const exitCode = await new Promise<number | null>((resolve, reject) => {
        child.on('error', reject);
        child.on('close', resolve);
      });
      signal.throwIfAborted();
      if (exitCode === null) throw new DOMException(`Git took longer than ${TIMEOUT_MS} ms`, 'TimeoutError');
      return { exitCode, ...said };
    } catch (thrown) {
      if (!isMissing(thrown)) throw thrown;
      throw new StoreError(
        'store.git-missing',
        { what: 'Git cannot be started', next: 'Install git 2.39 or newer on this machine' },
        { retry: { when: 'never' }, cause: thrown },
      );
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    }
  }

  /** One line of what Git says; undefined where it says nothing or fails. */
  async ask(args: readonly string[], signal: AbortSignal): Promise<string | undefined> {
    const { exitCode, stdout } = await this.run(args, signal);
    const line = stdout.trim();
    return exitCode === 0 && line !== '' ? line : undefined;
  }
}

function personEnvironment(
  environment: PersonGitOptions['environment'],
  credentials: PersonCredentials | undefined,
): NodeJS.ProcessEnv {
  const kept = Object.entries(environment).filter(
    ([name, value]) => value !== undefined && !ELSEWHERE.test(name) && !/^(CERTOPS|SOPS)_/.test(name),
  );
  // Git's own words are shown to people and never decided by; those for porcelain do not change.
  const used: NodeJS.ProcessEnv = { ...Object.fromEntries(kept), LC_ALL: 'C.UTF-8' };
  if (credentials === undefined) return used;
  const count = Number(environment.GIT_CONFIG_COUNT ?? 0) || 0;
  return {
    ...used,
    GIT_CONFIG_COUNT: String(count + 1),
    [`GIT_CONFIG_KEY_${count}`]: `http.${credentials.url}.extraHeader`,
    [`GIT_CONFIG_VALUE_${count}`]: `Authorization: ${credentials.authorization.reveal()}`,
  };
}

function isMissing(thrown: unknown): boolean {
  return thrown instanceof Error && (thrown as NodeJS.ErrnoException).code === 'ENOENT';
}

/** The last line that Git said, without user and password of a URL in it; for people. */
export function lastWords(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.replace(/^hint: .*/, '').trim());
  const told =
    lines.findLast((line) => /^(fatal|error): /.test(line)) ?? lines.findLast((line) => line !== '');
  return withoutUserInfo(told ?? '').slice(0, 300);
}

/** The same text without user and password in the URLs of it. */
export function withoutUserInfo(text: string): string {
  return text.replace(/([a-z][a-z0-9+.-]*:\/\/)[^/@\s]*@/gi, '$1');
}
