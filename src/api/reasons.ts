/**
 * Every reason that a condition can have, in one place. The first groups are cert-manager 1.21's own
 * strings, in the order of its policy chain; the last are certops's.
 */

/** Reasons of a Certificate's `Ready` and `Issuing` conditions (cert-manager `internal/.../policies`). */
export type CertificateReason =
  /** The Secret is not there. */
  | 'DoesNotExist'
  /** The Secret lacks `tls.crt` or `tls.key`. */
  | 'MissingData'
  /** Key and certificate of the Secret do not belong together, or cannot be read. */
  | 'InvalidKeyPair'
  /** The issuer's certificate has another key than the request, or has already ended. */
  | 'InvalidCertificate'
  /** The Secret was issued by another issuer than `spec.issuerRef` names. */
  | 'IncorrectIssuer'
  /** The Secret belongs to another Certificate. */
  | 'IncorrectCertificate'
  /** The certificate in the Secret, or its key, is not what the specification asks for. */
  | 'SecretMismatch'
  /** The recorded request of the current revision cannot be read. */
  | 'InvalidCertificateRequest'
  /** The recorded request of the current revision is not what the specification asks for. */
  | 'RequestChanged'
  /** The time to renew has come. */
  | 'Renewing'
  /** The certificate in the Secret has ended. */
  | 'Expired'
  /** The Secret with a keystore's password is not there, or lacks the key. */
  | 'KeystorePasswordSecretNotFound'
  /** No window of `spec.renewal.windows` opens in time; the certificate is renewed all the same. */
  | 'WindowError'
  /** All is well. */
  | 'Ready'
  /** An attempt is open. */
  | 'Issuing'
  /** An attempt has ended with a certificate. */
  | 'Issued'
  /** An attempt has ended without one. */
  | 'Failed'
  /** A request waits for its issuer. */
  | 'Pending'
  /** A request was denied. */
  | 'Denied';

/** Reasons of an Issuer's `Ready` condition (cert-manager `pkg/issuer/...`). */
export type IssuerReason =
  /** The ACME account is registered with the server. */
  | 'ACMEAccountRegistered'
  /** The ACME account could not be registered. */
  | 'ErrRegisterACMEAccount'
  /** The ACME account or its key could not be verified. */
  | 'ErrVerifyACMEAccount'
  /** The ACME account's contact could not be changed. */
  | 'ErrUpdateACMEAccount'
  /** The issuer's configuration is not valid. */
  | 'InvalidConfig'
  /** The server's URL is not valid. */
  | 'InvalidURL'
  /** A solver is not valid. */
  | 'InvalidSolver'
  /** The CA's key pair was read and fits together. */
  | 'KeyPairVerified'
  /** The CA's Secret is not there or cannot be opened. */
  | 'ErrGetKeyPair'
  /** The CA's Secret holds no usable CA. */
  | 'ErrInvalidKeyPair'
  /** A SelfSigned issuer is always ready. */
  | 'IsReady'
  /** The issuer could not be set up. */
  | 'ErrInitIssuer';

/** Reasons of certops's own. */
export type OwnReason =
  /** The newest revision of the manifest is not valid; the last accepted one stays in force. */
  | 'InvalidManifest'
  /** The manifest has a valid field that this version does not act on. */
  | 'NotServed'
  /** The tenancy rules do not let the file declare the object. */
  | 'NotAllowed'
  /** The issuer that `spec.issuerRef` names is not declared. */
  | 'IssuerNotFound'
  /** The issuer is declared and not ready; the Certificate waits for it. */
  | 'IssuerNotReady'
  /** The issuer, the solver or the zone is found broken; one Certificate goes on trying, this one waits. */
  | 'IssuerNotServing'
  /** There are policies, and none that applies approves the request, nor may one deny it; nothing is asked for. */
  | 'WaitingForApproval'
  /** `spec.secretName` names a Secret that people wrote. */
  | 'SecretNotOwned'
  /** `spec.secretName` names the Secret of another Certificate. */
  | 'SecretClaimed'
  /** Somebody asked for a new certificate (`certops.dev/renew-requested-at`). */
  | 'ManuallyTriggered'
  /** The Secret's file is not the one on record, and nothing is known of the certificate in it. */
  | 'SecretNotRecorded'
  /** `.sops.yaml` names a recipient no longer that the Secret was sealed to: a new key, at once. */
  | 'RecipientRemoved'
  /** `certops.dev/suspend` forbids to order anything. */
  | 'Suspended'
  /** The specification went back to an earlier one, whose certificate still fits and was put back. */
  | 'Restored'
  /** No rule, no recipient or no identity to seal the Secret with; nothing is ordered. */
  | 'EncryptionUnavailable'
  /** No presenter is configured for the challenge that the Certificate needs; nothing is ordered. */
  | 'PresenterUnavailable'
  /** The issuer cannot be reached; the attempt goes on when it can. */
  | 'IssuerUnreachable';

export type Reason = CertificateReason | IssuerReason | OwnReason;
