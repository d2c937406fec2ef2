import { X509Certificate } from 'node:crypto';
import { DEFAULT_DURATION_MS } from '../api/certificate.ts';
import type { CaIssuerSpec } from '../api/issuer.ts';
import type { Clock } from '../lib/clock.ts';
import { asCertopsError, type CertopsError, type ErrorData, InternalError } from '../lib/errors.ts';
import type { Sensitive } from '../lib/sensitive.ts';
import { splitChain } from '../pki/certificate-facts.ts';
import { decodePrivateKey } from '../pki/private-key.ts';
import { signWithCa } from '../pki/sign-certificate.ts';
import { factsOfStep } from './failure-facts.ts';
import { IssuanceError, type IssuedChain, type IssuerAdapter, type IssuerReadiness } from './issuer.ts';

/** The Secret that `spec.ca.secretName` names, in the issuer's namespace. */
export interface CaKeyPair {
  /** `tls.crt`: the signing certificate first, then what is above it. */
  readonly certificatePem: string;
  /** `tls.key`. */
  readonly privateKeyPem: Sensitive<string>;
  /** `ca.crt`, where the Secret has it. */
  readonly caPem?: string | undefined;
}

export interface CaIssuerOptions {
  readonly spec: CaIssuerSpec;
  /** Opens the Secret. Undefined: there is none, or it lacks a part. May throw `CertopsError`. */
  readonly namespaceSecret: () => Promise<CaKeyPair | undefined>;
  readonly clock: Clock;
}

/** cert-manager's CA issuer: signs at once with a key pair of the issuer's namespace. */
export function createCaIssuer({ spec, namespaceSecret, clock }: CaIssuerOptions): IssuerAdapter {
  async function load(): Promise<SigningCa> {
    let pair: CaKeyPair | undefined;
    try {
      pair = await namespaceSecret();
    } catch (thrown) {
      const error = asCertopsError(thrown);
      throw keyPairError('ErrGetKeyPair', `Error getting keypair for CA issuer: ${error.explain()}`, error);
    }
    if (pair === undefined) {
      throw keyPairError(
        'ErrGetKeyPair',
        `Error getting keypair for CA issuer: no Secret "${spec.secretName}" with tls.crt and tls.key`,
        undefined,
        { cause: 'reconcile.credential-missing', secret: spec.secretName },
      );
    }
    return readSigningCa(pair, clock.now());
  }

  return {
    setUp: async (signal): Promise<IssuerReadiness> => {
      signal.throwIfAborted();
      try {
        await load();
      } catch (thrown) {
        if (!(thrown instanceof IssuanceError)) throw thrown;
        const { data, explanation } = thrown;
        return { ready: false, reason: String(data.reason), message: explanation.what, failure: thrown };
      }
      return { ready: true, reason: 'KeyPairVerified', message: 'Signing CA verified' };
    },
    begin: async (request, signal) => {
      signal.throwIfAborted();
      const ca = await load();
      const leafPem = await signWithCa({
        csr: request.csr,
        spec: request.spec,
        ca: { certificatePem: ca.signingPem, key: ca.key },
        notBefore: clock.now(),
        lifetimeMs: request.spec.durationMs ?? DEFAULT_DURATION_MS,
        crlDistributionPoints: spec.crlDistributionPoints,
        ocspServers: spec.ocspServers,
        issuingCertificateURLs: spec.issuingCertificateURLs,
      });
      return { kind: 'issued', chain: chainBelow(leafPem, ca.path) };
    },
    complete: async () => {
      throw new InternalError('a CA issuer never leaves an order open');
    },
    close: () => {},
  };
}

interface SigningCa {
  readonly signingPem: string;
  readonly key: ReturnType<typeof decodePrivateKey>;
  /** The signing certificate and what is above it, upwards as far as the Secret knows. */
  readonly path: readonly CaCertificate[];
}

interface CaCertificate {
  readonly pem: string;
  readonly facts: X509Certificate;
}

function readSigningCa(pair: CaKeyPair, now: Date): SigningCa {
  let certificates: readonly CaCertificate[];
  let key: SigningCa['key'];
  try {
    certificates = [pair.certificatePem, pair.caPem ?? '']
      .filter((pem) => pem.trim() !== '')
      .flatMap((pem) => splitChain(pem))
      .map((pem) => ({
        pem,
        facts: new X509Certificate(pem),
      }));
    key = decodePrivateKey(pair.privateKeyPem);
  } catch (thrown) {
    const error = asCertopsError(thrown);
    throw keyPairError(
      'ErrGetKeyPair',
      `Error getting keypair for CA issuer: ${error.explanation.what}`,
      error,
    );
  }
  const [signing] = certificates;
  if (signing === undefined) {
    throw keyPairError('ErrGetKeyPair', 'Error getting keypair for CA issuer: tls.crt holds no certificate');
  }
  if (!signing.facts.checkPrivateKey(key)) {
    throw keyPairError('ErrInvalidKeyPair', 'Invalid signing key pair: tls.key is not the key of tls.crt');
  }
  if (!signing.facts.ca) {
    throw keyPairError('ErrInvalidKeyPair', 'Invalid signing key pair: the certificate is not a CA');
  }
  if (new Date(signing.facts.validTo) <= now) {
    throw keyPairError(
      'ErrInvalidKeyPair',
      `Invalid signing key pair: the CA certificate expired on ${signing.facts.validTo}`,
    );
  }
  return { signingPem: signing.pem, key, path: pathFrom(signing, certificates) };
}

function pathFrom(signing: CaCertificate, known: readonly CaCertificate[]): readonly CaCertificate[] {
  const path = [signing];
  for (let current = signing; !isSelfIssued(current); ) {
    const parent = known.find(
      (candidate) => !path.includes(candidate) && current.facts.checkIssued(candidate.facts),
    );
    if (parent === undefined) break;
    path.push(parent);
    current = parent;
  }
  return path;
}

/**
 * cert-manager's division of a chain (`pki.ParseSingleCertificateChain`): `tls.crt` is the leaf and the
 * intermediates without a self-signed root; `ca.crt` is the root, else the highest certificate known.
 */
function chainBelow(leafPem: string, path: readonly CaCertificate[]): IssuedChain {
  const top = path.at(-1);
  const below = top !== undefined && isSelfIssued(top) ? path.slice(0, -1) : path;
  return { chainPem: [leafPem, ...below.map(({ pem }) => pem)], caPem: top?.pem };
}

function isSelfIssued({ facts }: CaCertificate): boolean {
  return facts.checkIssued(facts);
}

/** `data.reason` is cert-manager's reason for the Issuer's condition. */
function keyPairError(
  reason: 'ErrGetKeyPair' | 'ErrInvalidKeyPair',
  message: string,
  cause?: CertopsError,
  data: ErrorData = cause === undefined ? {} : { ...cause.data, cause: cause.code },
): IssuanceError {
  return new IssuanceError(
    'issuers.ca-key-pair',
    {
      what: message,
      next: 'Put a CA certificate and its private key into the Secret that spec.ca.secretName names',
    },
    {
      failsRequest: false,
      facts: factsOfStep('signing', 'issuer'),
      data: { ...data, reason },
      ...(cause === undefined ? {} : { cause }),
    },
  );
}
