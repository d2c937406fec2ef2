import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { TestContext } from 'node:test';
import type { AcmeIssuerSpec } from '../../src/api/issuer.ts';
import { type AcmeIssuerOptions, createAcmeIssuer } from '../../src/issuers/acme.ts';
import type { IssuedChain, IssuerAdapter, SigningRequest } from '../../src/issuers/issuer.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { noFaults } from '../../src/lib/faults.ts';
import { silentLog } from '../../src/lib/log.ts';
import {
  type AcmeSimulator,
  type AcmeSimulatorOptions,
  startAcmeSimulator,
} from './acme-simulator/simulator.ts';

const SIGNAL = new AbortController().signal;

export function ecKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

/** A simulated CA that believes every name, closed when the test ends. */
export async function simulatedCa(
  t: TestContext,
  options: AcmeSimulatorOptions = {},
): Promise<AcmeSimulator> {
  const ca = await startAcmeSimulator({ validation: { isAlwaysValid: true }, ...options });
  t.after(() => ca.close());
  return ca;
}

/** An issuer at a simulated CA, closed when the test ends; `spec` changes parts of its specification. */
export function issuerAt(
  t: TestContext,
  ca: AcmeSimulator,
  spec: Partial<AcmeIssuerSpec> = {},
  more: Partial<AcmeIssuerOptions> = {},
): IssuerAdapter {
  const issuer = createAcmeIssuer({
    spec: {
      type: 'acme',
      server: ca.directoryUrl,
      email: 'ops@example.test',
      privateKeySecretRef: { name: 'account', key: 'tls.key' },
      disableAccountKeyGeneration: false,
      skipTLSVerify: false,
      enableDurationFeature: false,
      renewalInformationSource: 'ARI',
      caBundle: ca.caPem,
      solvers: [{ type: 'http-01', selector: { dnsNames: [], dnsZones: [], matchLabels: {} } }],
      ...spec,
    },
    accountKey: ecKey(),
    presenter: {
      present: async () => ({ becomeVisible: async () => {}, remove: async () => {} }),
    },
    clock: systemClock(),
    faults: noFaults,
    log: silentLog,
    version: '0.0.0',
    isOrderTaken: () => false,
    requestTimeoutMs: 5_000,
    ...more,
  });
  t.after(() => issuer.close());
  return issuer;
}

/** Orders and completes. */
export async function issue(issuer: IssuerAdapter, request: SigningRequest): Promise<IssuedChain> {
  const began = await issuer.begin(request, SIGNAL);
  return began.kind === 'issued' ? began.chain : await issuer.complete(request, began.record, SIGNAL);
}
