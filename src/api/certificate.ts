import type { Sensitive } from '../lib/sensitive.ts';
import type { IssuerRef, ObjectName, SecretKeyRef } from './names.ts';

export type PrivateKeyAlgorithm = 'RSA' | 'ECDSA' | 'Ed25519';
export type PrivateKeyEncoding = 'PKCS1' | 'PKCS8';
export type RotationPolicy = 'Never' | 'Always';

/** `spec.privateKey` with defaults applied; `size` is bits (RSA) or the curve (ECDSA), 0 for Ed25519. */
export interface PrivateKeySpec {
  readonly algorithm: PrivateKeyAlgorithm;
  readonly size: number;
  readonly encoding: PrivateKeyEncoding;
  readonly rotationPolicy: RotationPolicy;
}

/** cert-manager's X509Subject (`spec.subject`). */
export interface SubjectSpec {
  readonly organizations: readonly string[];
  readonly countries: readonly string[];
  readonly organizationalUnits: readonly string[];
  readonly localities: readonly string[];
  readonly provinces: readonly string[];
  readonly streetAddresses: readonly string[];
  readonly postalCodes: readonly string[];
  readonly serialNumber?: string | undefined;
}

/** cert-manager's `KeyUsage` strings, in the order of its documentation. */
export const KEY_USAGES = [
  'signing',
  'digital signature',
  'content commitment',
  'key encipherment',
  'key agreement',
  'data encipherment',
  'cert sign',
  'crl sign',
  'encipher only',
  'decipher only',
  'any',
  'server auth',
  'client auth',
  'code signing',
  'email protection',
  's/mime',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'timestamping',
  'ocsp signing',
  'microsoft sgc',
  'netscape sgc',
] as const;

export type KeyUsage = (typeof KEY_USAGES)[number];

/** `spec.signatureAlgorithm`; must fit the key. */
export type SignatureAlgorithm =
  | 'SHA256WithRSA'
  | 'SHA384WithRSA'
  | 'SHA512WithRSA'
  | 'ECDSAWithSHA256'
  | 'ECDSAWithSHA384'
  | 'ECDSAWithSHA512'
  | 'PureEd25519';

/** One entry of `spec.otherNames`: an otherName SAN whose value is a UTF8String (RFC 5280, section 4.2.1.6). */
export interface OtherName {
  readonly oid: string;
  readonly utf8Value: string;
}

/** One side of `spec.nameConstraints`; lists are never absent, only empty. */
export interface NameConstraintItem {
  readonly dnsDomains: readonly string[];
  /** CIDR. */
  readonly ipRanges: readonly string[];
  readonly emailAddresses: readonly string[];
  readonly uriDomains: readonly string[];
}

/** `spec.nameConstraints` (RFC 5280, section 4.2.1.10). */
export interface NameConstraints {
  readonly critical: boolean;
  readonly permitted?: NameConstraintItem | undefined;
  readonly excluded?: NameConstraintItem | undefined;
}

/** Where the password of a keystore comes from. */
export type KeystorePassword =
  | { readonly kind: 'secret'; readonly ref: SecretKeyRef }
  /** Written in the manifest itself; `digest` tells whether it changed. */
  | { readonly kind: 'literal'; readonly value: Sensitive<string>; readonly digest: string };

/** `spec.keystores.pkcs12.profile`; cert-manager's default is `LegacyRC2`. */
export type Pkcs12Profile = 'LegacyRC2' | 'LegacyDES' | 'Modern2023' | 'Modern2026';

/** The keystores to be made (`create: true`). */
export interface KeystoresSpec {
  readonly jks?: { readonly alias: string; readonly password: KeystorePassword } | undefined;
  readonly pkcs12?: { readonly profile: Pkcs12Profile; readonly password: KeystorePassword } | undefined;
}

/** `spec.additionalOutputFormats[].type`: `DER` is `key.der`, `CombinedPEM` is `tls-combined.pem`. */
export type OutputFormat = 'DER' | 'CombinedPEM';

/** One entry of `spec.renewal.windows`. */
export interface RenewalWindow {
  /** Five fields, readable by `parseCron`. */
  readonly cron: string;
  readonly windowDurationMs: number;
  /** IANA name. */
  readonly timezone: string;
}

/** `spec.renewal`. */
export interface RenewalSpec {
  readonly policy: 'RenewBefore' | 'Disabled';
  readonly windows: readonly RenewalWindow[];
}

/** cert-manager's default when `spec.usages` is empty. */
export const DEFAULT_USAGES: readonly KeyUsage[] = ['digital signature', 'key encipherment'];

/** cert-manager's default `spec.duration`: 90 days, in milliseconds. */
export const DEFAULT_DURATION_MS = 90 * 24 * 3_600_000;

/**
 * `cert-manager.io/v1` Certificate `spec`, defaults applied, durations in milliseconds.
 * Lists are never absent, only empty. Fields that certops accepts but does not serve yet are not here:
 * they are named in `Certificate.unserved`.
 */
export interface CertificateSpec {
  readonly secretName: string;
  readonly issuerRef: IssuerRef;
  readonly commonName?: string | undefined;
  /** RFC 4514; in place of `commonName` and `subject`. */
  readonly literalSubject?: string | undefined;
  readonly subject?: SubjectSpec | undefined;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly uris: readonly string[];
  readonly emailAddresses: readonly string[];
  readonly otherNames: readonly OtherName[];
  /** As written; undefined means cert-manager's default of 90 days and lets the issuer choose. */
  readonly durationMs?: number | undefined;
  readonly renewBeforeMs?: number | undefined;
  /** 1 to 99: the part of the lifetime that remains when renewal is due. */
  readonly renewBeforePercentage?: number | undefined;
  readonly renewal?: RenewalSpec | undefined;
  readonly usages: readonly KeyUsage[];
  readonly encodeUsagesInRequest: boolean;
  readonly isCA: boolean;
  readonly nameConstraints?: NameConstraints | undefined;
  readonly signatureAlgorithm?: SignatureAlgorithm | undefined;
  readonly privateKey: PrivateKeySpec;
  readonly secretTemplate?: {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly keystores: KeystoresSpec;
  readonly additionalOutputFormats: readonly OutputFormat[];
  readonly revisionHistoryLimit: number;
}

/** One entry of `certops.dev/fallback-issuers`. */
export interface FallbackIssuer {
  readonly kind: 'Issuer' | 'ClusterIssuer';
  readonly name: string;
}

/** What the annotations of a Certificate ask for (contract 1.3). */
export interface CertificateDirectives {
  /** `certops.dev/suspend`, until `certops.dev/suspend-until` where that is given. */
  readonly suspend?: { readonly reason: string; readonly until?: Date | undefined } | undefined;
  /** `certops.dev/renew-requested-at` */
  readonly renewRequestedAt?: Date | undefined;
  /** `certops.dev/retry-requested-at` */
  readonly retryRequestedAt?: Date | undefined;
  /** `certops.dev/profile`: over the issuer's `profile`. */
  readonly profile?: string | undefined;
  /** `certops.dev/fallback-issuers`, in order: what a pull request for a broken issuer may propose. */
  readonly fallbackIssuers: readonly FallbackIssuer[];
  /** `cert-manager.io/issue-temporary-certificate: "true"` */
  readonly wantsTemporaryCertificate: boolean;
}

/** A valid field that this version does not act on yet; the object that has it is not ready. */
export interface UnservedField {
  /** Kubernetes field path, for example `spec.keystores.jks`. */
  readonly field: string;
  readonly line: number;
  readonly column: number;
}

/** A Certificate as people declared it. */
export interface Certificate {
  readonly kind: 'Certificate';
  readonly name: ObjectName;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: CertificateSpec;
  readonly directives: CertificateDirectives;
  readonly unserved: readonly UnservedField[];
}
