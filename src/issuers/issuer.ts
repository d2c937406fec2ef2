import type { KeyObject } from 'node:crypto';
import type { CertificateSpec } from '../api/certificate.ts';
import type { ObjectName } from '../api/names.ts';
import type { Failure } from '../diagnosis/failure.ts';
import { CertopsError, type CertopsErrorOptions, type Explanation } from '../lib/errors.ts';

/** One signing request, made from a Certificate's specification by the reconciler. */
export interface SigningRequest {
  readonly certificate: ObjectName;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: CertificateSpec;
  /** DER of the PKCS#10 request (RFC 2986), signed by `key`. */
  readonly csr: Uint8Array;
  /** The private key of the request; only SelfSigned signs with it. */
  readonly key: KeyObject;
  /** ACME profile asked for by the Certificate itself; over the issuer's. */
  readonly profile?: string | undefined;
  /** RFC 9773 identifier of the certificate that this one takes the place of. */
  readonly replaces?: string | undefined;
  /** The certificate in use, whoever issued it, to be told from what a name serves. */
  readonly inForce?: CertificateInForce | undefined;
}

/** A certificate that is in use while another is asked for. */
export interface CertificateInForce {
  /** SHA-256 of its DER, lower-case hex. */
  readonly fingerprintSHA256: string;
  readonly notBefore: Date;
  readonly dnsNames: readonly string[];
  /** Whether it, or another Certificate's certificate in use, has this fingerprint. */
  readonly isOnRecord?: ((fingerprintSHA256: string) => boolean) | undefined;
}

/** What an issuer answers at last. */
export interface IssuedChain {
  /** Leaf first, PEM each, without the root where the issuer knows better. */
  readonly chainPem: readonly string[];
  /** `ca.crt` of the Secret, PEM, where the issuer knows it (never for ACME). */
  readonly caPem?: string | undefined;
}

/**
 * What must be in the remote before anything irrevocable is asked of an issuer that answers later.
 * With this and the private key any process on any machine can go on.
 */
export interface OrderRecord {
  readonly orderUrl: string;
  readonly finalizeUrl: string;
  /** RFC 8555 order status as last seen. */
  readonly state: string;
  readonly authorizations: readonly OrderRecordAuthorization[];
}

export interface OrderRecordAuthorization {
  readonly url: string;
  readonly identifier: string;
  readonly identifierType: string;
  readonly wildcard: boolean;
  readonly initialState: string;
  /** The challenge chosen for it, absent where the authorization was already valid. */
  readonly challenge?: OrderRecordChallenge | undefined;
}

export interface OrderRecordChallenge {
  readonly url: string;
  readonly type: 'http-01' | 'dns-01';
  readonly token: string;
}

export type BeginResult =
  | { readonly kind: 'issued'; readonly chain: IssuedChain }
  | { readonly kind: 'pending'; readonly record: OrderRecord };

/** Whether an issuer can serve, in cert-manager's words. */
export interface IssuerReadiness {
  readonly ready: boolean;
  /** cert-manager's reason strings: `ACMEAccountRegistered`, `KeyPairVerified`, `IsReady`, `ErrGetKeyPair`, … */
  readonly reason: string;
  readonly message: string;
  /** `status.acme` of the Issuer. */
  readonly acme?: {
    readonly uri: string;
    readonly lastRegisteredEmail?: string | undefined;
    readonly lastPrivateKeyHash?: string | undefined;
  };
  /** Why it is not ready, for a diagnosis. */
  readonly failure?: CertopsError | undefined;
}

/**
 * One issuer, ready to be used. Errors are `CertopsError`s that say whether and when to try again:
 * a failed validation or a refused request is `retry.when === 'never' | 'backoff'` with
 * `failsRequest === true` on the error; a CA that cannot be reached leaves the request as it is.
 *
 * Concurrency: every method may be called for many requests at once.
 */
export interface IssuerAdapter {
  /** Checks the issuer, registers the account where there is one. Idempotent. */
  setUp(signal: AbortSignal): Promise<IssuerReadiness>;
  /**
   * Asks for a certificate. An issuer that answers at once returns the chain. One that answers later
   * returns the record of a new order and has presented, accepted and finalized nothing.
   */
  begin(request: SigningRequest, signal: AbortSignal): Promise<BeginResult>;
  /**
   * Goes on with a recorded order from whatever state the issuer says it is in, to the end: presents,
   * accepts, finalizes, downloads. Safe to call again after a crash at any step.
   */
  complete(request: SigningRequest, record: OrderRecord, signal: AbortSignal): Promise<IssuedChain>;
  /**
   * What the CA says about when to renew a certificate (RFC 9773); absent where the issuer has no such thing,
   * undefined where the CA or the specification offers none. Throws what `begin` throws when the CA is away.
   */
  renewalInformation?(leafPem: string, signal: AbortSignal): Promise<RenewalInformation | undefined>;
  /** Frees sockets and timers. */
  close(): void;
}

/** A CA's answer about one certificate (RFC 9773, section 4.2), checked: `end` comes after `start`. */
export interface RenewalInformation {
  /** The identifier to send as `replaces`. */
  readonly certificateId: string;
  readonly start: Date;
  readonly end: Date;
  readonly explanationUrl?: string | undefined;
  /** How long to wait before asking again, clamped to 1 min to 1 day (RFC 9773, section 4.3). */
  readonly retryAfterMs: number;
}

/**
 * Why a request could not be fulfilled.
 *
 * `failsRequest` true: this attempt is over (RFC 8555 order invalid, request refused) and a new one needs a
 * new order. False: the attempt stands as recorded and is gone on with later.
 */
export class IssuanceError extends CertopsError {
  readonly failsRequest: boolean;
  /** What is known of it beyond words, for a diagnosis. */
  readonly facts: FailureFacts | undefined;

  constructor(
    code: string,
    explanation: Explanation,
    options: CertopsErrorOptions & {
      readonly failsRequest: boolean;
      readonly facts?: FailureFacts | undefined;
    },
  ) {
    super(code, explanation, options);
    this.failsRequest = options.failsRequest;
    this.facts = options.facts;
  }
}

/** The parts of a failure that only the issuer knows. */
export type FailureFacts = Pick<
  Failure,
  'step' | 'problem' | 'identifiers' | 'solver' | 'observations' | 'owner'
>;
