import { setMaxListeners } from 'node:events';
import { composeDaemon } from '../daemon/compose.ts';
import { readConfig } from '../daemon/config.ts';
import { readiness, startListening } from '../daemon/listening.ts';
import { FAULT_STEPS } from '../lib/faults.ts';
import { createLog } from '../observability/log.ts';
import type { Summary } from '../reconcile/summary.ts';
import { type Console, showError } from './console.ts';
import { EXIT, type ExitCode } from './exit-code.ts';

export interface RunOptions {
  readonly once?: boolean | undefined;
  readonly config?: string | undefined;
  readonly listFaults?: boolean | undefined;
  readonly output?: 'text' | 'json' | undefined;
}

/**
 * `certops run`: the daemon, or with `--once` passes until nothing changes any more.
 * SIGINT and SIGTERM stop it after what it cannot leave half done; a second one ends it at once.
 */
export async function run(
  console: Console,
  flags: Readonly<Record<string, string | boolean | undefined>>,
  options: RunOptions,
): Promise<ExitCode> {
  if (options.listFaults) {
    for (const step of FAULT_STEPS) console.out(step);
    return EXIT.ok;
  }
  const config = await readConfig(flags, process.env, options.config);
  const log = createLog(config.logLevel, process.stderr.isTTY === true);
  const stop = new AbortController();
  // Everything under way listens to this one signal, and there is no telling how much that is.
  setMaxListeners(0, stop.signal);
  const release = stopOnSignals(stop);
  try {
    const daemon = await composeDaemon(config, process.env, log, stop.signal);
    try {
      if (!options.once) {
        const listener = await startListening(config, {
          lookNow: () => daemon.engine.lookNow(),
          readiness: () => readiness(daemon, config.pollIntervalMs),
          clock: daemon.clock,
          log,
        });
        try {
          await daemon.engine.run(stop.signal);
        } finally {
          await listener?.close();
        }
        return EXIT.ok;
      }
      const summary = await daemon.engine.runOnce(stop.signal);
      showSummary(console, summary, options.output === 'json');
      return summary.findings.length === 0 ? EXIT.ok : EXIT.finding;
    } finally {
      await daemon.close();
    }
  } catch (thrown) {
    if (stop.signal.aborted) {
      console.err('certops: stopped; what was begun is gone on with at the next run');
      return EXIT.impossible;
    }
    showError(console, thrown);
    return EXIT.impossible;
  } finally {
    release();
  }
}

function stopOnSignals(stop: AbortController): () => void {
  const onSignal = (signal: NodeJS.Signals) => {
    if (stop.signal.aborted) process.exit(128 + (signal === 'SIGINT' ? 2 : 15));
    stop.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return () => {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  };
}

function showSummary(console: Console, summary: Summary, isJson: boolean): void {
  if (isJson) {
    console.out(JSON.stringify(summary, null, 2));
    return;
  }
  const { certificates, ready, findings, warnings } = summary;
  console.out(`${certificates} ${certificates === 1 ? 'Certificate' : 'Certificates'}, ${ready} ready.`);
  for (const { object, message } of findings) console.out(`${object}: ${message}`);
  for (const warning of warnings) console.err(`certops: ${warning}`);
}
