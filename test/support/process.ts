import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';

/** How a process ended. A process that died of a signal has `code` null. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ProcessOptions {
  readonly cwd?: string;
  /** The whole environment of the child; default: this process's own. */
  readonly env?: NodeJS.ProcessEnv;
  /** Written to its standard input, which is then closed. Default: empty. */
  readonly input?: string | Uint8Array;
  /** It is killed with SIGKILL when this is over. Default 120,000. */
  readonly timeoutMs?: number;
  /** For messages and transcripts; default: the program's base name. */
  readonly name?: string;
}

export interface OutputLine {
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}

/** A real child process whose lines can be awaited. */
export interface RunningProcess {
  readonly name: string;
  readonly pid: number;
  /** Everything it has said so far, in the order of arrival. */
  readonly lines: readonly OutputLine[];
  stdout(): string;
  stderr(): string;
  /** Resolves at the end, whatever the end was. Rejects only when the program could not be started. */
  readonly exited: Promise<ProcessExit>;
  /**
   * Resolves with the first line (already said or still to come) that matches. Rejects when the process
   * ends without it or after `timeoutMs` (default 30,000), with what it has said.
   */
  waitForLine(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  /** Sends a signal (default SIGTERM) and resolves when the process has ended. Idempotent. */
  kill(signal?: NodeJS.Signals): Promise<ProcessExit>;
}

/** A process that has ended by itself. */
export interface FinishedProcess extends ProcessExit {
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts a program without a shell. */
export function startProcess(
  command: string,
  args: readonly string[],
  options: ProcessOptions = {},
): RunningProcess {
  const name = options.name ?? path.basename(command);
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const lines: OutputLine[] = [];
  const listeners = new Set<() => void>();
  const transcript = openTranscript(name, child, [command, ...args]);
  const hear = (stream: OutputLine['stream'], text: string): void => {
    lines.push({ stream, text });
    transcript(`${stream}: ${text}`);
    for (const listener of listeners) listener();
  };
  const closed = Promise.all([
    readLines(child, 'stdout', (text) => hear('stdout', text)),
    readLines(child, 'stderr', (text) => hear('stderr', text)),
  ]);
  const killer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 120_000);
  killer.unref();
  let end: ProcessExit | undefined;
  const exited = (async (): Promise<ProcessExit> => {
    try {
      // `once` is untyped: the `exit` event of a ChildProcess carries exactly these two.
      const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
      // A grandchild may hold the pipes open: what the process itself said has arrived by then.
      await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 500).unref())]);
      end = { code, signal };
      return end;
    } finally {
      clearTimeout(killer);
      for (const listener of listeners) listener();
    }
  })();
  exited.catch(() => {});
  child.stdin.on('error', () => {}); // it may end without reading
  child.stdin.end(options.input ?? '');

  const textOf = (stream: OutputLine['stream']): string =>
    lines
      .filter((line) => line.stream === stream)
      .map((line) => `${line.text}\n`)
      .join('');

  return {
    name,
    pid: child.pid ?? 0,
    lines,
    stdout: () => textOf('stdout'),
    stderr: () => textOf('stderr'),
    exited,
    waitForLine: (pattern, timeoutMs = 30_000) =>
      new Promise((resolve, reject) => {
        let seen = 0;
        const finish = (settle: () => void): void => {
          clearTimeout(timer);
          listeners.delete(look);
          settle();
        };
        const fail = (why: string): void =>
          finish(() => reject(new Error(`${name} ${why} ${pattern}; it said:\n${describeLines(lines)}`)));
        const look = (): void => {
          for (; seen < lines.length; seen += 1) {
            const match = pattern.exec(lines[seen]?.text ?? '');
            if (match !== null) {
              finish(() => resolve(match));
              return;
            }
          }
          if (end !== undefined) fail(`ended (${end.code ?? end.signal}) without a line like`);
        };
        const timer = setTimeout(() => fail(`said nothing for ${timeoutMs} ms like`), timeoutMs);
        listeners.add(look);
        exited.then(look, (error: unknown) =>
          finish(() => reject(new Error(`${name} could not be started`, { cause: error }))),
        );
        look();
      }),
    kill: async (signal = 'SIGTERM') => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return exited;
    },
  };
}

/** Runs a program to its end; whatever its exit code, the caller judges it. */
export async function runProcess(
  command: string,
  args: readonly string[],
  options: ProcessOptions = {},
): Promise<FinishedProcess> {
  const running = startProcess(command, args, options);
  const exit = await running.exited;
  return { ...exit, stdout: running.stdout(), stderr: running.stderr() };
}

/** Runs a program that must succeed and returns its stdout; throws with everything it said otherwise. */
export async function runSuccessfully(
  command: string,
  args: readonly string[],
  options: ProcessOptions = {},
): Promise<string> {
  const result = await runProcess(command, args, options);
  if (result.code !== 0) {
    throw new Error(
      `${command} ${args.join(' ')} ended with ${result.code ?? result.signal}:\n${result.stdout}${result.stderr}`,
    );
  }
  return result.stdout;
}

async function readLines(
  child: ChildProcess,
  stream: OutputLine['stream'],
  hear: (text: string) => void,
): Promise<void> {
  const input = child[stream];
  if (input === null) return;
  for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) hear(text);
}

/** With `CERTOPS_TEST_LOGS=<folder>` everything said, and the argument list, goes there for the canary scan. */
function openTranscript(name: string, child: ChildProcess, argv: readonly string[]): (line: string) => void {
  const folder = process.env.CERTOPS_TEST_LOGS;
  if (folder === undefined || folder === '') return () => {};
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `${name}-${child.pid ?? 'unstarted'}-${Date.now()}.log`);
  const write = (line: string): void => appendFileSync(file, `${line}\n`);
  write(`argv: ${JSON.stringify(argv)}`);
  return write;
}

function describeLines(lines: readonly OutputLine[]): string {
  return lines
    .slice(-60)
    .map((line) => `  ${line.stream}: ${line.text}`)
    .join('\n');
}
