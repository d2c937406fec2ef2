import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';

/** A chain (leaf first, PEM in one text) and its private key, as any side has left them. */
export interface Issued {
  readonly chainPem: string;
  readonly keyPem: string;
  readonly dnsName: string;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * Throws unless the chain is for exactly this name, fits the key, and leads by signatures to this root: the
 * root of the bench's own Pebble, so nothing that another server issued passes.
 */
export function proveIssued({ chainPem, keyPem, dnsName }: Issued, rootPem: string): void {
  const chain = (chainPem.match(CERTIFICATE) ?? []).map((pem) => new X509Certificate(pem));
  const [leaf] = chain;
  assert.ok(leaf !== undefined, `${dnsName}: no certificate`);
  assert.equal(leaf.subjectAltName, `DNS:${dnsName}`);
  const publicKey = createPublicKey(createPrivateKey(keyPem));
  assert.ok(leaf.publicKey.equals(publicKey), `${dnsName}: the key is not the certificate's`);
  assert.ok(chain.length >= 2, `${dnsName}: the chain has no intermediate`);
  const issuers = [...chain.slice(1), new X509Certificate(rootPem)];
  for (const [index, certificate] of chain.entries()) {
    const issuer = issuers[index];
    assert.ok(issuer !== undefined && certificate.checkIssued(issuer), `${dnsName}: a broken chain`);
    assert.ok(certificate.verify(issuer.publicKey), `${dnsName}: a signature does not hold`);
  }
}

/** Runs `prove` for every item, a few at a time; the first failure rejects. */
export async function proveEach<T>(items: readonly T[], prove: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await prove(item);
  };
  await Promise.all(Array.from({ length: 4 }, worker));
}
