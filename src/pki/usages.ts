import { DEFAULT_USAGES, KEY_USAGES, type KeyUsage } from '../api/certificate.ts';

/** What `spec.usages` means in a request or certificate. */
export interface ResolvedUsages {
  /** RFC 5280, 4.2.1.3: bit n of the BIT STRING is the flag `1 << n`; 0 means: no such extension. */
  readonly keyUsage: number;
  /** OIDs of RFC 5280, 4.2.1.12, in the order asked for, each once; empty means: no such extension. */
  readonly extendedKeyUsages: readonly string[];
}

const CERT_SIGN = 1 << 5;

const KEY_USAGE_FLAGS: Readonly<Partial<Record<KeyUsage, number>>> = {
  signing: 1 << 0,
  'digital signature': 1 << 0,
  'content commitment': 1 << 1,
  'key encipherment': 1 << 2,
  'data encipherment': 1 << 3,
  'key agreement': 1 << 4,
  'cert sign': CERT_SIGN,
  'crl sign': 1 << 6,
  'encipher only': 1 << 7,
  'decipher only': 1 << 8,
};

const EXTENDED_KEY_USAGE_OIDS: Readonly<Partial<Record<KeyUsage, string>>> = {
  any: '2.5.29.37.0',
  'server auth': '1.3.6.1.5.5.7.3.1',
  'client auth': '1.3.6.1.5.5.7.3.2',
  'code signing': '1.3.6.1.5.5.7.3.3',
  'email protection': '1.3.6.1.5.5.7.3.4',
  's/mime': '1.3.6.1.5.5.7.3.4',
  'ipsec end system': '1.3.6.1.5.5.7.3.5',
  'ipsec tunnel': '1.3.6.1.5.5.7.3.6',
  'ipsec user': '1.3.6.1.5.5.7.3.7',
  timestamping: '1.3.6.1.5.5.7.3.8',
  'ocsp signing': '1.3.6.1.5.5.7.3.9',
  'microsoft sgc': '1.3.6.1.4.1.311.10.3.3',
  'netscape sgc': '2.16.840.1.113730.4.1',
};

/**
 * Turns cert-manager's usages into key usage bits and extended key usage OIDs, as its
 * `KeyUsagesForCertificateOrCertificateRequest` does: none means the default two, and a CA may always sign
 * certificates.
 */
export function resolveUsages(usages: readonly KeyUsage[], isCA: boolean): ResolvedUsages {
  let keyUsage = isCA ? CERT_SIGN : 0;
  const extendedKeyUsages = new Set<string>();
  for (const usage of usages.length === 0 ? DEFAULT_USAGES : usages) {
    keyUsage |= KEY_USAGE_FLAGS[usage] ?? 0;
    const oid = EXTENDED_KEY_USAGE_OIDS[usage];
    if (oid !== undefined) extendedKeyUsages.add(oid);
  }
  return { keyUsage, extendedKeyUsages: [...extendedKeyUsages] };
}

/**
 * The usages that a request or certificate grants, in cert-manager's words and order; where two words mean
 * the same (`signing`, `s/mime`) the more common one is given. OIDs it has no word for are left out.
 */
export function nameUsages(resolved: ResolvedUsages): KeyUsage[] {
  return KEY_USAGES.filter((usage) => {
    if (usage === 'signing' || usage === 's/mime') return false;
    const oid = EXTENDED_KEY_USAGE_OIDS[usage];
    if (oid !== undefined) return resolved.extendedKeyUsages.includes(oid);
    return (resolved.keyUsage & (KEY_USAGE_FLAGS[usage] ?? 0)) !== 0;
  });
}
