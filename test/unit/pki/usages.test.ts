import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { KEY_USAGES, type KeyUsage } from '../../../src/api/certificate.ts';
import { nameUsages, resolveUsages } from '../../../src/pki/usages.ts';
import { makeScratch } from '../../support/scratch.ts';
import { makeRoot, makeSigned, openssl, specWith } from './fixtures.ts';

/** What openssl calls each usage. */
const OPENSSL_NAMES: Readonly<Record<KeyUsage, string>> = {
  signing: 'Digital Signature',
  'digital signature': 'Digital Signature',
  'content commitment': 'Non Repudiation',
  'key encipherment': 'Key Encipherment',
  'key agreement': 'Key Agreement',
  'data encipherment': 'Data Encipherment',
  'cert sign': 'Certificate Sign',
  'crl sign': 'CRL Sign',
  'encipher only': 'Encipher Only',
  'decipher only': 'Decipher Only',
  any: 'Any Extended Key Usage',
  'server auth': 'TLS Web Server Authentication',
  'client auth': 'TLS Web Client Authentication',
  'code signing': 'Code Signing',
  'email protection': 'E-mail Protection',
  's/mime': 'E-mail Protection',
  'ipsec end system': 'IPSec End System',
  'ipsec tunnel': 'IPSec Tunnel',
  'ipsec user': 'IPSec User',
  timestamping: 'Time Stamping',
  'ocsp signing': 'OCSP Signing',
  'microsoft sgc': 'Microsoft Server Gated Crypto',
  'netscape sgc': 'Netscape Server Gated Crypto',
};

describe('usages', () => {
  it('come out of a certificate as openssl names them, each of the 23', async () => {
    const root = await makeRoot();
    const issued = await Promise.all(
      KEY_USAGES.map((usage) => makeSigned(root, specWith({ usages: [usage] }))),
    );

    using scratch = makeScratch('pki');
    const file = scratch.write('all.pem', issued.map(({ pem }) => pem).join(''));
    const text = await openssl(['storeutl', '-noout', '-text', '-certs', file], '');

    const found = [...text.matchAll(/X509v3 (?:Extended )?Key Usage:.*\n *(.*)\n/g)].map(
      ([, names]) => names,
    );
    assert.deepEqual(
      found,
      KEY_USAGES.map((usage) => OPENSSL_NAMES[usage]),
    );
  });

  it('are digital signature and key encipherment when none are given', () => {
    assert.deepEqual(resolveUsages([], false), { keyUsage: 0b101, extendedKeyUsages: [] });
  });

  it('let a CA sign certificates whatever else is asked for', () => {
    assert.deepEqual(nameUsages(resolveUsages(['server auth'], true)), ['cert sign', 'server auth']);
  });

  it('hold an extended usage once, though it has two names', () => {
    assert.deepEqual(resolveUsages(['s/mime', 'email protection'], false).extendedKeyUsages, [
      '1.3.6.1.5.5.7.3.4',
    ]);
  });

  it('come back in words', () => {
    const usages: readonly KeyUsage[] = ['digital signature', 'decipher only', 'server auth', 'netscape sgc'];

    assert.deepEqual(nameUsages(resolveUsages(usages, false)), usages);
  });
});
