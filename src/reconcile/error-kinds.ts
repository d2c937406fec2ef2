import { CertopsError } from '../lib/errors.ts';

/** The world moved on while we worked: nothing failed, a new look is all that is needed. */
export function isLostPrecondition(thrown: unknown): boolean {
  return thrown instanceof CertopsError && thrown.code === 'store.precondition-failed';
}

/** Git could not be read or written; says nothing about any Certificate or issuer. */
export function isStoreError(thrown: unknown): boolean {
  return (
    thrown instanceof CertopsError &&
    thrown.code.startsWith('store.') &&
    // One file that is too large, or stands in the way, is the trouble of whoever needs it, not of Git.
    !['store.blob-too-large', 'store.path-conflict', 'store.bad-path'].includes(thrown.code)
  );
}

const CONFIGURATION_CODES: readonly string[] = [
  'issuers.no-presenter',
  'acme.url-refused',
  'config.no-account-key',
];

/** Codes of the errors that say that a keystore's password cannot be had. */
export const KEYSTORE_PASSWORD_CODE = 'reconcile.keystore-password-';

/** The Secret with a keystore's password is missing, or not what it should be: only people can mend it. */
export function isKeystorePasswordCode(code: string): boolean {
  return code.startsWith(KEYSTORE_PASSWORD_CODE);
}

/** Only the operator's configuration (identities, presenter), people's Secrets or the rules for sealing can mend it. */
export function isConfigurationError(error: CertopsError): boolean {
  // A registration that failed names what it failed of.
  const { cause } = error.data;
  const code = error.code === 'issuers.registration-failed' && typeof cause === 'string' ? cause : error.code;
  return code.startsWith('sops.') || isKeystorePasswordCode(code) || CONFIGURATION_CODES.includes(code);
}

/** Sealing or opening is what failed. */
export function isEncryptionError(error: CertopsError): boolean {
  return error.code.startsWith('sops.');
}

/** A CA gives Certificates of the same names one order, so they take turns. */
export function isWaitingItsTurn(thrown: unknown): boolean {
  return thrown instanceof CertopsError && thrown.code === 'issuers.order-taken';
}

/** The issuer's account, not the request, is what the CA refuses. */
export function isAccountTrouble(error: CertopsError): boolean {
  return error.code === 'issuers.account-gone' || error.code === 'issuers.account-deactivated';
}
