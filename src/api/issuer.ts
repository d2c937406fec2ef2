import type { UnservedField } from './certificate.ts';
import type { ObjectName, SecretKeyRef } from './names.ts';

/** `spec.acme.solvers[].selector`; absent parts are empty and match everything. */
export interface SolverSelector {
  readonly dnsNames: readonly string[];
  readonly dnsZones: readonly string[];
  readonly matchLabels: Readonly<Record<string, string>>;
}

/** `http01.ingress` and `http01.gatewayHTTPRoute` mean the same here: the daemon's own presenter. */
export interface Http01SolverSpec {
  readonly type: 'http-01';
  readonly selector: SolverSelector;
}

/** `spec.acme.solvers[].dns01` */
export interface Dns01SolverSpec {
  readonly type: 'dns-01';
  readonly selector: SolverSelector;
  /** `waitInsteadOfSelfCheck`: how long to wait in place of looking at the authoritative servers; 0 is at once. */
  readonly waitInsteadOfSelfCheckMs?: number | undefined;
  /** `Follow`: the record is written where a CNAME at `_acme-challenge` points. */
  readonly cnameStrategy: 'None' | 'Follow';
  /** `host:port` or https URLs of resolvers to use for the checks; empty: the daemon's. */
  readonly nameservers: readonly string[];
  readonly provider: Dns01Provider;
}

/** The provider of a DNS-01 solver. */
export type Dns01Provider = Rfc2136Provider;

/** `dns01.rfc2136` (RFC 2136 UPDATE, RFC 8945 TSIG). */
export interface Rfc2136Provider {
  readonly type: 'rfc2136';
  /** `host:port`; the port is 53 where none is written. */
  readonly nameserver: string;
  readonly protocol: 'UDP' | 'TCP';
  /** Absent: updates are sent without a signature. */
  readonly tsig?:
    | {
        readonly keyName: string;
        readonly algorithm: TsigAlgorithm;
        readonly secretRef: SecretKeyRef;
      }
    | undefined;
}

/** cert-manager's `tsigAlgorithm`; the default is `HMACMD5`. */
export type TsigAlgorithm = 'HMACMD5' | 'HMACSHA1' | 'HMACSHA256' | 'HMACSHA512';

export type SolverSpec = Http01SolverSpec | Dns01SolverSpec;

/** `spec.acme` with cert-manager's defaults applied. */
export interface AcmeIssuerSpec {
  readonly type: 'acme';
  /** The directory URL. HTTPS, or plain HTTP to a loopback address where the operator allows it. */
  readonly server: string;
  readonly email?: string | undefined;
  /** Key defaults to `tls.key`. */
  readonly privateKeySecretRef: SecretKeyRef;
  readonly disableAccountKeyGeneration: boolean;
  /** RFC 8555, section 7.3.4; the Secret's value is the MAC key as unpadded base64url, the algorithm HS256. */
  readonly externalAccountBinding?:
    | { readonly keyID: string; readonly keySecretRef: SecretKeyRef }
    | undefined;
  /** PEM text of the CA bundle that the server's TLS certificate must chain to. */
  readonly caBundle?: string | undefined;
  /** The server's TLS certificate is not verified. */
  readonly skipTLSVerify: boolean;
  /** The first chain whose top-most certificate was issued by this CN; the CA's default where there is none. */
  readonly preferredChain?: string | undefined;
  /** `notAfter` is sent with a new order where `spec.duration` is given. */
  readonly enableDurationFeature: boolean;
  readonly profile?: string | undefined;
  /** `None` turns renewal information (RFC 9773) off. */
  readonly renewalInformationSource: 'ARI' | 'None';
  readonly solvers: readonly SolverSpec[];
}

/** `spec.ca`. */
export interface CaIssuerSpec {
  readonly type: 'ca';
  readonly secretName: string;
  readonly crlDistributionPoints: readonly string[];
  readonly ocspServers: readonly string[];
  readonly issuingCertificateURLs: readonly string[];
}

/** `spec.selfSigned`. */
export interface SelfSignedIssuerSpec {
  readonly type: 'selfSigned';
  readonly crlDistributionPoints: readonly string[];
}

/** `spec.vault`, `spec.venafi`: valid, and not served yet. */
export interface UnservedIssuerSpec {
  readonly type: 'vault' | 'venafi';
}

export type IssuerSpec = AcmeIssuerSpec | CaIssuerSpec | SelfSignedIssuerSpec | UnservedIssuerSpec;

/** An Issuer or ClusterIssuer as people declared it; a ClusterIssuer's `name.namespace` is `''`. */
export interface Issuer {
  readonly kind: 'Issuer' | 'ClusterIssuer';
  readonly name: ObjectName;
  readonly spec: IssuerSpec;
  /** `certops.dev/retry-requested-at`: "I have mended it", once for each new value. */
  readonly retryRequestedAt?: Date | undefined;
  readonly unserved: readonly UnservedField[];
}
