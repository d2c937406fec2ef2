import { pino } from 'pino';
import type { Log, LogLevel } from '../lib/log.ts';

// Defence in depth: nothing of ours puts secrets there, and if something ever does it is not shown.
const REDACTED_PATHS = [
  'token',
  'password',
  'privateKey',
  'identity',
  'authorization',
  '*.token',
  '*.password',
  '*.privateKey',
  '*.identity',
  '*.authorization',
];

/** JSON lines on stderr, so that stdout stays free for what a command answers. */
export function createLog(level: LogLevel): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: REDACTED_PATHS, censor: '[sensitive]' },
    },
    pino.destination({ dest: 2, sync: true }),
  );
}
