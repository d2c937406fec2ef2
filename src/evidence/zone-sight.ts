import { isIP } from 'node:net';
import { CertopsError } from '../lib/errors.ts';
import type { Authorities, AuthorityAnswer } from '../solvers/dns/authorities.ts';
import { quoted } from '../solvers/dns/dns-error.ts';
import type { DnsMessage, DnsRecord, RecordType } from '../solvers/dns/message.ts';
import type { DnsName } from '../solvers/dns/name.ts';
import { type DnsServer, formatServer } from '../solvers/dns/nameserver.ts';
import type { DnsResolver } from '../solvers/dns/resolver.ts';
import type { Draft } from './draft.ts';

const MAX_CNAMES = 8;
const MAX_SERVERS = 8;
/** More answers than these say nothing that they do not. */
const MAX_GROUPS = 3;
const MAX_SERVERS_TOLD = 4;
/** No way from here to there, which says nothing about the server. */
const NO_ROUTE: readonly (string | undefined)[] = [
  'ENETUNREACH',
  'EHOSTUNREACH',
  'EADDRNOTAVAIL',
  'EAFNOSUPPORT',
  'EINVAL',
];

/** DNS as it is asked for evidence: a zone's own servers, and a resolver to find them. */
export interface DnsEyes {
  readonly resolver: DnsResolver;
  readonly authorities: Authorities;
}

/** What the servers of a zone say about a name, at the end of its CNAMEs. */
export interface ZoneSight {
  /** The name and where its CNAMEs lead; the last is what was asked about. */
  readonly path: readonly [DnsName, ...DnsName[]];
  /** The CNAMEs lead in a circle or on for too long. */
  readonly isEndless: boolean;
  readonly zone: DnsName;
  /** A server each, with an answer to every type that was asked for, in that order. */
  readonly servers: readonly { readonly server: DnsServer; readonly answers: readonly AuthorityAnswer[] }[];
}

/**
 * Asks the servers of a name's zone, and follows CNAMEs as a CA does. Throws what `DnsResolver.serversFor` throws
 * (`solvers.dns-…`) and the signal's reason.
 */
export async function lookAtZone(
  name: DnsName,
  types: readonly RecordType[],
  { authorities }: DnsEyes,
  signal: AbortSignal,
): Promise<ZoneSight> {
  const path: [DnsName, ...DnsName[]] = [name];
  for (let at = name; ; ) {
    const { zone, servers } = await authorities.serversFor(at, signal);
    const asked = pick(servers);
    const byType = await Promise.all(types.map((type) => authorities.ask(asked, at, type, signal)));
    const target = byType
      .flat()
      .flatMap((answer) => recordsOf(answer, at))
      .find(({ type }) => type === 'CNAME')?.value;
    const isEndless = target !== undefined && (path.includes(target) || path.length > MAX_CNAMES);
    if (target === undefined || isEndless) {
      const answered = asked.map((server, index) => ({
        server,
        answers: byType.flatMap((answers) => answers[index] ?? []),
      }));
      return { path, isEndless, zone, servers: reachable(answered) };
    }
    path.push(target);
    at = target;
  }
}

/**
 * What the resolver says, where no server of the zone does; undefined where it says nothing either, and `drafts` tell
 * as much. Throws `solvers.dns-resolver-failed` where nothing was seen at all.
 */
export async function askResolver(
  name: DnsName,
  types: readonly RecordType[],
  { resolver }: DnsEyes,
  drafts: readonly Draft[],
  signal: AbortSignal,
): Promise<readonly DnsMessage[] | undefined> {
  try {
    return await Promise.all(types.map((type) => resolver.ask(name, type, signal)));
  } catch (thrown) {
    if (!(thrown instanceof CertopsError) || drafts.length === 0) throw thrown;
    return undefined;
  }
}

/** Whether any server speaks for the zone. */
export function hasWord({ servers }: ZoneSight): boolean {
  return servers.some(({ answers }) => answers.some(({ kind }) => kind === 'word'));
}

/** The records that an authoritative answer has at exactly this name. */
export function recordsOf(answer: AuthorityAnswer, name: DnsName): readonly DnsRecord[] {
  return answer.kind === 'word' ? answer.message.answers.filter((record) => record.name === name) : [];
}

/** Where the CNAMEs lead, for people; nothing where there are none. */
export function describePath({ path, isEndless }: Pick<ZoneSight, 'path' | 'isEndless'>): string {
  if (path.length === 1 && !isEndless) return '';
  const way = path.map((name) => quoted(name)).join(' → ');
  return isEndless ? `CNAMEs without an end: ${way} → …; ` : `CNAME ${way}; `;
}

/** What one server says, judged. */
export interface Saying extends Pick<Draft, 'found' | 'finding'> {
  readonly server: DnsServer;
}

/** What an answer that is no word about the zone comes to; undefined for one that is. */
export function sayingOfNone(answer: AuthorityAnswer): Saying | undefined {
  switch (answer.kind) {
    case 'word':
      return undefined;
    case 'other':
      return {
        server: answer.server,
        found: `${answer.rcode}, not as an authority for the zone`,
        finding: 'unreachable',
      };
    case 'silence':
      return { server: answer.server, found: answer.why, finding: 'unreachable' };
  }
}

/** An observation for each different thing that servers say, with who says it; the most common first. */
export function groupSayings(question: string, sayings: readonly Saying[]): readonly Draft[] {
  const groups = new Map<string, Saying[]>();
  for (const saying of sayings) {
    const key = `${saying.finding} ${saying.found}`;
    groups.set(key, [...(groups.get(key) ?? []), saying]);
  }
  return [...groups.values()]
    .sort((one, other) => other.length - one.length)
    .slice(0, MAX_GROUPS)
    .flatMap((group) => {
      const [first] = group;
      if (first === undefined) return [];
      const asked = `${question} at ${listServers(group.map(({ server }) => server))}`;
      return [{ asked, found: first.found, finding: first.finding }];
    });
}

/** `ns1.example.com (192.0.2.1:53), ns2.example.com (192.0.2.2:53)`. */
function listServers(servers: readonly DnsServer[]): string {
  const told = servers
    .slice(0, MAX_SERVERS_TOLD)
    .map((server) => `${quoted(server.label)} (${formatServer(server)})`);
  const rest = servers.length - told.length;
  return `${told.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

/** One address of each server, IPv4 where it has one: most hosts that ask have nothing else. */
function pick(servers: readonly DnsServer[]): readonly DnsServer[] {
  const byLabel = new Map<string, DnsServer>();
  for (const server of servers) {
    const known = byLabel.get(server.label);
    if (known === undefined || (isIP(known.address) === 6 && isIP(server.address) === 4)) {
      byLabel.set(server.label, server);
    }
  }
  return [...byLabel.values()].slice(0, MAX_SERVERS);
}

/** Without the servers to which no way leads from here, unless there is no other. */
function reachable(servers: ZoneSight['servers']): ZoneSight['servers'] {
  const some = servers.filter(
    ({ answers }) => !answers.some((answer) => answer.kind === 'silence' && NO_ROUTE.includes(answer.errno)),
  );
  return some.length > 0 ? some : servers;
}
