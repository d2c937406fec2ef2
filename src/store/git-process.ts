import { spawn } from 'node:child_process';
import type { Sensitive } from '../lib/sensitive.ts';
import { StoreError } from './errors.ts';
import type { Remote } from './remote.ts';

/** A Git process that ended, whatever its exit code. */
export interface GitOutcome {
  readonly exitCode: number;
  readonly stdout: string;
  /** In the C locale; for people and logs only, nothing decides by it. */
  readonly stderr: string;
}

export interface GitRunOptions {
  readonly signal?: AbortSignal | undefined;
  /** The process is ended after this long without a byte on stdout or stderr; 30,000. */
  readonly silenceTimeoutMs?: number;
  /** Told once, when the process has started. */
  readonly onStarted?: () => void;
  /** Value of the `Authorization` header for the remote; what stays on this machine needs none. */
  readonly authorization?: Sensitive<string> | undefined;
}

const DEFAULT_SILENCE_MS = 30_000;
/** However talkative: nothing that Git does for us takes longer. */
const LONGEST_RUN_MS = 30 * 60_000;

const GUARDED_ENVIRONMENT: readonly string[] = [
  'GIT_ATTR_NOSYSTEM',
  'GIT_CONFIG_COUNT',
  'GIT_CONFIG_GLOBAL',
  'GIT_CONFIG_NOSYSTEM',
  'GIT_DIR',
  'GIT_NO_LAZY_FETCH',
  'GIT_NO_REPLACE_OBJECTS',
  'GIT_OPTIONAL_LOCKS',
  'GIT_SSL_CAINFO',
  'GIT_TERMINAL_PROMPT',
];

/**
 * Starts Git, always the same way: the repository named outright, no hooks, no system or user
 * configuration, no prompts, no lazy fetches, only the one transport in use, every object checked, the
 * C locale. Credentials are in the environment (`GIT_CONFIG_*`), never in arguments or URLs.
 */
export class GitProcess {
  readonly gitDir: string;
  readonly #remote: Remote | undefined;
  readonly #environment: Readonly<Record<string, string>>;

  constructor(gitDir: string, remote?: Remote) {
    this.gitDir = gitDir;
    this.#remote = remote;
    this.#environment = gitEnvironment(gitDir, remote, undefined);
  }

  /**
   * Runs Git to its end and gives back what it said; an exit code other than 0 is not thrown. Rejects with
   * the signal's reason, a `TimeoutError` after silence, or `store.git-missing` when Git cannot be started.
   */
  async run(args: readonly string[], options: GitRunOptions = {}): Promise<GitOutcome> {
    const silenceMs = options.silenceTimeoutMs ?? DEFAULT_SILENCE_MS;
    const silence = new AbortController();
    const onSilence = (): void =>
      silence.abort(new DOMException(`Git was silent for ${silenceMs} ms`, 'TimeoutError'));
    let timer = setTimeout(onSilence, silenceMs);
    const onOutput = (): void => {
      clearTimeout(timer);
      timer = setTimeout(onSilence, silenceMs);
    };
    const longest = setTimeout(() => {
      silence.abort(new DOMException(`Git took longer than ${LONGEST_RUN_MS} ms`, 'TimeoutError'));
    }, LONGEST_RUN_MS);
    const parents = options.signal === undefined ? [silence.signal] : [silence.signal, options.signal];
    const signal = AbortSignal.any(parents);
    try {
      signal.throwIfAborted();
      const ended = this.#start(args, signal, onOutput, options);
      return await untilAborted(ended, signal);
    } finally {
      clearTimeout(timer);
      clearTimeout(longest);
    }
  }

  /** A process to talk to over pipes; its caller bounds and ends it. stderr is a pipe as well. */
  spawn(args: readonly string[], signal?: AbortSignal) {
    return spawn('git', [...args], {
      cwd: this.gitDir,
      env: { ...this.#environment },
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(signal === undefined ? {} : { signal, killSignal: 'SIGKILL' as const }),
    });
  }

  /**
   * Like `spawn` without stdin, as the leader of a process group: whoever ends the group ends Git's helpers too,
   * which otherwise go on transferring. `environment` comes on top, `authorization` is as `run` has it.
   */
  spawnGroup(
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    authorization?: Sensitive<string> | undefined,
  ) {
    return spawn('git', [...args], {
      cwd: this.gitDir,
      env: { ...this.#environmentWith(authorization), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
  }

  async #start(
    args: readonly string[],
    signal: AbortSignal,
    onOutput: () => void,
    { onStarted, authorization }: GitRunOptions,
  ): Promise<GitOutcome> {
    const environment = this.#environmentWith(authorization);
    let exitCode = 0;
    let stderr = '';
    let failure: unknown;
    // Loaded when something is run to its end: most of what reads only talks to a process.
    const { simpleGit } = await import('simple-git');
    signal.throwIfAborted();
    const git = simpleGit({
      baseDir: this.gitDir,
      abort: signal,
      allowEnvironment: [
        ...GUARDED_ENVIRONMENT,
        ...Object.keys(environment).filter((name) => /^GIT_CONFIG_(KEY|VALUE)_/.test(name)),
      ],
      // What these guard against is exactly what gitEnvironment sets, from constants.
      unsafe: {
        allowUnsafeConfigEnvCount: true,
        allowUnsafeConfigPaths: true,
        allowUnsafeHooksPath: true,
        allowUnsafeProtocolOverride: true,
        allowUnsafeCredentialHelper: true,
      },
      errors: (error, result) => {
        exitCode = result.exitCode;
        stderr = Buffer.concat(result.stdErr).toString();
        failure = error;
        return undefined;
      },
    });
    git.env({ ...environment });
    git.outputHandler((_command, stdout, stderrStream) => {
      stdout.on('data', onOutput);
      stderrStream.on('data', onOutput);
      onStarted?.();
    });
    const stdout = await git.raw([...args]);
    signal.throwIfAborted();
    // simple-git reports a process that never started as a failure without an exit code of Git's own.
    if (exitCode < 0 || exitCode > 255) {
      throw new StoreError(
        'store.git-missing',
        { what: 'Git cannot be started', next: 'Install git 2.39 or newer on this machine' },
        { cause: failure },
      );
    }
    return { exitCode, stdout, stderr };
  }

  #environmentWith(authorization: Sensitive<string> | undefined): Readonly<Record<string, string>> {
    if (authorization === undefined) return this.#environment;
    return gitEnvironment(this.gitDir, this.#remote, authorization);
  }
}

/** Settles with the process, or with the signal's reason when a killed process is slow to go. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = rejecter();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } catch (thrown) {
    signal.throwIfAborted();
    throw thrown;
  } finally {
    signal.removeEventListener('abort', onAbort);
    work.catch(() => {});
  }
}

function rejecter(): { promise: Promise<never>; reject: (reason: unknown) => void } {
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<never>((_resolve, rejectPromise) => {
    reject = rejectPromise;
  });
  return { promise, reject };
}

function gitEnvironment(
  gitDir: string,
  remote: Remote | undefined,
  authorization: Sensitive<string> | undefined,
): Record<string, string> {
  const settings: [string, string][] = [
    ['core.hooksPath', '/dev/null'],
    ['protocol.allow', 'never'],
    ['fetch.fsckObjects', 'true'],
    ['transfer.fsckObjects', 'true'],
    // Everything that arrives stays a pack: loose objects cost a file each.
    ['fetch.unpackLimit', '1'],
    ['transfer.unpackLimit', '1'],
    ['gc.auto', '0'],
    ['maintenance.auto', 'false'],
    ['pack.threads', '1'],
    ['credential.helper', ''],
    ['http.followRedirects', 'false'],
    // The transport is a child of Git's and may outlive it: it gives up by itself.
    ['http.lowSpeedLimit', '1'],
    ['http.lowSpeedTime', '60'],
    ['submodule.recurse', 'false'],
    ['core.quotePath', 'false'],
  ];
  if (remote !== undefined) {
    settings.push([`protocol.${remote.protocol}.allow`, 'always']);
    if (authorization !== undefined)
      settings.push([`http.${remote.url}.extraHeader`, `Authorization: ${authorization.reveal()}`]);
  }
  const environment: Record<string, string> = {
    PATH: process.env.PATH ?? '/usr/bin:/bin',
    LC_ALL: 'C',
    LANGUAGE: '',
    GIT_DIR: gitDir,
    GIT_ATTR_NOSYSTEM: '1',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_NO_LAZY_FETCH: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_CONFIG_COUNT: String(settings.length),
  };
  const { TMPDIR, GIT_SSL_CAINFO } = process.env;
  if (TMPDIR !== undefined) environment.TMPDIR = TMPDIR;
  if (GIT_SSL_CAINFO !== undefined) environment.GIT_SSL_CAINFO = GIT_SSL_CAINFO;
  for (const [index, [key, value]] of settings.entries()) {
    environment[`GIT_CONFIG_KEY_${index}`] = key;
    environment[`GIT_CONFIG_VALUE_${index}`] = value;
  }
  return environment;
}
