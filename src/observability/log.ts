import { styleText } from 'node:util';
import { pino } from 'pino';
import type { Log, LogLevel } from '../lib/log.ts';
import { printable } from '../lib/printable.ts';

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

const LEVELS = { 20: 'debug', 30: 'info', 40: 'warn', 50: 'error' } as const;
const COLOURS = { debug: 'gray', info: 'cyan', warn: 'yellow', error: 'red' } as const;

/** JSON lines on stderr, so that stdout stays free for what a command answers; readable lines on a terminal. */
export function createLog(level: LogLevel, isTerminal: boolean): Log {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: REDACTED_PATHS, censor: '[sensitive]' },
  };
  return isTerminal
    ? pino(options, { write: (line: string) => void process.stderr.write(renderLine(line)) })
    : pino(options, pino.destination({ dest: 2, sync: true }));
}

function renderLine(json: string): string {
  // A line that pino has just written.
  const { level, time, msg, ...fields } = JSON.parse(json) as {
    readonly level: keyof typeof LEVELS;
    readonly time: string;
    readonly msg: string;
  };
  const name = LEVELS[level] ?? 'info';
  const details = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
  const parts = [
    styleText('gray', time.slice(11, 19)),
    styleText(COLOURS[name], name.padEnd(5)),
    // Text of others must not move the cursor or make lines of its own.
    printable(msg),
    styleText('gray', printable(details)),
  ];
  return `${parts.join(' ').trimEnd()}\n`;
}
