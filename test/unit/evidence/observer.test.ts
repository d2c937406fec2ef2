import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Answer } from 'dns-packet';
import type { Finding, Observation } from '../../../src/diagnosis/failure.ts';
import { createObserver } from '../../../src/evidence/observer.ts';
import { silentLog } from '../../../src/lib/log.ts';
import type { DnsServer } from '../../../src/solvers/dns/nameserver.ts';
import type { DnsTransport } from '../../../src/solvers/dns/transport.ts';
import { type Question, type ScriptedAnswer, scriptedTransport } from '../../support/dns-answers.ts';

const SIGNAL = new AbortController().signal;
const RESOLVER = '192.0.2.53';
const SERVERS = { ns1: '192.0.2.1', ns2: '192.0.2.2' } as const;

type Said = ScriptedAnswer | { readonly errno: string | undefined };

const SOA: Answer = {
  type: 'SOA',
  name: 'example.test',
  ttl: 1,
  data: { mname: 'ns1.example.test', rname: 'a.example.test' },
};
const NOTHING: ScriptedAnswer = { authorities: [SOA] };
const GONE: ScriptedAnswer = { rcode: 'NXDOMAIN', authorities: [SOA] };

function a(name: string, data: string): Answer {
  return { type: 'A', name, ttl: 1, data };
}

/** Zone example.test with two servers; `say` answers for them, and for the resolver where `isResolver`. */
function world(say: (server: keyof typeof SERVERS | 'resolver', question: Question) => Said): DnsTransport {
  return scriptedTransport((server: DnsServer, question) => {
    if (server.address !== RESOLVER) {
      return say(server.address === SERVERS.ns1 ? 'ns1' : 'ns2', question);
    }
    const { name, type } = question;
    if (type === 'NS') {
      return {
        answers: Object.keys(SERVERS).map((label) => ({
          ...{ type: 'NS' as const, name, ttl: 1, data: `${label}.example.test` },
        })),
      };
    }
    const label = (['ns1', 'ns2'] as const).find((one) => name === `${one}.example.test`);
    if (label !== undefined) return type === 'A' ? { answers: [a(name, SERVERS[label])] } : NOTHING;
    if (type === 'SOA') return NOTHING;
    return say('resolver', question);
  });
}

async function look(
  transport: DnsTransport,
  challengeType: 'http-01' | 'dns-01' = 'http-01',
): Promise<readonly Observation[]> {
  const observer = createObserver({
    ...{ resolvers: [RESOLVER], log: silentLog, transport, timeoutMs: 500 },
    hostPolicy: { isHostAllowed: () => true },
    // Nobody listens there.
    ...{ httpPort: 9, tlsPort: 9 },
  });
  return observer.observe([{ identifier: 'www.example.test', challengeType }], {}, SIGNAL);
}

function dnsOf(seen: readonly Observation[]): readonly (readonly [Finding, string, string])[] {
  return seen
    .filter(({ kind }) => kind === 'dns')
    .map(({ finding, asked, found }) => [finding, asked, found] as const);
}

describe('servers of one zone', () => {
  test('that say the same are one observation', async () => {
    const seen = await look(world(() => GONE));

    assert.deepEqual(dnsOf(seen), [
      [
        'no-such-domain',
        'A, AAAA www.example.test at ns1.example.test (192.0.2.1:53), ns2.example.test (192.0.2.2:53)',
        'NXDOMAIN: the name does not exist',
      ],
    ]);
  });

  test('that disagree are told apart', async () => {
    const seen = await look(
      world((server, { name, type }) =>
        server === 'ns1' ? GONE : type === 'A' ? { answers: [a(name, '127.0.0.1')] } : NOTHING,
      ),
    );

    assert.deepEqual(
      dnsOf(seen).map(([finding, asked]) => [finding, asked.includes('ns1'), asked.includes('ns2')]),
      [
        ['no-such-domain', true, false],
        ['as-expected', false, true],
      ],
    );
  });

  test('that disagree about a TXT record are told apart, beside one that is silent', async () => {
    const seen = await look(
      world((server, { name, type }) =>
        type !== 'TXT'
          ? NOTHING
          : server === 'ns1'
            ? { errno: undefined }
            : { answers: [{ type, name, data: 'old' }] },
      ),
      'dns-01',
    );

    assert.deepEqual(
      dnsOf(seen).map(([finding]) => finding),
      ['unreachable', 'unknown'],
    );
  });

  test('that do not answer for it are unreachable, and the resolver is asked instead', async () => {
    const seen = await look(
      world((server, { name, type }) =>
        server === 'resolver'
          ? type === 'A'
            ? { answers: [a(name, '127.0.0.1')] }
            : NOTHING
          : { rcode: 'REFUSED', isAuthoritative: false },
      ),
    );

    const [own, resolver] = dnsOf(seen);
    assert.deepEqual([own?.[0], own?.[2]], ['unreachable', 'REFUSED, not as an authority for the zone']);
    assert.deepEqual([resolver?.[0], /at the resolver/.test(resolver?.[1] ?? '')], ['as-expected', true]);
  });

  test('to which no way leads say nothing where others speak', async () => {
    const seen = await look(world((server) => (server === 'ns1' ? { errno: 'ENETUNREACH' } : GONE)));

    assert.deepEqual(
      dnsOf(seen).map(([finding]) => finding),
      ['no-such-domain'],
    );
  });

  test('that lead in a circle are not followed for ever', async () => {
    const seen = await look(
      world((_, { name }) => ({
        answers: [
          {
            type: 'CNAME',
            name,
            ttl: 1,
            data: name.startsWith('www') ? 'b.example.test' : 'www.example.test',
          },
        ],
      })),
    );

    const [[finding, , found] = ['unknown', '', '']] = dnsOf(seen);
    assert.equal(finding, 'no-address');
    assert.match(found, /without an end: www\.example\.test → b\.example\.test → …/);
  });
});

test('an answer that is not authoritative is no proof that a name is gone', async () => {
  const seen = await look(world(() => ({ ...GONE, isAuthoritative: false })));

  assert.equal(
    dnsOf(seen).some(([finding]) => finding === 'no-such-domain'),
    false,
  );
});

test('that a name without a record does not exist says nothing against DNS-01', async () => {
  const seen = await look(
    world(() => GONE),
    'dns-01',
  );

  assert.deepEqual(
    dnsOf(seen).map(([finding]) => finding),
    ['missing'],
  );
});

test('what servers write is told on one line of 300 characters', async () => {
  const hostile = `\u202e\r\n<img src=x> @team ${'x'.repeat(200)}`;
  const seen = await look(
    world((_, { name, type }) => (type === 'TXT' ? { answers: [{ type, name, data: hostile }] } : NOTHING)),
    'dns-01',
  );

  for (const { found, asked } of seen) {
    assert.ok(found.length <= 300 && asked.length <= 300);
    assert.doesNotMatch(found, /[\p{Cc}\p{Cf}]/u);
  }
});

test('a resolver that never answers is an observation and no error', async () => {
  const never: DnsTransport = {
    exchange: () => new Promise(() => {}),
    exchangeHttps: () => new Promise(() => {}),
  };

  const seen = await look(never);

  assert.deepEqual(
    seen.map(({ kind, finding }) => [kind, finding]),
    [
      ['dns', 'unknown'],
      ['caa', 'unknown'],
    ],
  );
});

test('an identifier that is no name is an observation and no error', async () => {
  const observer = createObserver({ resolvers: [RESOLVER], log: silentLog, transport: world(() => GONE) });

  const seen = await observer.observe([{ identifier: 'a b\u0000c', challengeType: 'dns-01' }], {}, SIGNAL);

  assert.ok(seen.length > 0);
  assert.ok(seen.every(({ finding }) => finding === 'unknown'));
});
