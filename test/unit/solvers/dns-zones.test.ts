import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { systemClock } from '../../../src/lib/clock.ts';
import { parseDnsName } from '../../../src/solvers/dns/name.ts';
import { ReachableAddresses } from '../../../src/solvers/dns/nameserver.ts';
import { DnsResolver } from '../../../src/solvers/dns/resolver.ts';
import { type ScriptedAnswer, scriptedTransport } from '../../support/dns-answers.ts';

/** Asks a resolver that has these answers to questions for SOA, and no servers of any zone. */
async function zoneOf(name: string, starts: Readonly<Record<string, ScriptedAnswer>>): Promise<string> {
  const transport = scriptedTransport((_, question) =>
    question.type === 'SOA' ? (starts[question.name] ?? {}) : {},
  );
  const resolver = new DnsResolver({
    nameservers: [{ kind: 'host', host: '192.0.2.53', port: 53 }],
    ...{ transport, reachable: new ReachableAddresses(undefined), clock: systemClock() },
  });
  const { zone } = await resolver.serversFor(parseDnsName(name), new AbortController().signal);
  return zone;
}

function soa(name: string) {
  const data = { mname: 'ns.example.test', rname: 'a.example.test' };
  return { type: 'SOA', name, ttl: 1, data } as const;
}

function cname(name: string, data: string) {
  return { type: 'CNAME', name, ttl: 1, data } as const;
}

describe('the zone of a name', () => {
  const alias = '_acme-challenge.app.sub.example.test';
  const cases: readonly {
    readonly name: string;
    readonly starts: Readonly<Record<string, ScriptedAnswer>>;
    readonly zone: string;
  }[] = [
    {
      name: 'is the one that the answer names above it',
      starts: { [alias]: { authorities: [soa('sub.example.test')] } },
      zone: 'sub.example.test',
    },
    {
      name: 'of a CNAME is its own, and not the one above it in which the target lies',
      starts: {
        [alias]: {
          answers: [cname(alias, 'app._acme.example.test')],
          authorities: [soa('example.test')],
        },
        'app.sub.example.test': { authorities: [soa('sub.example.test')] },
      },
      zone: 'sub.example.test',
    },
    {
      name: 'of a CNAME to the apex of a zone above is its own',
      starts: {
        [alias]: { answers: [cname(alias, 'example.test'), soa('example.test')] },
        'app.sub.example.test': { authorities: [soa('sub.example.test')] },
      },
      zone: 'sub.example.test',
    },
  ];
  for (const { name, starts, zone } of cases) {
    test(name, async () => {
      assert.equal(await zoneOf(alias, starts), zone);
    });
  }
});
