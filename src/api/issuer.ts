import type { UnservedField } from './certificate.ts';
import type { ObjectName } from './names.ts';

/** A reference to one key of a Secret in the issuer's namespace (a ClusterIssuer's: the cluster resource namespace). */
export interface SecretKeyRef {
  readonly name: string;
  readonly key: string;
}

/** `spec.acme.solvers[].selector`; absent parts are empty and match everything. */
export interface SolverSelector {
  readonly dnsNames: readonly string[];
  readonly dnsZones: readonly string[];
  readonly matchLabels: Readonly<Record<string, string>>;
}

/** One solver. Only `http-01` is served yet: `http01.ingress` and `http01.gatewayHTTPRoute` mean the same here. */
export interface SolverSpec {
  readonly type: 'http-01';
  readonly selector: SolverSelector;
}

/** `spec.acme` with cert-manager's defaults applied. */
export interface AcmeIssuerSpec {
  readonly type: 'acme';
  /** The directory URL. HTTPS, or plain HTTP to a loopback address where the operator allows it. */
  readonly server: string;
  readonly email?: string | undefined;
  /** Key defaults to `tls.key`. */
  readonly privateKeySecretRef: SecretKeyRef;
  readonly disableAccountKeyGeneration: boolean;
  /** PEM text of the CA bundle that the server's TLS certificate must chain to. */
  readonly caBundle?: string | undefined;
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
  readonly unserved: readonly UnservedField[];
}
