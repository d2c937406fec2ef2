import type { Clock } from '../lib/clock.ts';
import type { Sensitive } from '../lib/sensitive.ts';
import { ForgeError } from './errors.ts';
import type { Forge, ForgeKind } from './forge.ts';
import { knownForge, probeForge } from './forge-probe.ts';
import { createGiteaForge } from './gitea.ts';
import { createGithubForge, type GithubCredentials, type GithubForgeOptions } from './github.ts';
import { createGitlabForge } from './gitlab.ts';
import { readRemoteAddress } from './remote-address.ts';

export interface OpenForgeOptions {
  /** `auto`: found out by the host, else by asking its API. */
  readonly kind: ForgeKind | 'auto';
  /** Where the forge lies, or its API; undefined: where the remote's URL leads. */
  readonly url?: string | undefined;
  /** The Git remote as the operator wrote it. */
  readonly remote: string;
  readonly token?: Sensitive<string> | undefined;
  /** A GitHub App in place of a token; `privateKey` is PEM. */
  readonly app?:
    | {
        readonly id: string;
        readonly privateKey: Sensitive<string>;
        readonly installationId: number | undefined;
      }
    | undefined;
  readonly clock: Pick<Clock, 'now' | 'realNow'>;
  readonly allowPlainLoopback: boolean;
  /** Pull requests as branches, for `git`, and for `auto` without token and App. */
  readonly openPlain: () => Forge;
  /** GitHub's pause between writes, as `createGithubForge` has it. */
  readonly isPaced?: boolean | undefined;
}

/** What of that says which forge it is, and as whom it is asked. */
export type ForgeAddress = Omit<OpenForgeOptions, 'openPlain'>;

/** The forge's place: its base URL, and the path of the repository below it. */
export interface Place {
  readonly baseUrl: string;
  readonly segments: readonly string[];
}

export interface FoundForge {
  readonly kind: Exclude<ForgeKind, 'git'>;
  readonly place: Place;
}

/**
 * The forge of a repository. `auto` without credentials is plain Git, and nothing is asked; with credentials the host
 * tells (github.com, gitlab.com, codeberg.org), or its API, which is asked without the token.
 *
 * Throws `forge.bad-configuration` where no forge can be made of what is configured, and what a request throws where one
 * has to be asked which it is; then try again later.
 */
export async function openForge(options: OpenForgeOptions, signal: AbortSignal): Promise<Forge> {
  const hasCredentials = options.token !== undefined || options.app !== undefined;
  const { kind } = options;
  if (kind === 'git' || (kind === 'auto' && !hasCredentials)) return options.openPlain();
  const found = await findForge(kind, options, signal);
  return create(found.kind, found.place, options);
}

/** Which forge it is, and where; by its host, else by asking. Throws what `openForge` throws. */
export async function findForge(
  wanted: FoundForge['kind'] | 'auto',
  options: ForgeAddress,
  signal: AbortSignal,
): Promise<FoundForge> {
  const place = placeOf(options);
  const kind = wanted === 'auto' ? knownForge(place.baseUrl) : wanted;
  return kind === undefined ? findOut(place, options, signal) : { kind, place };
}

/** Where the forge lies as far as that is configured; it may be found further below. Throws `forge.bad-configuration`. */
export function placeOf({ url, remote }: Pick<ForgeAddress, 'url' | 'remote'>): Place {
  const address = readRemoteAddress(remote);
  if (address === undefined) {
    throw misconfigured(
      'The Git remote tells no repository of a forge',
      'It is a path, or no URL that certops can read',
      'Let --repo be an https or ssh URL, or say --forge git',
    );
  }
  if (url === undefined) return { baseUrl: address.origin, segments: address.segments };
  const baseUrl = url.replace(/\/+$/, '').replace(/\/api\/v[134]$/, '');
  const prefix = new URL(baseUrl).pathname.split('/').filter((segment) => segment !== '');
  const isBelow = prefix.every((segment, index) => segment === address.segments[index]);
  return { baseUrl, segments: isBelow ? address.segments.slice(prefix.length) : address.segments };
}

async function findOut(place: Place, options: ForgeAddress, signal: AbortSignal): Promise<FoundForge> {
  const [first, ...rest] = place.segments;
  // `https://example.com/git/team/certificates`: the forge may live under a path.
  const below: readonly Place[] =
    options.url === undefined && rest.length >= 2
      ? [{ baseUrl: `${place.baseUrl}/${first}`, segments: rest }]
      : [];
  for (const candidate of [place, ...below]) {
    const kind = await probeForge(candidate.baseUrl, options, signal);
    if (kind !== undefined) return { kind, place: candidate };
  }
  throw misconfigured(
    `It cannot be found out which forge ${new URL(place.baseUrl).host} is`,
    'It answers as none of GitHub, GitLab, Gitea and Forgejo',
    'Say which with --forge, and where with --forge-url; or leave out the token for pull requests as branches',
  );
}

function create(kind: FoundForge['kind'], place: Place, options: ForgeAddress): Forge {
  const { clock, allowPlainLoopback, token } = options;
  const common = { clock, allowPlainLoopback };
  if (kind === 'gitlab') {
    const repository = place.segments.join('/');
    return createGitlabForge({ ...common, apiUrl: place.baseUrl, repository, token: tokenOf(kind, token) });
  }
  if (kind === 'github') return createGithubForge(githubOptions(place, options));
  return createGiteaForge({
    ...common,
    kind,
    apiUrl: place.baseUrl,
    ...ownedBy(kind, place),
    token: tokenOf(kind, token),
  });
}

/** What GitHub's client needs to know. Throws `forge.bad-configuration`. */
export function githubOptions(place: Place, options: ForgeAddress): GithubForgeOptions {
  const { clock, allowPlainLoopback, isPaced } = options;
  const { owner, name } = ownedBy('github', place);
  return {
    ...{ clock, allowPlainLoopback, isPaced },
    ...{ apiUrl: githubApiUrl(place.baseUrl), owner, repository: name },
    credentials: githubCredentials(options),
  };
}

function ownedBy(kind: ForgeKind, { segments }: Place): { readonly owner: string; readonly name: string } {
  const [owner, name, ...more] = segments;
  if (owner !== undefined && name !== undefined && more.length === 0) return { owner, name };
  throw misconfigured(
    'The Git remote names no repository of an owner',
    `On ${kind} a repository is OWNER/NAME, and the path of the remote has ${segments.length} parts`,
    'Correct --repo; where the forge lives under a path, give it with --forge-url',
  );
}

function githubApiUrl(baseUrl: string): string {
  const { hostname } = new URL(baseUrl);
  if (hostname === 'github.com' || hostname === 'api.github.com') return 'https://api.github.com';
  if (hostname.endsWith('.ghe.com')) return `https://api.${hostname.replace(/^api\./, '')}`;
  return `${baseUrl}/api/v3`;
}

function githubCredentials({ token, app }: ForgeAddress): GithubCredentials {
  if (app === undefined) return { kind: 'token', token: tokenOf('github', token) };
  const { id, privateKey, installationId } = app;
  return { kind: 'app', appId: id, privateKey, installationId };
}

function tokenOf(kind: ForgeKind, token: Sensitive<string> | undefined): Sensitive<string> {
  if (token !== undefined) return token;
  throw misconfigured(
    `There is no token for ${kind}`,
    kind === 'github' ? 'Neither a token nor an App is configured' : 'Only GitHub has Apps',
    'Give one as CERTOPS_FORGE_TOKEN',
  );
}

function misconfigured(what: string, why: string, next: string): ForgeError {
  return new ForgeError('forge.bad-configuration', { what, why, next }, { retry: { when: 'never' } });
}
