import { spawn } from 'node:child_process';

/**
 * Child processes of the scripts: each in a process group of its own, so that Ctrl-C, a time-out or an
 * error takes its grandchildren (servers, daemons) with it.
 */
const groups = new Set();

/** Ends every group that is still there. Safe in an `exit` handler. */
export function killAll() {
  for (const pid of groups) killGroup(pid, 'SIGKILL');
  groups.clear();
}

/** Makes SIGINT, SIGTERM and SIGHUP end the children first, then run `last`, then this process. */
export function endWithChildren(last = () => {}) {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ]) {
    process.once(signal, () => {
      killAll();
      last();
      process.exit(code);
    });
  }
  process.once('exit', killAll);
}

/**
 * Runs a program to its end. Resolves with `{ code, signal, timedOut, output }`; `output` is stdout and
 * stderr together unless `inherit`. A program that is not there has the code 127.
 */
export function run(command, args, options = {}) {
  const { cwd, env = process.env, inherit = false, timeoutMs = 600_000, input } = options;
  return new Promise((resolve) => {
    const outputTo = inherit ? 'inherit' : 'pipe';
    const stdin = input === undefined ? 'ignore' : 'pipe';
    const child = spawn(command, args, { cwd, env, detached: true, stdio: [stdin, outputTo, outputTo] });
    let output = '';
    let timedOut = false;
    if (child.pid !== undefined) groups.add(child.pid);
    child.stdin?.on('error', () => {}); // it may end without reading
    child.stdin?.end(input);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup(child.pid, 'SIGKILL');
    }, timeoutMs);
    const finish = (result) => {
      clearTimeout(timer);
      // Whatever it left running ends with it.
      killGroup(child.pid, 'SIGKILL');
      groups.delete(child.pid);
      resolve({ timedOut, output, ...result });
    };
    child.on('error', (error) => finish({ code: 127, signal: null, output: error.message }));
    child.on('close', (code, signal) => finish({ code, signal }));
  });
}

function killGroup(pid, signal) {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone already.
  }
}
