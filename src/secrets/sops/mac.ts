import { createHash, timingSafeEqual } from 'node:crypto';

// getsops/sops MACOnlyEncryptedInitialization: so that a MAC over encrypted values only is never one over all.
const ENCRYPTED_ONLY_SEED = createHash('sha256').update('sops').digest();

/** SOPS's MAC while the leaves of a document go by, in their order. */
export interface MacBuilder {
  readonly onlyEncrypted: boolean;
  /** Takes a leaf's plain bytes; clear leaves do not count where only encrypted ones do. */
  add(plain: Buffer, isEncrypted: boolean): void;
  /** SHA-512 in upper-case hex. */
  finish(): string;
}

export function startMac(onlyEncrypted: boolean): MacBuilder {
  const hash = createHash('sha512');
  if (onlyEncrypted) hash.update(ENCRYPTED_ONLY_SEED);
  return {
    onlyEncrypted,
    add: (plain, isEncrypted) => {
      if (!onlyEncrypted || isEncrypted) hash.update(plain);
    },
    finish: () => hash.digest('hex').toUpperCase(),
  };
}

/** Compares two MACs in constant time. */
export function macsEqual(left: string, right: string): boolean {
  const a = createHash('sha512').update(left).digest();
  const b = createHash('sha512').update(right).digest();
  return timingSafeEqual(a, b);
}
