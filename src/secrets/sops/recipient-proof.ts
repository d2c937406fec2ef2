import { decryptValue, encryptValue, parseEncryptedValue } from './encrypted-value.ts';

/** The field of the `sops` block that holds the proof. SOPS leaves out what it does not know when it writes. */
export const PROOF_FIELD = 'certops_recipients';

/** Binds the text to its place, as a value's path does. */
const PROOF_DATA = `${PROOF_FIELD}:`;

/**
 * The recipients, encrypted with the data key. SOPS's MAC does not cover them: whoever can write the file can add an
 * entry with any recipient, and only that recipient would notice that it opens nothing. This text can only be made by
 * somebody who knows the data key, and so holds an identity or sealed the document anew from its plain content.
 */
export function proofOf(recipients: readonly string[], dataKey: Buffer): string {
  return encryptValue(Buffer.from([...recipients].sort().join(',')), 'str', dataKey, PROOF_DATA);
}

/** The recipients that a proof names; none where it is missing or was not made with this data key. */
export function provenRecipients(proof: string | undefined, dataKey: Buffer): readonly string[] {
  const value = proof === undefined ? undefined : parseEncryptedValue(proof);
  const bytes = value === undefined ? undefined : decryptValue(value, dataKey, PROOF_DATA);
  return bytes === undefined ? [] : bytes.toString('utf8').split(',');
}
