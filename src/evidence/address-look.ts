import type { AuthorityAnswer } from '../solvers/dns/authorities.ts';
import type { DnsName } from '../solvers/dns/name.ts';
import type { DnsServer } from '../solvers/dns/nameserver.ts';
import type { Draft } from './draft.ts';
import {
  askResolver,
  type DnsEyes,
  describePath,
  groupSayings,
  hasWord,
  lookAtZone,
  recordsOf,
  type Saying,
  sayingOfNone,
  type Way,
} from './zone-sight.ts';

const MAX_ADDRESSES = 16;
const MAX_TOLD = 4;

/** The addresses that a name has, and what was seen on the way to them. */
export interface FoundAddresses {
  readonly drafts: readonly Draft[];
  /** IPv4 before IPv6. */
  readonly addresses: readonly string[];
  /** The name does not exist, and neither does any domain of its own that it could lie in: nobody delegates it. */
  readonly isUndelegated: boolean;
}

/**
 * Asks a name's own servers for its addresses, and the resolver where none of them answers for the zone. Throws
 * `solvers.dns-…` where the zone cannot be found, and the signal's reason.
 */
export async function findAddresses(
  name: DnsName,
  eyes: DnsEyes,
  isInside: (address: string) => boolean,
  signal: AbortSignal,
): Promise<FoundAddresses> {
  const sight = await lookAtZone(name, ['A', 'AAAA'], eyes, signal);
  const told = [...sight.servers.map((one) => ({ ...one, way: sight })), ...sight.strays];
  const sayings = told.map(({ server, answers, way }) => sayingOf(server, answers, way, isInside));
  const drafts = groupSayings(`A, AAAA ${name}`, sayings);
  if (hasWord(sight)) {
    const addresses = told.flatMap(({ answers, way }) => addressesIn(answers, way.path));
    return {
      drafts,
      addresses: inOrder(addresses),
      isUndelegated:
        !sight.zone.includes('.') && sayings.every(({ finding }) => finding === 'no-such-domain'),
    };
  }
  const messages = await askResolver(name, ['A', 'AAAA'], eyes, drafts, signal);
  if (messages === undefined) return { drafts, addresses: [], isUndelegated: false };
  const records = messages.flatMap(({ answers }) => answers);
  const resolved = inOrder(
    records.filter(({ type }) => type === 'A' || type === 'AAAA').map(({ value }) => value),
  );
  const fallback: Draft = {
    asked: `A, AAAA ${name} at the resolver, since no server of the zone answers`,
    found: resolved.length > 0 ? describeAddresses(resolved, isInside) : 'no address',
    finding: resolved.length > 0 ? 'as-expected' : 'unknown',
  };
  return { drafts: [...drafts, fallback], addresses: resolved, isUndelegated: false };
}

function sayingOf(
  server: DnsServer,
  answers: readonly AuthorityAnswer[],
  { path, isEndless, isAway }: Way,
  isInside: (address: string) => boolean,
): Saying {
  const way = describePath({ path, isEndless, isAway });
  const addresses = inOrder(addressesIn(answers, path));
  if (addresses.length > 0) {
    return { server, found: `${way}${describeAddresses(addresses, isInside)}`, finding: 'as-expected' };
  }
  if (isEndless) return { server, found: way, finding: 'no-address' };
  const none = answers.map(sayingOfNone).find((saying) => saying !== undefined);
  if (none !== undefined) return { ...none, found: `${way}${none.found}` };
  const isGone = answers.some((answer) => answer.kind === 'word' && answer.message.rcode === 'NXDOMAIN');
  if (!isGone) {
    return { server, found: `${way}the name exists and has no address`, finding: 'no-address' };
  }
  return path.length === 1
    ? { server, found: 'NXDOMAIN: the name does not exist', finding: 'no-such-domain' }
    : // The name itself exists: it is what it points to that does not.
      { server, found: `${way}NXDOMAIN: the target does not exist`, finding: 'no-address' };
}

function addressesIn(
  answers: readonly AuthorityAnswer[],
  path: readonly [DnsName, ...DnsName[]],
): readonly string[] {
  const name = path.at(-1) ?? path[0];
  return answers
    .flatMap((answer) => recordsOf(answer, name))
    .filter(({ type }) => type === 'A' || type === 'AAAA')
    .map(({ value }) => value);
}

function inOrder(addresses: readonly string[]): readonly string[] {
  const each = [...new Set(addresses)].sort();
  const isSix = (address: string): boolean => address.includes(':');
  return [...each.filter((one) => !isSix(one)), ...each.filter(isSix)].slice(0, MAX_ADDRESSES);
}

/** `192.0.2.1, 10.0.0.1 (not reached from the internet)`. */
function describeAddresses(addresses: readonly string[], isInside: (address: string) => boolean): string {
  const told = addresses
    .slice(0, MAX_TOLD)
    .map((address) => (isInside(address) ? `${address} (not reached from the internet)` : address));
  const rest = addresses.length - told.length;
  return `${told.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}
