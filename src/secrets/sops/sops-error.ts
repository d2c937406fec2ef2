import { CertopsError, type ErrorData, type Explanation } from '../../lib/errors.ts';

/**
 * What can be wrong with sealing and opening.
 *
 * `rules-missing`, `rules-unreadable`, `rule-unsupported`, `no-rule`, `no-recipient`, `cannot-open-own`: nothing can be
 * sealed (reason `EncryptionUnavailable`). `identity-unreadable`, `identity-invalid`: the identities in hand.
 * `no-identity`: none of ours is a recipient. `malformed`, `unsupported`: no SOPS document that we read.
 * `mac-missing`, `mac-mismatch`, `tampered`, `clear-value`, `wrong-object`: somebody changed it.
 * `readers-disagree`: sops-age reads it differently. `secret-invalid`: opened, and no usable Secret.
 */
export type SopsErrorCode =
  | 'sops.rules-missing'
  | 'sops.rules-unreadable'
  | 'sops.rule-unsupported'
  | 'sops.no-rule'
  | 'sops.no-recipient'
  | 'sops.cannot-open-own'
  | 'sops.identity-unreadable'
  | 'sops.identity-invalid'
  | 'sops.no-identity'
  | 'sops.malformed'
  | 'sops.unsupported'
  | 'sops.mac-missing'
  | 'sops.mac-mismatch'
  | 'sops.tampered'
  | 'sops.clear-value'
  | 'sops.wrong-object'
  | 'sops.readers-disagree'
  | 'sops.secret-invalid';

/**
 * Sealing or opening failed. Trying again without a change by people is of no use (`retry.when` is `never`).
 * Never has a `cause`: messages of cryptography and YAML libraries may quote what they were given.
 */
export class SopsError extends CertopsError {
  constructor(code: SopsErrorCode, explanation: Explanation, data: ErrorData = {}) {
    super(code, explanation, { retry: { when: 'never' }, data });
  }
}
