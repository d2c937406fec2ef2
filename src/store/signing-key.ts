import { createPrivateKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { Sensitive } from '../lib/sensitive.ts';
import { misuse, StoreError } from './errors.ts';
import { type CommitSigner, ed25519Signer } from './ssh-signature.ts';
import { SshReader, sshString } from './ssh-wire.ts';

const MAGIC = 'openssh-key-v1\0';
const BEGIN = '-----BEGIN OPENSSH PRIVATE KEY-----';
const END = '-----END OPENSSH PRIVATE KEY-----';
const KEY_TYPE = 'ssh-ed25519';
const MAX_KEY_BYTES = 64 * 1024;

/**
 * Reads an unencrypted OpenSSH Ed25519 private key (openssh/PROTOCOL.key) for signing commits.
 * Throws `store.signing-key-unreadable`, `store.signing-key-exposed` when others than the owner may read
 * the file, and `store.signing-key-unsupported` for encrypted keys and other kinds.
 */
export async function loadSigningKey(path: string): Promise<CommitSigner> {
  const text = await readPrivateFile(path);
  return ed25519Signer(parseOpenSshKey(text, path));
}

/** A new Ed25519 key pair in OpenSSH's formats: the private file and the one-line public key. */
export function generateSigningKey(comment: string): {
  readonly privateOpenSsh: Sensitive<string>;
  readonly publicOpenSsh: string;
} {
  // As DER, never as key objects: exporting a JWK of a key that was just generated can lock Node 20 up for good.
  const { privateKey, publicKey } = generateKeyPairSync('ed25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
    publicKeyEncoding: { type: 'spki', format: 'der' },
  });
  // RFC 8410: both encodings end with the 32 raw bytes.
  const publicRaw = publicKey.subarray(-32);
  const blob = Buffer.concat([sshString(KEY_TYPE), sshString(publicRaw)]);
  const secret = Buffer.concat([privateKey.subarray(-32), publicRaw]);
  const check = randomBytes(4);
  const inner = Buffer.concat([check, check, blob, sshString(secret), sshString(comment)]);
  // PROTOCOL.key: padded with 1, 2, 3, … to the block size of the cipher, 8 for `none`.
  const padding = Buffer.from([1, 2, 3, 4, 5, 6, 7]).subarray(0, (8 - (inner.length % 8)) % 8);
  const key = Buffer.concat([
    Buffer.from(MAGIC),
    sshString('none'),
    sshString('none'),
    sshString(''),
    Buffer.from([0, 0, 0, 1]),
    sshString(blob),
    sshString(Buffer.concat([inner, padding])),
  ]);
  const lines = key.toString('base64').match(/.{1,70}/g) ?? [];
  return {
    privateOpenSsh: new Sensitive(`${[BEGIN, ...lines, END].join('\n')}\n`),
    publicOpenSsh: `${KEY_TYPE} ${blob.toString('base64')} ${comment}`,
  };
}

async function readPrivateFile(path: string): Promise<string> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, 'r');
  } catch (cause) {
    throw new StoreError(
      'store.signing-key-unreadable',
      {
        what: `The signing key ${path} cannot be read`,
        next: 'Check --signing-key and the rights on the file',
      },
      { retry: { when: 'never' }, cause },
    );
  }
  try {
    const facts = await file.stat();
    if (!facts.isFile() || facts.size > MAX_KEY_BYTES)
      throw unsupported(path, 'it is not an OpenSSH private key file');
    if ((facts.mode & 0o077) !== 0) {
      throw misuse('store.signing-key-exposed', {
        what: `The signing key ${path} can be read by others (mode ${(facts.mode & 0o777).toString(8)})`,
        next: `Run: chmod 600 ${path}`,
      });
    }
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

function parseOpenSshKey(text: string, path: string) {
  const lines = text.trim().split(/\r?\n/);
  if (lines[0] !== BEGIN || lines.at(-1) !== END) throw unsupported(path, 'it is not in OpenSSH format');
  const bytes = Buffer.from(lines.slice(1, -1).join(''), 'base64');
  if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) throw unsupported(path, 'it is damaged');
  const outer = new SshReader(bytes.subarray(MAGIC.length));
  const cipher = outer.string()?.toString();
  const kdf = outer.string()?.toString();
  outer.string();
  const count = outer.uint32();
  outer.string();
  const inner = outer.string();
  if (cipher !== 'none' || kdf !== 'none') throw unsupported(path, 'it is protected by a passphrase');
  if (count !== 1 || inner === null) throw unsupported(path, 'it does not hold exactly one key');
  const reader = new SshReader(inner);
  // Two equal numbers in front: with a cipher they would tell a wrong passphrase.
  const [check, repeated] = [reader.uint32(), reader.uint32()];
  const isIntact = check !== null && check === repeated;
  const type = reader.string()?.toString() ?? '';
  if (!isIntact) throw unsupported(path, 'it is damaged');
  if (type !== KEY_TYPE) throw unsupported(path, `it is a key of type ${type.replace(/[^\w@.-]/g, '?')}`);
  const publicRaw = reader.string();
  const secret = reader.string();
  if (publicRaw?.length !== 32 || secret?.length !== 64) throw unsupported(path, 'it is damaged');
  try {
    return createPrivateKey({
      key: {
        kty: 'OKP',
        crv: 'Ed25519',
        d: secret.subarray(0, 32).toString('base64url'),
        x: publicRaw.toString('base64url'),
      },
      format: 'jwk',
    });
  } catch {
    // The cause could quote key material.
    throw unsupported(path, 'it is damaged');
  }
}

function unsupported(path: string, why: string): StoreError {
  return misuse('store.signing-key-unsupported', {
    what: `The signing key ${path} cannot be used`,
    why,
    next: 'Use an unencrypted OpenSSH Ed25519 key; `certops init` and `ssh-keygen -t ed25519 -N ""` make one',
  });
}
