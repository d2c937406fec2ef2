import { generateKeyPairSync } from 'node:crypto';
import type { CertificateSpec } from '../../src/api/certificate.ts';
import type { SigningRequest } from '../../src/issuers/issuer.ts';
import { createSigningRequest } from '../../src/pki/signing-request.ts';

/** A request for a Certificate in namespace `test` with an ECDSA key, for `<name>.example.test` by default. */
export async function signingRequest(
  wanted: Partial<CertificateSpec> & { readonly name: string },
): Promise<SigningRequest> {
  const { name, ...more } = wanted;
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const spec: CertificateSpec = {
    secretName: `${name}-tls`,
    issuerRef: { kind: 'Issuer', name: 'issuer', group: 'cert-manager.io' },
    dnsNames: [`${name}.example.test`],
    ipAddresses: [],
    uris: [],
    emailAddresses: [],
    otherNames: [],
    usages: ['digital signature', 'key encipherment'],
    encodeUsagesInRequest: true,
    isCA: false,
    privateKey: { algorithm: 'ECDSA', size: 256, encoding: 'PKCS8', rotationPolicy: 'Always' },
    keystores: {},
    additionalOutputFormats: [],
    revisionHistoryLimit: 1,
    ...more,
  };
  return {
    certificate: { namespace: 'test', name },
    labels: {},
    spec,
    csr: await createSigningRequest(spec, key),
    key,
  };
}
