import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import { readCertificate, splitChain } from '../../../src/pki/certificate-facts.ts';
import { canonicalIpAddress } from '../../../src/pki/ip-address.ts';
import { generatePrivateKey } from '../../../src/pki/private-key.ts';
import { EMPTY_SUBJECT, HOUR_MS, keySpec, makeRoot, makeSigned, openssl, specWith } from './fixtures.ts';

describe('the facts of a certificate', () => {
  it('are what openssl says too', async () => {
    const root = await makeRoot();
    const notBefore = new Date('2026-02-03T04:05:06Z');
    const spec = specWith({
      commonName: 'a, b+c="d"',
      subject: { ...EMPTY_SUBJECT, organizations: ['#1 '], localities: ['Line\nbreak'] },
      dnsNames: ['www.example.com', '*.example.com'],
      ipAddresses: ['10.0.0.1', '2001:db8::1'],
      uris: ['spiffe://example.com/a,DNS:evil.example'],
      emailAddresses: ['web@example.com'],
    });
    const leaf = await makeSigned(root, spec, { notBefore, lifetimeMs: HOUR_MS });

    const facts = readCertificate(leaf.pem);

    const says = await openssl(['x509', '-noout', '-serial', '-fingerprint', '-sha256'], leaf.pem);
    assert.match(says, new RegExp(`serial=${facts.serialNumber}\n`, 'i'));
    assert.equal(
      /Fingerprint=(.*)/.exec(says)?.[1]?.replaceAll(':', '').toLowerCase(),
      facts.fingerprintSHA256,
    );
    assert.equal(facts.notBefore.toISOString(), '2026-02-03T04:05:06.000Z');
    assert.equal(facts.notAfter.toISOString(), '2026-02-03T05:05:06.000Z');
    assert.deepEqual(facts.dnsNames, spec.dnsNames);
    assert.deepEqual(facts.ipAddresses, spec.ipAddresses);
    assert.deepEqual(facts.uris, spec.uris);
    assert.deepEqual(facts.emailAddresses, spec.emailAddresses);
    assert.equal(facts.commonName, spec.commonName);
    assert.equal(facts.subject, 'CN=a\\, b\\+c=\\"d\\",L=Line\\0abreak,O=\\#1\\ ');
    assert.equal(facts.issuer, 'CN=Root');
    assert.equal(facts.isCA, false);
    assert.equal(facts.isSelfSigned, false);
    assert.equal(facts.authorityKeyId, readCertificate(root.pem).subjectKeyId);
    assert.ok(facts.publicKeyMatches(leaf.key));
    assert.ok(!facts.publicKeyMatches(root.key));
    assert.ok(!facts.publicKeyMatches(await generatePrivateKey(keySpec({ algorithm: 'Ed25519', size: 0 }))));
  });

  it('are the same from DER, and those of the first certificate of a chain', async () => {
    const root = await makeRoot();
    const leaf = await makeSigned(root, specWith());

    const fromDer = readCertificate(new Uint8Array(new X509Certificate(leaf.pem).raw));
    const fromChain = readCertificate(`comment\n${leaf.pem}${root.pem}`);

    assert.equal(fromDer.fingerprintSHA256, readCertificate(leaf.pem).fingerprintSHA256);
    assert.equal(fromChain.fingerprintSHA256, fromDer.fingerprintSHA256);
  });

  it('hold other names, and count alternative names of kinds that nobody asks for', async () => {
    const pem = await openssl(
      [
        ...['req', '-x509', '-newkey', 'ed25519', '-nodes', '-keyout', '/dev/null', '-subj', '/CN=x'],
        ...[
          '-addext',
          'subjectAltName=DNS:a.example,otherName:1.2.3.4;UTF8:x,otherName:1.2.3.4;IA5:y,RID:1.2.3',
        ],
      ],
      '',
    );

    const facts = readCertificate(pem);

    assert.deepEqual([facts.dnsNames, facts.otherNameCount], [['a.example'], 2]);
    assert.deepEqual(facts.otherNames, [{ oid: '1.2.3.4', utf8Value: 'x' }]);
    assert.ok(facts.isSelfSigned);
  });

  it('cannot be had from damaged bytes', async () => {
    const { pem } = await makeRoot();
    const der = new Uint8Array(new X509Certificate(pem).raw);
    const inputs = [
      { name: 'nothing', input: '' },
      { name: 'text', input: 'hello' },
      { name: 'half a certificate', input: der.subarray(0, der.length / 2) },
      { name: 'something behind it', input: Uint8Array.from([...der, 0]) },
      { name: 'a megabyte', input: new Uint8Array(1024 * 1024) },
    ];

    for (const { name, input } of inputs) {
      assert.throws(() => readCertificate(input), { code: 'pki.unreadable-certificate' }, name);
    }
  });

  it('are read or refused with our own error, whatever single byte changes', async () => {
    const der = new Uint8Array(new X509Certificate((await makeRoot()).pem).raw);

    for (let at = 0; at < der.length; at += 1) {
      const damaged = Uint8Array.from(der);
      damaged[at] = (damaged[at] ?? 0) ^ 0xff;
      try {
        readCertificate(damaged);
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'pki.unreadable-certificate', `byte ${at}`);
      }
    }
  });
});

describe('splitting a chain', () => {
  it('gives one PEM text a certificate', async () => {
    const root = await makeRoot();
    const leaf = await makeSigned(root, specWith());

    assert.deepEqual(splitChain(`${leaf.pem}\n\n${root.pem}`), [leaf.pem, root.pem]);
    assert.deepEqual(splitChain(leaf.pem.replaceAll('\n', '\r\n')), [leaf.pem]);
  });

  it('refuses text around the certificates unless told to ignore it', async () => {
    const { pem } = await makeRoot();

    assert.throws(() => splitChain(`Subject: x\n${pem}`), { code: 'pki.unreadable-certificate' });
    assert.deepEqual(splitChain(`Subject: x\n${pem}`, 'ignore'), [pem]);
  });

  it('takes 20 certificates and no more, and not over a megabyte', async () => {
    const { pem } = await makeRoot();

    assert.equal(splitChain(pem.repeat(20)).length, 20);
    assert.throws(() => splitChain(pem.repeat(21)), { code: 'pki.unreadable-certificate' });
    assert.throws(() => splitChain(' '.repeat(1024 * 1024) + pem), { code: 'pki.unreadable-certificate' });
  });
});

describe('IP addresses', () => {
  const cases = [
    { written: '192.0.2.1', canonical: '192.0.2.1' },
    { written: '2001:DB8:0:0:0:0:0:1', canonical: '2001:db8::1' },
    { written: '::', canonical: '::' },
    { written: '::1', canonical: '::1' },
    { written: '1::', canonical: '1::' },
    { written: '2001:db8:0:1:0:0:0:1', canonical: '2001:db8:0:1::1' },
    { written: '2001:0:0:1:0:0:1:1', canonical: '2001::1:0:0:1:1' },
    { written: '1:0:2:3:4:5:6:7', canonical: '1:0:2:3:4:5:6:7' },
    { written: '10:0:0:1:10:0:0:0', canonical: '10:0:0:1:10::' },
    { written: '::ffff:192.0.2.1', canonical: '192.0.2.1' },
    { written: '64:ff9b::192.0.2.1', canonical: '64:ff9b::c000:201' },
    { written: 'fe80::1%eth0', canonical: 'fe80::1%eth0' },
    { written: 'www.example.com', canonical: 'www.example.com' },
  ];
  for (const { written, canonical } of cases) {
    it(`written ${written} are ${canonical}`, () => {
      assert.equal(canonicalIpAddress(written), canonical);
    });
  }
});
