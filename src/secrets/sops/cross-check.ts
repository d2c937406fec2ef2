import type { AgeIdentities } from './identities.ts';

/**
 * What sops-age, an independent reader, makes of a document with the identities in hand; undefined where it opens it
 * with none of them. It does not check the MAC. Its errors are dropped: they quote ciphertext and parts of keys.
 *
 * The identity is always passed in, one at a time: left alone, sops-age reads `~/.ssh` and runs commands.
 */
export async function openWithSopsAge(
  text: string,
  identities: AgeIdentities,
  recipients: readonly string[],
): Promise<Record<string, unknown> | undefined> {
  // Only where something is sealed: it is as large as all of certops.
  const { decryptSops } = await import('sops-age');
  for (const { identity, recipient } of identities.identities) {
    if (!recipients.includes(recipient)) continue;
    try {
      const opened: unknown = await decryptSops(text, { secretKey: identity.reveal(), fileType: 'yaml' });
      // sops-age's own schema lets nothing but a map through.
      if (typeof opened === 'object' && opened !== null) return opened as Record<string, unknown>;
    } catch {
      // The next identity, or none.
    }
  }
  return undefined;
}
