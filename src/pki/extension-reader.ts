import type { NameConstraints, OtherName } from '../api/certificate.ts';
import type { CertificateNames } from './certificate-names.ts';
import {
  DER_TAG,
  type DerElement,
  DerSyntaxError,
  expectElement,
  readChildren,
  readDer,
  readOid,
} from './der-reader.ts';
import { GENERAL_NAME_TAG, readOtherName } from './general-name.ts';
import { formatIpAddress } from './ip-address.ts';
import { readNameConstraints } from './name-constraints.ts';
import type { ResolvedUsages } from './usages.ts';

/** OIDs of the extensions that are read and written here (RFC 5280, 4.2.1). */
export const EXTENSION_OID = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
} as const;

/** What the extensions of a certificate or a request say. */
export interface ExtensionFacts {
  readonly names: CertificateNames;
  /** Subject alternative names that no specification can ask for (directory names, …): how many there are. */
  readonly otherNameCount: number;
  readonly isCA: boolean;
  readonly nameConstraints?: NameConstraints | undefined;
  readonly usages: ResolvedUsages;
  /** Lower-case hex. */
  readonly subjectKeyId?: string | undefined;
  /** Lower-case hex. */
  readonly authorityKeyId?: string | undefined;
}

interface AltNames extends CertificateNames {
  readonly otherNameCount: number;
}

/**
 * Reads the `Extensions` sequence of a certificate or of a request's extensionRequest.
 * Throws `DerSyntaxError`, also when an extension stands there twice (RFC 5280, 4.2).
 */
export function readExtensions(extensions: DerElement | undefined): ExtensionFacts {
  const all = extensions === undefined ? new Map<string, ExtensionValue>() : extensionValues(extensions);
  const values = { get: (oid: string) => all.get(oid)?.value };
  const constraints = all.get(EXTENSION_OID.nameConstraints);
  const { otherNameCount, ...names } = readAltNames(values.get(EXTENSION_OID.subjectAltName));
  return {
    names,
    otherNameCount,
    isCA: readIsCA(values.get(EXTENSION_OID.basicConstraints)),
    nameConstraints: constraints && readNameConstraints(constraints.value, constraints.isCritical),
    usages: {
      keyUsage: readKeyUsage(values.get(EXTENSION_OID.keyUsage)),
      extendedKeyUsages: readExtendedKeyUsages(values.get(EXTENSION_OID.extendedKeyUsage)),
    },
    subjectKeyId: readSubjectKeyId(values.get(EXTENSION_OID.subjectKeyIdentifier)),
    authorityKeyId: readAuthorityKeyId(values.get(EXTENSION_OID.authorityKeyIdentifier)),
  };
}

interface ExtensionValue {
  readonly value: Uint8Array;
  readonly isCritical: boolean;
}

function extensionValues(extensions: DerElement): Map<string, ExtensionValue> {
  const values = new Map<string, ExtensionValue>();
  for (const extension of readChildren(extensions)) {
    const parts = readChildren(extension);
    const oid = readOid(expectElement(parts, 0));
    if (values.has(oid)) throw new DerSyntaxError('an extension stands there twice');
    values.set(oid, {
      value: expectElement(parts, parts.length - 1, DER_TAG.octetString).content,
      isCritical: parts[1]?.tag === DER_TAG.boolean && parts[1].content.some((byte) => byte !== 0),
    });
  }
  return values;
}

function readAltNames(value: Uint8Array | undefined): AltNames {
  const dnsNames: string[] = [];
  const ipAddresses: string[] = [];
  const uris: string[] = [];
  const emailAddresses: string[] = [];
  const otherNames: OtherName[] = [];
  let otherNameCount = 0;
  for (const name of value === undefined ? [] : readChildren(readDer(value, DER_TAG.sequence))) {
    const text = Buffer.from(name.content).toString('latin1');
    const address = name.tag === GENERAL_NAME_TAG.ip ? formatIpAddress(name.content) : undefined;
    const otherName = name.tag === GENERAL_NAME_TAG.otherName ? readOtherName(name) : undefined;
    if (name.tag === GENERAL_NAME_TAG.email) emailAddresses.push(text);
    else if (name.tag === GENERAL_NAME_TAG.dns) dnsNames.push(text);
    else if (name.tag === GENERAL_NAME_TAG.uri) uris.push(text);
    else if (address !== undefined) ipAddresses.push(address);
    else if (otherName !== undefined) otherNames.push(otherName);
    else otherNameCount += 1;
  }
  return { dnsNames, ipAddresses, uris, emailAddresses, otherNames, otherNameCount };
}

function readIsCA(value: Uint8Array | undefined): boolean {
  if (value === undefined) return false;
  const [first] = readChildren(readDer(value, DER_TAG.sequence));
  return first?.tag === DER_TAG.boolean && first.content.some((byte) => byte !== 0);
}

function readKeyUsage(value: Uint8Array | undefined): number {
  if (value === undefined) return 0;
  const [, ...octets] = readDer(value, DER_TAG.bitString).content;
  let flags = 0;
  for (let bit = 0; bit < 9; bit += 1) {
    const octet = octets[bit >> 3] ?? 0;
    if ((octet & (0x80 >> (bit & 7))) !== 0) flags |= 1 << bit;
  }
  return flags;
}

function readExtendedKeyUsages(value: Uint8Array | undefined): string[] {
  return value === undefined ? [] : readChildren(readDer(value, DER_TAG.sequence)).map(readOid);
}

function readSubjectKeyId(value: Uint8Array | undefined): string | undefined {
  return value === undefined ? undefined : toHex(readDer(value, DER_TAG.octetString).content);
}

function readAuthorityKeyId(value: Uint8Array | undefined): string | undefined {
  if (value === undefined) return undefined;
  const keyId = readChildren(readDer(value, DER_TAG.sequence)).find((part) => part.tag === 0x80);
  return keyId === undefined ? undefined : toHex(keyId.content);
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
