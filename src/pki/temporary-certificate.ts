import type { KeyObject } from 'node:crypto';
import { type CertificateSpec, DEFAULT_DURATION_MS } from '../api/certificate.ts';
import { generatePrivateKey } from './private-key.ts';
import { selfSign, signWithCa } from './sign-certificate.ts';
import { createSigningRequest } from './signing-request.ts';

/** The subject of every CA that signs stand-ins; by it one is recognised. */
export const TEMPORARY_CA_NAME = 'cert-manager.local';

/**
 * A stand-in for a certificate that is still to come, as PEM: everything that the specification asks for, with its
 * real key, signed by an ECDSA P-521 CA that is thrown away at once (cert-manager's
 * `GenerateLocallySignedTemporaryCertificate`, behind `cert-manager.io/issue-temporary-certificate`). Nobody trusts
 * it: it lets servers start. Throws what `createSigningRequest` throws.
 */
export async function temporaryCertificate(
  spec: CertificateSpec,
  key: KeyObject,
  now: Date,
): Promise<string> {
  const lifetimeMs = spec.durationMs ?? DEFAULT_DURATION_MS;
  const { signatureAlgorithm, nameConstraints, ...rest } = spec;
  const caSpec: CertificateSpec = {
    ...rest,
    ...{ commonName: TEMPORARY_CA_NAME, literalSubject: undefined, subject: undefined, isCA: true },
    ...{ dnsNames: [], ipAddresses: [], uris: [], emailAddresses: [], otherNames: [], usages: [] },
    privateKey: { ...spec.privateKey, algorithm: 'ECDSA', size: 521 },
  };
  const caKey = await generatePrivateKey(caSpec.privateKey);
  const validity = { notBefore: now, lifetimeMs, crlDistributionPoints: [] };
  const caCsr = await createSigningRequest(caSpec, caKey);
  const certificatePem = await selfSign({ spec: caSpec, csr: caCsr, key: caKey, ...validity });
  return await signWithCa({
    spec,
    csr: await createSigningRequest(spec, key),
    ca: { certificatePem, key: caKey },
    ocspServers: [],
    issuingCertificateURLs: [],
    ...validity,
  });
}
