import type { Answer } from 'dns-packet';
import type { DnsEyes } from '../../../src/evidence/zone-sight.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { Authorities } from '../../../src/solvers/dns/authorities.ts';
import { ReachableAddresses } from '../../../src/solvers/dns/nameserver.ts';
import { DnsResolver } from '../../../src/solvers/dns/resolver.ts';
import { type Question, type ScriptedAnswer, scriptedTransport } from '../../support/dns-answers.ts';

const RESOLVER = '192.0.2.53';

export const NXDOMAIN: ScriptedAnswer = { rcode: 'NXDOMAIN' };
export const NODATA: ScriptedAnswer = {};

/** What one server of a zone says; an `errno` where nothing comes back. */
export type Say = (question: Question) => ScriptedAnswer | { readonly errno: string | undefined };

/**
 * Eyes on zones whose servers are scripted, each under its own address. The resolver follows CNAMEs only as far as
 * `aliases` says, which is what it answers a question for SOA with.
 */
export function eyesOn(
  zones: Readonly<Record<string, readonly Say[]>>,
  aliases: Readonly<Record<string, string>> = {},
): DnsEyes {
  const servers = Object.entries(zones).flatMap(([zone, says]) => says.map((say) => ({ zone, say })));
  const label = (index: number): string => `ns${index + 1}.servers.test`;
  const address = (index: number): string => `198.51.100.${index + 1}`;
  const zoneOf = (name: string): string | undefined =>
    Object.keys(zones)
      .filter((zone) => name === zone || name.endsWith(`.${zone}`))
      .sort((one, other) => other.length - one.length)[0];

  const transport = scriptedTransport((server, question) => {
    const own = servers.find((_, index) => address(index) === server.address);
    if (own !== undefined) return own.say(question);
    const { name, type } = question;
    if (type === 'SOA') return start(name, zoneOf(aliases[name] ?? name), aliases[name]);
    if (type === 'NS') {
      const answers = servers.flatMap(({ zone }, index): readonly Answer[] =>
        zone === name ? [{ type: 'NS', name, ttl: 1, data: label(index) }] : [],
      );
      return { answers };
    }
    const index = servers.findIndex((_, at) => label(at) === name);
    return index < 0 || type !== 'A' ? NODATA : { answers: [a(name, address(index))] };
  });
  const reachable = new ReachableAddresses({ isHostAllowed: () => true });
  const nameservers = [{ kind: 'host', host: RESOLVER, port: 53 } as const];
  const resolver = new DnsResolver({ nameservers, transport, reachable, clock: systemClock() });
  return { resolver, authorities: new Authorities({ resolver, transport, known: [] }) };
}

function start(name: string, zone: string | undefined, target: string | undefined): ScriptedAnswer {
  const data = { mname: 'ns1.servers.test', rname: 'a.servers.test' };
  return {
    answers: target === undefined ? [] : [cname(name, target)],
    authorities: zone === undefined ? [] : [{ type: 'SOA', name: zone, ttl: 1, data }],
  };
}

export function a(name: string, data: string): Answer {
  return { type: 'A', name, ttl: 1, data };
}

export function cname(name: string, data: string): Answer {
  return { type: 'CNAME', name, ttl: 1, data };
}

export function txt(name: string, data: string): Answer {
  return { type: 'TXT', name, ttl: 1, data };
}

export function caa(name: string, value: string): Answer {
  return { type: 'CAA', name, ttl: 1, data: { flags: 0, tag: 'issue', value } };
}
