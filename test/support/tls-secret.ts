import assert from 'node:assert/strict';
import { randomUUID, X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { decryptSops } from 'sops-age';
import { openIndependently } from './independent-sops.ts';
import { runSuccessfully } from './process.ts';
import type { Scenario } from './scenario.ts';

export interface WantedSecret {
  readonly path: string;
  readonly names: readonly string[];
  /** Label of the private key's PEM. */
  readonly key: string;
  /** PEM of the roots; undefined: the Secret's own `ca.crt`. */
  readonly roots?: string | undefined;
}

interface TlsSecret {
  readonly type: string;
  readonly data: Readonly<Record<string, string>>;
}

/**
 * Fails unless the Secret at the remote's tip opens with sops-age, with an independent reader that checks the
 * MAC and, where it is installed, with sops itself; its chain verifies with openssl, its names are exactly
 * those, and its key is the certificate's. Returns the leaf.
 */
export async function checkTlsSecret(scenario: Scenario, wanted: WantedSecret): Promise<X509Certificate> {
  const text = await scenario.show(wanted.path);
  assert.ok(text !== undefined, `${wanted.path} is not there`);
  const secret = (await openIndependently(text, scenario.identityFile)) as unknown as TlsSecret;
  const identity = /AGE-SECRET-KEY-\w+/.exec(await readFile(scenario.identityFile, 'utf8'))?.[0] ?? '';
  assert.deepEqual(await decryptSops(text, { secretKey: identity, fileType: 'yaml' }), secret);
  const folder = scenario.scratch.keyFolder(`opened-${randomUUID()}`);
  const file = async (name: string, content: string) => {
    await writeFile(`${folder}/${name}`, content, { mode: 0o600 });
    return `${folder}/${name}`;
  };
  const sops = process.env.CERTOPS_TEST_SOPS;
  if (sops !== undefined) {
    // Into a file: what programs print is kept and scanned for keys.
    const opened = `${folder}/opened.json`;
    await runSuccessfully(
      sops,
      [
        ...['decrypt', '--input-type', 'yaml', '--output-type', 'json', '--output', opened],
        await file('sealed.yaml', text),
      ],
      { env: { ...process.env, SOPS_AGE_KEY_FILE: scenario.identityFile } },
    );
    assert.deepEqual(JSON.parse(await readFile(opened, 'utf8')), secret, 'sops itself reads the same');
  }
  assert.equal(secret.type, 'kubernetes.io/tls');

  const member = (name: string) => Buffer.from(secret.data[name] ?? '', 'base64').toString('utf8');
  const chain = member('tls.crt');
  const key = member('tls.key');
  assert.ok(key.startsWith(`-----BEGIN ${wanted.key}-----`), `${wanted.path}: a key of another kind`);
  const roots = await file('roots.pem', wanted.roots ?? member('ca.crt'));
  const chainFile = await file('chain.pem', chain);
  await runSuccessfully('openssl', ['verify', '-CAfile', roots, '-untrusted', chainFile, chainFile]);
  const ofKey = await runSuccessfully('openssl', ['pkey', '-pubout', '-in', await file('key.pem', key)]);
  const ofCertificate = await runSuccessfully('openssl', ['x509', '-noout', '-pubkey', '-in', chainFile]);
  assert.equal(ofKey, ofCertificate, `${wanted.path}: the key is another certificate's`);
  const leaf = new X509Certificate(chain);
  const names = (leaf.subjectAltName ?? '').split(', ').filter((name) => name !== '');
  assert.deepEqual(names.sort(), wanted.names.map((name) => `DNS:${name}`).sort());
  return leaf;
}
