import { randomInt } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import { CertopsError } from '../../lib/errors.ts';
import { DnsError, quoted } from './dns-error.ts';
import { type DnsMessage, encodeQuery, type RecordType } from './message.ts';
import { type DnsName, isWithin, parentOf } from './name.ts';
import { type DnsServer, locate, type Nameserver, type ReachableAddresses } from './nameserver.ts';
import type { DnsTransport } from './transport.ts';

const TIMEOUT_MS = 3_000;
const TRIES = 2;
const MAX_CNAMES = 8;
const MAX_NAMESERVERS = 16;
const MAX_ADDRESSES = 32;
const KEEP_MS = 60_000;
const MAX_KEPT = 1000;

export interface DnsResolverOptions {
  /** Asked in this order; the next one where one does not serve. */
  readonly nameservers: readonly Nameserver[];
  readonly transport: DnsTransport;
  readonly reachable: ReachableAddresses;
  readonly clock: Clock;
}

/** The servers that a zone names, with the addresses that may be asked. */
export interface ZoneServers {
  readonly zone: DnsName;
  readonly servers: readonly DnsServer[];
  /** Names of servers for which no address was found. */
  readonly unlocated: readonly DnsName[];
}

/**
 * Asks recursive resolvers. What they say is believed only as far as where to look next.
 * Every method throws `solvers.dns-resolver-failed` and the signal's reason.
 */
export class DnsResolver {
  readonly #options: DnsResolverOptions;
  readonly #zones = new Map<DnsName, { readonly servers: ZoneServers; readonly untilMs: number }>();

  constructor(options: DnsResolverOptions) {
    this.#options = options;
  }

  /** The first usable answer: NOERROR or NXDOMAIN. */
  async ask(name: DnsName, type: RecordType, signal: AbortSignal): Promise<DnsMessage> {
    const told: string[] = [];
    for (const nameserver of this.#options.nameservers) {
      try {
        const { rcode, ...answer } = await this.#askOne(nameserver, name, type, signal);
        if (rcode === 'NOERROR' || rcode === 'NXDOMAIN') return { rcode, ...answer };
        told.push(`${labelOf(nameserver)} answered ${rcode}`);
      } catch (thrown) {
        if (!(thrown instanceof CertopsError)) throw thrown;
        told.push(`${labelOf(nameserver)}: ${thrown.explanation.why ?? thrown.explanation.what}`);
      }
    }
    throw new DnsError(
      'solvers.dns-resolver-failed',
      {
        what: `No resolver answers for ${quoted(name)} ${type}`,
        why: told.length === 0 ? 'No resolver is configured' : told.join('; '),
        next: 'Check --dns-resolver, or dns01.nameservers of the solver; it is tried again by itself',
      },
      { data: { name, details: told } },
    );
  }

  /**
   * Where the CNAMEs at a name lead; the name itself where there is none. What lies at the end need not be
   * there yet. Throws `solvers.dns-cname-loop` and `solvers.dns-cname-chain` too.
   */
  async followCnames(name: DnsName, signal: AbortSignal): Promise<DnsName> {
    const path = [name];
    for (let at = name; ; ) {
      const { answers } = await this.ask(at, 'CNAME', signal);
      const target = answers.find((record) => record.type === 'CNAME' && record.name === at)?.value;
      if (target === undefined) return at;
      if (path.includes(target))
        throw endless('solvers.dns-cname-loop', 'lead in a circle', [...path, target]);
      path.push(target);
      if (path.length > MAX_CNAMES + 1) {
        throw endless('solvers.dns-cname-chain', `lead on for more than ${MAX_CNAMES} steps`, path);
      }
      at = target;
    }
  }

  /** The zone that a name lies in, and its servers. Throws `solvers.dns-zone-not-found` too. */
  async serversFor(name: DnsName, signal: AbortSignal): Promise<ZoneServers> {
    const zone = await this.#zoneOf(name, signal);
    const nowMs = this.#options.clock.monotonicMs();
    const kept = this.#zones.get(zone);
    if (kept !== undefined && kept.untilMs > nowMs) return kept.servers;
    const servers = await this.#serversOf(zone, signal);
    if (this.#zones.size >= MAX_KEPT) this.#zones.clear();
    this.#zones.set(zone, { servers, untilMs: nowMs + KEEP_MS });
    return servers;
  }

  async #zoneOf(name: DnsName, signal: AbortSignal): Promise<DnsName> {
    for (let at: DnsName | undefined = name; at !== undefined && at !== ''; at = parentOf(at)) {
      const answer = await this.ask(at, 'SOA', signal);
      // What comes after a CNAME is the target's zone, which may lie above the name and not be its own. No apex has one.
      if (answer.answers.some(({ type, name: owner }) => type === 'CNAME' && owner === at)) continue;
      const zone = zoneIn(answer, at);
      if (zone !== undefined && zone !== '') return zone;
    }
    throw zoneNotFound(name, 'the resolver finds no start of authority (SOA) on the way up');
  }

  async #serversOf(zone: DnsName, signal: AbortSignal): Promise<ZoneServers> {
    const { answers } = await this.ask(zone, 'NS', signal);
    const names = answers
      .filter(({ type, name }) => type === 'NS' && name === zone)
      .map(({ value }) => value);
    const located = await Promise.all(
      [...new Set(names)].slice(0, MAX_NAMESERVERS).map(async (name) => ({
        name,
        addresses: await this.#addressesOf(name, signal),
      })),
    );
    const servers = located.flatMap(({ name, addresses }) =>
      addresses
        .filter((address) => this.#options.reachable.has(name, address))
        .map((address) => ({ label: name, address, port: 53 })),
    );
    return {
      zone,
      servers: servers.slice(0, MAX_ADDRESSES),
      unlocated: located.filter(({ addresses }) => addresses.length === 0).map(({ name }) => name),
    };
  }

  async #addressesOf(name: DnsName, signal: AbortSignal): Promise<readonly string[]> {
    const answers = await Promise.all(
      (['A', 'AAAA'] as const).map(async (type) => {
        try {
          const { answers: records } = await this.ask(name, type, signal);
          return records.filter((record) => record.type === type).map(({ value }) => value);
        } catch (thrown) {
          if (thrown instanceof CertopsError) return [];
          throw thrown;
        }
      }),
    );
    return [...new Set(answers.flat())];
  }

  async #askOne(
    nameserver: Nameserver,
    name: DnsName,
    type: RecordType,
    signal: AbortSignal,
  ): Promise<DnsMessage> {
    const { transport, reachable } = this.#options;
    const query = encodeQuery({ id: randomInt(65_536), name, type, isRecursive: true });
    if (nameserver.kind === 'https') {
      return (await transport.exchangeHttps(nameserver.url, query, TIMEOUT_MS, signal)).message;
    }
    const [server] = await locate(nameserver, reachable);
    const options = { protocol: 'UDP', timeoutMs: TIMEOUT_MS, tries: TRIES } as const;
    return (await transport.exchange(server, query, options, signal)).message;
  }
}

/** The zone that an answer to a question for SOA names: the owner of a SOA at the name or above it. */
export function zoneIn(answer: DnsMessage, name: DnsName): DnsName | undefined {
  return [...answer.answers, ...answer.authorities].find(
    (record) => record.type === 'SOA' && isWithin(name, record.name),
  )?.name;
}

/** `solvers.dns-zone-not-found` */
export function zoneNotFound(name: DnsName, why: string): DnsError {
  return new DnsError(
    'solvers.dns-zone-not-found',
    {
      what: `No zone is found for ${quoted(name)}`,
      why,
      next: 'Check that the domain is delegated and served; it is tried again by itself',
    },
    { data: { name } },
  );
}

function labelOf(nameserver: Nameserver): string {
  return nameserver.kind === 'https' ? new URL(nameserver.url).host : `${nameserver.host}:${nameserver.port}`;
}

function endless(code: string, how: string, path: readonly DnsName[]): DnsError {
  return new DnsError(
    code,
    {
      what: `The CNAMEs at ${quoted(path[0] ?? '')} ${how}`,
      why: quoted(path.join(' → ')),
      next: 'Correct the CNAME records',
    },
    { data: { details: path } },
  );
}
