import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CertopsError } from '../../src/lib/errors.ts';
import { Sensitive } from '../../src/lib/sensitive.ts';
import { readCertificate } from '../../src/pki/certificate-facts.ts';
import {
  DerSyntaxError,
  readChildren,
  readDer,
  readOid,
  readText,
  readTime,
} from '../../src/pki/der-reader.ts';
import { readNameConstraints } from '../../src/pki/name-constraints.ts';
import { encodePem, splitChain } from '../../src/pki/pem.ts';
import { decodePrivateKey, generatePrivateKey } from '../../src/pki/private-key.ts';
import { readRequest } from '../../src/pki/request-reader.ts';
import { selfSign } from '../../src/pki/sign-certificate.ts';
import { createSigningRequest } from '../../src/pki/signing-request.ts';
import { specWith } from '../unit/pki/fixtures.ts';
import { CANARY, fuzz, hostileText, mutated, mutations, outcome } from './fuzz.ts';

const KEY = await generatePrivateKey({
  ...{ algorithm: 'ECDSA', size: 256, encoding: 'PKCS8', rotationPolicy: 'Always' },
});
const SPEC = specWith({
  commonName: 'ca',
  isCA: true,
  dnsNames: ['a.example', '*.b.example'],
  ipAddresses: ['192.0.2.1', '2001:db8::1'],
  uris: ['spiffe://a/b'],
  emailAddresses: ['a@b.example'],
  otherNames: [{ oid: '1.3.6.1.4.1.311.20.2.3', utf8Value: 'u@c.example' }],
  usages: ['cert sign', 'server auth', 'any'],
});
const REQUEST = await createSigningRequest(SPEC, KEY);
const CERTIFICATE = await selfSign({
  spec: SPEC,
  csr: REQUEST,
  key: KEY,
  notBefore: new Date('2026-11-22T10:20:30Z'),
  lifetimeMs: 86_400_000,
  crlDistributionPoints: ['http://crl.example/x'],
});
const CERTIFICATE_DER = Buffer.from(CERTIFICATE.replace(/-----[A-Z ]+-----/g, ''), 'base64');

/** The bytes with a few of them changed or left out. */
function flipped(bytes: Uint8Array): fc.Arbitrary<Uint8Array> {
  const change = fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 }), fc.boolean());
  return fc.array(change, { minLength: 1, maxLength: 4 }).map((changes) => {
    const octets = [...bytes];
    for (const [at, byte, isCut] of changes) octets.splice(at, 1, ...(isCut ? [] : [byte]));
    return Uint8Array.from(octets);
  });
}

/** What may throw DerSyntaxError, and nothing else. */
function tolerated<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (thrown) {
    if (!(thrown instanceof DerSyntaxError)) throw thrown;
    return undefined;
  }
}

/** Every element within, read every way. */
function walk(bytes: Uint8Array): void {
  const root = tolerated(() => readDer(bytes));
  const queue = root === undefined ? [] : [root];
  for (let count = 0; count < 500; count += 1) {
    const element = queue.pop();
    if (element === undefined) break;
    for (const read of [readOid, readText, readTime]) tolerated(() => read(element));
    queue.push(...(tolerated(() => readChildren(element)) ?? []));
  }
  tolerated(() => readNameConstraints(bytes, true));
}

const TAGS = [0x30, 0x31, 0x02, 0x06, 0x0c, 0x17, 0x18, 0x80, 0x82, 0x84, 0xff, 0x00, 0x01, 0xa0, 0xa1];
const derLike = fc
  .array(fc.oneof(fc.constantFrom(...TAGS), fc.nat(255)), { maxLength: 200 })
  .map((octets) => Uint8Array.from(octets));

fuzz('bytes of any kind are DER or refused', derLike, walk, 1000);

fuzz(
  'elements in elements are no matter, however deep',
  fc.integer({ min: 1, max: 20_000 }),
  (depth) => {
    let lengths = 0;
    const heads: Buffer[] = [];
    for (let level = 0; level < depth; level += 1) {
      const head = Buffer.from([0x30, 0x83, lengths >> 16, (lengths >> 8) & 0xff, lengths & 0xff]);
      heads.push(head);
      lengths += head.length;
    }
    walk(Buffer.concat(heads.toReversed()));
  },
  20,
);

function signedPart(bytes: Uint8Array): Buffer {
  return Buffer.from(readChildren(readDer(bytes))[0]?.raw ?? []);
}

fuzz(
  'a request with changed bytes is read or refused, and proves no key that it did not',
  flipped(REQUEST),
  async (bytes) => {
    walk(bytes);
    const request = await outcome(() => readRequest(bytes));
    if (request instanceof CertopsError) return;
    const key = await outcome(() => request.provenPublicKey());
    if (key instanceof CertopsError) return;
    // Only the first part is signed; a signature may be written in several ways.
    assert.deepEqual(signedPart(bytes), signedPart(REQUEST), 'a changed request is taken for signed');
  },
  400,
);

fuzz(
  'a certificate with changed bytes is read or refused',
  flipped(CERTIFICATE_DER),
  async (bytes) => {
    await outcome(() => readCertificate(bytes));
    await outcome(() => readCertificate(encodePem('CERTIFICATE', bytes)));
  },
  400,
);

const PEM_WORDS = [
  '-----BEGIN CERTIFICATE-----',
  '-----END CERTIFICATE-----',
  '\n',
  '\r\n',
  'MII=',
  '-----',
  ' ',
];

fuzz(
  'a chain of any text is split or refused',
  fc.oneof(
    mutations(PEM_WORDS).map((changes) => mutated(CERTIFICATE + CERTIFICATE, changes)),
    hostileText([...PEM_WORDS, CERTIFICATE], 30),
  ),
  async (text) => {
    await outcome(() => splitChain(text));
    await outcome(() => readCertificate(text));
  },
);

const KEY_PEM = KEY.export({ type: 'pkcs8', format: 'pem' }).toString();

fuzz(
  'a private key with changes is read or refused, and not told',
  mutations(['\n', '-----', CANARY, 'ENCRYPTED ', 'EC ', '=', 'A']),
  async (changes) => {
    const text = mutated(KEY_PEM.replace('\n-----END', `\n${CANARY}\n-----END`), changes);
    await outcome(() => decodePrivateKey(new Sensitive(text)));
  },
);
