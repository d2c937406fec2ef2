import type { Certificate, KeyUsage, OtherName, PrivateKeyAlgorithm } from '../api/certificate.ts';
import type { IssuerRef } from '../api/names.ts';
import type { SubjectList } from '../api/policy-spec.ts';
import { CertopsError } from '../lib/errors.ts';
import { acmeRequestSpec } from '../pki/acme-request.ts';
import { NAME_OID, nameValues, subjectName } from '../pki/distinguished-name.ts';
import { canonicalIpAddress } from '../pki/ip-address.ts';

/** Values of one OID, in order. */
export interface ValuesOfOid {
  readonly oid: string;
  readonly values: readonly string[];
}

/** A request as policies judge it: what the CSR and the CertificateRequest that are made of a Certificate say. */
export interface PolicyRequest {
  /** Of the CertificateRequest: `<certificate>-<revision>`. */
  readonly name: string;
  readonly namespace: string;
  readonly issuerRef: IssuerRef;
  /** Every one in the subject: a `literalSubject` can have several. */
  readonly commonNames: readonly string[];
  readonly serialNumbers: readonly string[];
  readonly subject: Readonly<Record<SubjectList, readonly string[]>>;
  /** Attributes of the subject that no named field of a policy covers. */
  readonly otherAttributes: readonly ValuesOfOid[];
  readonly dnsNames: readonly string[];
  /** In their canonical form. */
  readonly ipAddresses: readonly string[];
  readonly uris: readonly string[];
  readonly emailAddresses: readonly string[];
  readonly otherNames: readonly ValuesOfOid[];
  readonly isCA: boolean;
  readonly hasNameConstraints: boolean;
  /** cert-manager's defaults where the Certificate names none: never empty. */
  readonly usages: readonly KeyUsage[];
  /** Undefined where the Certificate leaves it to the issuer. */
  readonly durationMs?: number | undefined;
  /** `sizeBits` is -1 for Ed25519, as approver-policy has it. */
  readonly key: { readonly algorithm: PrivateKeyAlgorithm; readonly sizeBits: number };
  /** Why the subject cannot be told; such a request is never allowed. */
  readonly fault?: string | undefined;
}

const SUBJECT_OIDS: Readonly<Record<SubjectList, string>> = {
  organizations: NAME_OID.organization,
  countries: NAME_OID.country,
  organizationalUnits: NAME_OID.organizationalUnit,
  localities: NAME_OID.locality,
  provinces: NAME_OID.province,
  streetAddresses: NAME_OID.streetAddress,
  postalCodes: NAME_OID.postalCode,
};

const NAMED_OIDS: ReadonlySet<string> = new Set([
  NAME_OID.commonName,
  NAME_OID.serialNumber,
  ...Object.values(SUBJECT_OIDS),
]);

/**
 * What the next request of a Certificate would ask for: the names that stand in its CSR, which for an ACME issuer has
 * the commonName among the alternative names. `revision` is the one that it would have. Never throws.
 */
export function requestOf(
  certificate: Pick<Certificate, 'name' | 'spec'>,
  { revision, isAcme }: { readonly revision: number; readonly isAcme: boolean },
): PolicyRequest {
  const { name } = certificate;
  const spec = isAcme ? acmeSpec(certificate.spec) : certificate.spec;
  const { subject, fault } = subjectOf(spec);
  const valuesOf = (list: SubjectList) => nameValues(subject, SUBJECT_OIDS[list]);
  const others = subject.flat().filter(({ oid }) => !NAMED_OIDS.has(oid));
  return {
    name: `${name.name}-${revision}`,
    namespace: name.namespace,
    issuerRef: spec.issuerRef,
    commonNames: nameValues(subject, NAME_OID.commonName),
    serialNumbers: nameValues(subject, NAME_OID.serialNumber),
    subject: {
      organizations: valuesOf('organizations'),
      countries: valuesOf('countries'),
      organizationalUnits: valuesOf('organizationalUnits'),
      localities: valuesOf('localities'),
      provinces: valuesOf('provinces'),
      streetAddresses: valuesOf('streetAddresses'),
      postalCodes: valuesOf('postalCodes'),
    },
    otherAttributes: byOid(others),
    dnsNames: spec.dnsNames,
    ipAddresses: spec.ipAddresses.map((address) => canonicalIpAddress(address)),
    uris: spec.uris,
    emailAddresses: spec.emailAddresses,
    otherNames: byOid(spec.otherNames.map(({ oid, utf8Value }: OtherName) => ({ oid, value: utf8Value }))),
    isCA: spec.isCA,
    hasNameConstraints: spec.nameConstraints !== undefined,
    usages: spec.usages,
    durationMs: spec.durationMs,
    key: {
      algorithm: spec.privateKey.algorithm,
      sizeBits: spec.privateKey.algorithm === 'Ed25519' ? -1 : spec.privateKey.size,
    },
    ...(fault === undefined ? {} : { fault }),
  };
}

/** The specification as requests to ACME CAs are made from it; one that cannot be told is judged as it is written. */
function acmeSpec(spec: Certificate['spec']): Certificate['spec'] {
  try {
    return acmeRequestSpec(spec);
  } catch (thrown) {
    if (thrown instanceof CertopsError) return spec;
    throw thrown;
  }
}

type Attributes = readonly { readonly oid: string; readonly value: string }[];

function subjectOf(spec: Certificate['spec']): { subject: readonly Attributes[]; fault?: string } {
  try {
    return { subject: subjectName(spec) };
  } catch (thrown) {
    if (thrown instanceof CertopsError) return { subject: [], fault: thrown.explanation.what };
    throw thrown;
  }
}

/** In the order in which each OID comes first. */
function byOid(attributes: Attributes): readonly ValuesOfOid[] {
  const values = new Map<string, string[]>();
  for (const { oid, value } of attributes) values.set(oid, [...(values.get(oid) ?? []), value]);
  return [...values].map(([oid, ofOid]) => ({ oid, values: ofOid }));
}
