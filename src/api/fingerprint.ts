import { createHash } from 'node:crypto';
import type { CertificateSpec } from './certificate.ts';

/**
 * A short, stable fingerprint of plain data: SHA-256 over JSON with sorted keys and without undefined
 * members, the first 128 bits in hex.
 */
export function fingerprint(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(value)))
    .digest('hex')
    .slice(0, 32);
}

/**
 * The fingerprint of what determines a signing request and its key: when it is unchanged, no issued
 * certificate has to be compared with the specification field by field.
 */
export function requestFingerprint(spec: CertificateSpec): string {
  const { commonName, literalSubject, subject, dnsNames, ipAddresses, uris, emailAddresses } = spec;
  const { otherNames, nameConstraints, signatureAlgorithm } = spec;
  const { durationMs, usages, encodeUsagesInRequest, isCA, privateKey, issuerRef } = spec;
  return fingerprint({
    ...{ commonName, literalSubject, subject, dnsNames, ipAddresses, uris, emailAddresses },
    ...{ nameConstraints, signatureAlgorithm },
    // Left out while it is empty, so that fingerprints on record go on being right.
    ...(otherNames.length === 0 ? {} : { otherNames }),
    ...{ durationMs, usages, encodeUsagesInRequest, isCA, issuerRef },
    privateKey: { algorithm: privateKey.algorithm, size: privateKey.size },
  });
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value instanceof Date) return value.toISOString();
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(
    entries
      .map(([key, member]): [string, unknown] => [key, sorted(member)])
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
