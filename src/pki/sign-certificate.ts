import { createHash, createPublicKey, type KeyObject, randomBytes } from 'node:crypto';
import type { Extension } from '@peculiar/x509';
import type { CertificateSpec, SignatureAlgorithm } from '../api/certificate.ts';
import { CertopsError } from '../lib/errors.ts';
import { encodedSubject, parseCertificate, readParsed } from './certificate-facts.ts';
import { specifiedNames } from './certificate-names.ts';
import { DER_TAG, expectElement, readChildren, readDer } from './der-reader.ts';
import { derElement, derSequence, derTime, derUnsignedInteger } from './der-writer.ts';
import { type DistinguishedName, encodeName, subjectName } from './distinguished-name.ts';
import {
  altNameExtensions,
  encodeExtensions,
  nameConstraintExtensions,
  usageExtensions,
} from './extension-writer.ts';
import { encodePem } from './pem.ts';
import { readRequest } from './request-reader.ts';
import { publicKeyDer, signatureScheme, signStructure } from './sign-structure.ts';
import { resolveUsages } from './usages.ts';
import { loadX509, type X509Library } from './x509-library.ts';

/** RFC 5280, 4.1.2.1: version 3 has the number 2. */
const VERSION_3 = derUnsignedInteger(Uint8Array.of(2));

/** What a SelfSigned issuer signs. */
export interface SelfSignRequest {
  readonly spec: CertificateSpec;
  /** DER of the PKCS#10 request, signed by `key`. */
  readonly csr: Uint8Array;
  /** The private key of the request, which signs. */
  readonly key: KeyObject;
  readonly notBefore: Date;
  readonly lifetimeMs: number;
  /** Hex; random where absent. */
  readonly serial?: string | undefined;
  readonly crlDistributionPoints: readonly string[];
}

/** What a CA issuer signs. */
export interface CaSignRequest {
  /** DER of the PKCS#10 request. */
  readonly csr: Uint8Array;
  readonly spec: CertificateSpec;
  readonly ca: { readonly certificatePem: string; readonly key: KeyObject };
  readonly notBefore: Date;
  readonly lifetimeMs: number;
  readonly crlDistributionPoints: readonly string[];
  readonly ocspServers: readonly string[];
  readonly issuingCertificateURLs: readonly string[];
}

/**
 * A certificate that its own key signs, as PEM, made as cert-manager's SelfSigned issuer makes it (RFC 5280
 * version 3). Everything in it comes from the specification; the request only proves possession of the key.
 * `signatureAlgorithm` counts for it as well as for the request: it is the same key that signs.
 * Throws `pki.unreadable-request`, `pki.request-key-mismatch`, and what `createSigningRequest` throws.
 */
export async function selfSign(request: SelfSignRequest): Promise<string> {
  const publicKey = readRequest(request.csr).provenPublicKey();
  if (!publicKey.equals(createPublicKey(request.key))) {
    throw new CertopsError(
      'pki.request-key-mismatch',
      { what: 'The private key is not the one that the signing request was made with' },
      { retry: { when: 'never' } },
    );
  }
  const subject = subjectName(request.spec);
  return await sign({
    ...request,
    subject,
    issuer: encodeName(subject),
    signingKey: request.key,
    signatureAlgorithm: request.spec.signatureAlgorithm,
    publicKey,
    ocspServers: [],
    issuingCertificateURLs: [],
  });
}

/**
 * A certificate that a CA's key signs, as PEM, made as cert-manager's CA issuer makes it. Everything in it comes
 * from the specification; the request only proves possession of the key. The CA's key signs by its own kind and
 * size, whatever `signatureAlgorithm` the request was made by. As there, it may outlive its CA: validation then ends
 * with the CA's certificate.
 * Throws `pki.unreadable-request`, `pki.unreadable-certificate`, `pki.not-a-ca`, `pki.ca-key-mismatch`,
 * `pki.unencodable-name`, `pki.bad-literal-subject`, `pki.unsupported-key`.
 */
export async function signWithCa(request: CaSignRequest): Promise<string> {
  const publicKey = readRequest(request.csr).provenPublicKey();
  const caCertificate = parseCertificate(request.ca.certificatePem);
  const caFacts = readParsed(caCertificate);
  if (!caFacts.isCA) throw unusableCa('pki.not-a-ca', 'Its basicConstraints do not say CA:TRUE');
  if (!caFacts.publicKeyMatches(request.ca.key)) {
    throw unusableCa('pki.ca-key-mismatch', 'The private key beside it belongs to another certificate');
  }
  return await sign({
    ...request,
    subject: subjectName(request.spec),
    issuer: encodedSubject(caCertificate),
    signingKey: request.ca.key,
    publicKey,
    authorityKeyId: caFacts.subjectKeyId,
  });
}

function unusableCa(code: string, why: string): CertopsError {
  return new CertopsError(
    code,
    {
      what: 'The CA certificate cannot sign',
      why,
      next: "Mend the Secret that the issuer's `ca.secretName` names",
    },
    { retry: { when: 'never' } },
  );
}

interface SigningPlan {
  readonly spec: CertificateSpec;
  readonly subject: DistinguishedName;
  /** DER of the issuer's name. */
  readonly issuer: Uint8Array;
  readonly signingKey: KeyObject;
  /** By the signing key's kind and size where absent. */
  readonly signatureAlgorithm?: SignatureAlgorithm | undefined;
  readonly publicKey: KeyObject;
  readonly notBefore: Date;
  readonly lifetimeMs: number;
  readonly serial?: string | undefined;
  readonly authorityKeyId?: string | undefined;
  readonly crlDistributionPoints: readonly string[];
  readonly ocspServers: readonly string[];
  readonly issuingCertificateURLs: readonly string[];
}

async function sign(plan: SigningPlan): Promise<string> {
  const scheme = signatureScheme(plan.signingKey, plan.signatureAlgorithm);
  const x509 = await loadX509();
  const spki = publicKeyDer(plan.publicKey);
  // Whole seconds first: certificates hold no more, and the lifetime must come out exactly.
  const notBefore = new Date(Math.floor(plan.notBefore.getTime() / 1000) * 1000);
  const notAfter = new Date(notBefore.getTime() + plan.lifetimeMs);
  const certificate = derSequence(
    derElement(0xa0, VERSION_3),
    derUnsignedInteger(plan.serial === undefined ? randomSerial() : Buffer.from(plan.serial, 'hex')),
    scheme.algorithm,
    plan.issuer,
    derSequence(derTime(notBefore), derTime(notAfter)),
    encodeName(plan.subject),
    spki,
    derElement(0xa3, encodeExtensions(extensionsOf(x509, plan, spki))),
  );
  return encodePem('CERTIFICATE', await signStructure(certificate, plan.signingKey, scheme));
}

/** The extensions that cert-manager's template and Go's `x509.CreateCertificate` give, in Go's order. */
function extensionsOf(x509: X509Library, plan: SigningPlan, spki: Uint8Array): Extension[] {
  const { spec } = plan;
  const hasAccessInfo = plan.ocspServers.length > 0 || plan.issuingCertificateURLs.length > 0;
  return [
    ...usageExtensions(x509, resolveUsages(spec.usages, spec.isCA)),
    new x509.BasicConstraintsExtension(spec.isCA, undefined, true),
    // Go gives a subject key identifier to CAs only, and an authority's where the CA has one.
    ...(spec.isCA ? [new x509.SubjectKeyIdentifierExtension(subjectKeyId(spki))] : []),
    ...(plan.authorityKeyId === undefined
      ? []
      : [new x509.AuthorityKeyIdentifierExtension(plan.authorityKeyId)]),
    ...(hasAccessInfo
      ? [
          new x509.AuthorityInfoAccessExtension({
            ocsp: uriNames(x509, plan.ocspServers),
            caIssuers: uriNames(x509, plan.issuingCertificateURLs),
          }),
        ]
      : []),
    ...altNameExtensions(x509, specifiedNames(spec), plan.subject),
    ...nameConstraintExtensions(x509, spec.nameConstraints),
    ...(plan.crlDistributionPoints.length === 0
      ? []
      : [new x509.CRLDistributionPointsExtension([...plan.crlDistributionPoints])]),
  ];
}

function uriNames(x509: X509Library, urls: readonly string[]) {
  return urls.map((url) => new x509.GeneralName('url', url));
}

/** 126 random bits in 16 octets: never zero, never negative, always of one length (RFC 5280, 4.1.2.2). */
function randomSerial(): Uint8Array {
  const octets = randomBytes(16);
  octets[0] = ((octets[0] ?? 0) & 0x3f) | 0x40;
  return octets;
}

/** RFC 7093, section 2, method 1, as Go has it since 1.25: the first 160 bits of the SHA-256 of the key's bits. */
function subjectKeyId(spki: Uint8Array): string {
  const keyBits = expectElement(readChildren(readDer(spki, DER_TAG.sequence)), 1, DER_TAG.bitString);
  return createHash('sha256').update(keyBits.content.subarray(1)).digest('hex').slice(0, 40);
}
