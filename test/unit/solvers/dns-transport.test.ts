import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { encodeQuery } from '../../../src/solvers/dns/message.ts';
import { parseNameserver, ReachableAddresses } from '../../../src/solvers/dns/nameserver.ts';
import { createDnsTransport } from '../../../src/solvers/dns/transport.ts';
import { encodeAnswer } from '../../support/dns-answers.ts';
import { makeScratch } from '../../support/scratch.ts';

const SIGNAL = new AbortController().signal;
const QUERY = encodeQuery({ id: 77, name: 'a.test', type: 'TXT', isRecursive: false });
const ANSWER = { answers: [{ type: 'TXT' as const, name: 'a.test', data: 'good' }] };
const reachable = new ReachableAddresses(undefined);

type Respond = (query: Buffer, send: (bytes: Buffer) => void) => void;

/** A server on loopback, for UDP and TCP on one port. */
async function startServer(t: TestContext, overUdp: Respond, overTcp: Respond = () => {}) {
  const tcp = createServer((connection) => {
    connection.on('error', () => {});
    connection.on('data', (bytes) => overTcp(bytes.subarray(2), (answer) => sendOverTcp(connection, answer)));
  }).listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  // A listening TCP server's address is neither a string nor null.
  const { port } = tcp.address() as AddressInfo;
  const udp = createSocket('udp4').bind(port, '127.0.0.1');
  await once(udp, 'listening');
  udp.on('message', (query, peer) => overUdp(query, (answer) => udp.send(answer, peer.port, peer.address)));
  t.after(() => {
    udp.close();
    tcp.close();
  });
  return { label: 'test', address: '127.0.0.1', port };
}

function sendOverTcp(connection: Socket, answer: Buffer): void {
  connection.write(Buffer.concat([Buffer.from([answer.length >> 8, answer.length & 255]), answer]));
}

function changed(bytes: Buffer, at: number, xor: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ xor;
  return copy;
}

const OPTIONS = { protocol: 'UDP', timeoutMs: 2_000, tries: 1 } as const;

test('answers to other questions, of other servers, and rubbish are passed over', async (t) => {
  const stranger = createSocket('udp4').bind(0, '127.0.0.1');
  await once(stranger, 'listening');
  t.after(() => stranger.close());
  const server = await startServer(t, (query, send) => {
    const good = encodeAnswer(query, ANSWER);
    send(Buffer.from('rubbish'));
    send(changed(good, 1, 1)); // another id
    send(changed(good, 2, 0x80)); // no response
    send(changed(good, 13, 1)); // another name
    send(good);
  });

  const { message } = await createDnsTransport({ reachable }).exchange(server, QUERY, OPTIONS, SIGNAL);

  assert.equal(message.answers[0]?.value, 'good');
});

test('a lost packet is sent again, and what comes too late is no answer', async (t) => {
  let asked = 0;
  const server = await startServer(t, (query, send) => {
    asked += 1;
    if (asked > 1) send(encodeAnswer(query, ANSWER));
  });
  const transport = createDnsTransport({ reachable });

  const once = transport.exchange(server, QUERY, { ...OPTIONS, timeoutMs: 100 }, SIGNAL);
  await assert.rejects(once, { code: 'solvers.dns-no-answer' });
  asked = 0;
  const { message } = await transport.exchange(
    server,
    QUERY,
    { ...OPTIONS, timeoutMs: 100, tries: 2 },
    SIGNAL,
  );

  assert.equal(message.answers[0]?.value, 'good');
});

test('a truncated answer is asked for again over TCP', async (t) => {
  const server = await startServer(
    t,
    (query, send) => send(changed(encodeAnswer(query, {}), 2, 0x02)),
    (query, send) => send(encodeAnswer(query, ANSWER)),
  );

  const { message } = await createDnsTransport({ reachable }).exchange(server, QUERY, OPTIONS, SIGNAL);

  assert.equal(message.answers[0]?.value, 'good');
});

test('over TCP a wrong answer, half an answer and a closed connection are told apart from none', async (t) => {
  const transport = createDnsTransport({ reachable });
  const cases: readonly (readonly [Respond, string])[] = [
    [(query, send) => send(changed(encodeAnswer(query, ANSWER), 1, 1)), 'solvers.dns-bad-answer'],
    [() => {}, 'solvers.dns-no-answer'],
  ];
  for (const [respond, code] of cases) {
    const server = await startServer(t, () => {}, respond);
    const exchange = transport.exchange(
      server,
      QUERY,
      { ...OPTIONS, protocol: 'TCP', timeoutMs: 200 },
      SIGNAL,
    );

    await assert.rejects(exchange, { code });
  }
});

test('link-local and metadata addresses are never asked, whatever form they have', async () => {
  const transport = createDnsTransport({ reachable });
  for (const address of [
    '169.254.169.254',
    '::ffff:169.254.169.254',
    '0:0:0:0:0:ffff:a9fe:a9fe',
    'fe80::1',
    '100.100.100.200',
  ]) {
    const exchange = transport.exchange({ label: 'x', address, port: 53 }, QUERY, OPTIONS, SIGNAL);

    await assert.rejects(exchange, { code: 'solvers.dns-server-refused' }, address);
  }
  const overHttps = transport.exchangeHttps('https://169.254.169.254/dns-query', QUERY, 500, SIGNAL);
  await assert.rejects(overHttps, { code: 'solvers.dns-server-refused' });
});

test('a DNS-over-HTTPS server is asked by POST, and what it says wrongly is told', async (t) => {
  const scratch = makeScratch('doh', t);
  const folder = scratch.keyFolder();
  const file = (name: string): string => `${folder}/${name}`;
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
    ...['-keyout', file('key.pem'), '-out', file('cert.pem'), '-subj', '/CN=doh'],
    ...['-addext', 'subjectAltName=IP:127.0.0.1'],
  ]);
  const trust = readFileSync(file('cert.pem'), 'utf8');
  const server = createHttpsServer(
    { key: readFileSync(file('key.pem')), cert: trust },
    (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk) => chunks.push(chunk));
      request.on('end', () => {
        const type = request.url === '/html' ? 'text/html' : 'application/dns-message';
        response.writeHead(request.url === '/moved' ? 302 : 200, { 'Content-Type': type, Location: '/' });
        if (request.url === '/endless') {
          const chunk = Buffer.alloc(10_000);
          const timer = setInterval(() => response.write(chunk), 1);
          response.on('close', () => clearInterval(timer));
        } else response.end(encodeAnswer(Buffer.concat(chunks), ANSWER));
      });
    },
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const base = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const transport = createDnsTransport({ reachable, trust });

  const { message } = await transport.exchangeHttps(`${base}/dns-query`, QUERY, 2_000, SIGNAL);

  assert.equal(message.answers[0]?.value, 'good');
  for (const path of ['/html', '/moved', '/endless']) {
    const exchange = transport.exchangeHttps(`${base}${path}`, QUERY, 2_000, SIGNAL);
    await assert.rejects(exchange, { code: 'solvers.dns-no-answer' }, path);
  }
  const untrusted = createDnsTransport({ reachable }).exchangeHttps(
    `${base}/dns-query`,
    QUERY,
    2_000,
    SIGNAL,
  );
  await assert.rejects(untrusted, { code: 'solvers.dns-no-answer' });
});

test('name servers are written as in cert-manager', () => {
  const cases: readonly (readonly [string, unknown])[] = [
    ['ns.test', { kind: 'host', host: 'ns.test', port: 53 }],
    ['ns.test:5353', { kind: 'host', host: 'ns.test', port: 5353 }],
    ['192.0.2.1', { kind: 'host', host: '192.0.2.1', port: 53 }],
    ['[2001:db8::1]:5353', { kind: 'host', host: '2001:db8::1', port: 5353 }],
    ['[2001:db8::1]', { kind: 'host', host: '2001:db8::1', port: 53 }],
    ['https://dns.test/dns-query', { kind: 'https', url: 'https://dns.test/dns-query' }],
  ];
  for (const [text, expected] of cases) assert.deepEqual(parseNameserver(text), expected);
  for (const text of [
    '',
    'http://dns.test',
    'ns.test:0',
    'ns.test:65536',
    'fe80::1%eth0',
    '[ns.test]:53',
    'a b',
  ]) {
    assert.throws(() => parseNameserver(text), { code: 'solvers.dns-bad-nameserver' }, text);
  }
});
