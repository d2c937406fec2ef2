import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { readCertificate } from '../../../src/pki/certificate-facts.ts';
import { generatePrivateKey } from '../../../src/pki/private-key.ts';
import { type CaSignRequest, selfSign, signWithCa } from '../../../src/pki/sign-certificate.ts';
import { createSigningRequest } from '../../../src/pki/signing-request.ts';
import { runSuccessfully } from '../../support/process.ts';
import { makeScratch } from '../../support/scratch.ts';
import {
  certificateText,
  EMPTY_SUBJECT,
  HOUR_MS,
  keySpec,
  makeRoot,
  makeSigned,
  openssl,
  specWith,
  verifyChain,
} from './fixtures.ts';

const NOT_BEFORE = new Date('2049-12-31T23:00:00.900Z');

/** The lines that follow a heading of `openssl x509 -text`, without the heading. */
function after(lines: readonly string[], heading: string, count = 1): string[] {
  const at = lines.indexOf(heading);
  assert.notEqual(at, -1, `${heading} in\n${lines.join('\n')}`);
  return lines.slice(at + 1, at + 1 + count);
}

async function caRequest(change: Partial<CaSignRequest> = {}): Promise<CaSignRequest> {
  const root = await makeRoot();
  const spec = change.spec ?? specWith();
  return {
    csr: await createSigningRequest(spec, await generatePrivateKey(spec.privateKey)),
    spec,
    ca: { certificatePem: root.pem, key: root.key },
    notBefore: new Date(),
    lifetimeMs: HOUR_MS,
    crlDistributionPoints: [],
    ocspServers: [],
    issuingCertificateURLs: [],
    ...change,
  };
}

describe('self-signed certificates', () => {
  it('are version 3 CAs with the subject, extensions and dates of their specification', async () => {
    const spec = specWith({
      commonName: 'Example Root',
      subject: { ...EMPTY_SUBJECT, organizations: ['Example'] },
      dnsNames: [],
      isCA: true,
    });
    const key = await generatePrivateKey(spec.privateKey);
    const csr = await createSigningRequest(spec, key);

    const pem = await selfSign({
      spec,
      csr,
      key,
      notBefore: NOT_BEFORE,
      lifetimeMs: 2 * HOUR_MS,
      serial: '0080ff',
      crlDistributionPoints: ['http://crl.example.com/a', 'http://crl.example.com/b'],
    });

    const lines = await certificateText(pem);
    assert.ok(lines.includes('Version: 3 (0x2)'));
    assert.ok(lines.includes('Serial Number: 33023 (0x80ff)'));
    assert.ok(lines.includes('Signature Algorithm: ecdsa-with-SHA256'));
    assert.ok(lines.includes('Issuer: CN=Example Root,O=Example'));
    assert.ok(lines.includes('Subject: CN=Example Root,O=Example'));
    // One on each side of the year in which the encoding of times changes.
    assert.ok(lines.includes('Not Before: Dec 31 23:00:00 2049 GMT'));
    assert.ok(lines.includes('Not After : Jan  1 01:00:00 2050 GMT'));
    assert.deepEqual(after(lines, 'X509v3 Key Usage: critical'), [
      'Digital Signature, Key Encipherment, Certificate Sign',
    ]);
    assert.deepEqual(after(lines, 'X509v3 Basic Constraints: critical'), ['CA:TRUE']);
    assert.match(after(lines, 'X509v3 Subject Key Identifier:').join(), /^([0-9A-F]{2}:){19}[0-9A-F]{2}$/);
    assert.deepEqual(after(lines, 'X509v3 CRL Distribution Points:', 4), [
      'Full Name:',
      'URI:http://crl.example.com/a',
      'Full Name:',
      'URI:http://crl.example.com/b',
    ]);
    assert.ok(!lines.some((line) => /Authority|Alternative/.test(line)));
  });

  for (const privateKey of [
    keySpec({ algorithm: 'RSA', size: 2048 }),
    keySpec({ size: 256 }),
    keySpec({ size: 384 }),
    keySpec({ size: 521 }),
    keySpec({ algorithm: 'Ed25519', size: 0 }),
  ]) {
    it(`verify under themselves when made by ${privateKey.algorithm} ${privateKey.size}`, async () => {
      const spec = specWith({ commonName: 'Root', dnsNames: [], isCA: true, privateKey });
      const key = await generatePrivateKey(privateKey);
      const csr = await createSigningRequest(spec, key);

      const pem = await selfSign({
        spec,
        csr,
        key,
        notBefore: new Date(),
        lifetimeMs: HOUR_MS,
        crlDistributionPoints: [],
      });

      const verdict = await verifyChain(pem, pem);
      assert.ok(verdict.isValid, verdict.output);
      assert.ok(readCertificate(pem).isSelfSigned);
    });
  }

  it('need the key of their request', async () => {
    const spec = specWith();
    const csr = await createSigningRequest(spec, await generatePrivateKey(spec.privateKey));
    const key = await generatePrivateKey(spec.privateKey);

    const signing = selfSign({
      spec,
      csr,
      key,
      notBefore: new Date(),
      lifetimeMs: HOUR_MS,
      crlDistributionPoints: [],
    });

    await assert.rejects(signing, { code: 'pki.request-key-mismatch' });
  });
});

describe('certificates signed by a CA', () => {
  it('verify up to the root through an intermediate', async () => {
    const root = await makeRoot();
    const middle = await makeSigned(root, specWith({ commonName: 'Middle', dnsNames: [], isCA: true }));
    const leaf = await makeSigned(
      middle,
      specWith({ commonName: 'www.example.com', privateKey: keySpec({ algorithm: 'Ed25519', size: 0 }) }),
    );

    const whole = await verifyChain(root.pem, leaf.pem, [middle.pem]);
    const gap = await verifyChain(root.pem, leaf.pem);

    assert.ok(whole.isValid, whole.output);
    assert.ok(!gap.isValid);
  });

  it('hold what the specification and the issuer say, and no more', async () => {
    const request = await caRequest({
      spec: specWith({ ipAddresses: ['192.0.2.1'], usages: ['digital signature', 'server auth'] }),
      crlDistributionPoints: ['http://crl.example.com'],
      ocspServers: ['http://ocsp.example.com'],
      issuingCertificateURLs: ['http://ca.example.com/root.crt'],
    });

    const pem = await signWithCa(request);

    const lines = await certificateText(pem);
    const root = readCertificate(request.ca.certificatePem);
    assert.deepEqual(
      lines.filter((line) => /^(X509v3 [A-Z]|Authority Information)/.test(line)),
      [
        'X509v3 Key Usage: critical',
        'X509v3 Extended Key Usage:',
        'X509v3 Basic Constraints: critical',
        'X509v3 Authority Key Identifier:',
        'Authority Information Access:',
        'X509v3 Subject Alternative Name: critical',
        'X509v3 CRL Distribution Points:',
      ],
    );
    assert.deepEqual(after(lines, 'X509v3 Basic Constraints: critical'), ['CA:FALSE']);
    assert.deepEqual(after(lines, 'X509v3 Subject Alternative Name: critical'), [
      'DNS:www.example.com, IP Address:192.0.2.1',
    ]);
    assert.deepEqual(after(lines, 'Authority Information Access:', 2), [
      'OCSP - URI:http://ocsp.example.com',
      'CA Issuers - URI:http://ca.example.com/root.crt',
    ]);
    assert.equal(readCertificate(pem).authorityKeyId, root.subjectKeyId);
    assert.ok(lines.includes('Issuer: CN=Root'));
  });

  it('leave out what the issuer does not say', async () => {
    const withOcspOnly = await certificateText(
      await signWithCa(await caRequest({ ocspServers: ['http://ocsp.example.com'] })),
    );

    assert.ok(withOcspOnly.includes('OCSP - URI:http://ocsp.example.com'));
    assert.ok(!withOcspOnly.some((line) => /CA Issuers|CRL/.test(line)));
  });

  it('take everything but the key from the specification, whatever the request says', async () => {
    const wanted = specWith({ commonName: 'www.example.com' });
    const stranger = specWith({ commonName: 'evil', dnsNames: ['evil.example'], isCA: true });
    const csr = await createSigningRequest(stranger, await generatePrivateKey(stranger.privateKey));

    const facts = readCertificate(await signWithCa(await caRequest({ spec: wanted, csr })));

    assert.equal(facts.subject, 'CN=www.example.com');
    assert.deepEqual(facts.dnsNames, ['www.example.com']);
    assert.equal(facts.isCA, false);
  });

  it('get a new positive serial of 128 bits each', async () => {
    const request = await caRequest();

    const serials = await Promise.all(
      Array.from({ length: 20 }, async () => readCertificate(await signWithCa(request)).serialNumber),
    );

    assert.equal(new Set(serials).size, 20);
    for (const serial of serials) assert.match(serial, /^[4-7][0-9a-f]{31}$/);
  });

  it('may outlive the CA, as with cert-manager', async () => {
    const root = await makeRoot('Root', { lifetimeMs: HOUR_MS });
    const leaf = await makeSigned(root, specWith(), { lifetimeMs: 2 * HOUR_MS });

    const verdict = await verifyChain(root.pem, leaf.pem);

    assert.ok(verdict.isValid, verdict.output);
    assert.ok(readCertificate(leaf.pem).notAfter > readCertificate(root.pem).notAfter);
  });

  it('repeat the name of a CA that others made byte for byte', async () => {
    using scratch = makeScratch('pki');
    const key = scratch.keyFolder('ca');
    const subject = '/C=DE/O=Sch\u00f6n \\+ Co/emailAddress=ca@example.com/DC=example/CN=Old Root';
    await runSuccessfully('openssl', [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-384',
        '-nodes',
        '-utf8',
        '-days',
        '2',
      ],
      ...['-addext', 'keyUsage=critical,keyCertSign'],
      ...['-subj', subject, '-keyout', `${key}/key.pem`, '-out', `${key}/ca.pem`],
    ]);
    const certificatePem = await readFile(`${key}/ca.pem`, 'utf8');
    const caKey = createPrivateKey(await readFile(`${key}/key.pem`, 'utf8'));

    const leaf = await signWithCa(await caRequest({ ca: { certificatePem, key: caKey } }));

    const verdict = await verifyChain(certificatePem, leaf);
    assert.ok(verdict.isValid, verdict.output);
    assert.match(await openssl(['x509', '-noout', '-text'], leaf), /Signature Algorithm: ecdsa-with-SHA384/);
  });

  it('are refused when the CA certificate is none, or the key is another', async () => {
    const root = await makeRoot();
    const leaf = await makeSigned(root, specWith());
    const other = await makeRoot();

    const byLeaf = caRequest({ ca: { certificatePem: leaf.pem, key: leaf.key } }).then(signWithCa);
    const byOther = caRequest({ ca: { certificatePem: root.pem, key: other.key } }).then(signWithCa);

    await Promise.all([
      assert.rejects(byLeaf, { code: 'pki.not-a-ca' }),
      assert.rejects(byOther, { code: 'pki.ca-key-mismatch' }),
    ]);
  });

  it('are refused for a request whose signature does not hold', async () => {
    const request = await caRequest();
    const forged = Uint8Array.from(request.csr);
    const at = Buffer.from(forged).indexOf('www.example.com');
    forged.set(Buffer.from('www.examp1e.com'), at);

    await assert.rejects(signWithCa({ ...request, csr: forged }), { code: 'pki.unreadable-request' });
  });
});
