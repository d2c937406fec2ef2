import { acceptHistory } from '../daemon/accept-history.ts';
import { readConfig } from '../daemon/config.ts';
import { createLog } from '../observability/log.ts';
import type { Console } from './console.ts';
import { EXIT, type ExitCode } from './exit-code.ts';

/** `certops accept-history`: says that a rewritten branch, as the remote has it now, is the one to go on from. */
export async function acceptRewrittenHistory(
  console: Console,
  flags: Readonly<Record<string, string | boolean | undefined>>,
  configFile: string | undefined,
): Promise<ExitCode> {
  const config = await readConfig(flags, process.env, configFile);
  const log = createLog(config.logLevel, process.stderr.isTTY === true);
  const tip = await acceptHistory(config, log, new AbortController().signal);
  console.out(`Branch ${config.branch} is accepted as it is at ${tip}. Every daemon goes on from there.`);
  return EXIT.ok;
}
