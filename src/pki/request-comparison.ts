import type { CertificateSpec } from '../api/certificate.ts';
import { canonicalNames, specifiedNames } from './certificate-names.ts';
import { encodeName, NAME_OID, nameValues, subjectName } from './distinguished-name.ts';
import { sameNameConstraints } from './name-constraints.ts';
import { type RequestFacts, readRequest } from './request-reader.ts';
import { canSignBy, signatureScheme } from './sign-structure.ts';
import { resolveUsages } from './usages.ts';

/**
 * The fields of a specification that a PKCS#10 request (DER) does not fulfil, as cert-manager's
 * `RequestMatchesSpec` names them (`spec.dnsNames`, `spec.subject.organizations`, `spec.usages`, …); empty when
 * it fulfils all. Order and repetition do not count but in a `literalSubject`, and usages only where the
 * specification wants them in the request. `spec.nameConstraints` and `spec.signatureAlgorithm`, which cert-manager
 * leaves out, are compared too: who changes them wants another certificate.
 * Throws `pki.unreadable-request`, `pki.bad-literal-subject`, `pki.unencodable-name`.
 */
export async function compareRequestWithSpec(csrDer: Uint8Array, spec: CertificateSpec): Promise<string[]> {
  const request = readRequest(csrDer);
  const found = canonicalNames(request.extensions.names);
  const wanted = canonicalNames(specifiedNames(spec));
  const usages = resolveUsages(spec.usages, spec.isCA);
  const { extensions } = request;
  const checks: readonly FieldCheck[] = [
    ...subjectChecks(request, spec),
    ['spec.dnsNames', isSameSet(found.dnsNames, wanted.dnsNames)],
    ['spec.ipAddresses', isSameSet(found.ipAddresses, wanted.ipAddresses)],
    ['spec.uris', isSameSet(found.uris, wanted.uris)],
    ['spec.emailAddresses', isSameSet(found.emailAddresses, wanted.emailAddresses)],
    ['spec.otherNames', JSON.stringify(found.otherNames) === JSON.stringify(wanted.otherNames)],
    ['spec.isCA', extensions.isCA === spec.isCA],
    ['spec.nameConstraints', sameNameConstraints(extensions.nameConstraints, spec.nameConstraints)],
    [
      'spec.usages',
      !spec.encodeUsagesInRequest ||
        (extensions.usages.keyUsage === usages.keyUsage &&
          isSameSet(extensions.usages.extendedKeyUsages, usages.extendedKeyUsages)),
    ],
    ['spec.signatureAlgorithm', isSignedAsSpecified(request, spec)],
  ];
  return checks.flatMap(([field, isFulfilled]) => (isFulfilled ? [] : [field]));
}

type FieldCheck = readonly [field: string, isFulfilled: boolean];

function subjectChecks(request: RequestFacts, spec: CertificateSpec): readonly FieldCheck[] {
  const isSameSubject = Buffer.compare(request.subjectDer, encodeName(subjectName(spec))) === 0;
  if (spec.literalSubject) return [['spec.literalSubject', isSameSubject]];
  const { subject } = spec;
  const has = (oid: string, values: readonly string[] | undefined) =>
    isSameSet(nameValues(request.subject, oid), values ?? []);
  const fields: readonly FieldCheck[] = [
    ['spec.commonName', has(NAME_OID.commonName, present(spec.commonName))],
    ['spec.subject.organizations', has(NAME_OID.organization, subject?.organizations)],
    ['spec.subject.countries', has(NAME_OID.country, subject?.countries)],
    ['spec.subject.organizationalUnits', has(NAME_OID.organizationalUnit, subject?.organizationalUnits)],
    ['spec.subject.localities', has(NAME_OID.locality, subject?.localities)],
    ['spec.subject.provinces', has(NAME_OID.province, subject?.provinces)],
    ['spec.subject.streetAddresses', has(NAME_OID.streetAddress, subject?.streetAddresses)],
    ['spec.subject.postalCodes', has(NAME_OID.postalCode, subject?.postalCodes)],
    ['spec.subject.serialNumber', has(NAME_OID.serialNumber, present(subject?.serialNumber))],
  ];
  // What only a literalSubject can have asked for (DC, UID, other types).
  const known: readonly string[] = fieldOids();
  const hasOthers = request.subject.flat().some(({ oid }) => !known.includes(oid));
  return [...fields, ['spec.literalSubject', !hasOthers]];
}

function fieldOids(): readonly string[] {
  const { domainComponent, userId, ...fields } = NAME_OID;
  return Object.values(fields);
}

/** A key of another kind cannot have been asked for the signature; that is said of the key, elsewhere. */
function isSignedAsSpecified(request: RequestFacts, spec: CertificateSpec): boolean {
  const { signatureAlgorithm } = spec;
  const publicKey = request.publicKey();
  if (signatureAlgorithm !== undefined && !canSignBy(publicKey, signatureAlgorithm)) return false;
  const wanted = signatureScheme(publicKey, signatureAlgorithm).algorithm;
  return Buffer.compare(request.signatureAlgorithm, wanted) === 0;
}

function present(value: string | undefined): string[] {
  return value === undefined || value === '' ? [] : [value];
}

function isSameSet(left: readonly string[], right: readonly string[]): boolean {
  const leftSet = new Set(left);
  const rightSet = new Set(right);
  return leftSet.size === rightSet.size && [...leftSet].every((value) => rightSet.has(value));
}
