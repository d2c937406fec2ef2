import type { Acceptance } from './acceptance.ts';
import { secretKey } from './desired-state.ts';
import type { CertificateKey } from './keys.ts';
import type { World } from './world.ts';

/** Who may write this Secret (`namespace/name`): the one that did, else the first claimant by name. */
export async function ownerOfSecret(
  world: World,
  acceptance: Acceptance,
  secret: string,
): Promise<CertificateKey | undefined> {
  const recorded = world.recorded.secretOwner(secret);
  const claimants = world.desired.claimants(secret);
  for (const claimant of recorded === undefined ? claimants : [recorded, ...claimants]) {
    const resolution = await acceptance.certificate(claimant);
    if (resolution.kind === 'in-force' && secretKey(resolution.declared.object) === secret) return claimant;
  }
  return undefined;
}

/** Why a Certificate may not have a Secret, for people. */
export function secretClaimed(secret: string, owner: CertificateKey): string {
  return `Secret "${secret}" belongs to Certificate "${owner}"; give this one another spec.secretName`;
}

/** The same where people wrote the Secret. */
export function secretNotOwned(secret: string): string {
  return `Secret "${secret}" was not written by certops and is not replaced; give the Certificate another spec.secretName, or remove the file`;
}
