import type { OtherName } from '../api/certificate.ts';
import { CertopsError } from '../lib/errors.ts';
import { DER_TAG, type DerElement, expectElement, readChildren, readOid } from './der-reader.ts';
import { derElement, derOid } from './der-writer.ts';

/** Identifier octets of GeneralName's choices (RFC 5280, 4.2.1.6). */
export const GENERAL_NAME_TAG = {
  otherName: 0xa0,
  email: 0x81,
  dns: 0x82,
  uri: 0x86,
  ip: 0x87,
} as const;

/** Arcs of so many digits are exact numbers here and in Go. */
const OID = /^[0-2](?:\.\d{1,13})+$/;

/**
 * DER of a name that is an IA5String. Throws `pki.unencodable-name` for what is empty or not printable ASCII: a name
 * in another script has an ASCII form (RFC 5280, 7.2) that a person must choose.
 */
export function encodeIa5Name(kind: 'email' | 'dns' | 'uri', value: string): Buffer {
  if (value === '' || !/^[\x20-\x7e]+$/.test(value))
    throw unencodableName(value, 'It is not printable ASCII');
  return derElement(GENERAL_NAME_TAG[kind], Buffer.from(value, 'latin1'));
}

/** DER of an otherName whose value is a UTF8String, as cert-manager writes it. Throws `pki.unencodable-name`. */
export function encodeOtherName({ oid, utf8Value }: OtherName): Buffer {
  if (!OID.test(oid)) throw unencodableName(oid, 'It is not an object identifier');
  const value = derElement(DER_TAG.utf8String, Buffer.from(utf8Value, 'utf8'));
  return derElement(GENERAL_NAME_TAG.otherName, derOid(oid), derElement(0xa0, value));
}

/** Reads an otherName; undefined where its value is no UTF8String. Throws `DerSyntaxError`. */
export function readOtherName(element: DerElement): OtherName | undefined {
  const parts = readChildren(element);
  const oid = readOid(expectElement(parts, 0));
  const [value] = readChildren(expectElement(parts, 1, 0xa0));
  if (value?.tag !== DER_TAG.utf8String) return undefined;
  return { oid, utf8Value: Buffer.from(value.content).toString('utf8') };
}

/** The error for a name that no certificate can hold. */
export function unencodableName(name: string, why: string): CertopsError {
  return new CertopsError(
    'pki.unencodable-name',
    {
      what: `A certificate cannot hold the name ${JSON.stringify(name)}`,
      why,
      next: 'Write it in its ASCII form',
    },
    { retry: { when: 'never' }, data: { name } },
  );
}
