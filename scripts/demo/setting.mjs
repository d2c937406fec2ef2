import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { get } from 'node:https';
import { createServer } from 'node:net';
import path from 'node:path';
import { HOPELESS_CERTIFICATE } from './manifests.mjs';

/** Everything that the story takes place in, inside one folder: nothing of the person's own is touched. */
export function makeSetting(folder) {
  const home = path.join(folder, 'home');
  const config = path.join(home, '.config');
  mkdirSync(config, { recursive: true });
  return {
    folder,
    clone: path.join(folder, 'certificates'),
    remote: path.join(folder, 'certificates.git'),
    dataDir: path.join(folder, 'data'),
    configDir: path.join(config, 'certops'),
    env: {
      PATH: process.env.PATH,
      HOME: home,
      XDG_CONFIG_HOME: config,
      XDG_DATA_HOME: path.join(home, '.local/share'),
      LC_ALL: 'C.UTF-8',
      TZ: 'UTC',
      TMPDIR: folder,
      GIT_CONFIG_NOSYSTEM: '1',
      NO_COLOR: '1',
    },
  };
}

/** The signing key that `certops init` made: its private file, and its public line. */
export function findSigningKey({ configDir }) {
  const publicFile = readdirSync(configDir).find((name) => name.endsWith('.pub'));
  if (publicFile === undefined) throw new Error(`certops init made no signing key in ${configDir}`);
  return {
    file: path.join(configDir, publicFile.slice(0, -'.pub'.length)),
    publicLine: readFileSync(path.join(configDir, publicFile), 'utf8').trim(),
  };
}

/**
 * A CA on this machine that validates for real: it asks a DNS server for the names, and comes to certops'
 * own listener for the answers. Resolves with undefined where there is no Pebble.
 */
export async function startCa() {
  const binary = process.env.CERTOPS_TEST_PEBBLE;
  if (binary === undefined) return undefined;
  const [{ startPebble }, { startDnsResponder }] = await Promise.all([
    import('../../test/support/pebble.ts'),
    import('../../test/support/challtestsrv.ts'),
  ]);
  const httpPort = await freePort();
  const dns = await startDnsResponder();
  dns.setZone('shop.test');
  dns.set(HOPELESS_CERTIFICATE.hopelessName, 'nxdomain');
  const pebble = await startPebble({ binary, httpPort, noSleep: true, dnsServer: dns.address });
  return {
    httpPort,
    dnsAddress: dns.address,
    directoryUrl: pebble.directoryUrl,
    caBundle: Buffer.from(pebble.caPem).toString('base64'),
    rootsPem: await fetchPem(`${pebble.managementUrl}/roots/0`, pebble.caPem),
    stop: async () => {
      await pebble.stop();
      await dns.stop();
    },
  };
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function fetchPem(url, ca) {
  return new Promise((resolve, reject) => {
    const request = get(url, { ca, timeout: 10_000 }, async (response) => {
      let body = '';
      for await (const chunk of response.setEncoding('utf8')) body += chunk;
      resolve(body);
    });
    request.on('timeout', () => request.destroy(new Error(`${url} does not answer`)));
    request.on('error', reject);
  });
}
