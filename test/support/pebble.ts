import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import https from 'node:https';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { makeScratch } from './scratch.ts';

const run = promisify(execFile);
const START_TIMEOUT_MS = 20_000;

export interface PebbleOptions {
  /** Defaults to `CERTOPS_TEST_PEBBLE`, else `pebble` on the PATH. */
  readonly binary?: string | undefined;
  /** Where it listens; free ports by default. A restarted Pebble may want its old one. */
  readonly port?: number | undefined;
  /** Where HTTP-01 and TLS-ALPN-01 validation connects to. */
  readonly httpPort: number;
  readonly tlsPort?: number | undefined;
  /** Validation succeeds without being tried. */
  readonly alwaysValid?: boolean | undefined;
  /** Per cent of good nonces that are refused; defaults to 0. */
  readonly nonceReject?: number | undefined;
  /** False: validation waits some seconds, as Pebble does by itself. Defaults to true. */
  readonly noSleep?: boolean | undefined;
  /** Per cent of orders that get an authorization that is still valid; defaults to 0. */
  readonly authzReuse?: number | undefined;
  /** `host:port`, as `startDnsResponder` gives it. */
  readonly dnsServer?: string | undefined;
  readonly strict?: boolean | undefined;
  /** Further chains under roots of their own; defaults to 0. */
  readonly alternateRoots?: number | undefined;
  /** EAB MAC keys (unpadded base64url) by key id; where there are any, newAccount wants a binding. */
  readonly externalAccountKeys?: Readonly<Record<string, string>> | undefined;
  /** Validity in seconds by name of the profile; only a current Pebble knows profiles. */
  readonly profiles?: Readonly<Record<string, number>> | undefined;
}

/** What Pebble wrote about, counted. */
export interface PebbleCounters {
  readonly accounts: number;
  readonly orders: number;
  readonly certificates: number;
  /** Serial numbers of the certificates, hex in lower case, in the order of issue. */
  readonly serials: readonly string[];
  /** `POST /order-plz` and so on; identifiers in paths are cut off (`POST /my-order/`). */
  readonly requests: Readonly<Record<string, number>>;
  readonly totalRequests: number;
  /** All calls of `newNonce`, by any method. */
  readonly newNonces: number;
}

export interface Pebble {
  readonly directoryUrl: string;
  readonly port: number;
  /** Trust anchor of its HTTPS, for `caBundle`. */
  readonly caPem: string;
  readonly managementUrl: string;
  readonly pid: number;
  counters(): PebbleCounters;
  /** Everything it wrote. */
  log(): string;
  /** A root that its certificates chain to, PEM: the default, or that of an alternate chain (from 1). */
  rootPem(index?: number): Promise<string>;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
  /** Sends a signal (SIGSTOP makes it hang, SIGQUIT makes it dump its goroutines and end). */
  signal(name: NodeJS.Signals): void;
}

/** Starts a Pebble of one's own on free ports, and resolves when this very process answers. */
export async function startPebble(options: PebbleOptions): Promise<Pebble> {
  const scratch = makeScratch('pebble');
  const folder = scratch.keyFolder();
  const port = options.port ?? (await freePort());
  const managementPort = await freePort();
  const caPem = await makeCertificate(folder);
  await writeFile(
    join(folder, 'config.json'),
    JSON.stringify({
      pebble: {
        listenAddress: `127.0.0.1:${port}`,
        managementListenAddress: `127.0.0.1:${managementPort}`,
        certificate: join(folder, 'server.pem'),
        privateKey: join(folder, 'server.key'),
        httpPort: options.httpPort,
        tlsPort: options.tlsPort ?? options.httpPort,
        ocspResponderURL: '',
        externalAccountBindingRequired: options.externalAccountKeys !== undefined,
        ...(options.externalAccountKeys === undefined
          ? {}
          : { externalAccountMACKeys: options.externalAccountKeys }),
        ...(options.profiles === undefined ? {} : { profiles: profilesOf(options.profiles) }),
      },
    }),
  );
  const child = spawn(
    options.binary ?? process.env.CERTOPS_TEST_PEBBLE ?? 'pebble',
    argumentsOf(options, folder),
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH,
        PEBBLE_WFE_NONCEREJECT: String(options.nonceReject ?? 0),
        PEBBLE_AUTHZREUSE: String(options.authzReuse ?? 0),
        PEBBLE_ALTERNATE_ROOTS: String(options.alternateRoots ?? 0),
        ...(options.noSleep === false ? {} : { PEBBLE_VA_NOSLEEP: '1' }),
        ...(options.alwaysValid === true ? { PEBBLE_VA_ALWAYS_VALID: '1' } : {}),
      },
    },
  );
  const log: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => log.push(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => log.push(text));
  const managementUrl = `https://localhost:${managementPort}`;
  const directoryUrl = `https://localhost:${port}/dir`;
  const stop = async () => {
    await end(child);
    scratch.remove();
  };
  try {
    await answers(child, directoryUrl, caPem, () => log.join(''));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    directoryUrl,
    port,
    caPem,
    managementUrl,
    // It answered, so it was started and has a process id.
    pid: child.pid as number,
    counters: () => count(log.join('')),
    log: () => log.join(''),
    rootPem: (index = 0) => get(`${managementUrl}/roots/${index}`, caPem),
    stop,
    signal: (name) => void child.kill(name),
  };
}

function profilesOf(profiles: Readonly<Record<string, number>>): object {
  return Object.fromEntries(
    Object.entries(profiles).map(([name, validityPeriod]) => [
      name,
      { description: `${validityPeriod} s`, validityPeriod },
    ]),
  );
}

function argumentsOf(options: PebbleOptions, folder: string): string[] {
  return [
    '-config',
    join(folder, 'config.json'),
    ...(options.strict === true ? ['-strict'] : []),
    ...(options.dnsServer === undefined ? [] : ['-dnsserver', options.dnsServer]),
  ];
}

/** A CA of one certificate, and a server certificate for localhost under it. */
async function makeCertificate(folder: string): Promise<string> {
  const file = (name: string) => join(folder, name);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await run('openssl', [
    ...['req', '-x509', ...key, '-keyout', file('ca.key'), '-out', file('ca.pem')],
    ...['-subj', '/CN=pebble test CA', '-days', '30', '-addext', 'keyUsage=critical,keyCertSign'],
  ]);
  await run('openssl', [
    ...['req', ...key, '-keyout', file('server.key'), '-out', file('server.csr'), '-subj', '/CN=localhost'],
  ]);
  await writeFile(file('san'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  await run('openssl', [
    ...['x509', '-req', '-in', file('server.csr'), '-CA', file('ca.pem'), '-CAkey', file('ca.key')],
    ...[
      '-out',
      file('server.pem'),
      '-days',
      '30',
      '-extfile',
      file('san'),
      '-set_serial',
      String(Date.now()),
    ],
  ]);
  return readFile(file('ca.pem'), 'utf8');
}

/** Another process on the port could not show a certificate of the CA made above. */
async function answers(child: ChildProcess, url: string, caPem: string, log: () => string): Promise<void> {
  const endAtMs = Date.now() + START_TIMEOUT_MS;
  let failure: unknown;
  child.once('error', (error) => {
    failure = error;
  });
  while (Date.now() < endAtMs && child.exitCode === null && failure === undefined) {
    try {
      await get(url, caPem);
      return;
    } catch {
      await pause(20);
    }
  }
  throw new Error(`Pebble did not start: ${String(failure ?? '')}\n${log()}`);
}

async function get(url: string, ca: string): Promise<string> {
  const request = https.get(url, { ca, agent: false, timeout: 5_000 });
  const [response] = await once(request, 'response');
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

function count(log: string): PebbleCounters {
  const requests: Record<string, number> = {};
  for (const [, method, path] of log.matchAll(/ (GET|HEAD|POST) (\/[^\s?]*) ->/g)) {
    const known = `${method} ${(path ?? '').replace(/^(\/[^/]+\/).+$/, '$1')}`;
    requests[known] = (requests[known] ?? 0) + 1;
  }
  const sum = (entries: readonly (readonly [string, number])[]) =>
    entries.reduce((total, [, times]) => total + times, 0);
  const entries = Object.entries(requests);
  const serials = [...log.matchAll(/Issued certificate serial ([0-9a-f]+)/g)].map(
    ([, serial]) => serial ?? '',
  );
  return {
    accounts: Number([...log.matchAll(/There are now (\d+) accounts/g)].at(-1)?.[1] ?? 0),
    orders: log.match(/Added order /g)?.length ?? 0,
    certificates: serials.length,
    serials,
    requests,
    totalRequests: sum(entries),
    newNonces: sum(entries.filter(([name]) => name.includes('/nonce-plz'))),
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
