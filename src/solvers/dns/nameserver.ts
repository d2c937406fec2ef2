import { getServers } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { createForbiddenAddresses, type HostPolicy } from '../../lib/host-policy.ts';
import { DnsError, quoted } from './dns-error.ts';

const DEFAULT_PORT = 53;
const MAX_ADDRESSES = 8;

/** A name server as people write it: `host`, `host:port`, `[IPv6]:port`, or the https URL of a resolver. */
export type Nameserver =
  | { readonly kind: 'host'; readonly host: string; readonly port: number }
  | { readonly kind: 'https'; readonly url: string };

/** One address to send to; `label` is for people. */
export interface DnsServer {
  readonly label: string;
  readonly address: string;
  readonly port: number;
}

/** Throws `solvers.dns-bad-nameserver`. Link-local zone ids (`%eth0`) are refused. */
export function parseNameserver(text: string): Nameserver {
  const trimmed = text.trim();
  if (trimmed.startsWith('https://') && URL.canParse(trimmed)) return { kind: 'https', url: trimmed };
  if (isIP(trimmed) === 6 && !trimmed.includes('%'))
    return { kind: 'host', host: trimmed, port: DEFAULT_PORT };
  const [, bracketed, plain, digits] = /^(?:\[([^\]%]+)\]|([^:[\]\s/]+))(?::(\d{1,5}))?$/.exec(trimmed) ?? [];
  const host = bracketed ?? plain;
  const port = digits === undefined ? DEFAULT_PORT : Number(digits);
  const isAddress = bracketed === undefined || isIP(bracketed) === 6;
  if (host !== undefined && isAddress && port >= 1 && port <= 65_535) return { kind: 'host', host, port };
  throw new DnsError(
    'solvers.dns-bad-nameserver',
    {
      what: `"${quoted(text)}" is no name server`,
      next: 'Write host:port, [IPv6]:port, or the https URL of a DNS-over-HTTPS server',
    },
    { retry: { when: 'never' } },
  );
}

/** The resolvers that `/etc/resolv.conf` names, without addresses that only make sense on one link. */
export function systemNameservers(): readonly Nameserver[] {
  return getServers()
    .filter((server) => !server.includes('%'))
    .map(parseNameserver);
}

/** `192.0.2.1:53`, `[2001:db8::1]:53`. */
export function formatServer({ address, port }: Pick<DnsServer, 'address' | 'port'>): string {
  return `${isIP(address) === 6 ? `[${address}]` : address}:${port}`;
}

/** Which addresses DNS may be asked at, on the repository's word or on that of an answer. */
export class ReachableAddresses {
  readonly #policy: HostPolicy | undefined;
  readonly #isForbidden = createForbiddenAddresses();

  constructor(policy: HostPolicy | undefined) {
    this.#policy = policy;
  }

  has(host: string, address: string): boolean {
    return !this.#isForbidden(address) && (this.#policy?.isHostAllowed(host, address) ?? true);
  }

  /** Throws `solvers.dns-server-refused`. */
  require(host: string, address: string): void {
    if (this.has(host, address)) return;
    throw new DnsError(
      'solvers.dns-server-refused',
      {
        what: `The name server ${quoted(host)} (${address}) must not be asked`,
        why: 'Link-local and cloud metadata addresses, and what the operator forbids, are never reached',
      },
      { retry: { when: 'never' }, data: { host, address } },
    );
  }
}

/**
 * The addresses of a name server that was written as a host, by the system's own means (so `/etc/hosts`
 * counts). Throws `solvers.dns-server-unknown` and `solvers.dns-server-refused`.
 */
export async function locate(
  { host, port }: { readonly host: string; readonly port: number },
  reachable: ReachableAddresses,
): Promise<readonly [DnsServer, ...DnsServer[]]> {
  const addresses = isIP(host) === 0 ? await addressesOf(host) : [host];
  const [first, ...others] = addresses
    .filter((address) => reachable.has(host, address))
    .slice(0, MAX_ADDRESSES);
  if (first === undefined) reachable.require(host, addresses[0] ?? '');
  const server = (address: string): DnsServer => ({ label: `${host}:${port}`, address, port });
  return [server(first ?? ''), ...others.map(server)];
}

async function addressesOf(host: string): Promise<readonly string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch (cause) {
    throw new DnsError(
      'solvers.dns-server-unknown',
      {
        what: `The name server ${quoted(host)} has no address`,
        next: 'Check the name; it is tried again by itself',
      },
      { cause, data: { host } },
    );
  }
}
