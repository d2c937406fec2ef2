#!/usr/bin/env node
import { processConsole } from './cli/console.ts';
import { runProgram } from './cli/program.ts';

// A reader that went away (`certops get … | head`) is no error of ours.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
}

process.exitCode = await runProgram(process.argv.slice(2), processConsole);
