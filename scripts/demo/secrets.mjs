import { readFileSync } from 'node:fs';
import path from 'node:path';
import { decryptSops } from 'sops-age';
import { runProcess } from '../../test/support/process.ts';

/** How Secrets are opened here, for people to read. */
export function describeOpener() {
  return process.env.CERTOPS_TEST_SOPS === undefined ? 'sops-age' : 'sops';
}

/**
 * Opens a sealed Secret in memory and returns its data, decoded: `{ 'tls.crt': …, 'tls.key': … }`.
 * By `sops` itself where it is on this machine, else by the sops-age package.
 */
export async function openSecret(clone, file, env) {
  const document =
    process.env.CERTOPS_TEST_SOPS === undefined
      ? await openWithPackage(clone, file, env)
      : await openWithSops(clone, file, env);
  return Object.fromEntries(
    Object.entries(document.data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
  );
}

async function openWithSops(clone, file, env) {
  const args = ['--disable-version-check', 'decrypt', '--output-type', 'json', file];
  const result = await runProcess(process.env.CERTOPS_TEST_SOPS, args, { cwd: clone, env });
  if (result.code !== 0) throw new Error(`sops cannot open ${file}: ${result.stderr}`);
  return JSON.parse(result.stdout);
}

async function openWithPackage(clone, file, env) {
  const identities = readFileSync(path.join(env.XDG_CONFIG_HOME, 'sops/age/keys.txt'), 'utf8');
  const secretKey = identities.split('\n').find((line) => line.startsWith('AGE-SECRET-KEY-'));
  return decryptSops(readFileSync(path.join(clone, file), 'utf8'), { fileType: 'yaml', secretKey });
}

/**
 * Whether openssl finds the chain of a Secret good under `rootsPem`, made for `dnsName`, and its key to be
 * the certificate's own. The key passes through a pipe and is never written down.
 */
export async function verifySecret(data, rootsPem, dnsName, scratch, env) {
  const [leaf, ...others] = data['tls.crt'].match(
    /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g,
  );
  const leafFile = scratch.write('leaf.pem', `${leaf}\n`);
  const rootsFile = scratch.write('roots.pem', rootsPem);
  const untrusted =
    others.length === 0 ? [] : ['-untrusted', scratch.write('chain.pem', `${others.join('\n')}\n`)];
  const openssl = (args, input) =>
    runProcess('openssl', args, { env, ...(input === undefined ? {} : { input }) });

  const chain = await openssl([
    'verify',
    '-CAfile',
    rootsFile,
    ...untrusted,
    '-verify_hostname',
    dnsName,
    leafFile,
  ]);
  const ofCertificate = await openssl(['x509', '-in', leafFile, '-noout', '-pubkey']);
  const ofKey = await openssl(['pkey', '-pubout'], data['tls.key']);
  const text = await openssl(['x509', '-in', leafFile, '-noout', '-text', '-certopt', 'no_sigdump']);
  return {
    isChainGood: chain.code === 0,
    isKeyItsOwn: ofKey.code === 0 && ofKey.stdout !== '' && ofKey.stdout === ofCertificate.stdout,
    dnsNames: [...text.stdout.matchAll(/DNS:([^,\s]+)/g)].map(([, name]) => name),
    algorithm: /id-ecPublicKey/.test(text.stdout) ? 'ECDSA' : 'RSA',
    complaint: chain.stderr,
  };
}
