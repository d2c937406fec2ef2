import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { type CaKeyPair, createCaIssuer } from '../../../src/issuers/ca.ts';
import type { IssuedChain, IssuerAdapter, SigningRequest } from '../../../src/issuers/issuer.ts';
import { createSelfSignedIssuer } from '../../../src/issuers/self-signed.ts';
import type { Clock } from '../../../src/lib/clock.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { Sensitive } from '../../../src/lib/sensitive.ts';
import { signingRequest } from '../../support/signing-request.ts';

const SIGNAL = new AbortController().signal;
const NOW = new Date('2030-05-01T00:00:00Z');
const CA_SPEC = {
  type: 'ca',
  secretName: 'ca-pair',
  crlDistributionPoints: [],
  ocspServers: [],
  issuingCertificateURLs: [],
} as const;

function clockAt(now: Date): Clock {
  return { ...systemClock(), now: () => now };
}

async function issued(issuer: IssuerAdapter, request: SigningRequest): Promise<IssuedChain> {
  const result = await issuer.begin(request, SIGNAL);
  assert.equal(result.kind, 'issued');
  // Asserted above; node's assert does not narrow.
  return (result as { readonly chain: IssuedChain }).chain;
}

function selfSigned(now = NOW): IssuerAdapter {
  return createSelfSignedIssuer({
    spec: { type: 'selfSigned', crlDistributionPoints: [] },
    clock: clockAt(now),
  });
}

function caIssuer(pair: CaKeyPair | undefined | Error, now = NOW): IssuerAdapter {
  return createCaIssuer({
    spec: CA_SPEC,
    clock: clockAt(now),
    namespaceSecret: async () => {
      if (pair instanceof Error) throw pair;
      return pair;
    },
  });
}

function pairOf(request: SigningRequest, chain: IssuedChain, caPem?: string): CaKeyPair {
  return {
    certificatePem: chain.chainPem.join(''),
    // A PEM export of a private key is a string.
    privateKeyPem: new Sensitive(request.key.export({ type: 'pkcs8', format: 'pem' }) as string),
    caPem,
  };
}

async function makeRoot(): Promise<CaKeyPair> {
  const request = await signingRequest({ name: 'root', isCA: true, commonName: 'root', dnsNames: [] });
  return pairOf(request, await issued(selfSigned(), request));
}

test('SelfSigned signs with its own key from now on, and is its own ca.crt', async () => {
  const issuer = selfSigned();
  const request = await signingRequest({ name: 'www', durationMs: 3_600_000 });

  const readiness = await issuer.setUp(SIGNAL);
  const chain = await issued(issuer, request);

  assert.deepEqual([readiness.ready, readiness.reason], [true, 'IsReady']);
  const [leaf = ''] = chain.chainPem;
  const facts = new X509Certificate(leaf);
  assert.ok(facts.verify(facts.publicKey) && facts.checkPrivateKey(request.key));
  assert.equal(new Date(facts.validFrom).toISOString(), '2030-05-01T00:00:00.000Z');
  assert.equal(new Date(facts.validTo).toISOString(), '2030-05-01T01:00:00.000Z');
  assert.equal(chain.caPem, leaf);
});

test('a CA that is a root stays out of tls.crt and is ca.crt', async () => {
  const root = await makeRoot();
  const issuer = caIssuer(root);

  const readiness = await issuer.setUp(SIGNAL);
  const chain = await issued(issuer, await signingRequest({ name: 'www' }));

  assert.deepEqual(
    [readiness.ready, readiness.reason, readiness.message],
    [true, 'KeyPairVerified', 'Signing CA verified'],
  );
  assert.equal(chain.chainPem.length, 1);
  assert.equal(chain.caPem?.trim(), root.certificatePem.trim());
  const leaf = new X509Certificate(chain.chainPem[0] ?? '');
  assert.ok(leaf.verify(new X509Certificate(root.certificatePem).publicKey));
});

test('an intermediate CA goes into tls.crt, and its root into ca.crt where the Secret knows it', async () => {
  const root = await makeRoot();
  const request = await signingRequest({ name: 'middle', isCA: true, commonName: 'middle', dnsNames: [] });
  const middle = await issued(caIssuer(root), request);

  const known = await issued(
    caIssuer(pairOf(request, middle, middle.caPem)),
    await signingRequest({ name: 'a' }),
  );
  const unknown = await issued(caIssuer(pairOf(request, middle)), await signingRequest({ name: 'b' }));

  assert.equal(known.chainPem.length, 2);
  assert.equal(known.caPem?.trim(), root.certificatePem.trim());
  assert.equal(unknown.chainPem.length, 2);
  assert.equal(unknown.caPem?.trim(), middle.chainPem[0]?.trim());
});

test('a key pair that cannot sign makes the issuer not ready and says why', async () => {
  const root = await makeRoot();
  const other = await makeRoot();
  const leafRequest = await signingRequest({ name: 'leaf' });
  const leaf = pairOf(leafRequest, await issued(caIssuer(root), leafRequest));
  const cases: readonly { name: string; issuer: IssuerAdapter; reason: string }[] = [
    { name: 'no Secret', issuer: caIssuer(undefined), reason: 'ErrGetKeyPair' },
    { name: 'not opened', issuer: caIssuer(new Error('no identity')), reason: 'ErrGetKeyPair' },
    { name: 'garbage', issuer: caIssuer({ ...root, certificatePem: 'x' }), reason: 'ErrGetKeyPair' },
    {
      name: 'other key',
      issuer: caIssuer({ ...root, privateKeyPem: other.privateKeyPem }),
      reason: 'ErrInvalidKeyPair',
    },
    { name: 'no CA', issuer: caIssuer(leaf), reason: 'ErrInvalidKeyPair' },
    { name: 'expired', issuer: caIssuer(root, new Date('2031-01-01')), reason: 'ErrInvalidKeyPair' },
  ];

  for (const { name, issuer, reason } of cases) {
    const readiness = await issuer.setUp(SIGNAL);
    const refused = issuer.begin(leafRequest, SIGNAL);

    assert.deepEqual([readiness.ready, readiness.reason], [false, reason], name);
    assert.notEqual(readiness.message, '', name);
    await assert.rejects(refused, { code: 'issuers.ca-key-pair', failsRequest: false }, name);
  }
});
