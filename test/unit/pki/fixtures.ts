import type { KeyObject } from 'node:crypto';
import type { CertificateSpec, PrivateKeySpec, SubjectSpec } from '../../../src/api/certificate.ts';
import { generatePrivateKey } from '../../../src/pki/private-key.ts';
import { selfSign, signWithCa } from '../../../src/pki/sign-certificate.ts';
import { createSigningRequest } from '../../../src/pki/signing-request.ts';
import { runProcess, runSuccessfully } from '../../support/process.ts';
import { makeScratch } from '../../support/scratch.ts';

export const HOUR_MS = 3_600_000;

/** A private key of `spec.privateKey`; ECDSA P-256 in PKCS#8 where nothing else is said. */
export function keySpec(change: Partial<PrivateKeySpec> = {}): PrivateKeySpec {
  return { algorithm: 'ECDSA', size: 256, encoding: 'PKCS8', rotationPolicy: 'Always', ...change };
}

export const EMPTY_SUBJECT: SubjectSpec = {
  organizations: [],
  countries: [],
  organizationalUnits: [],
  localities: [],
  provinces: [],
  streetAddresses: [],
  postalCodes: [],
};

/** A valid specification for `www.example.com`, with the fields that a test cares about changed. */
export function specWith(change: Partial<CertificateSpec> = {}): CertificateSpec {
  return {
    secretName: 'www',
    issuerRef: { kind: 'Issuer', name: 'ca', group: 'cert-manager.io' },
    dnsNames: ['www.example.com'],
    ipAddresses: [],
    uris: [],
    emailAddresses: [],
    otherNames: [],
    usages: [],
    encodeUsagesInRequest: true,
    isCA: false,
    privateKey: keySpec(),
    keystores: {},
    additionalOutputFormats: [],
    revisionHistoryLimit: 1,
    ...change,
  };
}

/** A certificate with its key and what it was made from. */
export interface TestCertificate {
  readonly pem: string;
  readonly key: KeyObject;
  readonly spec: CertificateSpec;
}

export interface Validity {
  readonly notBefore?: Date;
  readonly lifetimeMs?: number;
}

/** A self-signed CA. */
export async function makeRoot(commonName = 'Root', validity: Validity = {}): Promise<TestCertificate> {
  const spec = specWith({ dnsNames: [], commonName, isCA: true });
  const key = await generatePrivateKey(spec.privateKey);
  const csr = await createSigningRequest(spec, key);
  const pem = await selfSign({
    spec,
    csr,
    key,
    notBefore: validity.notBefore ?? new Date(),
    lifetimeMs: validity.lifetimeMs ?? 24 * HOUR_MS,
    crlDistributionPoints: [],
  });
  return { pem, key, spec };
}

/** A certificate that `ca` signs. */
export async function makeSigned(
  ca: TestCertificate,
  spec: CertificateSpec,
  validity: Validity = {},
): Promise<TestCertificate> {
  const key = await generatePrivateKey(spec.privateKey);
  const pem = await signWithCa({
    csr: await createSigningRequest(spec, key),
    spec,
    ca: { certificatePem: ca.pem, key: ca.key },
    notBefore: validity.notBefore ?? new Date(),
    lifetimeMs: validity.lifetimeMs ?? HOUR_MS,
    crlDistributionPoints: [],
    ocspServers: [],
    issuingCertificateURLs: [],
  });
  return { pem, key, spec };
}

/** What `openssl` says to this input on stdout; rejects when it is not content. */
export async function openssl(args: readonly string[], input: string | Uint8Array): Promise<string> {
  return await runSuccessfully('openssl', args, { input });
}

/** `openssl x509 -text` without its indentation, one line an array element. */
export async function certificateText(pem: string): Promise<string[]> {
  const text = await openssl(['x509', '-noout', '-text', '-nameopt', 'RFC2253,-esc_msb,utf8'], pem);
  return text.split('\n').map((line) => line.trim());
}

/** Whether `openssl verify` accepts a leaf under `root` with the intermediates given, and what it said. */
export async function verifyChain(
  root: string,
  leaf: string,
  intermediates: readonly string[] = [],
): Promise<{ readonly isValid: boolean; readonly output: string }> {
  using scratch = makeScratch('pki');
  const untrusted =
    intermediates.length === 0 ? [] : ['-untrusted', scratch.write('middle.pem', intermediates.join(''))];
  const result = await runProcess('openssl', [
    'verify',
    '-x509_strict',
    '-CAfile',
    scratch.write('root.pem', root),
    ...untrusted,
    scratch.write('leaf.pem', leaf),
  ]);
  return { isValid: result.code === 0, output: result.stdout + result.stderr };
}
