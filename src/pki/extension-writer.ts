import type { Extension } from '@peculiar/x509';
import type { NameConstraints } from '../api/certificate.ts';
import type { CertificateNames } from './certificate-names.ts';
import { derElement, derSequence } from './der-writer.ts';
import type { DistinguishedName } from './distinguished-name.ts';
import { EXTENSION_OID } from './extension-reader.ts';
import { encodeIa5Name, encodeOtherName, GENERAL_NAME_TAG, unencodableName } from './general-name.ts';
import { ipAddressBytes } from './ip-address.ts';
import { encodeNameConstraints } from './name-constraints.ts';
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
 * The subject alternative names, each once, in cert-manager's order; no extension for none. Critical exactly when the
 * subject is empty (RFC 5280, 4.2.1.6). Throws `pki.unencodable-name`.
 */
export function altNameExtensions(
  x509: X509Library,
  names: CertificateNames,
  subject: DistinguishedName,
): Extension[] {
  const all = [
    ...names.dnsNames.map((name) => encodeIa5Name('dns', name)),
    ...names.emailAddresses.map((name) => encodeIa5Name('email', name)),
    ...names.ipAddresses.map(encodeIpAddress),
    ...names.uris.map((name) => encodeIa5Name('uri', name)),
    ...names.otherNames.map(encodeOtherName),
  ];
  if (all.length === 0) return [];
  const distinct = new Map(all.map((name) => [name.toString('latin1'), name]));
  return [
    new x509.Extension(
      EXTENSION_OID.subjectAltName,
      subject.length === 0,
      new Uint8Array(derSequence(...distinct.values())),
    ),
  ];
}

function encodeIpAddress(address: string): Buffer {
  const bytes = ipAddressBytes(address);
  if (bytes === undefined) throw unencodableName(address, 'It is not an IP address');
  return derElement(GENERAL_NAME_TAG.ip, bytes);
}

/** Name constraints, critical where they say so; none where nothing is constrained. Throws `pki.unencodable-name`. */
export function nameConstraintExtensions(
  x509: X509Library,
  constraints: NameConstraints | undefined,
): Extension[] {
  const value = constraints && encodeNameConstraints(constraints);
  if (constraints === undefined || value === undefined) return [];
  return [new x509.Extension(EXTENSION_OID.nameConstraints, constraints.critical, new Uint8Array(value))];
}

/** DER of the `Extensions` sequence. */
export function encodeExtensions(extensions: readonly Extension[]): Uint8Array {
  return derSequence(...extensions.map((extension) => new Uint8Array(extension.rawData)));
}
