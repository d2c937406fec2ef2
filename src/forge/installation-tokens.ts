import type { Sensitive } from '../lib/sensitive.ts';
import { ForgeError } from './errors.ts';
import { createGithubClient } from './github.ts';
import type { GithubClient } from './github-client.ts';
import { type ForgeAddress, findForge, githubOptions, placeOf } from './open-forge.ts';
import { readRemoteAddress } from './remote-address.ts';

/**
 * Gives the token of a GitHub App's installation that opens the repository to Git, as the user `x-access-token`: another
 * one before its hour is over, and when `refused` is the one that was given last; in between, nothing is asked. Throws
 * what `openForge` and the forge's requests throw, and the signal's reason.
 */
export type InstallationTokens = (
  refused: Sensitive<string> | undefined,
  signal: AbortSignal,
) => Promise<Sensitive<string>>;

/** Least rights: what fetching and pushing take. `metadata: read` comes with every token. */
const FOR_GIT = { contents: 'write' } as const;

/**
 * Undefined where no App is configured, and where the remote is not HTTPS at the host of the App's forge: a token goes
 * nowhere else. Nothing is asked before the first call. Throws `forge.bad-configuration` for an address that no forge has.
 */
export function openInstallationTokens(options: ForgeAddress): InstallationTokens | undefined {
  const { kind, app, remote } = options;
  if (app === undefined || (kind !== 'auto' && kind !== 'github') || !isServed(options)) return undefined;
  let opened: Promise<GithubClient> | undefined;
  const open = async (signal: AbortSignal): Promise<GithubClient> => {
    const found = await findForge(kind, options, signal);
    if (found.kind !== 'github') throw notGithub(new URL(remote).host, found.kind);
    return createGithubClient(githubOptions(found.place, options));
  };
  let last: Sensitive<string> | undefined;
  return async (refused, signal) => {
    opened ??= open(signal).catch((thrown: unknown) => {
      opened = undefined;
      throw thrown;
    });
    const client = await opened;
    // Several may have been refused the same one: the first of them has it replaced.
    if (refused !== undefined && refused.reveal() === last?.reveal()) {
      last = undefined;
      client.forgetInstallation();
    }
    last = await client.installationToken(FOR_GIT, signal);
    return last;
  };
}

/** Whether Git's remote lies at the very origin where the forge has its repositories. */
function isServed(options: ForgeAddress): boolean {
  const { remote, allowPlainLoopback } = options;
  if (!/^https?:/i.test(remote) || readRemoteAddress(remote) === undefined) return false;
  const { origin, protocol } = new URL(remote);
  // The store refuses plain HTTP to anywhere but loopback.
  if (protocol === 'http:' && !allowPlainLoopback) return false;
  return origin === gitOrigin(placeOf(options).baseUrl);
}

/** Repositories lie beside the API, but for github.com and GitHub Enterprise Cloud with data residency. */
function gitOrigin(baseUrl: string): string {
  const url = new URL(baseUrl);
  if (url.hostname === 'api.github.com' || /^api\..+\.ghe\.com$/.test(url.hostname)) {
    url.hostname = url.hostname.slice('api.'.length);
  }
  return url.origin;
}

function notGithub(host: string, kind: string): ForgeError {
  return new ForgeError(
    'forge.bad-configuration',
    {
      what: `A GitHub App is configured, and ${host} is ${kind}`,
      why: 'Only GitHub has Apps',
      next: 'Give CERTOPS_FORGE_TOKEN and CERTOPS_GIT_TOKEN in its place',
    },
    { retry: { when: 'never' } },
  );
}
