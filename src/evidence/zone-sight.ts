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
/** More answers than these say nothing that they do not, unless what they come to is something else. */
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

/** Where CNAMEs lead. */
export interface Way {
  /** The name and where its CNAMEs lead; the last is what was asked about. */
  readonly path: readonly [DnsName, ...DnsName[]];
  /** The CNAMEs lead in a circle or on for too long. */
  readonly isEndless: boolean;
  /** The last name lies in another zone than the first, which may be one that nobody outside should see into. */
  readonly isAway: boolean;
}

/** A server, with an answer to every type that was asked for, in that order. */
interface Answered {
  readonly server: DnsServer;
  readonly answers: readonly AuthorityAnswer[];
}

/** What the servers of a zone say about a name, at the end of its CNAMEs. */
export interface ZoneSight extends Way {
  readonly zone: DnsName;
  readonly servers: readonly Answered[];
  /** Servers that answer for a zone on the way and do not have the CNAME that others of it have. */
  readonly strays: readonly (Answered & { readonly way: Way })[];
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
  let path: readonly [DnsName, ...DnsName[]] = [name];
  let firstZone: DnsName | undefined;
  const strays: ZoneSight['strays'][number][] = [];
  for (let at = name; ; ) {
    const { zone, servers } = await authorities.serversFor(at, signal);
    firstZone ??= zone;
    const isAway = zone !== firstZone;
    const asked = pick(servers);
    const byType = await Promise.all(types.map((type) => authorities.ask(asked, at, type, signal)));
    const answered = asked.map((server, index) => ({
      server,
      answers: byType.flatMap((answers) => answers[index] ?? []),
    }));
    const target = answered.map(({ answers }) => targetIn(answers, at)).find((found) => found !== undefined);
    const isEndless = target !== undefined && (path.includes(target) || path.length > MAX_CNAMES);
    if (target === undefined || isEndless) {
      return { path, isEndless, isAway, zone, servers: reachable(answered), strays };
    }
    for (const one of answered) {
      const speaks = one.answers.some(({ kind }) => kind === 'word');
      if (!speaks || targetIn(one.answers, at) !== undefined) continue;
      strays.push({ ...one, way: { path, isEndless: false, isAway } });
    }
    path = [...path, target];
    at = target;
  }
}

function targetIn(answers: readonly AuthorityAnswer[], name: DnsName): DnsName | undefined {
  return answers.flatMap((answer) => recordsOf(answer, name)).find(({ type }) => type === 'CNAME')?.value;
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

/** Whether any server speaks for the zone at the end of the CNAMEs. */
export function hasWord({ servers }: ZoneSight): boolean {
  return servers.some(({ answers }) => answers.some(({ kind }) => kind === 'word'));
}

/** The records that an authoritative answer has at exactly this name. */
export function recordsOf(answer: AuthorityAnswer, name: DnsName): readonly DnsRecord[] {
  return answer.kind === 'word' ? answer.message.answers.filter((record) => record.name === name) : [];
}

/** Where the CNAMEs lead, for people; nothing where there are none. */
export function describePath({ path, isEndless }: Way): string {
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

/**
 * An observation for each different thing that servers say, with who says it; the most common first. Of many some are
 * left out, and no finding with them: a single server may know a name of which the others say that it is gone.
 */
export function groupSayings(question: string, sayings: readonly Saying[]): readonly Draft[] {
  const groups = new Map<string, Saying[]>();
  for (const saying of sayings) {
    const key = `${saying.finding} ${saying.found}`;
    groups.set(key, [...(groups.get(key) ?? []), saying]);
  }
  const byCount = [...groups.values()].sort((one, other) => other.length - one.length);
  const isFirstOfIts = (group: readonly Saying[]): boolean =>
    byCount.find(([one]) => one?.finding === group[0]?.finding) === group;
  const telling = byCount.filter(isFirstOfIts);
  const others = byCount.filter((group) => !isFirstOfIts(group));
  const told = [...telling, ...others.slice(0, Math.max(0, MAX_GROUPS - telling.length))];
  return byCount
    .filter((group) => told.includes(group))
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
