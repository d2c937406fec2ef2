import { DEFAULT_DURATION_MS } from '../api/certificate.ts';
import type { SelfSignedIssuerSpec } from '../api/issuer.ts';
import type { Clock } from '../lib/clock.ts';
import { InternalError } from '../lib/errors.ts';
import { selfSign } from '../pki/sign-certificate.ts';
import type { IssuerAdapter } from './issuer.ts';

export interface SelfSignedIssuerOptions {
  readonly spec: SelfSignedIssuerSpec;
  readonly clock: Clock;
}

/** cert-manager's SelfSigned issuer: each certificate is signed with its own key and is its own `ca.crt`. */
export function createSelfSignedIssuer({ spec, clock }: SelfSignedIssuerOptions): IssuerAdapter {
  return {
    setUp: async () => ({ ready: true, reason: 'IsReady', message: '' }),
    begin: async (request, signal) => {
      signal.throwIfAborted();
      const certificatePem = await selfSign({
        spec: request.spec,
        csr: request.csr,
        key: request.key,
        notBefore: clock.now(),
        lifetimeMs: request.spec.durationMs ?? DEFAULT_DURATION_MS,
        crlDistributionPoints: spec.crlDistributionPoints,
      });
      return { kind: 'issued', chain: { chainPem: [certificatePem], caPem: certificatePem } };
    },
    complete: async () => {
      throw new InternalError('a SelfSigned issuer never leaves an order open');
    },
    close: () => {},
  };
}
