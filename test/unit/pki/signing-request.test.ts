import assert from 'node:assert/strict';
import { createPublicKey } from 'node:crypto';
import { describe, it } from 'node:test';
import type { CertificateSpec } from '../../../src/api/certificate.ts';
import { generatePrivateKey } from '../../../src/pki/private-key.ts';
import { signatureScheme } from '../../../src/pki/sign-structure.ts';
import {
  acmeIdentifiers,
  compareRequestWithSpec,
  createSigningRequest,
} from '../../../src/pki/signing-request.ts';
import { EMPTY_SUBJECT, keySpec, openssl, specWith } from './fixtures.ts';

const FULL_SPEC = specWith({
  commonName: 'Zoë Example',
  subject: {
    organizations: ['Zed & Co', 'Acme'],
    countries: ['DE'],
    organizationalUnits: ['Web'],
    localities: ['Köln'],
    provinces: ['NRW'],
    streetAddresses: ['Domkloster 4'],
    postalCodes: ['50667'],
    serialNumber: '77',
  },
  dnsNames: ['www.example.com', '*.example.com'],
  ipAddresses: ['10.0.0.1', '2001:db8::1'],
  uris: ['spiffe://example.com/web'],
  emailAddresses: ['web@example.com'],
  usages: ['digital signature', 'server auth'],
  isCA: true,
});

async function request(spec: CertificateSpec): Promise<Uint8Array> {
  return await createSigningRequest(spec, await generatePrivateKey(spec.privateKey));
}

async function requestText(der: Uint8Array): Promise<string> {
  const args = ['req', '-inform', 'DER', '-noout', '-verify', '-text', '-nameopt', 'RFC2253,-esc_msb,utf8'];
  return await openssl(args, der);
}

describe('signing requests', () => {
  const algorithms = [
    { privateKey: keySpec({ algorithm: 'RSA', size: 2048 }), signature: 'sha256WithRSAEncryption' },
    { privateKey: keySpec({ size: 256 }), signature: 'ecdsa-with-SHA256' },
    { privateKey: keySpec({ size: 384 }), signature: 'ecdsa-with-SHA384' },
    { privateKey: keySpec({ size: 521 }), signature: 'ecdsa-with-SHA512' },
    { privateKey: keySpec({ algorithm: 'Ed25519', size: 0 }), signature: 'ED25519' },
  ];
  for (const { privateKey, signature } of algorithms) {
    it(`are signed by ${privateKey.algorithm} ${privateKey.size} keys with ${signature}`, async () => {
      const text = await requestText(await request(specWith({ privateKey })));

      assert.match(text, new RegExp(`Signature Algorithm: ${signature}\n`));
    });
  }

  it('say everything that a specification says', async () => {
    const text = await requestText(await request(FULL_SPEC));

    const subject = /Subject: (.*)/.exec(text)?.[1];
    assert.equal(
      subject,
      'serialNumber=77,CN=Zoë Example,postalCode=50667,street=Domkloster 4,ST=NRW,L=Köln,OU=Web,O=Zed & Co+O=Acme,C=DE',
    );
    assert.match(
      text,
      /Alternative Name: \n\s+DNS:www.example.com, DNS:\*.example.com, email:web@example.com, IP Address:10.0.0.1, IP Address:2001:DB8:0:0:0:0:0:1, URI:spiffe:\/\/example.com\/web\n/,
    );
    assert.match(text, /Key Usage: critical\n\s+Digital Signature, Certificate Sign\n/);
    assert.match(text, /Extended Key Usage: \n\s+TLS Web Server Authentication\n/);
    assert.match(text, /Basic Constraints: critical\n\s+CA:TRUE\n/);
  });

  it('do not copy the commonName into the names, and call the names critical only without a subject', async () => {
    const named = await requestText(await request(specWith({ commonName: 'other.example.com' })));
    const nameless = await requestText(await request(specWith()));

    assert.match(named, /Alternative Name: \n\s+DNS:www.example.com\n/);
    assert.match(nameless, /Alternative Name: critical\n\s+DNS:www.example.com\n/);
  });

  it('leave usages out where the specification wants it so', async () => {
    const text = await requestText(await request(specWith({ encodeUsagesInRequest: false })));

    assert.doesNotMatch(text, /Key Usage/);
  });

  it('hold no extension at all when there is nothing to say', async () => {
    const spec = specWith({ commonName: 'www', dnsNames: [], encodeUsagesInRequest: false });

    const text = await requestText(await request(spec));

    assert.doesNotMatch(text, /X509v3/);
  });

  for (const name of ['bücher.example', '', 'a\u0000.example', 'a b\n.example']) {
    it(`refuse the DNS name ${JSON.stringify(name)}`, async () => {
      await assert.rejects(request(specWith({ dnsNames: [name] })), { code: 'pki.unencodable-name' });
    });
  }

  it('fulfil the specification that they were made for', async () => {
    assert.deepEqual(await compareRequestWithSpec(await request(FULL_SPEC), FULL_SPEC), []);
    assert.deepEqual(await compareRequestWithSpec(await request(specWith()), specWith()), []);
  });

  it('fulfil it in another order, spelling of an address, or with a name twice', async () => {
    const der = await request(FULL_SPEC);

    const same = {
      ...FULL_SPEC,
      dnsNames: ['*.example.com', 'www.example.com', 'www.example.com'],
      ipAddresses: ['2001:0db8:0:0::1', '10.0.0.1'],
    };

    assert.deepEqual(await compareRequestWithSpec(der, same), []);
  });

  const subject = { ...EMPTY_SUBJECT, ...FULL_SPEC.subject };
  const changes: readonly (readonly [field: string, change: Partial<CertificateSpec>])[] = [
    ['spec.commonName', { commonName: undefined }],
    ['spec.dnsNames', { dnsNames: ['www.example.com'] }],
    ['spec.ipAddresses', { ipAddresses: ['10.0.0.1', '2001:db8::2'] }],
    ['spec.uris', { uris: [] }],
    ['spec.emailAddresses', { emailAddresses: ['web@example.com', 'b@example.com'] }],
    ['spec.subject.organizations', { subject: { ...subject, organizations: ['Acme'] } }],
    ['spec.subject.countries', { subject: { ...subject, countries: [] } }],
    ['spec.subject.organizationalUnits', { subject: { ...subject, organizationalUnits: ['Mail'] } }],
    ['spec.subject.localities', { subject: { ...subject, localities: ['Bonn'] } }],
    ['spec.subject.provinces', { subject: { ...subject, provinces: [] } }],
    ['spec.subject.streetAddresses', { subject: { ...subject, streetAddresses: [] } }],
    ['spec.subject.postalCodes', { subject: { ...subject, postalCodes: [] } }],
    ['spec.subject.serialNumber', { subject: { ...subject, serialNumber: '78' } }],
    ['spec.usages', { usages: ['digital signature', 'client auth'] }],
  ];
  for (const [field, change] of changes) {
    it(`no longer fulfil a specification whose ${field} changed`, async () => {
      const der = await request(FULL_SPEC);

      assert.deepEqual(await compareRequestWithSpec(der, { ...FULL_SPEC, ...change }), [field]);
    });
  }

  it('no longer fulfil a specification that is no CA any more', async () => {
    const der = await request(FULL_SPEC);

    const differences = await compareRequestWithSpec(der, { ...FULL_SPEC, isCA: false });

    assert.deepEqual(differences, ['spec.isCA', 'spec.usages']);
  });

  it('are refused when damaged, at whatever byte', async () => {
    const der = await request(FULL_SPEC);

    for (let length = 0; length < der.length; length += 7) {
      await assert.rejects(compareRequestWithSpec(der.subarray(0, length), FULL_SPEC), {
        code: 'pki.unreadable-request',
      });
    }
  });
});

describe('signature schemes', () => {
  const sizes = [
    { bits: 2048, hash: 'sha256' },
    { bits: 3072, hash: 'sha384' },
    { bits: 4096, hash: 'sha512' },
    { bits: 8192, hash: 'sha512' },
  ];
  for (const { bits, hash } of sizes) {
    it(`sign by an RSA key of ${bits} bits with ${hash} where nothing else is asked for`, () => {
      // Any odd number will do: nothing is signed, and making real keys of these sizes takes seconds.
      const n = Buffer.alloc(bits / 8, 0xff).toString('base64url');
      const key = createPublicKey({ key: { kty: 'RSA', n, e: 'AQAB' }, format: 'jwk' });

      assert.equal(signatureScheme(key).hash, hash);
      assert.equal(signatureScheme(key, 'SHA512WithRSA').hash, 'sha512');
    });
  }
});

describe('ACME identifiers', () => {
  it('are commonName, dnsNames and ipAddresses, each once and in one spelling', () => {
    const spec = specWith({
      commonName: 'WWW.example.com',
      dnsNames: ['www.example.com', 'API.example.com', '*.example.com'],
      ipAddresses: ['2001:DB8:0::1', '2001:db8::1', '192.0.2.1'],
    });

    assert.deepEqual(acmeIdentifiers(spec), [
      { type: 'dns', value: 'www.example.com' },
      { type: 'dns', value: 'api.example.com' },
      { type: 'dns', value: '*.example.com' },
      { type: 'ip', value: '2001:db8::1' },
      { type: 'ip', value: '192.0.2.1' },
    ]);
  });

  it('take a commonName that is an address for one', () => {
    const spec = specWith({ commonName: '192.0.2.1', dnsNames: [], ipAddresses: ['192.0.2.1'] });

    assert.deepEqual(acmeIdentifiers(spec), [{ type: 'ip', value: '192.0.2.1' }]);
  });
});
