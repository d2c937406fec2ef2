import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createPlainServer, type Server, type Socket } from 'node:net';
import { after, before, describe, type TestContext, test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import type { Finding, Observation } from '../../src/diagnosis/failure.ts';
import type { ObservedCa, ObservedName, ObserverOptions } from '../../src/evidence/observed.ts';
import { createObserver } from '../../src/evidence/observer.ts';
import { silentLog } from '../../src/lib/log.ts';
import { Sensitive } from '../../src/lib/sensitive.ts';
import { readCertificate } from '../../src/pki/certificate-facts.ts';
import { txtValue } from '../../src/solvers/dns01/dns01.ts';
import { Authority } from '../support/acme-simulator/authority.ts';
import { type Bind, startBind } from '../support/bind.ts';

const SIGNAL = new AbortController().signal;
const TOKEN = randomBytes(32).toString('base64url');
const KEY_AUTHORIZATION = `${TOKEN}.${randomBytes(32).toString('base64url')}`;
const DIGEST = txtValue(KEY_AUTHORIZATION);
const CHALLENGE = { token: TOKEN, keyAuthorization: new Sensitive(KEY_AUTHORIZATION) };
const ACCOUNT = 'https://ca.example/account/1';
const CA: ObservedCa = { caaIdentities: ['ca.example'], accountUri: ACCOUNT };
/** No listener is ever there. */
const CLOSED_PORT = 9;
const DAY_MS = 86_400_000;

let authority: Authority;
let bind: Bind;

before(async () => {
  authority = await Authority.create();
  bind = await startBind([
    // The top, so that CAA can be looked for all the way up.
    { name: 'test' },
    {
      name: 'example.test',
      records: [
        'www A 127.0.0.1',
        'both A 127.0.0.1',
        'both AAAA ::1',
        'two A 127.0.0.1',
        'two A 127.0.0.2',
        'bare TXT "no address here"',
        'alias CNAME www',
        'dangling CNAME gone',
        'round CNAME round2',
        'round2 CNAME round',
        'meta A 169.254.169.254',
        'mapped AAAA ::ffff:169.254.169.254',
        'inner A 10.1.2.3',
        `_acme-challenge.right TXT "${DIGEST}"`,
        '_acme-challenge.right TXT "left from before"',
        '_acme-challenge.wrong TXT "one"',
        '_acme-challenge.wrong TXT "two"',
        '_acme-challenge.wrong TXT "three"',
        '_acme-challenge.wrong TXT "four"',
        `_acme-challenge.leaky TXT "${KEY_AUTHORIZATION}"`,
        '_acme-challenge.away CNAME away.other.test.',
        'other.caa CAA 0 issue "other.example"',
        'none.caa CAA 0 issue ";"',
        'ours.caa CAA 0 issue "ca.example"',
        `bound.caa CAA 0 issue "ca.example; accounturi=${ACCOUNT}; validationmethods=dns-01"`,
        'stranger.caa CAA 0 issue "ca.example; accounturi=https://ca.example/account/2"',
        'wild.caa CAA 0 issue "ca.example"',
        'wild.caa CAA 0 issuewild "other.example"',
        'critical.caa CAA 128 tbs "unknown"',
        'pointing.caa CNAME other.caa',
        'broken NS ns.nowhere.test.',
      ],
    },
    { name: 'other.test', records: [`away TXT "${DIGEST}"`] },
  ]);
});
after(() => bind.stop());

interface Wanted {
  readonly name: Partial<ObservedName> & Pick<ObservedName, 'identifier'>;
  readonly ca?: ObservedCa;
  readonly options?: Partial<ObserverOptions>;
}

/** Everything that is seen of one name; no observation may hold anything of the secrets. */
async function observe({ name, ca = CA, options = {} }: Wanted): Promise<readonly Observation[]> {
  const observer = createObserver({
    ...{ resolvers: [bind.address], log: silentLog, httpPort: CLOSED_PORT, tlsPort: CLOSED_PORT },
    ...options,
  });
  const seen = await observer.observe(
    [{ challengeType: 'http-01', challenge: CHALLENGE, ...name }],
    ca,
    SIGNAL,
  );
  requireHarmless(seen);
  return seen;
}

function requireHarmless(seen: readonly Observation[]): void {
  const secret = KEY_AUTHORIZATION.toLowerCase();
  for (const { asked, found } of seen) {
    for (const text of [asked, found]) {
      assert.ok(text.length <= 300, text);
      assert.doesNotMatch(text, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      const characters = text.toLowerCase().replaceAll(/[^a-z0-9._-]/g, '');
      for (let at = 0; at + 10 <= secret.length; at += 1) {
        assert.ok(!characters.includes(secret.slice(at, at + 10)), 'a piece of the key authorization shows');
      }
    }
  }
}

function only(seen: readonly Observation[], kind: Observation['kind']): Observation {
  const [first, ...others] = seen.filter((observation) => observation.kind === kind);
  assert.deepEqual(others, []);
  assert.ok(first !== undefined, `nothing of kind ${kind}`);
  return first;
}

function portOf(server: Server): number {
  const address = server.address();
  return address === null || typeof address === 'string' ? 0 : address.port;
}

/** What it presents is vouched for by `authority`, from now on. */
async function newTlsServer(
  dnsNames: readonly string[],
): Promise<{ readonly server: Server; readonly fingerprintSHA256: string }> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { chains, leafPem } = await authority.issue({
    publicKey: publicKey.export({ type: 'spki', format: 'der' }),
    identifiers: dnsNames.map((value) => ({ type: 'dns', value })),
    ...{ notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + DAY_MS) },
  });
  const [cert] = chains;
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
  return {
    server: createTlsServer({ cert, key }),
    fingerprintSHA256: readCertificate(leafPem).fingerprintSHA256,
  };
}

async function listen(t: TestContext, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket.on('error', () => {})));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return portOf(server);
}

describe('the addresses of a name', () => {
  const cases: readonly {
    readonly name: string;
    readonly host: string;
    readonly finding: Finding;
    readonly found: RegExp;
  }[] = [
    {
      name: 'that is there',
      host: 'www.example.test',
      finding: 'as-expected',
      found: /^127\.0\.0\.1 \(not reached/,
    },
    { name: 'that does not exist', host: 'gone.example.test', finding: 'no-such-domain', found: /^NXDOMAIN/ },
    { name: 'that nobody delegates', host: 'www.gone.test', finding: 'no-such-domain', found: /^NXDOMAIN/ },
    { name: 'that has none', host: 'bare.example.test', finding: 'no-address', found: /has no address/ },
    {
      name: 'that is an alias',
      host: 'alias.example.test',
      finding: 'as-expected',
      found: /^CNAME alias\.example\.test → www\.example\.test; 127\.0\.0\.1/,
    },
    {
      name: 'that is an alias of nothing exists all the same',
      host: 'dangling.example.test',
      finding: 'no-address',
      found: /the target does not exist/,
    },
    {
      name: 'whose aliases lead in a circle, at which resolvers fail',
      host: 'round.example.test',
      finding: 'unknown',
      found: /SERVFAIL/,
    },
    {
      name: 'whose zone has no server',
      host: 'a.broken.example.test',
      finding: 'unknown',
      found: /No resolver answers/,
    },
    {
      name: 'that DNS cannot hold',
      host: `${'a'.repeat(64)}.example.test`,
      finding: 'unknown',
      found: /no name that DNS/,
    },
  ];
  for (const { name, host, finding, found } of cases) {
    test(name, async () => {
      const seen = only(await observe({ name: { identifier: host } }), 'dns');

      assert.equal(seen.finding, finding, seen.found);
      assert.match(seen.found, found);
      assert.equal(seen.identifier, host);
    });
  }

  test('are asked of the servers of the zone, by name and address', async () => {
    const seen = only(await observe({ name: { identifier: 'www.example.test' } }), 'dns');

    assert.equal(seen.asked, `A, AAAA www.example.test at ns1.example.test (${bind.address})`);
  });
});

describe('the TXT record of DNS-01', () => {
  const cases: readonly {
    readonly name: string;
    readonly host: string;
    readonly finding: Finding;
    readonly found: RegExp;
  }[] = [
    {
      name: 'is there',
      host: 'right.example.test',
      finding: 'as-expected',
      found: /looks for, beside 1 other/,
    },
    {
      name: 'is not there',
      host: 'gone.example.test',
      finding: 'missing',
      found: /no TXT record \(NXDOMAIN\)/,
    },
    {
      name: 'is another',
      host: 'wrong.example.test',
      finding: 'something-else',
      found: /("[a-z]+".*){3} and 1 more$/,
    },
    {
      name: 'is delegated',
      host: '*.away.example.test',
      finding: 'as-expected',
      found: /^CNAME .* → away\.other\.test; the value/,
    },
    {
      name: 'is the key authorization by mistake',
      host: 'leaky.example.test',
      finding: 'something-else',
      found: /but "…/,
    },
  ];
  for (const { name, host, finding, found } of cases) {
    test(name, async () => {
      const seen = only(await observe({ name: { identifier: host, challengeType: 'dns-01' } }), 'dns');

      assert.equal(seen.finding, finding, seen.found);
      assert.match(seen.found, found);
    });
  }

  test('is missing, and that the domain itself is delegated by nobody is seen, too', async () => {
    const seen = await observe({ name: { identifier: 'www.gone.test', challengeType: 'dns-01' } });

    const findings = seen.filter(({ kind }) => kind === 'dns').map(({ finding }) => finding);
    assert.deepEqual(findings, ['missing', 'no-such-domain']);
  });
});

describe('CAA records', () => {
  const cases: readonly {
    readonly name: string;
    readonly identifier: string;
    readonly finding: Finding;
    readonly found: RegExp;
    readonly at?: string;
    readonly method?: 'dns-01';
    readonly ca?: ObservedCa;
  }[] = [
    { name: 'are nowhere', identifier: 'www.example.test', finding: 'caa-allows', found: /no CAA record/ },
    {
      name: 'name another CA',
      identifier: 'other.caa.example.test',
      finding: 'caa-forbids',
      found: /ca\.example is not named: 0 issue "other\.example"/,
    },
    {
      name: 'of a parent count',
      identifier: 'a.b.other.caa.example.test',
      finding: 'caa-forbids',
      found: /other/,
      at: 'other.caa.example.test',
    },
    {
      name: 'at the end of an alias count',
      identifier: 'pointing.caa.example.test',
      finding: 'caa-forbids',
      found: /other/,
    },
    {
      name: 'name no CA',
      identifier: 'none.caa.example.test',
      finding: 'caa-forbids',
      found: /no CA may issue/,
    },
    { name: 'name the CA', identifier: 'ours.caa.example.test', finding: 'caa-allows', found: /may issue/ },
    {
      name: 'name another CA for wildcards',
      identifier: '*.wild.caa.example.test',
      finding: 'caa-forbids',
      found: /issuewild/,
      method: 'dns-01',
    },
    {
      name: 'for wildcards do not bind a plain name',
      identifier: 'wild.caa.example.test',
      finding: 'caa-allows',
      found: /may issue/,
    },
    {
      name: 'name another account',
      identifier: 'stranger.caa.example.test',
      finding: 'caa-forbids',
      found: /accounturi is not/,
    },
    {
      name: 'leave out the challenge',
      identifier: 'bound.caa.example.test',
      finding: 'caa-forbids',
      found: /leave out http-01/,
    },
    {
      name: 'name account and challenge',
      identifier: 'bound.caa.example.test',
      finding: 'caa-allows',
      found: /may issue/,
      method: 'dns-01',
    },
    {
      name: 'have a critical property',
      identifier: 'critical.caa.example.test',
      finding: 'caa-forbids',
      found: /critical/,
    },
    {
      name: 'are told where the CA has no name',
      identifier: 'other.caa.example.test',
      finding: 'unknown',
      found: /does not say/,
      ca: {},
    },
    {
      name: 'cannot be asked for',
      identifier: 'a.broken.example.test',
      finding: 'unknown',
      found: /SERVFAIL/,
    },
  ];
  for (const { name, identifier, finding, found, at, method, ca = CA } of cases) {
    test(name, async () => {
      const seen = only(
        await observe({ name: { identifier, challengeType: method ?? 'http-01' }, ca }),
        'caa',
      );

      assert.equal(seen.finding, finding, seen.found);
      assert.match(seen.found, found);
      if (at !== undefined) assert.equal(seen.at, at);
    });
  }
});

describe('what answers where HTTP-01 is looked for', () => {
  const path = `/.well-known/acme-challenge/${TOKEN}`;
  const cases: readonly {
    readonly name: string;
    readonly answer: RequestListener;
    readonly finding: Finding;
    readonly found: RegExp;
    readonly timeoutMs?: number;
  }[] = [
    {
      name: 'is what the CA looks for',
      answer: ({ url }, response) =>
        void response.end(url === path ? `${KEY_AUTHORIZATION}\n` : 'wrong path'),
      finding: 'as-expected',
      found: /^HTTP 200 with the answer/,
    },
    {
      name: 'is not there',
      answer: (_, response) =>
        void response.writeHead(404, { 'Content-Type': 'text/html' }).end('<h1>gone</h1>'),
      finding: 'missing',
      found: /^HTTP 404 text\/html: "<h1>gone<\/h1>"$/,
    },
    {
      name: 'echoes the token, whole and in pieces',
      answer: ({ url = '' }, response) =>
        void response.end(
          `${url} ${KEY_AUTHORIZATION.toUpperCase()} ${[...TOKEN].join('\u200b')} ${TOKEN.slice(0, 12)}`,
        ),
      finding: 'something-else',
      found: /^HTTP 200: "/,
    },
    {
      name: 'has the token in its content type and redirects to it',
      answer: ({ url }, response) =>
        url === path
          ? void response.writeHead(302, { Location: `/x/${KEY_AUTHORIZATION}?t=${TOKEN}` }).end()
          : void response.writeHead(403, { 'Content-Type': `text/${TOKEN}` }).end(),
      finding: 'something-else',
      found: /^HTTP 302 to http:\/\/www\.example\.test\/x\/…\?…; HTTP 403 text\/…; what an inner/,
    },
    {
      name: 'has no end',
      answer: (_, response) => {
        const write = (): void => {
          if (response.destroyed) return;
          response.write('endless '.repeat(1000), write);
        };
        write();
      },
      finding: 'something-else',
      found: /^HTTP 200: "endless .*…" and more$/,
    },
    {
      name: 'ends in the middle of a token',
      answer: (_, response) => void response.end(`${' '.repeat(4083)}${KEY_AUTHORIZATION}`),
      finding: 'something-else',
      found: /^HTTP 200: "" and more$/,
    },
    {
      name: 'is slow',
      answer: (_, response) => void response.write('a little'),
      finding: 'something-else',
      found: /^HTTP 200: "a" and more$/,
      timeoutMs: 400,
    },
    {
      name: 'says nothing',
      answer: () => {},
      finding: 'unreachable',
      found: /^no answer within/,
      timeoutMs: 400,
    },
    {
      name: 'is binary',
      answer: (_, response) => void response.end(Buffer.alloc(2000, 0x81)),
      finding: 'something-else',
      found: /^HTTP 200: a body that is no text$/,
    },
    {
      name: 'leads to a metadata address',
      answer: (_, response) =>
        void response.writeHead(302, { Location: 'http://169.254.169.254/latest/' }).end(),
      finding: 'unknown',
      found: /not asked: 169\.254\.169\.254 must never be asked$/,
    },
    {
      name: 'leads to a name of a metadata address',
      answer: (_, response) =>
        void response.writeHead(302, { Location: 'http://meta.example.test/latest/' }).end(),
      finding: 'unknown',
      found: /must never be asked$/,
    },
    {
      name: 'leads to a mapped metadata address',
      answer: (_, response) =>
        void response.writeHead(302, { Location: 'http://mapped.example.test/' }).end(),
      finding: 'unknown',
      found: /must never be asked$/,
    },
    {
      name: 'leads to another port',
      answer: (_, response) =>
        void response.writeHead(302, { Location: 'http://www.example.test:6379/' }).end(),
      finding: 'something-else',
      found: /a port to which no CA follows$/,
    },
    {
      name: 'leads to another protocol',
      answer: (_, response) => void response.writeHead(302, { Location: 'file:///etc/passwd' }).end(),
      finding: 'something-else',
      found: /neither http nor https$/,
    },
    {
      name: 'leads in a circle',
      answer: (_, response) => void response.writeHead(301, { Location: path }).end(),
      finding: 'something-else',
      found: /; 9 more redirects; HTTP 301 to .*; more redirects than a CA follows$/,
    },
    {
      name: 'leads there by a status that CAs do not follow',
      answer: (_, response) => void response.writeHead(303, { Location: '/other' }).end(),
      finding: 'something-else',
      found: /^HTTP 303 to http:\/\/www\.example\.test\/other; a redirect that CAs do not follow$/,
    },
    {
      name: 'leads to a name whose servers do not answer',
      answer: (_, response) =>
        void response.writeHead(301, { Location: 'http://a.broken.example.test/' }).end(),
      finding: 'unknown',
      found: /; whose address could not be found$/,
    },
    {
      name: 'leads from one inner server to another',
      answer: (_, response) => void response.writeHead(301, { Location: 'http://inner.example.test/' }).end(),
      finding: 'unknown',
      found: /not asked: 10\.1\.2\.3 lies in a network/,
    },
    {
      name: 'leads nowhere',
      answer: (_, response) => void response.writeHead(301, { Location: 'http://gone.example.test/' }).end(),
      finding: 'something-else',
      found: /a name for which no address is found$/,
    },
  ];
  for (const { name, answer, finding, found, timeoutMs } of cases) {
    test(name, async (t) => {
      const httpPort = await listen(t, createHttpServer(answer));

      const seen = only(
        await observe({ name: { identifier: 'www.example.test' }, options: { httpPort, timeoutMs } }),
        'http',
      );

      assert.match(seen.found, found);
      assert.equal(seen.finding, finding);
      assert.equal(seen.asked, 'GET http://www.example.test/.well-known/acme-challenge/… at 127.0.0.1');
    });
  }

  test('is not HTTP', async (t) => {
    const server = createPlainServer((socket) => void socket.end('220 mail.example.test ESMTP\r\n'));
    const httpPort = await listen(t, server);

    const seen = only(
      await observe({ name: { identifier: 'www.example.test' }, options: { httpPort } }),
      'http',
    );

    assert.deepEqual([seen.finding, seen.found.includes('does not speak HTTP')], ['something-else', true]);
  });

  test('is nobody', async () => {
    const seen = only(await observe({ name: { identifier: 'www.example.test' } }), 'http');

    assert.deepEqual([seen.finding, seen.found], ['unreachable', 'the connection is refused']);
  });

  test('is looked at by IPv4 and by IPv6, which a CA tries first', async () => {
    const seen = await observe({ name: { identifier: 'both.example.test' } });

    const asked = seen.filter(({ kind }) => kind === 'http').map((one) => one.asked.replace(/^.* at /, ''));
    assert.deepEqual(asked, ['127.0.0.1', '0:0:0:0:0:0:0:1']);
  });

  test('is not asked at a metadata address', async () => {
    for (const identifier of ['meta.example.test', 'mapped.example.test', '169.254.169.254']) {
      const seen = await observe({ name: { identifier } });

      const { finding, found } = only(seen, 'http');
      assert.deepEqual([finding, found.startsWith('not asked')], ['unknown', true], identifier);
      assert.equal(
        seen.some(({ kind }) => kind === 'served'),
        false,
      );
    }
  });

  test('is not asked where the operator forbids it', async (t) => {
    let requests = 0;
    const httpPort = await listen(
      t,
      createHttpServer((_, response) => {
        requests += 1;
        response.end();
      }),
    );
    const hostPolicy = { isHostAllowed: (host: string) => host !== 'www.example.test' };

    const seen = only(
      await observe({ name: { identifier: 'www.example.test' }, options: { httpPort, hostPolicy } }),
      'http',
    );

    assert.equal(seen.finding, 'unknown');
    assert.equal(requests, 0);
  });
});

describe('what a name serves today', () => {
  const cases: readonly {
    readonly name: string;
    /** Days from now; undefined: no certificate in use covers the name. */
    readonly ours?: number;
    readonly isOurs?: boolean;
    readonly dnsNames?: readonly string[];
    readonly isUntrusted?: boolean;
    readonly isOnRecord?: boolean;
    readonly identifier?: string;
    readonly finding: Finding;
  }[] = [
    { name: 'is told, where nothing covers the name', finding: 'unknown' },
    { name: 'is ours', ours: 0, isOurs: true, finding: 'served-here' },
    { name: 'is newer than ours', ours: -30, finding: 'served-elsewhere' },
    {
      name: 'is newer than ours, and for a wildcard',
      ours: -30,
      dnsNames: ['*.example.test'],
      finding: 'served-elsewhere',
    },
    {
      name: 'is newer than ours, and nobody vouches for it',
      ours: -30,
      isUntrusted: true,
      finding: 'something-else',
    },
    {
      name: "is newer than ours, and another Certificate's",
      ours: -30,
      isOnRecord: true,
      finding: 'something-else',
    },
    {
      name: 'is newer than ours, and there is another address at which nobody answers',
      ours: -30,
      dnsNames: ['two.example.test'],
      identifier: 'two.example.test',
      finding: 'something-else',
    },
    { name: 'is older than ours, perhaps one of ours not loaded anew', ours: 30, finding: 'something-else' },
    {
      name: 'does not cover the name',
      ours: -30,
      dnsNames: ['other.example.test'],
      finding: 'something-else',
    },
  ];
  for (const { name, ours, isOurs = false, dnsNames = ['www.example.test'], finding, ...more } of cases) {
    test(name, async (t) => {
      const { identifier = 'www.example.test', isUntrusted = false, isOnRecord = false } = more;
      const { server, fingerprintSHA256 } = await newTlsServer(dnsNames);
      const tlsPort = await listen(t, server);
      const roots = isUntrusted ? [] : [authority.rootPem];
      const inForce =
        ours === undefined
          ? undefined
          : {
              fingerprintSHA256: isOurs ? fingerprintSHA256 : '0'.repeat(64),
              notBefore: new Date(Date.now() + ours * DAY_MS),
              isOnRecord: (one: string) => isOnRecord && one === fingerprintSHA256,
            };

      const seen = only(
        (await observe({ name: { identifier, inForce }, options: { tlsPort, roots } })).filter(
          ({ kind, found }) => kind === 'served' && found !== 'the connection is refused',
        ),
        'served',
      );

      assert.equal(seen.finding, finding, seen.found);
      assert.match(seen.found, new RegExp(`^SHA256:${fingerprintSHA256} until \\d{4}-.* by .* for `));
    });
  }

  test('is looked at wherever the name leads: one address of two serves on what is ours', async (t) => {
    const foreign = await newTlsServer(['two.example.test']);
    const ours = await newTlsServer(['two.example.test']);
    const tlsPort = await listen(t, foreign.server);
    ours.server.listen(tlsPort, '127.0.0.2');
    await once(ours.server, 'listening');
    t.after(() => ours.server.close());
    const { fingerprintSHA256 } = ours;
    const inForce = { fingerprintSHA256, notBefore: new Date(Date.now() - 30 * DAY_MS) };

    const seen = await observe({
      name: { identifier: 'two.example.test', inForce },
      options: { tlsPort, roots: [authority.rootPem] },
    });

    assert.deepEqual(
      seen.filter(({ kind }) => kind === 'served').map(({ asked, finding }) => [asked, finding]),
      [
        [`TLS two.example.test:${tlsPort} at 127.0.0.1`, 'something-else'],
        [`TLS two.example.test:${tlsPort} at 127.0.0.2`, 'served-here'],
      ],
    );
  });

  test('is told once where all addresses present the same', async () => {
    const seen = only(await observe({ name: { identifier: 'two.example.test' } }), 'served');

    assert.equal(seen.asked, `TLS two.example.test:${CLOSED_PORT} at 127.0.0.1, 127.0.0.2`);
  });

  test('may be no TLS, and nobody', async (t) => {
    const plain = createPlainServer((socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const tlsPort = await listen(t, plain);

    const strange = only(
      await observe({ name: { identifier: 'www.example.test' }, options: { tlsPort } }),
      'served',
    );
    const nobody = only(await observe({ name: { identifier: 'www.example.test' } }), 'served');

    assert.equal(strange.finding, 'something-else');
    assert.equal(nobody.finding, 'unreachable');
  });

  test('is not asked of a wildcard', async () => {
    const seen = await observe({ name: { identifier: '*.example.test', challengeType: 'dns-01' } });

    assert.deepEqual(
      seen.filter(({ kind }) => kind === 'served'),
      [],
    );
  });
});

test('names that never answer hold nothing up for longer than they may', async (t) => {
  let open = 0;
  let most = 0;
  const silent = createPlainServer((socket) => {
    open += 1;
    most = Math.max(most, open);
    // What is not read is never seen to end.
    socket.resume();
    socket.on('close', () => {
      open -= 1;
    });
  });
  const port = await listen(t, silent);
  const observer = createObserver({
    ...{ resolvers: [bind.address], log: silentLog, httpPort: port, tlsPort: port },
    ...{ timeoutMs: 300, totalTimeoutMs: 1_000 },
  });
  const names = Array.from({ length: 30 }, () => ({
    ...{ identifier: 'www.example.test', challengeType: 'http-01' as const, challenge: CHALLENGE },
  }));

  const calls = await Promise.all(Array.from({ length: 20 }, () => observer.observe(names, CA, SIGNAL)));

  // 10, and those whose end is seen a moment later.
  assert.ok(most <= 20, `${most} looks at once`);
  // Who comes when too many are looked into goes on without.
  assert.equal(calls.filter((seen) => seen.length === 0).length >= 4, true);
  assert.ok(calls.some((seen) => seen.some(({ finding }) => finding === 'unreachable')));
  for (const seen of calls) requireHarmless(seen);
});

test('what has no time left is not said to be unreachable', async (t) => {
  const port = await listen(
    t,
    createPlainServer(() => {}),
  );
  const observer = createObserver({
    ...{ resolvers: [bind.address], log: silentLog, httpPort: port, tlsPort: port },
    ...{ timeoutMs: 60_000, totalTimeoutMs: 500 },
  });

  const seen = await observer.observe(
    [{ identifier: '127.0.0.1', challengeType: 'http-01', challenge: CHALLENGE }],
    CA,
    SIGNAL,
  );

  assert.deepEqual(seen, []);
});

test('a signal ends it, with what was seen by then', async (t) => {
  const silent = createPlainServer(() => {});
  const port = await listen(t, silent);
  const observer = createObserver({
    ...{ resolvers: [bind.address], log: silentLog, httpPort: port, tlsPort: port, timeoutMs: 60_000 },
    totalTimeoutMs: 60_000,
  });
  const stop = new AbortController();
  silent.once('connection', () => stop.abort());

  const seen = await observer.observe(
    [{ identifier: 'www.example.test', challengeType: 'http-01', challenge: CHALLENGE }],
    CA,
    stop.signal,
  );

  assert.deepEqual(
    seen.filter(({ finding }) => finding === 'unreachable'),
    [],
  );
});
