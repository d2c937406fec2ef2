import { checkShape, flag, openObject, optional, type Schema, text } from '../lib/schema.ts';
import { ForgeError, hasStatus } from './errors.ts';
import type { ForgeKind } from './forge.ts';
import { createForgeFetch, type ForgeFetch, type ForgeFetchOptions } from './forge-fetch.ts';

type ApiKind = Exclude<ForgeKind, 'git'>;

/** Forges that everybody knows, by host. */
const KNOWN_HOSTS: Readonly<Record<string, ApiKind>> = {
  'github.com': 'github',
  'gitlab.com': 'gitlab',
  'codeberg.org': 'forgejo',
};

const VERSION = openObject({ version: text() });
const MESSAGE = openObject({ message: text() });
/** Both of GitHub's: what it is, and what it says to strangers in private mode. */
const META = openObject({
  installed_version: optional(text()),
  verifiable_password_authentication: optional(flag()),
});
const GITHUB_REFUSAL = openObject({ message: text(), documentation_url: text() });

/** The forge that is known by its host alone; undefined: its API has to be asked. */
export function knownForge(baseUrl: string): ApiKind | undefined {
  const { hostname } = new URL(baseUrl);
  // GitHub Enterprise Cloud with data residency.
  return KNOWN_HOSTS[hostname] ?? (hostname.endsWith('.ghe.com') ? 'github' : undefined);
}

/**
 * Finds out which forge answers under a URL (`https://git.example.com`, or with the path it lives under) by what its API
 * says to strangers: no token is sent. Undefined where it is none that is known. Throws what `createForgeFetch` throws
 * where the forge cannot be asked just now.
 */
export async function probeForge(
  baseUrl: string,
  options: Omit<ForgeFetchOptions, 'apiUrl'>,
  signal: AbortSignal,
): Promise<ApiKind | undefined> {
  const fetch = createForgeFetch({ ...options, apiUrl: baseUrl });
  const ask = (path: string): Promise<Told> => told(fetch, `${baseUrl}${path}`, signal);
  const gitlab = await ask('/api/v4/version');
  // GitLab tells its version to those only who are signed in.
  if (fits(VERSION, gitlab.body) || (gitlab.status === 401 && fits(MESSAGE, gitlab.body))) return 'gitlab';
  const gitea = await ask('/api/v1/version');
  const version = checkShape(VERSION, gitea.body);
  // 403 and 401: an instance that shows nothing to strangers.
  if (version.ok || ([401, 403].includes(gitea.status) && fits(MESSAGE, gitea.body))) {
    // Forgejo names the Gitea that it is compatible with: `7.0.5+gitea-1.21.11`.
    if (version.ok && /\+gitea|forgejo/i.test(version.value.version)) return 'forgejo';
    const forgejo = await ask('/api/forgejo/v1/version');
    return fits(VERSION, forgejo.body) ? 'forgejo' : 'gitea';
  }
  const github = await ask('/api/v3/meta');
  const meta = checkShape(META, github.body);
  const isMeta = meta.ok && Object.values(meta.value).some((value) => value !== undefined);
  return isMeta || (github.status === 401 && fits(GITHUB_REFUSAL, github.body)) ? 'github' : undefined;
}

interface Told {
  readonly status: number;
  readonly body: unknown;
}

async function told(fetch: ForgeFetch, url: string, signal: AbortSignal): Promise<Told> {
  try {
    const answer = await fetch(url, { signal, headers: { accept: 'application/json' } });
    return { status: answer.status, body: await answer.json() };
  } catch (thrown) {
    if (hasStatus(thrown, 400, 401, 403, 404, 405, 406, 410) && thrown.code !== 'forge.rate-limited') {
      return { status: thrown.status ?? 0, body: thrown.answer };
    }
    // A page instead of JSON, or the way to one: this is not its API.
    if (thrown instanceof ForgeError && thrown.code === 'forge.bad-answer')
      return { status: 0, body: undefined };
    throw thrown;
  }
}

function fits(schema: Schema, body: unknown): boolean {
  return checkShape(schema, body).ok;
}
