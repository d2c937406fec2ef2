import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Log } from '../lib/log.ts';

/** Watches how long the event loop is held up. */
export interface EventLoopWatch {
  /** Ends the watch and logs at debug level what it saw since it began, in milliseconds. */
  report(log: Log): void;
}

const RESOLUTION_MS = 10;
const NS_PER_MS = 1e6;

/**
 * Begins to watch. A stall is what a timer of 10 ms is late by: whatever holds the event loop up longer keeps
 * every challenge, poll and push waiting.
 */
export function watchEventLoop(): EventLoopWatch {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  const lateMs = (ns: number) => Math.max(0, Math.round(ns / NS_PER_MS) - RESOLUTION_MS);
  return {
    report: (log) => {
      histogram.disable();
      const [p50Ms, p99Ms] = [lateMs(histogram.percentile(50)), lateMs(histogram.percentile(99))];
      log.debug({ p50Ms, p99Ms, maxMs: lateMs(histogram.max) }, 'how long the event loop was held up');
    },
  };
}
