import { generateKeyPair } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { promisify } from 'node:util';
import { createAcmeIssuer } from '../../src/issuers/acme.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { noFaults } from '../../src/lib/faults.ts';
import { silentLog } from '../../src/lib/log.ts';
import { acmeNames } from '../../src/pki/certificate-names.ts';
import { checkIssuedChain } from '../../src/pki/check-issued.ts';
import { encodePrivateKey, generatePrivateKey } from '../../src/pki/private-key.ts';
import { createSigningRequest } from '../../src/pki/signing-request.ts';
import { issueAll, readTask } from '../support/issuing-harness.mjs';

/** certops' own issuing, without Git and sealing: key, request, order, certificate, and the check of it. */
const RESOLUTION_MS = 1;
const task = readTask();
const signal = new AbortController().signal;
const accountKey = (await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })).privateKey;
const issuer = createAcmeIssuer({
  spec: {
    type: 'acme',
    server: task.directoryUrl,
    email: 'ops@example.com',
    privateKeySecretRef: { name: 'account', key: 'tls.key' },
    disableAccountKeyGeneration: false,
    caBundle: readFileSync(task.caFile, 'utf8'),
    solvers: [{ type: 'http-01', selector: { dnsNames: [], dnsZones: [], matchLabels: {} } }],
  },
  accountKey,
  // The CA looks at nothing; the other sides answer challenges no more than this.
  presenter: { present: async () => ({ remove: async () => {} }) },
  clock: systemClock(),
  faults: noFaults,
  log: silentLog,
  version: '0.0.0',
  isOrderTaken: () => false,
});
await issuer.setUp(signal);

const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delays.enable();
await issueAll(task, issue, () => ({
  loop: { p99Ms: late(delays.percentile(99)), maxMs: late(delays.max) },
}));
delays.disable();
issuer.close();

async function issue(dnsName) {
  const spec = specOf(dnsName);
  const key = await generatePrivateKey(spec.privateKey);
  const csr = await createSigningRequest(spec, key);
  const request = { certificate: { namespace: 'web', name: spec.secretName }, labels: {}, spec, csr, key };
  const { record } = await issuer.begin(request, signal);
  const { chainPem } = await issuer.complete(request, record, signal);
  await checkIssuedChain({
    chainPem,
    key,
    spec,
    expectedNames: acmeNames(spec),
    now: new Date(),
    allowCa: false,
  });
  return { dnsName, chainPem: chainPem.join(''), keyPem: encodePrivateKey(key, 'PKCS1').reveal() };
}

function specOf(dnsName) {
  return {
    secretName: `${dnsName}-tls`,
    issuerRef: { kind: 'ClusterIssuer', name: 'pebble', group: 'cert-manager.io' },
    dnsNames: [dnsName],
    ipAddresses: [],
    uris: [],
    emailAddresses: [],
    usages: [],
    encodeUsagesInRequest: true,
    isCA: false,
    privateKey: { algorithm: 'ECDSA', size: 256, encoding: 'PKCS1', rotationPolicy: 'Always' },
    revisionHistoryLimit: 1,
  };
}

function late(nanoseconds) {
  return Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
}
