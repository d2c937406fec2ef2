import { openInstallationTokens } from '../forge/installation-tokens.ts';
import type { Clock } from '../lib/clock.ts';
import type { CredentialSource, Credentials } from '../store/credentials.ts';
import type { DaemonConfig } from './config.ts';

/** Whoever shows an installation's token to Git calls himself so; GitHub looks at the token alone. */
const USERNAME = 'x-access-token';

/**
 * With what Git fetches and pushes: CERTOPS_GIT_TOKEN, else (after what stands in the remote's URL) tokens of the GitHub
 * App, where one is configured for the remote's host. Throws `forge.bad-configuration`.
 */
export function gitCredentials(
  {
    repo,
    credentials,
    forge,
    allowPlainLoopback,
  }: Pick<DaemonConfig, 'repo' | 'credentials' | 'forge' | 'allowPlainLoopback'>,
  clock: Pick<Clock, 'now' | 'realNow'>,
): Credentials | CredentialSource | undefined {
  if (credentials !== undefined) return credentials;
  const tokens = openInstallationTokens({ ...forge, remote: repo, clock, allowPlainLoopback });
  if (tokens === undefined) return undefined;
  return async (refused, signal) => ({ username: USERNAME, token: await tokens(refused, signal) });
}
