import { armor, Decrypter, Encrypter, identityToRecipient } from 'age-encryption';
import type { AgeIdentity } from './identities.ts';
import { x25519Identity, x25519Recipient } from './x25519-stanza.ts';

/** Bytes of a SOPS data key (AES-256). */
export const DATA_KEY_BYTES = 32;

/** The recipient of an age X25519 identity, undefined where the text is none. */
export async function recipientOf(identity: string): Promise<string | undefined> {
  if (!/^AGE-SECRET-KEY-1[02-9AC-HJ-NP-Z]{58}$/.test(identity)) return undefined;
  try {
    return await identityToRecipient(identity);
  } catch {
    return undefined;
  }
}

/** The data key for one recipient, as SOPS keeps it: an armored age file of its own, with a final newline. */
export async function wrapDataKey(dataKey: Uint8Array, recipient: string): Promise<string> {
  const encrypter = new Encrypter();
  encrypter.addRecipient(x25519Recipient(recipient));
  return armor.encode(await encrypter.encrypt(dataKey));
}

/** The data key in `armored`, or undefined where this identity does not open it. */
export async function unwrapDataKey(armored: string, identity: AgeIdentity): Promise<Buffer | undefined> {
  try {
    const decrypter = new Decrypter();
    decrypter.addIdentity(x25519Identity(identity.agreementKey));
    return Buffer.from(await decrypter.decrypt(armor.decode(armored)));
  } catch {
    return undefined;
  }
}
