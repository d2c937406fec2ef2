import { styleText } from 'node:util';
import { CertopsError } from '../lib/errors.ts';
import { printable } from '../lib/printable.ts';

/** Where a command writes and what it knows of its surroundings. */
export interface Console {
  /** What the command answers; a line end is added. */
  out(text: string): void;
  /** What accompanies the answer: hints and errors. */
  err(text: string): void;
  readonly isTerminal: boolean;
}

export const processConsole: Console = {
  out: (text) => void process.stdout.write(`${text}\n`),
  err: (text) => void process.stderr.write(`${text}\n`),
  isTerminal: process.stdout.isTTY === true,
};

/** Shows an error as people read it: what happened, why, what to do next; never a stack of ours. */
export function showError(console: Console, thrown: unknown): void {
  if (!(thrown instanceof CertopsError)) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    console.err(`certops: ${printable(message)}`);
    return;
  }
  const { what, why, next } = thrown.explanation;
  const mark = console.isTerminal ? styleText('red', 'certops:') : 'certops:';
  console.err(`${mark} ${printable(what)}`);
  if (why !== undefined) console.err(`  ${printable(why)}`);
  if (next !== undefined) console.err(`  ${printable(next)}`);
}
