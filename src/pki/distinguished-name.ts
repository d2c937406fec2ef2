import type { SubjectSpec } from '../api/certificate.ts';
import {
  DER_TAG,
  type DerElement,
  DerSyntaxError,
  expectElement,
  readChildren,
  readOid,
  readText,
} from './der-reader.ts';
import { derElement, derOid, derSequence } from './der-writer.ts';
import { parseLiteralSubject } from './literal-subject.ts';
import { type DistinguishedName, NAME_OID, type NameAttribute, nameValues } from './name-attributes.ts';

export { type DistinguishedName, NAME_OID, type NameAttribute, nameValues } from './name-attributes.ts';

/** Short names of RFC 4514, section 3, and Go's for the rest. */
const SHORT_NAMES: Readonly<Record<string, string>> = {
  [NAME_OID.commonName]: 'CN',
  [NAME_OID.serialNumber]: 'SERIALNUMBER',
  [NAME_OID.country]: 'C',
  [NAME_OID.locality]: 'L',
  [NAME_OID.province]: 'ST',
  [NAME_OID.streetAddress]: 'STREET',
  [NAME_OID.organization]: 'O',
  [NAME_OID.organizationalUnit]: 'OU',
  [NAME_OID.postalCode]: 'POSTALCODE',
  [NAME_OID.domainComponent]: 'DC',
  [NAME_OID.userId]: 'UID',
};

/** The fields that a subject is made from. */
export interface SubjectSource {
  readonly commonName?: string | undefined;
  /** RFC 4514; in place of the other two. */
  readonly literalSubject?: string | undefined;
  readonly subject?: SubjectSpec | undefined;
}

/**
 * The subject that a specification asks for: what `literalSubject` says, else the fields in the order and shape of
 * Go's `pkix.Name.ToRDNSequence`, which cert-manager uses: all values of one field in one relative name.
 * Throws `pki.bad-literal-subject`.
 */
export function subjectName(spec: SubjectSource): DistinguishedName {
  const { subject, literalSubject } = spec;
  if (literalSubject) return parseLiteralSubject(literalSubject);
  return [
    relativeName(NAME_OID.country, subject?.countries),
    relativeName(NAME_OID.organization, subject?.organizations),
    relativeName(NAME_OID.organizationalUnit, subject?.organizationalUnits),
    relativeName(NAME_OID.locality, subject?.localities),
    relativeName(NAME_OID.province, subject?.provinces),
    relativeName(NAME_OID.streetAddress, subject?.streetAddresses),
    relativeName(NAME_OID.postalCode, subject?.postalCodes),
    relativeName(NAME_OID.commonName, single(spec.commonName)),
    relativeName(NAME_OID.serialNumber, single(subject?.serialNumber)),
  ].filter((attributes) => attributes.length > 0);
}

/**
 * The commonName that a specification asks for, in whatever field: of several in a `literalSubject` the last of the
 * encoded name, as Go reads it; empty for none. Throws `pki.bad-literal-subject`.
 */
export function specifiedCommonName(spec: SubjectSource): string {
  return nameValues(subjectName(spec), NAME_OID.commonName).at(-1) ?? '';
}

/** The fields of `spec.subject` that a name has. */
export function subjectFields(name: DistinguishedName): SubjectSpec {
  return {
    organizations: nameValues(name, NAME_OID.organization),
    countries: nameValues(name, NAME_OID.country),
    organizationalUnits: nameValues(name, NAME_OID.organizationalUnit),
    localities: nameValues(name, NAME_OID.locality),
    provinces: nameValues(name, NAME_OID.province),
    streetAddresses: nameValues(name, NAME_OID.streetAddress),
    postalCodes: nameValues(name, NAME_OID.postalCode),
    serialNumber: nameValues(name, NAME_OID.serialNumber).at(-1),
  };
}

function relativeName(oid: string, values: readonly string[] = []): NameAttribute[] {
  return [...new Set(values)].map((value) => ({ oid, value }));
}

function single(value: string | undefined): string[] {
  return value === undefined || value === '' ? [] : [value];
}

/** Reads a Name. Throws `DerSyntaxError`. */
export function readName(element: DerElement): DistinguishedName {
  if (element.tag !== DER_TAG.sequence) throw new DerSyntaxError('no distinguished name');
  return readChildren(element).map((relative) =>
    readChildren(relative).map((attribute) => {
      const parts = readChildren(attribute);
      return { oid: readOid(expectElement(parts, 0)), value: readText(expectElement(parts, 1)) };
    }),
  );
}

/** A distinguished name as text (RFC 4514: last relative name first); empty for an empty one. */
export function formatName(name: DistinguishedName): string {
  return name
    .toReversed()
    .map((relative) =>
      relative.map(({ oid, value }) => `${SHORT_NAMES[oid] ?? oid}=${escapeValue(value)}`).join('+'),
    )
    .join(',');
}

/** RFC 4514, 2.4; control characters always as octets, so that a name cannot break a line. */
function escapeValue(value: string): string {
  return value
    .replace(/[\\",+;<>]/g, '\\$&')
    .replace(/^[ #]/, '\\$&')
    .replace(/ $/, '\\ ')
    .replace(/\p{Cc}/gu, (control) =>
      [...Buffer.from(control)].map((octet) => `\\${octet.toString(16).padStart(2, '0')}`).join(''),
    );
}

/**
 * DER of a distinguished name. Strings are encoded as Go does: PrintableString where it fits, else UTF-8; the
 * attributes of one relative name in the order that a SET OF wants (X.690, 11.6).
 */
export function encodeName(name: DistinguishedName): Uint8Array {
  return derSequence(
    ...name.map((relative) => derElement(DER_TAG.set, ...relative.map(encodeAttribute).sort(Buffer.compare))),
  );
}

function encodeAttribute({ oid, value }: NameAttribute): Buffer {
  const tag = /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(value) ? DER_TAG.printableString : DER_TAG.utf8String;
  return derSequence(derOid(oid), derElement(tag, Buffer.from(value, 'utf8')));
}
