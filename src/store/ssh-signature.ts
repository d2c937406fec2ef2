import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { SshReader, sshString } from './ssh-wire.ts';

const MAGIC = Buffer.from('SSHSIG');
const ARMOR_BEGIN = '-----BEGIN SSH SIGNATURE-----';
const ARMOR_END = '-----END SSH SIGNATURE-----';
const NAMESPACE = 'git';
const HASH = 'sha512';
const KEY_TYPE = 'ssh-ed25519';

/** Signs commits. */
export interface CommitSigner {
  /** One line, `ssh-ed25519 AAAA…`, without a comment. */
  readonly publicKey: string;
  /** The armored signature of a commit's payload (the commit object without its `gpgsig` header). */
  sign(payload: Uint8Array): string;
}

/** SSHSIG (openssh/PROTOCOL.sshsig) in process for an Ed25519 key; 0.1 ms a signature. */
export function ed25519Signer(privateKey: KeyObject): CommitSigner {
  const publicBlob = publicKeyBlob(createPublicKey(privateKey));
  return {
    publicKey: `${KEY_TYPE} ${publicBlob.toString('base64')}`,
    sign: (payload) => armor(signedBlob(payload, privateKey, publicBlob)),
  };
}

/** The SSH wire form of an Ed25519 public key (RFC 8709, section 4). */
export function publicKeyBlob(publicKey: KeyObject): Buffer {
  const { x } = publicKey.export({ format: 'jwk' });
  return Buffer.concat([sshString(KEY_TYPE), sshString(Buffer.from(x ?? '', 'base64url'))]);
}

/**
 * Whether `armored` is a good SSHSIG of `payload` in Git's namespace by one of `allowedPublicKeys`
 * (OpenSSH one-line form). False for anything malformed and for keys other than Ed25519.
 */
export function verifySshSignature(
  payload: Uint8Array,
  armored: string,
  allowedPublicKeys: readonly string[],
): boolean {
  const blob = dearmor(armored);
  if (blob === null || !blob.subarray(0, MAGIC.length).equals(MAGIC)) return false;
  const reader = new SshReader(blob.subarray(MAGIC.length));
  if (reader.uint32() !== 1) return false;
  const publicBlob = reader.string();
  const namespace = reader.string()?.toString();
  const reserved = reader.string();
  const hashName = reader.string()?.toString();
  const signature = reader.string();
  if (publicBlob === null || reserved === null || signature === null || !reader.isAtEnd) return false;
  if (namespace !== NAMESPACE || (hashName !== 'sha512' && hashName !== 'sha256')) return false;
  if (!allowedPublicKeys.some((line) => publicBlobOf(line)?.equals(publicBlob))) return false;
  const keyReader = new SshReader(publicBlob);
  const signatureReader = new SshReader(signature);
  if (keyReader.string()?.toString() !== KEY_TYPE || signatureReader.string()?.toString() !== KEY_TYPE)
    return false;
  const rawKey = keyReader.string();
  const rawSignature = signatureReader.string();
  if (rawKey?.length !== 32 || rawSignature?.length !== 64) return false;
  const key = createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: rawKey.toString('base64url') },
    format: 'jwk',
  });
  return verify(null, toBeSigned(payload, hashName), key, rawSignature);
}

function signedBlob(payload: Uint8Array, privateKey: KeyObject, publicBlob: Buffer): Buffer {
  const signature = sign(null, toBeSigned(payload, HASH), privateKey);
  return Buffer.concat([
    MAGIC,
    Buffer.from([0, 0, 0, 1]),
    sshString(publicBlob),
    sshString(NAMESPACE),
    sshString(''),
    sshString(HASH),
    sshString(Buffer.concat([sshString(KEY_TYPE), sshString(signature)])),
  ]);
}

function toBeSigned(payload: Uint8Array, hashName: string): Buffer {
  const digest = createHash(hashName).update(payload).digest();
  return Buffer.concat([MAGIC, sshString(NAMESPACE), sshString(''), sshString(hashName), sshString(digest)]);
}

function armor(blob: Buffer): string {
  const lines = blob.toString('base64').match(/.{1,70}/g) ?? [];
  return `${[ARMOR_BEGIN, ...lines, ARMOR_END].join('\n')}\n`;
}

function dearmor(text: string): Buffer | null {
  const lines = text.trim().split(/\r?\n/);
  if (lines[0] !== ARMOR_BEGIN || lines.at(-1) !== ARMOR_END) return null;
  return Buffer.from(lines.slice(1, -1).join(''), 'base64');
}

function publicBlobOf(line: string): Buffer | null {
  const [type, base64] = line.trim().split(/\s+/);
  return type === KEY_TYPE && base64 !== undefined ? Buffer.from(base64, 'base64') : null;
}
