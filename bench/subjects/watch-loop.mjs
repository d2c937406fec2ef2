import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/**
 * Loaded with `--import` before a program: writes by how much its event loop was late, in milliseconds, to
 * `CERTOPS_BENCH_LOOP_FILE` when it ends. Loading the program's own modules counts too.
 */
const RESOLUTION_MS = 1;
const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delays.enable();
process.once('exit', () => {
  delays.disable();
  const late = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
  writeFileSync(
    process.env.CERTOPS_BENCH_LOOP_FILE,
    JSON.stringify({ p99Ms: late(delays.percentile(99)), maxMs: late(delays.max) }),
  );
});
