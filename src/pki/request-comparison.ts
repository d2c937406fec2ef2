import type { CertificateSpec } from '../api/certificate.ts';
import { canonicalNames, specifiedNames } from './certificate-names.ts';
import { NAME_OID, nameValues } from './distinguished-name.ts';
import { readRequest } from './request-reader.ts';
import { resolveUsages } from './usages.ts';

/**
 * The fields of a specification that a PKCS#10 request (DER) does not fulfil, as cert-manager's
 * `RequestMatchesSpec` names them (`spec.dnsNames`, `spec.subject.organizations`, `spec.usages`, …); empty when
 * it fulfils all. Order and repetition do not count, and usages only where the specification wants them in the
 * request. Throws `pki.unreadable-request`.
 */
export async function compareRequestWithSpec(csrDer: Uint8Array, spec: CertificateSpec): Promise<string[]> {
  const request = readRequest(csrDer);
  const found = canonicalNames(request.extensions.names);
  const wanted = canonicalNames(specifiedNames(spec));
  const { subject } = spec;
  const usages = resolveUsages(spec.usages, spec.isCA);
  const subjectHas = (oid: string, values: readonly string[] | undefined) =>
    isSameSet(nameValues(request.subject, oid), values ?? []);
  const checks: readonly (readonly [field: string, isFulfilled: boolean])[] = [
    ['spec.commonName', subjectHas(NAME_OID.commonName, present(spec.commonName))],
    ['spec.dnsNames', isSameSet(found.dnsNames, wanted.dnsNames)],
    ['spec.ipAddresses', isSameSet(found.ipAddresses, wanted.ipAddresses)],
    ['spec.uris', isSameSet(found.uris, wanted.uris)],
    ['spec.emailAddresses', isSameSet(found.emailAddresses, wanted.emailAddresses)],
    ['spec.subject.organizations', subjectHas(NAME_OID.organization, subject?.organizations)],
    ['spec.subject.countries', subjectHas(NAME_OID.country, subject?.countries)],
    [
      'spec.subject.organizationalUnits',
      subjectHas(NAME_OID.organizationalUnit, subject?.organizationalUnits),
    ],
    ['spec.subject.localities', subjectHas(NAME_OID.locality, subject?.localities)],
    ['spec.subject.provinces', subjectHas(NAME_OID.province, subject?.provinces)],
    ['spec.subject.streetAddresses', subjectHas(NAME_OID.streetAddress, subject?.streetAddresses)],
    ['spec.subject.postalCodes', subjectHas(NAME_OID.postalCode, subject?.postalCodes)],
    ['spec.subject.serialNumber', subjectHas(NAME_OID.serialNumber, present(subject?.serialNumber))],
    ['spec.isCA', request.extensions.isCA === spec.isCA],
    [
      'spec.usages',
      !spec.encodeUsagesInRequest ||
        (request.extensions.usages.keyUsage === usages.keyUsage &&
          isSameSet(request.extensions.usages.extendedKeyUsages, usages.extendedKeyUsages)),
    ],
  ];
  return checks.flatMap(([field, isFulfilled]) => (isFulfilled ? [] : [field]));
}

function present(value: string | undefined): string[] {
  return value === undefined || value === '' ? [] : [value];
}

function isSameSet(left: readonly string[], right: readonly string[]): boolean {
  const leftSet = new Set(left);
  const rightSet = new Set(right);
  return leftSet.size === rightSet.size && [...leftSet].every((value) => rightSet.has(value));
}
