import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { RuleRunner } from '../../../src/policy/rule-runner.ts';
import { verdictOf } from './judging.ts';

const runner = new RuleRunner();
after(() => runner.close());

const folder = fileURLToPath(new URL('../../../policies/', import.meta.url));
const SERVER = 'usages: [digital signature, key encipherment, server auth]';
const BOTH = 'usages: [digital signature, key encipherment, server auth, client auth]';

interface Case {
  readonly what: string;
  readonly asked: readonly string[];
  readonly namespace?: string;
  readonly says: 'approved' | RegExp;
}

const LETS = 'issuerRef: {name: letsencrypt-prod, kind: ClusterIssuer}';
const INTERNAL = 'issuerRef: {name: internal-ca, kind: ClusterIssuer}';
const MESH = ['issuerRef: {name: mesh-ca}', BOTH, 'duration: 24h', 'privateKey: {algorithm: ECDSA}'];
const SHORT = ['issuerRef: {name: short-lived-ca}', BOTH];

/** What each policy of the library allows and denies, as it stands there. */
const LIBRARY: Readonly<Record<string, readonly Case[]>> = {
  'public-web': [
    {
      what: 'its domain and a name below it',
      asked: [LETS, SERVER, 'commonName: example.com', 'dnsNames: [example.com, www.example.com]'],
      says: 'approved',
    },
    {
      what: 'a name elsewhere',
      asked: [LETS, SERVER, 'dnsNames: [www.example.org]'],
      says: /dnsNames\.values/,
    },
    {
      what: 'a domain that only ends like it',
      asked: [LETS, SERVER, 'dnsNames: [evil-example.com]'],
      says: /dnsNames\.values/,
    },
    {
      what: 'another common name',
      asked: [LETS, SERVER, 'commonName: evil.test', 'dnsNames: [example.com]'],
      says: /only example\.com and names below it/,
    },
    {
      what: 'an address',
      asked: [LETS, SERVER, 'dnsNames: [example.com]', 'ipAddresses: [192.0.2.1]'],
      says: /ipAddresses: Invalid/,
    },
    { what: 'a client', asked: [LETS, BOTH, 'dnsNames: [example.com]'], says: /spec\.allowed\.usages/ },
  ],
  'internal-services': [
    {
      what: 'a service of the namespace',
      asked: [INTERNAL, BOTH, 'duration: 720h', 'dnsNames: [api.web.svc, api.web.svc.cluster.local]'],
      says: 'approved',
    },
    {
      what: 'a service of another namespace',
      asked: [INTERNAL, BOTH, 'duration: 720h', 'dnsNames: [api.shop.svc]'],
      says: /own namespace/,
    },
    {
      what: 'every service of the namespace',
      asked: [INTERNAL, BOTH, 'duration: 720h', 'dnsNames: ["*.web.svc"]'],
      says: /no wildcards/,
    },
    {
      what: 'a life without end',
      asked: [INTERNAL, BOTH, 'duration: 87600h', 'dnsNames: [api.web.svc]'],
      says: /maxDuration/,
    },
    {
      what: 'a CA',
      asked: [INTERNAL, BOTH, 'duration: 720h', 'isCA: true', 'dnsNames: [api.web.svc]'],
      says: /isCA/,
    },
  ],
  'mesh-identities': [
    {
      what: 'an identity of the namespace',
      asked: [...MESH, 'uris: ["spiffe://example.org/ns/web/sa/api"]'],
      says: 'approved',
    },
    {
      what: 'an identity of another namespace',
      asked: [...MESH, 'uris: ["spiffe://example.org/ns/shop/sa/api"]'],
      says: /own namespace/,
    },
    {
      what: 'another trust domain',
      asked: [...MESH, 'uris: ["spiffe://evil.org/ns/web/sa/api"]'],
      says: /uris\.values/,
    },
    {
      what: 'more than a service account',
      asked: [...MESH, 'uris: ["spiffe://example.org/ns/web/sa/api/../x"]'],
      says: /nothing after it/,
    },
    {
      what: 'a name beside the identity',
      asked: [...MESH, 'uris: ["spiffe://example.org/ns/web/sa/api"]', 'dnsNames: [a.test]'],
      says: /dnsNames: Invalid/,
    },
    {
      what: 'an RSA key',
      asked: [...MESH.slice(0, 3), 'uris: ["spiffe://example.org/ns/web/sa/api"]'],
      says: /privateKey\.algorithm/,
    },
    {
      what: 'a week',
      asked: [
        ...MESH.slice(0, 2),
        'duration: 168h',
        'privateKey: {algorithm: ECDSA}',
        'uris: ["spiffe://example.org/ns/web/sa/api"]',
      ],
      says: /maxDuration/,
    },
  ],
  'short-lived': [
    {
      what: 'seven days',
      asked: [...SHORT, 'duration: 168h', 'dnsNames: [a.example.com]', 'ipAddresses: [10.1.2.3]'],
      says: 'approved',
    },
    {
      what: 'eight days',
      asked: [...SHORT, 'duration: 192h', 'dnsNames: [a.example.com]'],
      says: /maxDuration/,
    },
    { what: 'no word about how long', asked: [...SHORT, 'dnsNames: [a.example.com]'], says: /maxDuration/ },
  ],
  'no-wildcards': [
    { what: 'a plain name', asked: [LETS, SERVER, 'dnsNames: [a.example.com]'], says: 'approved' },
    {
      what: 'a wildcard',
      asked: [LETS, SERVER, 'dnsNames: ["*.example.com"]'],
      says: /dnsNames\.validations\[0\]: Invalid value: "\*\.example\.com": no wildcards/,
    },
    {
      what: 'a wildcard as the common name',
      asked: [LETS, SERVER, 'commonName: "*.example.com"', 'dnsNames: [a.example.com]'],
      says: /commonName\.validations/,
    },
  ],
  'key-strength': [
    {
      what: 'RSA of 3072 bits',
      asked: [INTERNAL, BOTH, 'dnsNames: [a.example.com]', 'privateKey: {size: 3072}'],
      says: 'approved',
    },
    {
      what: 'RSA of 2048 bits',
      asked: [INTERNAL, BOTH, 'dnsNames: [a.example.com]'],
      says: /\[key-strength-ecdsa: .*\] \[key-strength-ed25519: .*\] \[key-strength-rsa: .*minSize.*\]/,
    },
    {
      what: 'ECDSA',
      asked: [INTERNAL, BOTH, 'dnsNames: [a.example.com]', 'privateKey: {algorithm: ECDSA, size: 384}'],
      says: 'approved',
    },
    {
      what: 'Ed25519',
      asked: [INTERNAL, BOTH, 'dnsNames: [a.example.com]', 'privateKey: {algorithm: Ed25519}'],
      says: 'approved',
    },
  ],
  'allowed-domains': [
    {
      what: 'the domain of the team',
      asked: [SERVER, 'commonName: shop.example.com', 'dnsNames: [shop.example.com, "*.shop.example.com"]'],
      namespace: 'shop',
      says: 'approved',
    },
    {
      what: 'the same in a namespace of theirs',
      asked: [SERVER, 'dnsNames: [a.shop.example.com]'],
      namespace: 'shop-test',
      says: 'approved',
    },
    {
      what: 'another team’s domain',
      asked: [SERVER, 'dnsNames: [www.example.com]'],
      namespace: 'shop',
      says: /\[domains-of-shop: .*dnsNames/,
    },
    {
      what: 'a domain that only ends like it',
      asked: [SERVER, 'commonName: myshop.example.com', 'dnsNames: [shop.example.com]'],
      namespace: 'shop',
      says: /only shop\.example\.com/,
    },
    {
      what: 'the other team’s own',
      asked: [SERVER, 'dnsNames: [example.com, www.example.com]'],
      namespace: 'web',
      says: 'approved',
    },
    {
      what: 'a team without a policy',
      asked: [SERVER, 'dnsNames: [www.example.com]'],
      namespace: 'ops',
      says: /No CertificateRequestPolicies bound or applicable/,
    },
  ],
};

test('every policy of the library is tried here and explained in the documents', () => {
  const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
  const docs = readFileSync(new URL('../../../docs/policies.md', import.meta.url), 'utf8');

  assert.deepEqual(
    files.sort(),
    Object.keys(LIBRARY)
      .map((name) => `${name}.yaml`)
      .sort(),
  );
  for (const name of Object.keys(LIBRARY)) assert.match(docs, new RegExp(`^### ${name}$`, 'm'));
});

for (const [name, cases] of Object.entries(LIBRARY)) {
  describe(name, () => {
    const policies = readFileSync(`${folder}${name}.yaml`, 'utf8');
    for (const { what, asked, namespace = 'web', says } of cases) {
      test(`${says === 'approved' ? 'allows' : 'does not allow'} ${what}`, async () => {
        const verdict = await verdictOf(policies, asked, { runner, namespace });

        if (says === 'approved') assert.equal(verdict.kind, 'approved', verdict.message);
        else {
          assert.notEqual(verdict.kind, 'approved');
          assert.match(verdict.message, says);
        }
      });
    }
  });
}
