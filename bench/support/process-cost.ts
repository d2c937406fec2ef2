import { readFile } from 'node:fs/promises';
import { type ProcessOptions, runProcess } from '../../test/support/process.ts';
import { makeScratch } from '../../test/support/scratch.ts';

/** What a process and everything it started and waited for has cost. */
export interface Cost {
  readonly wallMs: number;
  /** User and system time, by `getrusage` in steps of a millisecond. */
  readonly cpuMs: number;
}

export interface MeasuredProcess {
  readonly cost: Cost;
  readonly stdout: string;
  readonly stderr: string;
}

export interface MeasureOptions extends Omit<ProcessOptions, 'timeoutMs'> {
  /** It is killed when this is over. */
  readonly timeoutMs: number;
}

/** bash's own `time` goes to a file, the program's stderr to where it would have gone. */
const TIMED = '{ time "$@" 2>&4 4>&-; } 4>&2 2>"$0"';

/**
 * Runs a program that must succeed and measures it with all its children, by the shell that waits for it:
 * Node.js cannot ask for `RUSAGE_CHILDREN`. Throws with everything it said when it fails.
 */
export async function measureProcess(
  command: string,
  args: readonly string[],
  options: MeasureOptions,
): Promise<MeasuredProcess> {
  using scratch = makeScratch('bench-cost');
  const file = scratch.path('cost');
  const { env = process.env, timeoutMs, ...rest } = options;
  const limit = ['timeout', '--foreground', '-s', 'KILL', String(Math.ceil(timeoutMs / 1000))];
  const finished = await runProcess('bash', ['-c', TIMED, file, ...limit, command, ...args], {
    ...rest,
    timeoutMs: timeoutMs + 5_000,
    env: { ...env, TIMEFORMAT: '%3R %3U %3S' },
  });
  if (finished.code !== 0) {
    const said = `${finished.stdout}${finished.stderr}`.slice(-4_000);
    throw new Error(`${options.name ?? command} ended with ${finished.code ?? finished.signal}:\n${said}`);
  }
  const [wall, user, system] = (await readFile(file, 'utf8')).trim().split(' ').map(Number);
  if (
    wall === undefined ||
    user === undefined ||
    system === undefined ||
    Number.isNaN(wall + user + system)
  ) {
    throw new Error('the shell gave no times');
  }
  const cost = { wallMs: wall * 1000, cpuMs: (user + system) * 1000 };
  return { cost, stdout: finished.stdout, stderr: finished.stderr };
}
