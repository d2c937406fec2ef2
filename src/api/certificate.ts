import type { IssuerRef, ObjectName } from './names.ts';

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
  readonly subject?: SubjectSpec | undefined;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly uris: readonly string[];
  readonly emailAddresses: readonly string[];
  /** As written; undefined means cert-manager's default of 90 days and lets the issuer choose. */
  readonly durationMs?: number | undefined;
  readonly renewBeforeMs?: number | undefined;
  /** 1 to 99: the part of the lifetime that remains when renewal is due. */
  readonly renewBeforePercentage?: number | undefined;
  readonly usages: readonly KeyUsage[];
  readonly encodeUsagesInRequest: boolean;
  readonly isCA: boolean;
  readonly privateKey: PrivateKeySpec;
  readonly secretTemplate?: {
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly revisionHistoryLimit: number;
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
  readonly unserved: readonly UnservedField[];
}
