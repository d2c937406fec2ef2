import { randomInt } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import { CertopsError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { DnsError, quoted } from '../dns/dns-error.ts';
import { type DnsMessage, encodeQuery } from '../dns/message.ts';
import type { DnsName } from '../dns/name.ts';
import { type DnsServer, formatServer } from '../dns/nameserver.ts';
import type { DnsResolver } from '../dns/resolver.ts';
import type { DnsTransport } from '../dns/transport.ts';

const FIRST_WAIT_MS = 100;
const GROWTH = 1.6;
const MAX_WAIT_MS = 10_000;
const ASK_TIMEOUT_MS = 3_000;
const MAX_TOLD = 20;
/** No way from here to there; waiting changes nothing. */
const NO_ROUTE: readonly (string | undefined)[] = [
  'ENETUNREACH',
  'EHOSTUNREACH',
  'EADDRNOTAVAIL',
  'EAFNOSUPPORT',
  'EINVAL',
];

export interface PropagationOptions {
  readonly resolver: DnsResolver;
  readonly transport: DnsTransport;
  readonly clock: Clock;
  readonly log: Log;
  /** How long to look before giving up; defaults to 2 min. */
  readonly limitMs?: number | undefined;
  /** How long servers that say nothing at all are waited for; defaults to 20 s. */
  readonly silenceMs?: number | undefined;
}

export interface AwaitedRecord {
  readonly name: DnsName;
  readonly value: string;
  /** Where it was written: asked at this port where the zone names its address; alone where no zone is found. */
  readonly writtenTo: readonly DnsServer[];
}

/** What one server said last. */
interface Sighting {
  readonly server: DnsServer;
  /** `absent`: it answers for the zone and has not the value. `silent`, `unreachable`: it says nothing of worth. */
  readonly state: 'shown' | 'absent' | 'silent' | 'unreachable';
  readonly told: string;
  readonly hasCname: boolean;
}

/**
 * Waits until a TXT value is seen at every authoritative server of its zone, so that a CA asked by us is not
 * asked too early: a validation that fails costs the order, and CAs allow five of them an hour.
 *
 * What it decides, when the waiting ends:
 * - A server that answers for the zone and has not the value would give the CA the same answer: the order is
 *   not risked, `solvers.dns-not-visible` says what was asked and found, and the attempt stays open.
 * - Silence proves nothing: networks forbid port 53 to hosts like ours, and the CA looks from elsewhere. A
 *   server that cannot be reached is not waited for, one that does not answer only for `silenceMs`; then
 *   what the others show is enough, or, when none answers, what the recursive resolver shows.
 *
 * Nothing is believed on the strength of this: the CA looks for itself.
 */
export async function waitUntilVisible(
  record: AwaitedRecord,
  options: PropagationOptions,
  signal: AbortSignal,
): Promise<void> {
  const { clock, limitMs = 120_000, silenceMs = 20_000 } = options;
  const startMs = clock.monotonicMs();
  const sightings = new Map<string, Sighting>();
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * GROWTH, MAX_WAIT_MS)) {
    const { servers, trouble, isPassing } = await findServers(record, options, signal);
    await look(record, servers, sightings, options, signal);
    const current = servers.flatMap((server) => sightings.get(keyOf(server)) ?? []);
    const elapsedMs = clock.monotonicMs() - startMs;
    const isSilenceOver = elapsedMs >= silenceMs;
    const mayDecide = isPassing !== true || isSilenceOver;
    if (mayDecide && (await isEnough(record, current, isSilenceOver, options, signal))) return;
    if (elapsedMs + waitMs > limitMs) throw notVisible(record, current, trouble, elapsedMs);
    await clock.sleep(waitMs, signal);
  }
}

/** Asks every server that has not shown the value yet. */
async function look(
  record: AwaitedRecord,
  servers: readonly DnsServer[],
  sightings: Map<string, Sighting>,
  { transport }: PropagationOptions,
  signal: AbortSignal,
): Promise<void> {
  const open = servers.filter((server) => sightings.get(keyOf(server))?.state !== 'shown');
  const seen = await Promise.all(open.map((server) => askServer(record, server, transport, signal)));
  for (const sighting of seen) sightings.set(keyOf(sighting.server), sighting);
}

async function isEnough(
  record: AwaitedRecord,
  sightings: readonly Sighting[],
  isSilenceOver: boolean,
  { resolver, log }: PropagationOptions,
  signal: AbortSignal,
): Promise<boolean> {
  const has = (state: Sighting['state']): boolean => sightings.some((sighting) => sighting.state === state);
  if (has('absent') || (has('silent') && !isSilenceOver)) return false;
  if (has('shown')) return true;
  try {
    const isSeen = showsValue(await resolver.ask(record.name, 'TXT', signal), record.value);
    if (isSeen)
      log.warn({ name: record.name }, 'no authoritative server answers; the resolver shows the record');
    return isSeen;
  } catch (thrown) {
    if (thrown instanceof CertopsError) return false;
    throw thrown;
  }
}

interface FoundServers {
  readonly servers: readonly DnsServer[];
  /** Why the zone's own servers are not among them. */
  readonly trouble?: string | undefined;
  /** It is the resolver that gives no answer now; the next look may find them. */
  readonly isPassing?: boolean;
}

/**
 * The servers that the zone names, at port 53. The server that was written to is one of them by its address,
 * at the port it was written to: that is how a server on another port is reached.
 */
async function findServers(
  { name, writtenTo }: AwaitedRecord,
  { resolver }: PropagationOptions,
  signal: AbortSignal,
): Promise<FoundServers> {
  try {
    const { servers, zone } = await resolver.serversFor(name, signal);
    const found = servers.map((server) => {
      const own = writtenTo.find(({ address }) => address === server.address);
      return own === undefined ? server : { ...server, port: own.port };
    });
    if (found.length > 0) return { servers: found };
    return { servers: writtenTo, trouble: `No server of the zone ${quoted(zone)} has an address` };
  } catch (thrown) {
    // A zone that only its primary knows (split horizon) is looked at there.
    if (!(thrown instanceof DnsError)) throw thrown;
    const isPassing = thrown.code === 'solvers.dns-resolver-failed';
    return { servers: writtenTo, trouble: thrown.explain(), isPassing };
  }
}

async function askServer(
  { name, value }: AwaitedRecord,
  server: DnsServer,
  transport: DnsTransport,
  signal: AbortSignal,
): Promise<Sighting> {
  const query = encodeQuery({ id: randomInt(65_536), name, type: 'TXT', isRecursive: false });
  try {
    const options = { protocol: 'UDP', timeoutMs: ASK_TIMEOUT_MS, tries: 1 } as const;
    return sightingOf(
      server,
      name,
      value,
      (await transport.exchange(server, query, options, signal)).message,
    );
  } catch (thrown) {
    if (!(thrown instanceof DnsError)) throw thrown;
    const state = NO_ROUTE.includes(thrown.errno) ? 'unreachable' : 'silent';
    return { server, state, told: thrown.explanation.why ?? thrown.explanation.what, hasCname: false };
  }
}

function sightingOf(server: DnsServer, name: DnsName, value: string, answer: DnsMessage): Sighting {
  const hasCname = answer.answers.some((record) => record.type === 'CNAME' && record.name === name);
  const others = answer.answers.filter(({ type }) => type === 'TXT').length;
  if (showsValue(answer, value)) return { server, state: 'shown', told: 'the record is there', hasCname };
  // A server that does not answer for the zone (lame, refusing, broken) says nothing about the record.
  const isWord = answer.isAuthoritative && (answer.rcode === 'NOERROR' || answer.rcode === 'NXDOMAIN');
  const told = isWord
    ? hasCname
      ? 'a CNAME stands there'
      : `${answer.rcode}, ${others} other TXT records`
    : `${answer.rcode}, not authoritative`;
  return { server, state: isWord ? 'absent' : 'silent', told, hasCname };
}

function showsValue({ answers }: DnsMessage, value: string): boolean {
  return answers.some((record) => record.type === 'TXT' && record.value === value);
}

function keyOf(server: DnsServer): string {
  return `${server.label} ${formatServer(server)}`;
}

function notVisible(
  { name, value }: AwaitedRecord,
  sightings: readonly Sighting[],
  trouble: string | undefined,
  elapsedMs: number,
): DnsError {
  const details = sightings
    .slice(0, MAX_TOLD)
    .map(({ server, told }) => `${quoted(server.label)} (${formatServer(server)}): ${quoted(told)}`);
  const hasCname = sightings.some((sighting) => sighting.hasCname);
  return new DnsError(
    'solvers.dns-not-visible',
    {
      what: `The TXT record at ${quoted(name)} is not to be seen after ${Math.round(elapsedMs / 1000)} s`,
      why: [...(trouble === undefined ? [] : [trouble]), ...details].join('; '),
      next: hasCname
        ? 'Set dns01.cnameStrategy: Follow, so that the record is written where the CNAME points'
        : 'Check that the secondaries follow their primary; the attempt stays open and is gone on with',
    },
    { data: { name, value, details } },
  );
}
