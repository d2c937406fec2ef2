import type { KeyUsage, PrivateKeyAlgorithm, UnservedField } from './certificate.ts';
import type { ObjectName } from './names.ts';

/** `policy.cert-manager.io/v1alpha1`, the only version there is. */
export const POLICY_V1ALPHA1 = 'policy.cert-manager.io/v1alpha1';

/** One entry of `validations`: a CEL expression over `self` and `cr` that must be true of every value. */
export interface PolicyRule {
  readonly rule: string;
  /** What to say when it is not; undefined: `failed rule: <rule>`. */
  readonly message?: string | undefined;
}

/** What an attribute of one value may be (`CertificateRequestPolicyAllowedString`). */
export interface AllowedText {
  /** A pattern in which `*` stands for any text. Undefined: `validations` alone decide, if there are any. */
  readonly value?: string | undefined;
  readonly required: boolean;
  readonly validations: readonly PolicyRule[];
}

/** What an attribute of several values may be (`CertificateRequestPolicyAllowedStringSlice`). */
export interface AllowedList {
  /** Patterns of which one must match, for each value. Undefined: `validations` alone decide. */
  readonly values?: readonly string[] | undefined;
  readonly required: boolean;
  readonly validations: readonly PolicyRule[];
}

/** What the attributes or names of one OID may be. */
export interface AllowedOid extends AllowedList {
  readonly oid: string;
}

/** Attributes of the subject that hold lists, by their names in `spec.allowed.subject`. */
export const SUBJECT_LISTS = [
  'organizations',
  'countries',
  'organizationalUnits',
  'localities',
  'provinces',
  'streetAddresses',
  'postalCodes',
] as const;

export type SubjectList = (typeof SUBJECT_LISTS)[number];

/** Alternative names by their names in `spec.allowed`. */
export const NAME_LISTS = ['dnsNames', 'ipAddresses', 'uris', 'emailAddresses'] as const;

export type NameList = (typeof NAME_LISTS)[number];

/** `spec.allowed.subject`; what is undefined must be absent from a request. */
export interface AllowedSubject extends Readonly<Partial<Record<SubjectList, AllowedList>>> {
  readonly serialNumber?: AllowedText | undefined;
  /** Attributes of any other OID. */
  readonly otherAttributes: readonly AllowedOid[];
}

/** `spec.allowed`; what is undefined must be absent from a request. */
export interface AllowedAttributes extends Readonly<Partial<Record<NameList, AllowedList>>> {
  readonly commonName?: AllowedText | undefined;
  readonly otherNames: readonly AllowedOid[];
  readonly isCA?: boolean | undefined;
  readonly usages?: readonly KeyUsage[] | undefined;
  readonly subject: AllowedSubject;
}

/** `spec.constraints`; what is undefined constrains nothing. Both ends are included. */
export interface PolicyConstraints {
  readonly minDurationMs?: number | undefined;
  readonly maxDurationMs?: number | undefined;
  readonly privateKey: {
    readonly algorithm?: PrivateKeyAlgorithm | undefined;
    /** Bits. */
    readonly minSize?: number | undefined;
    readonly maxSize?: number | undefined;
  };
}

/** `spec.selector`: which requests a policy is asked about; patterns in which `*` stands for any text. */
export interface PolicySelector {
  readonly issuerRef: {
    readonly name?: string | undefined;
    readonly kind?: string | undefined;
    readonly group?: string | undefined;
  };
  readonly namespace: {
    /** None: every namespace. */
    readonly matchNames: readonly string[];
  };
}

/** `spec` of a CertificateRequestPolicy with defaults applied, durations in milliseconds. */
export interface PolicySpec {
  readonly allowed: AllowedAttributes;
  readonly constraints: PolicyConstraints;
  readonly selector: PolicySelector;
}

/** Where an expression stands. */
export interface PlacedRule {
  /** Kubernetes field path: `spec.allowed.dnsNames.validations[0]`. */
  readonly field: string;
  readonly rule: string;
  readonly line: number;
  readonly column: number;
}

/** approver-policy's CertificateRequestPolicy as people declared it. Whether its expressions compile is not known yet. */
export interface CertificateRequestPolicy {
  readonly kind: 'CertificateRequestPolicy';
  readonly name: ObjectName;
  readonly spec: PolicySpec;
  /** Every expression in it. */
  readonly rules: readonly PlacedRule[];
  /** While there is one, the policy approves nothing. */
  readonly unserved: readonly UnservedField[];
}
