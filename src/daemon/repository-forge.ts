import type { Forge } from '../forge/forge.ts';
import { openForge } from '../forge/open-forge.ts';
import type { Clock } from '../lib/clock.ts';
import type { DaemonConfig } from './config.ts';

/** What of the configuration says how the forge of a repository is reached. */
export type ForgeAccess = Pick<DaemonConfig, 'forge' | 'allowPlainLoopback'>;

/**
 * Opens the forge of a repository, for the daemon and for commands alike: by what is configured, else by the remote's
 * URL. Plain Git (`openPlain`) where `git` is configured, and for `auto` without credentials. Throws what `openForge`
 * throws.
 */
export function openRepositoryForge(
  { forge, allowPlainLoopback }: ForgeAccess,
  parts: { readonly remote: string; readonly clock: Clock; readonly openPlain: () => Forge },
  signal: AbortSignal,
): Promise<Forge> {
  return openForge({ ...forge, ...parts, allowPlainLoopback }, signal);
}
