import { DEFAULT_SETTINGS } from '../api/repository.ts';
import { systemClock } from '../lib/clock.ts';
import { noFaults } from '../lib/faults.ts';
import type { Log } from '../lib/log.ts';
import { Store } from '../store/store.ts';
import { loadSigner } from './compose.ts';
import type { DaemonConfig } from './config.ts';
import { gitCredentials } from './git-credentials.ts';

/**
 * A person's word that a rewritten branch is the one to go on from; gives back its tip.
 * Throws what opening the repository throws.
 */
export async function acceptHistory(config: DaemonConfig, log: Log, signal: AbortSignal): Promise<string> {
  const clock = systemClock(config.testing.startAt);
  const tip = await Store.acceptHistory(
    {
      remoteUrl: config.repo,
      branch: config.branch,
      dataDir: config.dataDir,
      identity: () => DEFAULT_SETTINGS.commit,
      signer: config.isUnsigned ? undefined : await loadSigner(config.signingKey),
      credentials: gitCredentials(config, clock),
      clock,
      faults: noFaults,
      log,
    },
    signal,
  );
  return tip.commit;
}
