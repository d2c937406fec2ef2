import { isIP } from 'node:net';
import type { CertificateSpec, OtherName } from '../api/certificate.ts';
import { specifiedCommonName } from './distinguished-name.ts';
import { canonicalIpAddress } from './ip-address.ts';

/** Subject alternative names by kind (RFC 5280, 4.2.1.6), in order. */
export interface CertificateNames {
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly uris: readonly string[];
  readonly emailAddresses: readonly string[];
  readonly otherNames: readonly OtherName[];
}

/** An ACME identifier (RFC 8555, 9.7.7; RFC 8738 for `ip`). */
export interface AcmeIdentifier {
  readonly type: 'dns' | 'ip';
  readonly value: string;
}

/**
 * What an ACME order asks for: commonName (of a `literalSubject`, too), dnsNames and ipAddresses together, DNS names in lower case,
 * addresses in their canonical form, each once, in the order of the specification.
 */
export function acmeIdentifiers(spec: CertificateSpec): AcmeIdentifier[] {
  const identifiers = new Map<string, AcmeIdentifier>();
  for (const name of [specifiedCommonName(spec), ...spec.dnsNames, ...spec.ipAddresses]) {
    if (name === '') continue;
    const identifier: AcmeIdentifier =
      isIP(name) === 0
        ? { type: 'dns', value: name.toLowerCase() }
        : { type: 'ip', value: canonicalIpAddress(name) };
    identifiers.set(`${identifier.type}:${identifier.value}`, identifier);
  }
  return [...identifiers.values()];
}

/** The names that a certificate from a SelfSigned, CA or other private issuer must have: as specified. */
export function specifiedNames(spec: CertificateSpec): CertificateNames {
  return {
    dnsNames: spec.dnsNames,
    ipAddresses: spec.ipAddresses,
    uris: spec.uris,
    emailAddresses: spec.emailAddresses,
    otherNames: spec.otherNames,
  };
}

/** The names that a certificate from an ACME CA must have: what the order asked for. */
export function acmeNames(spec: CertificateSpec): CertificateNames {
  const identifiers = acmeIdentifiers(spec);
  const valuesOf = (type: 'dns' | 'ip') =>
    identifiers.filter((one) => one.type === type).map((one) => one.value);
  return {
    ...{ dnsNames: valuesOf('dns'), ipAddresses: valuesOf('ip') },
    ...{ uris: [], emailAddresses: [], otherNames: [] },
  };
}

/** The same names as sorted sets in one spelling, so that equal certificates compare equal. */
export function canonicalNames(names: CertificateNames): CertificateNames {
  return {
    dnsNames: sortedSet(names.dnsNames.map((name) => name.toLowerCase())),
    ipAddresses: sortedSet(names.ipAddresses.map(canonicalIpAddress)),
    uris: sortedSet(names.uris),
    emailAddresses: sortedSet(names.emailAddresses),
    otherNames: distinctOtherNames(names.otherNames),
  };
}

function distinctOtherNames(names: readonly OtherName[]): OtherName[] {
  const byText = new Map(names.map((name) => [`${name.oid} ${name.utf8Value}`, name]));
  return sortedSet([...byText.keys()]).flatMap((text) => byText.get(text) ?? []);
}

function sortedSet(values: readonly string[]): string[] {
  return [...new Set(values)].sort();
}
