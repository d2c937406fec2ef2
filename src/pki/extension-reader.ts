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
import { formatIpAddress } from './ip-address.ts';
import type { ResolvedUsages } from './usages.ts';

/** OIDs of the extensions that are read here (RFC 5280, 4.2.1). */
const EXTENSION_OID = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
} as const;

/** What the extensions of a certificate or a request say. */
export interface ExtensionFacts {
  readonly names: CertificateNames;
  /** Subject alternative names of other kinds (directory names, other names, …): how many there are. */
  readonly otherNameCount: number;
  readonly isCA: boolean;
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
  const values = extensions === undefined ? new Map<string, Uint8Array>() : extensionValues(extensions);
  const { otherNameCount, ...names } = readAltNames(values.get(EXTENSION_OID.subjectAltName));
  return {
    names,
    otherNameCount,
    isCA: readIsCA(values.get(EXTENSION_OID.basicConstraints)),
    usages: {
      keyUsage: readKeyUsage(values.get(EXTENSION_OID.keyUsage)),
      extendedKeyUsages: readExtendedKeyUsages(values.get(EXTENSION_OID.extendedKeyUsage)),
    },
    subjectKeyId: readSubjectKeyId(values.get(EXTENSION_OID.subjectKeyIdentifier)),
    authorityKeyId: readAuthorityKeyId(values.get(EXTENSION_OID.authorityKeyIdentifier)),
  };
}

function extensionValues(extensions: DerElement): Map<string, Uint8Array> {
  const values = new Map<string, Uint8Array>();
  for (const extension of readChildren(extensions)) {
    const parts = readChildren(extension);
    const oid = readOid(expectElement(parts, 0));
    if (values.has(oid)) throw new DerSyntaxError('an extension stands there twice');
    values.set(oid, expectElement(parts, parts.length - 1, DER_TAG.octetString).content);
  }
  return values;
}

function readAltNames(value: Uint8Array | undefined): AltNames {
  const dnsNames: string[] = [];
  const ipAddresses: string[] = [];
  const uris: string[] = [];
  const emailAddresses: string[] = [];
  let otherNameCount = 0;
  for (const name of value === undefined ? [] : readChildren(readDer(value, DER_TAG.sequence))) {
    const text = Buffer.from(name.content).toString('latin1');
    const address = name.tag === 0x87 ? formatIpAddress(name.content) : undefined;
    if (name.tag === 0x81) emailAddresses.push(text);
    else if (name.tag === 0x82) dnsNames.push(text);
    else if (name.tag === 0x86) uris.push(text);
    else if (address !== undefined) ipAddresses.push(address);
    else otherNameCount += 1;
  }
  return { dnsNames, ipAddresses, uris, emailAddresses, otherNameCount };
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
