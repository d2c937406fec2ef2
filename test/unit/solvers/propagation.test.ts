import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Answer } from 'dns-packet';
import { type Clock, systemClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { type DnsServer, ReachableAddresses } from '../../../src/solvers/dns/nameserver.ts';
import { DnsResolver } from '../../../src/solvers/dns/resolver.ts';
import { waitUntilVisible } from '../../../src/solvers/dns01/propagation.ts';
import { type Question, type ScriptedAnswer, scriptedTransport } from '../../support/dns-answers.ts';

const SIGNAL = new AbortController().signal;
const NAME = '_acme-challenge.www.example.test';
const RESOLVER = '192.0.2.53';
const PRIMARY: DnsServer = { label: 'primary:5353', address: '192.0.2.1', port: 5353 };
const SOA: Answer = {
  type: 'SOA',
  name: 'example.test',
  data: { mname: 'ns1.example.test', rname: 'h.example.test' },
};
const SHOWN: ScriptedAnswer = { answers: [{ type: 'TXT', name: NAME, data: 'value' }] };
const ABSENT: ScriptedAnswer = { rcode: 'NXDOMAIN', authorities: [SOA] };
const SILENT = { errno: undefined };
const UNREACHABLE = { errno: 'ENETUNREACH' };

type Said = ScriptedAnswer | typeof SILENT | typeof UNREACHABLE;

interface World {
  /** Addresses of the zone's servers, and what each says in its turn; the last word is repeated. */
  readonly servers?: Readonly<Record<string, readonly Said[]>>;
  /** What the recursive resolver says about the TXT record itself. */
  readonly resolved?: Said;
  readonly isResolverDown?: boolean;
}

/** Runs the wait with a clock that only moves when somebody sleeps; returns who was asked, and when. */
async function wait(world: World) {
  const { servers = { '192.0.2.1': [SHOWN], '192.0.2.2': [SHOWN] }, resolved = ABSENT } = world;
  let nowMs = 0;
  const sleptMs: number[] = [];
  const clock: Clock = {
    ...systemClock(),
    monotonicMs: () => nowMs,
    sleep: async (ms) => {
      sleptMs.push(Math.round(ms));
      nowMs += ms;
    },
  };
  const asked: string[] = [];
  const turns = new Map(Object.entries(servers).map(([address, said]) => [address, [...said]]));
  const transport = scriptedTransport((server, question) => {
    if (server.address === RESOLVER) {
      if (world.isResolverDown) return SILENT;
      return question.type === 'TXT' ? resolved : resolve(question, Object.keys(servers));
    }
    asked.push(`${server.address}:${server.port}`);
    const said = turns.get(server.address) ?? [SILENT];
    return (said.length > 1 ? said.shift() : said[0]) ?? SILENT;
  });
  const resolver = new DnsResolver({
    nameservers: [{ kind: 'host', host: RESOLVER, port: 53 }],
    transport,
    reachable: new ReachableAddresses(undefined),
    clock,
  });
  const outcome = await waitUntilVisible(
    { name: NAME, value: 'value', writtenTo: [PRIMARY] },
    { resolver, transport, clock, log: silentLog },
    SIGNAL,
  ).then(
    () => 'visible',
    (error: { readonly code?: string; explain(): string }) => `${error.code} ${error.explain()}`,
  );
  return { outcome, asked, sleptMs, tookMs: nowMs };
}

function resolve({ name, type }: Question, addresses: readonly string[]): ScriptedAnswer {
  const server = addresses.findIndex((_, index) => name === `ns${index + 1}.example.test`);
  if (type === 'SOA')
    return name === 'example.test' ? { answers: [SOA] } : { rcode: 'NXDOMAIN', authorities: [SOA] };
  if (type === 'NS') {
    return {
      answers: addresses.map((_, index) => ({ type: 'NS', name, data: `ns${index + 1}.example.test` })),
    };
  }
  const data = addresses[server];
  return type === 'A' && data !== undefined ? { answers: [{ type: 'A', name, data }] } : {};
}

describe('a record is waited for', () => {
  test('not at all where every server shows it', async () => {
    const { outcome, asked, sleptMs } = await wait({});

    assert.equal(outcome, 'visible');
    // The server that was written to is one of the zone's, at its own port.
    assert.deepEqual(asked, ['192.0.2.1:5353', '192.0.2.2:53']);
    assert.deepEqual(sleptMs, []);
  });

  test('until the last secondary has it, asking only those that have not', async () => {
    const { outcome, asked, sleptMs } = await wait({
      servers: { '192.0.2.1': [SHOWN], '192.0.2.2': [ABSENT, ABSENT, ABSENT, SHOWN] },
    });

    assert.equal(outcome, 'visible');
    assert.deepEqual(
      asked.filter((server) => server.startsWith('192.0.2.1:')),
      ['192.0.2.1:5353'],
    );
    assert.deepEqual(sleptMs, [100, 160, 256]);
  });

  test('no longer than the limit where a server says it is not there', async () => {
    const { outcome, sleptMs, tookMs } = await wait({
      servers: { '192.0.2.1': [SHOWN], '192.0.2.2': [ABSENT] },
    });

    assert.match(outcome, /^solvers\.dns-not-visible .*ns2\.example\.test \(192\.0\.2\.2:53\): NXDOMAIN/);
    assert.equal(Math.max(...sleptMs), 10_000);
    assert.ok(tookMs > 100_000 && tookMs <= 120_000);
  });

  test('with a hint where a CNAME stands there', async () => {
    const cname: ScriptedAnswer = { answers: [{ type: 'CNAME', name: NAME, data: 'elsewhere.test' }] };

    const { outcome } = await wait({ servers: { '192.0.2.1': [cname] } });

    assert.match(outcome, /a CNAME stands there.*cnameStrategy: Follow/);
  });
});

describe('silence delays, and decides nothing', () => {
  const cases: readonly {
    readonly name: string;
    readonly world: World;
    readonly outcome: RegExp;
    readonly tookMs: readonly [number, number];
  }[] = [
    {
      name: 'a server that cannot be reached is not waited for',
      world: { servers: { '192.0.2.1': [SHOWN], '192.0.2.2': [UNREACHABLE] } },
      outcome: /^visible/,
      tookMs: [0, 0],
    },
    {
      name: 'a server that does not answer is waited for a while',
      world: { servers: { '192.0.2.1': [SHOWN], '192.0.2.2': [SILENT] } },
      outcome: /^visible/,
      tookMs: [20_000, 31_000],
    },
    {
      name: 'a server that does not serve the zone is as good as silent',
      world: {
        servers: { '192.0.2.1': [SHOWN], '192.0.2.2': [{ rcode: 'REFUSED', isAuthoritative: false }] },
      },
      outcome: /^visible/,
      tookMs: [20_000, 31_000],
    },
    {
      name: 'where all are silent the resolver’s word is enough',
      world: { servers: { '192.0.2.1': [SILENT], '192.0.2.2': [SILENT] }, resolved: SHOWN },
      outcome: /^visible/,
      tookMs: [20_000, 31_000],
    },
    {
      name: 'where all are silent and the resolver shows nothing, nothing is risked',
      world: { servers: { '192.0.2.1': [SILENT], '192.0.2.2': [SILENT] } },
      outcome: /^solvers\.dns-not-visible .*ns1\.example\.test/,
      tookMs: [100_000, 120_000],
    },
    {
      name: 'where no resolver answers for a while the word of the server that was written to is enough',
      world: { isResolverDown: true },
      outcome: /^visible/,
      tookMs: [20_000, 31_000],
    },
    {
      name: 'a zone whose servers have no address that may be asked is looked at where it was written',
      world: { servers: { '169.254.169.254': [ABSENT] } },
      outcome: /^solvers\.dns-not-visible .*No server of the zone example\.test has an address.*primary:5353/,
      tookMs: [100_000, 120_000],
    },
  ];
  for (const {
    name,
    world,
    outcome: expected,
    tookMs: [min, max],
  } of cases) {
    test(name, async () => {
      const { outcome, tookMs, asked } = await wait(world);

      assert.match(outcome, expected);
      assert.ok(tookMs >= min && tookMs <= max, `${tookMs} ms`);
      assert.ok(asked.every((server) => !server.startsWith('169.254.')));
    });
  }
});
