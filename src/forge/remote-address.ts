import { ForgeError } from './errors.ts';

/** Where a repository lies, as far as the URL of its Git remote tells. */
export interface RemoteAddress {
  /** What people open in a browser, without a path: `https://git.example.com`. Of an SSH remote: https, port 443. */
  readonly origin: string;
  /** `['platform', 'pki', 'certificates']`, without `.git`. */
  readonly segments: readonly string[];
}

/** Hosts that serve SSH only, beside those that people open. */
const SSH_HOSTS: Readonly<Record<string, string>> = {
  'ssh.github.com': 'github.com',
  'altssh.gitlab.com': 'gitlab.com',
  'altssh.bitbucket.org': 'bitbucket.org',
};

/**
 * Reads the URL of a remote: `https://host/path.git`, `ssh://git@host:22/path.git`, `git@host:path.git`. Undefined for
 * paths, `file:` and whatever else lies at no host. User and password are passed over. Throws `forge.bad-configuration`
 * for a path that no forge has.
 */
export function readRemoteAddress(remote: string): RemoteAddress | undefined {
  const scp = /^(?:[^@/:\s]+@)?(?<host>[^@/:\s[\]]+|\[[0-9a-f:.]+\]):(?!\/\/|:)(?<path>.+)$/i.exec(remote);
  if (scp?.groups !== undefined) return address(sshOrigin(scp.groups.host ?? ''), scp.groups.path ?? '');
  if (!URL.canParse(remote)) return undefined;
  const url = new URL(remote);
  if (url.protocol === 'https:' || url.protocol === 'http:') return address(url.origin, url.pathname);
  if (url.protocol === 'ssh:' && url.hostname !== '') return address(sshOrigin(url.hostname), url.pathname);
  return undefined;
}

function sshOrigin(host: string): string {
  const name = host.toLowerCase();
  return `https://${SSH_HOSTS[name] ?? name}`;
}

function address(origin: string, path: string): RemoteAddress {
  const segments = path
    .replace(/^\/+|\/+$/g, '')
    .replace(/\.git$/, '')
    .split('/');
  // What forges allow in the names of owners, groups and repositories.
  if (segments.every((segment) => /^[A-Za-z0-9_~.-]+$/.test(segment) && !/^\.{1,2}$/.test(segment))) {
    return { origin, segments };
  }
  throw new ForgeError(
    'forge.bad-configuration',
    {
      what: 'The address of the Git remote names no repository of a forge',
      why: 'Its path holds what no name of an owner or a repository may hold',
      next: 'Correct --repo, or say --forge git',
    },
    { retry: { when: 'never' } },
  );
}
