import type { Extension, JsonGeneralName } from '@peculiar/x509';
import { CertopsError } from '../lib/errors.ts';
import type { CertificateNames } from './certificate-names.ts';
import { derSequence } from './der-writer.ts';
import type { DistinguishedName } from './distinguished-name.ts';
import { canonicalIpAddress, ipAddressBytes } from './ip-address.ts';
import type { ResolvedUsages } from './usages.ts';
import type { X509Library } from './x509-library.ts';

/** Key usage (critical) and extended key usage; none of an empty kind. */
export function usageExtensions(x509: X509Library, usages: ResolvedUsages): Extension[] {
  const { keyUsage, extendedKeyUsages } = usages;
  return [
    ...(keyUsage === 0 ? [] : [new x509.KeyUsagesExtension(keyUsage, true)]),
    ...(extendedKeyUsages.length === 0
      ? []
      : [new x509.ExtendedKeyUsageExtension([...extendedKeyUsages], false)]),
  ];
}

/**
 * The subject alternative names, each once; no extension for none. Critical exactly when the subject is empty
 * (RFC 5280, 4.2.1.6). Throws `pki.unencodable-name`.
 */
export function altNameExtensions(
  x509: X509Library,
  names: CertificateNames,
  subject: DistinguishedName,
): Extension[] {
  const all: JsonGeneralName[] = [
    ...generalNames('dns', names.dnsNames),
    ...generalNames('email', names.emailAddresses),
    ...generalNames('ip', names.ipAddresses.map(encodableAddress)),
    ...generalNames('url', names.uris),
  ];
  if (all.length === 0) return [];
  return [new x509.SubjectAlternativeNameExtension(all, subject.length === 0)];
}

function generalNames(type: JsonGeneralName['type'], values: readonly string[]): JsonGeneralName[] {
  return [...new Set(values)].map((value) => {
    // All of these are IA5Strings; a name in another script has an ASCII form (RFC 5280, 7.2) that a person must choose.
    if (value === '' || !/^[\x20-\x7e]+$/.test(value)) throw unencodable(value, 'It is not printable ASCII');
    return { type, value };
  });
}

function encodableAddress(address: string): string {
  if (ipAddressBytes(address) === undefined) throw unencodable(address, 'It is not an IP address');
  return canonicalIpAddress(address);
}

function unencodable(name: string, why: string): CertopsError {
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

/** DER of the `Extensions` sequence. */
export function encodeExtensions(extensions: readonly Extension[]): Uint8Array {
  return derSequence(...extensions.map((extension) => new Uint8Array(extension.rawData)));
}
