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

/** One attribute of a distinguished name. */
export interface NameAttribute {
  readonly oid: string;
  readonly value: string;
}

/** A distinguished name (RFC 5280, 4.1.2.4) as it is encoded: relative names in order, each with its attributes. */
export type DistinguishedName = readonly (readonly NameAttribute[])[];

/** OIDs of the attributes that a Certificate's subject can have (X.520). */
export const NAME_OID = {
  commonName: '2.5.4.3',
  serialNumber: '2.5.4.5',
  country: '2.5.4.6',
  locality: '2.5.4.7',
  province: '2.5.4.8',
  streetAddress: '2.5.4.9',
  organization: '2.5.4.10',
  organizationalUnit: '2.5.4.11',
  postalCode: '2.5.4.17',
} as const;

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
  '0.9.2342.19200300.100.1.25': 'DC',
  '0.9.2342.19200300.100.1.1': 'UID',
};

/**
 * The subject that a specification asks for, in the order and shape of Go's `pkix.Name.ToRDNSequence`, which
 * cert-manager uses: all values of one field in one relative name.
 */
export function subjectName(spec: {
  readonly commonName?: string | undefined;
  readonly subject?: SubjectSpec | undefined;
}): DistinguishedName {
  const { subject } = spec;
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

/** Every value of one attribute, in order. */
export function nameValues(name: DistinguishedName, oid: string): string[] {
  return name.flat().flatMap((attribute) => (attribute.oid === oid ? [attribute.value] : []));
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
