import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { EventEmitter, once } from 'node:events';
import { utimesSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Rfc2136Provider, TsigAlgorithm } from '../../src/api/issuer.ts';
import { makeScratch } from './scratch.ts';

const START_TIMEOUT_MS = 20_000;

const ALGORITHMS: Readonly<Record<TsigAlgorithm, string>> = {
  HMACMD5: 'hmac-md5',
  HMACSHA1: 'hmac-sha1',
  HMACSHA256: 'hmac-sha256',
  HMACSHA512: 'hmac-sha512',
};

/** A zone of the server. `records` are lines of a zone file beneath its own SOA, NS and address. */
export interface BindZone {
  readonly name: string;
  readonly records?: readonly string[];
  /** False: no update is allowed, whoever signs it. Defaults to true for every key. */
  readonly isDynamic?: boolean;
}

export interface Bind {
  readonly port: number;
  /** `127.0.0.1:port`: for `-dnsserver`, `--dns-resolver` and `rfc2136.nameserver`. */
  readonly address: string;
  /** A solver's provider for this server, with the key of that algorithm. */
  provider(algorithm: TsigAlgorithm, protocol?: 'UDP' | 'TCP'): Rfc2136Provider;
  /** The base64 text of the key that a provider names. */
  secret(algorithm: TsigAlgorithm): string;
  /** TXT values at a name, sorted; none where the name does not exist. */
  txt(name: string): Promise<readonly string[]>;
  log(): string;
  /** Gives a zone that is not dynamic other records, in place of those that it has. */
  setRecords(zone: string, records: readonly string[]): Promise<void>;
  /** Gives the server another key of that algorithm under the same name; `secret` is base64. */
  setSecret(algorithm: TsigAlgorithm, secret: string): Promise<void>;
  signal(name: NodeJS.Signals): void;
  stop(): Promise<void>;
}

/**
 * A BIND of one's own: authoritative for `zones` on loopback, with a TSIG key for each algorithm. Every zone
 * names `ns1.<zone>` at 127.0.0.1 as its only server. As a resolver it knows its own zones alone.
 */
export async function startBind(zones: readonly BindZone[]): Promise<Bind> {
  const scratch = makeScratch('bind');
  const folder = scratch.keyFolder();
  const port = await freePort();
  const secrets = new Map(
    (Object.keys(ALGORITHMS) as TsigAlgorithm[]).map((name) => [name, randomBytes(32).toString('base64')]),
  );
  const grants = [...secrets.keys()].map((name) => `grant ${keyName(name)} zonesub TXT;`).join(' ');
  let serial = 1;
  const writeZone = (name: string, records: readonly string[]): string =>
    scratch.write(`${name}.zone`, zoneText(name, records, serial));
  const blocks = zones.map(({ name, records = [], isDynamic = true }) => {
    const file = writeZone(name, records);
    const policy = isDynamic ? `update-policy { ${grants} };` : 'allow-update { none; };';
    return `zone "${name}" { type primary; file "${file}"; ${policy} notify no; };`;
  });
  const writeConfig = (): string =>
    scratch.write(
      'named.conf',
      [
        `options { directory "${folder}"; listen-on port ${port} { 127.0.0.1; }; listen-on-v6 { none; };`,
        // Recursion follows a CNAME from one zone into another; for zones of others there is nobody to ask.
        'pid-file none; session-keyfile none; recursion yes; allow-query { any; }; dnssec-validation no;',
        'forward only; forwarders { 127.0.0.1 port 1; }; };',
        'controls { };',
        ...[...secrets].map(
          ([name, secret]) =>
            `key "${keyName(name)}" { algorithm ${ALGORITHMS[name]}; secret "${secret}"; };`,
        ),
        ...blocks,
      ].join('\n'),
    );
  const config = writeConfig();
  const child = spawn('named', ['-g', '-n', '1', '-c', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: `${process.env.PATH}:/usr/sbin` },
  });
  const log: string[] = [];
  const told = new EventEmitter();
  const isRunning = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`named did not start\n${log.join('')}`)),
      START_TIMEOUT_MS,
    );
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`named ended\n${log.join('')}`)));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log.push(text);
      told.emit('log');
      if (!/ running$/m.test(log.join(''))) return;
      clearTimeout(timer);
      resolve();
    });
  });
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
    scratch.remove();
  };
  try {
    await isRunning;
  } catch (error) {
    await stop();
    throw error;
  }
  const reload = async (): Promise<void> => {
    const from = log.length;
    child.kill('SIGHUP');
    const signal = AbortSignal.timeout(START_TIMEOUT_MS);
    while (!/ running$/m.test(log.slice(from).join(''))) await once(told, 'log', { signal });
  };
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  resolver.setServers([`127.0.0.1:${port}`]);
  return {
    port,
    address: `127.0.0.1:${port}`,
    provider: (algorithm, protocol = 'UDP') => ({
      type: 'rfc2136',
      nameserver: `127.0.0.1:${port}`,
      protocol,
      tsig: { keyName: keyName(algorithm), algorithm, secretRef: { name: 'tsig', key: algorithm } },
    }),
    secret: (algorithm) => secrets.get(algorithm) ?? '',
    txt: async (name) => {
      try {
        return (await resolver.resolveTxt(name)).map((strings) => strings.join('')).sort();
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? error.code : undefined;
        if (code === 'ENOTFOUND' || code === 'ENODATA') return [];
        throw error;
      }
    },
    log: () => log.join(''),
    setRecords: async (zone, records) => {
      serial += 1;
      const file = writeZone(zone, records);
      // BIND loads what has changed since, by whole seconds.
      const laterMs = Date.now() + serial * 1000;
      utimesSync(file, laterMs / 1000, laterMs / 1000);
      await reload();
    },
    setSecret: async (algorithm, secret) => {
      secrets.set(algorithm, secret);
      writeConfig();
      await reload();
    },
    signal: (name) => void child.kill(name),
    stop,
  };
}

function keyName(algorithm: TsigAlgorithm): string {
  return `acme-${algorithm.toLowerCase()}`;
}

function zoneText(zone: string, records: readonly string[], serial: number): string {
  return [
    `$ORIGIN ${zone}.`,
    '$TTL 60',
    `@ SOA ns1.${zone}. hostmaster.${zone}. ${serial} 3600 600 86400 1`,
    `@ NS ns1.${zone}.`,
    'ns1 A 127.0.0.1',
    ...records,
    '',
  ].join('\n');
}

/** Free for TCP and UDP alike. */
async function freePort(): Promise<number> {
  for (;;) {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = address === null || typeof address === 'string' ? 0 : address.port;
    const socket = createSocket('udp4');
    const isFree = await new Promise<boolean>((resolve) => {
      socket.once('error', () => resolve(false));
      socket.bind(port, '127.0.0.1', () => resolve(true));
    });
    socket.close();
    server.close();
    await once(server, 'close');
    if (isFree) return port;
  }
}
