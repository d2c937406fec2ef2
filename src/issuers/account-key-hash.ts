import { createHash, createPublicKey, type KeyObject } from 'node:crypto';

/** `status.acme.lastPrivateKeyHash`: base64 of SHA-256 over the public key's SubjectPublicKeyInfo (DER). */
export function accountKeyHash(accountKey: KeyObject): string {
  const spki = createPublicKey(accountKey).export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(spki).digest('base64');
}
