import type { KeyObject, X509Certificate } from 'node:crypto';
import type { CertificateSpec } from '../api/certificate.ts';
import { CertopsError, type ErrorData } from '../lib/errors.ts';
import { type CertificateFacts, isSignedBy, parseCertificate, readParsed } from './certificate-facts.ts';
import { type CertificateNames, canonicalNames } from './certificate-names.ts';
import { specifiedCommonName } from './distinguished-name.ts';
import { canonicalIpAddress } from './ip-address.ts';
import { MAX_CHAIN_CERTIFICATES, splitChain } from './pem.ts';

/** What an issuer answered, and what was asked of it. */
export interface IssuedChainCheck {
  /** Leaf first, one PEM certificate each. */
  readonly chainPem: readonly string[];
  /** The key of the request: the private one or its public half. */
  readonly key: KeyObject;
  readonly spec: CertificateSpec;
  /** The subject alternative names asked for: `acmeNames(spec)` or `specifiedNames(spec)`. */
  readonly expectedNames: CertificateNames;
  /** The real time: certificates of a CA are judged by it. */
  readonly now: Date;
  /** Whether this issuer may give out CA certificates at all; an ACME CA may not. */
  readonly allowCa: boolean;
}

/** In what an issued chain is not what was asked for. */
export type IssuedCertificateFault =
  | 'pki.wrong-key'
  | 'pki.wrong-names'
  | 'pki.expired'
  | 'pki.not-yet-valid'
  | 'pki.is-ca'
  | 'pki.broken-chain'
  | 'pki.unreadable-certificate';

/** An issuer answered with a chain that must not replace anything. `data` names what was found. */
export class IssuedCertificateError extends CertopsError {
  constructor(code: IssuedCertificateFault, why: string, data: ErrorData = {}, cause?: unknown) {
    super(
      code,
      {
        what: 'The issuer answered with a certificate that cannot be used',
        why,
        next: 'The certificate in use stays; ask whoever runs the issuer',
      },
      { data, cause },
    );
  }
}

/** How far in the future notBefore may lie: a day, for clocks that differ. */
const MAX_SKEW_MS = 24 * 3_600_000;

/** At most so many names are quoted in an error. */
const MAX_QUOTED_NAMES = 10;

/**
 * Checks what an issuer answered before it replaces anything, and returns the facts of the leaf: it certifies our
 * key, for exactly the names asked for, is valid now, is no CA unless one was asked for, and every certificate is
 * signed by the CA that follows it (RFC 5280, 6.1). Where the chain ends is not judged: trust is the reader's.
 *
 * A CA may leave out a commonName, make one of a name asked for, or repeat it among the names.
 * Throws `IssuedCertificateError`.
 */
export async function checkIssuedChain(check: IssuedChainCheck): Promise<CertificateFacts> {
  // Counted before anything is parsed: a CA gone bad may send thousands.
  if (check.chainPem.length > MAX_CHAIN_CERTIFICATES) {
    throw new IssuedCertificateError(
      'pki.broken-chain',
      `The chain has ${check.chainPem.length} certificates, and ${MAX_CHAIN_CERTIFICATES} is the limit`,
      { certificates: check.chainPem.length },
    );
  }
  const chain = check.chainPem.map(parseLink);
  const [leaf] = chain;
  if (leaf === undefined) {
    throw new IssuedCertificateError('pki.unreadable-certificate', 'The chain is empty');
  }
  const { facts } = leaf;
  checkKey(facts, check.key);
  checkNames(facts, check);
  checkDates(facts, check.now);
  if (facts.isCA && !(check.allowCa && check.spec.isCA)) {
    throw new IssuedCertificateError('pki.is-ca', 'It is a CA certificate, and none was asked for', {
      subject: facts.subject,
    });
  }
  checkLinks(chain);
  return facts;
}

interface Link {
  readonly certificate: X509Certificate;
  readonly facts: CertificateFacts;
}

function parseLink(pem: string): Link {
  try {
    const [only, ...more] = splitChain(pem);
    if (only === undefined || more.length > 0) throw new RangeError('not exactly one certificate');
    const certificate = parseCertificate(only);
    return { certificate, facts: readParsed(certificate) };
  } catch (cause) {
    const why = 'The chain holds something that is not exactly one PEM certificate';
    throw new IssuedCertificateError('pki.unreadable-certificate', why, {}, cause);
  }
}

function checkKey(facts: CertificateFacts, key: KeyObject): void {
  if (facts.publicKeyMatches(key)) return;
  throw new IssuedCertificateError('pki.wrong-key', 'It certifies another key than the one in the request', {
    fingerprintSHA256: facts.fingerprintSHA256,
  });
}

function checkNames(facts: CertificateFacts, check: IssuedChainCheck): void {
  const found = flatten(facts);
  const expected = flatten(check.expectedNames);
  const commonName = specifiedCommonName(check.spec);
  const tolerated = new Set([...expected, ...flatten(namesOf(commonName))]);
  const missing = [...expected].filter((name) => !found.has(name));
  const extra = [...found].filter((name) => !tolerated.has(name));
  const foundCommonName = facts.commonName ?? '';
  const isCommonNameKnown =
    foundCommonName === '' ||
    foundCommonName === commonName ||
    [...flatten(namesOf(foundCommonName))].some((name) => tolerated.has(name));
  if (!isCommonNameKnown) extra.push(`commonName ${foundCommonName}`);
  if (facts.otherNameCount > 0) extra.push(`${facts.otherNameCount} of an unknown kind`);
  if (missing.length === 0 && extra.length === 0) return;
  throw new IssuedCertificateError('pki.wrong-names', describeNames(missing, extra), {
    missing: missing.slice(0, MAX_QUOTED_NAMES),
    extra: extra.slice(0, MAX_QUOTED_NAMES),
  });
}

function namesOf(commonName: string): CertificateNames {
  const names = commonName === '' ? [] : [commonName];
  return {
    ...{ dnsNames: names, ipAddresses: names.map(canonicalIpAddress) },
    ...{ uris: [], emailAddresses: [], otherNames: [] },
  };
}

/** Names of all kinds in one set, each with its kind, in one spelling. */
function flatten(names: CertificateNames): Set<string> {
  const canonical = canonicalNames(names);
  return new Set([
    ...canonical.dnsNames.map((name) => `DNS ${name}`),
    ...canonical.ipAddresses.map((name) => `IP ${name}`),
    ...canonical.uris.map((name) => `URI ${name}`),
    ...canonical.emailAddresses.map((name) => `email ${name}`),
    ...canonical.otherNames.map(({ oid, utf8Value }) => `otherName ${oid} ${utf8Value}`),
  ]);
}

function describeNames(missing: readonly string[], extra: readonly string[]): string {
  const parts = [
    ...(missing.length === 0 ? [] : [`lacks ${quote(missing)}`]),
    ...(extra.length === 0 ? [] : [`has ${quote(extra)}, which nobody asked for`]),
  ];
  return `It ${parts.join(' and ')}`;
}

function quote(names: readonly string[]): string {
  const shown = names.slice(0, MAX_QUOTED_NAMES).map((name) => JSON.stringify(name));
  const rest = names.length - shown.length;
  return rest > 0 ? `${shown.join(', ')} and ${rest} more` : shown.join(', ');
}

function checkDates(facts: CertificateFacts, now: Date): void {
  const data = { notBefore: facts.notBefore.toISOString(), notAfter: facts.notAfter.toISOString() };
  if (facts.notAfter <= facts.notBefore) {
    throw new IssuedCertificateError('pki.expired', 'It ends before it begins', data);
  }
  if (facts.notAfter <= now) {
    throw new IssuedCertificateError('pki.expired', `It expired at ${data.notAfter}`, data);
  }
  if (facts.notBefore.getTime() > now.getTime() + MAX_SKEW_MS) {
    throw new IssuedCertificateError('pki.not-yet-valid', `It is not valid before ${data.notBefore}`, data);
  }
}

function checkLinks(chain: readonly Link[]): void {
  for (const [index, issuer] of chain.entries()) {
    const issued = chain[index - 1];
    if (issued === undefined) continue;
    const data = { position: index, subject: issued.facts.subject, issuer: issuer.facts.subject };
    if (!issuer.facts.isCA) {
      throw new IssuedCertificateError(
        'pki.broken-chain',
        `Certificate ${index} of the chain is not a CA's`,
        data,
      );
    }
    // checkIssued compares names, key identifiers and key usage; only verify looks at the signature.
    if (
      !issued.certificate.checkIssued(issuer.certificate) ||
      !isSignedBy(issued.certificate, issuer.certificate)
    ) {
      const why = `Certificate ${index} of the chain did not sign the one before it`;
      throw new IssuedCertificateError('pki.broken-chain', why, data);
    }
  }
}
