import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { CertificateSpec } from '../../../src/api/certificate.ts';
import { acmeNames, specifiedNames } from '../../../src/pki/certificate-names.ts';
import { checkIssuedChain, type IssuedChainCheck } from '../../../src/pki/check-issued.ts';
import { generatePrivateKey } from '../../../src/pki/private-key.ts';
import {
  HOUR_MS,
  keySpec,
  makeRoot,
  makeSigned,
  openssl,
  specWith,
  type TestCertificate,
} from './fixtures.ts';

interface Pki {
  readonly root: TestCertificate;
  readonly middle: TestCertificate;
  readonly otherMiddle: TestCertificate;
}

const SPEC = specWith({ dnsNames: ['www.example.com', 'api.example.com'] });

let pki: Pki;

before(async () => {
  const root = await makeRoot();
  const middleSpec = specWith({ commonName: 'Middle', dnsNames: [], isCA: true });
  pki = {
    root,
    middle: await makeSigned(root, middleSpec),
    // The same name, another key: only the signature tells them apart when there are no key identifiers.
    otherMiddle: await makeSigned(root, middleSpec),
  };
});

/** The check of a leaf that was asked for as `SPEC` and issued as `issued`. */
async function checkOf(
  issued: Partial<CertificateSpec> = {},
  change: Partial<IssuedChainCheck> = {},
  lifetime: { readonly notBefore?: Date; readonly lifetimeMs?: number } = {},
): Promise<IssuedChainCheck> {
  const leaf = await makeSigned(pki.middle, { ...SPEC, ...issued }, lifetime);
  const spec = change.spec ?? SPEC;
  return {
    chainPem: [leaf.pem, pki.middle.pem],
    key: leaf.key,
    spec,
    expectedNames: specifiedNames(spec),
    now: new Date(),
    allowCa: false,
    ...change,
  };
}

describe('an issued chain is taken', () => {
  it('when it is what was asked for, with its intermediate', async () => {
    const facts = await checkIssuedChain(await checkOf());

    assert.deepEqual(facts.dnsNames, SPEC.dnsNames);
  });

  it('with the root at its end, or without any intermediate', async () => {
    const check = await checkOf();

    await checkIssuedChain({ ...check, chainPem: [...check.chainPem, pki.root.pem] });
    await checkIssuedChain({ ...check, chainPem: check.chainPem.slice(0, 1) });
  });

  it('with its names in another order and case', async () => {
    await checkIssuedChain(await checkOf({ dnsNames: ['API.example.com', 'www.EXAMPLE.com'] }));
  });

  it('when the CA made a commonName of a name, dropped ours, or repeats it among the names', async () => {
    const spec = { ...SPEC, commonName: 'www.example.org' };

    await checkIssuedChain(await checkOf({ commonName: 'www.example.com' }));
    await checkIssuedChain(await checkOf({}, { spec }));
    await checkIssuedChain(await checkOf({ dnsNames: [...SPEC.dnsNames, 'www.example.org'] }, { spec }));
  });

  it('when an ACME CA puts the commonName among the names, as the order asked', async () => {
    const spec = { ...SPEC, commonName: 'WWW.example.org' };

    const named = await checkOf(
      { dnsNames: [...SPEC.dnsNames, 'www.example.org'] },
      { spec, expectedNames: acmeNames(spec) },
    );
    const unnamed = await checkOf({}, { spec, expectedNames: acmeNames(spec) });

    await checkIssuedChain(named);
    await assert.rejects(checkIssuedChain(unnamed), { code: 'pki.wrong-names' });
  });

  it('when it begins within the next day', async () => {
    const soon = { notBefore: new Date(Date.now() + 23 * HOUR_MS), lifetimeMs: HOUR_MS };

    await checkIssuedChain(await checkOf({}, {}, soon));
  });

  it('when a CA was asked for and the issuer may give one', async () => {
    const spec = { ...SPEC, isCA: true };

    await checkIssuedChain(await checkOf({ isCA: true }, { spec, allowCa: true }));
  });

  it('when it signs itself', async () => {
    const root = await makeRoot('Alone');

    await checkIssuedChain({
      chainPem: [root.pem],
      key: root.key,
      spec: root.spec,
      expectedNames: specifiedNames(root.spec),
      now: new Date(),
      allowCa: true,
    });
  });
});

interface RefusalCase {
  readonly name: string;
  readonly code: string;
  readonly check: () => Promise<IssuedChainCheck>;
  readonly data?: Readonly<Record<string, unknown>>;
}

async function withChain(arrange: (leaf: string) => readonly string[]): Promise<IssuedChainCheck> {
  const check = await checkOf();
  return { ...check, chainPem: arrange(check.chainPem[0] ?? '') };
}

const REFUSALS: readonly RefusalCase[] = [
  {
    name: 'for another key',
    code: 'pki.wrong-key',
    check: async () => await checkOf({}, { key: await generatePrivateKey(keySpec()) }),
  },
  {
    name: 'with a name too many',
    code: 'pki.wrong-names',
    check: async () => await checkOf({ dnsNames: [...SPEC.dnsNames, 'evil.example'] }),
    data: { missing: [], extra: ['DNS evil.example'] },
  },
  {
    name: 'with a name too few',
    code: 'pki.wrong-names',
    check: async () => await checkOf({ dnsNames: ['www.example.com'] }),
    data: { missing: ['DNS api.example.com'], extra: [] },
  },
  {
    name: 'with an address too many',
    code: 'pki.wrong-names',
    check: async () => await checkOf({ ipAddresses: ['192.0.2.1'] }),
    data: { missing: [], extra: ['IP 192.0.2.1'] },
  },
  {
    name: 'with a wildcard instead of the names',
    code: 'pki.wrong-names',
    check: async () => await checkOf({ dnsNames: ['*.example.com'] }),
  },
  {
    name: 'with a commonName that nobody asked for',
    code: 'pki.wrong-names',
    check: async () => await checkOf({ commonName: 'evil.example' }),
    data: { missing: [], extra: ['commonName evil.example'] },
  },
  {
    name: 'that expired',
    code: 'pki.expired',
    check: async () =>
      await checkOf({}, {}, { notBefore: new Date(Date.now() - 2 * HOUR_MS), lifetimeMs: HOUR_MS }),
  },
  {
    name: 'that ends before it begins',
    code: 'pki.expired',
    check: async () =>
      await checkOf({}, {}, { notBefore: new Date(Date.now() + 2 * HOUR_MS), lifetimeMs: -HOUR_MS }),
  },
  {
    name: 'that begins in two days',
    code: 'pki.not-yet-valid',
    check: async () => await checkOf({}, {}, { notBefore: new Date(Date.now() + 48 * HOUR_MS) }),
  },
  {
    name: 'that is a CA though none was asked for',
    code: 'pki.is-ca',
    check: async () => await checkOf({ isCA: true }, { allowCa: true }),
  },
  {
    name: 'that is a CA from an issuer that may not give one',
    code: 'pki.is-ca',
    check: async () => await checkOf({ isCA: true }, { spec: { ...SPEC, isCA: true } }),
  },
  {
    name: 'in the wrong order',
    code: 'pki.broken-chain',
    check: async () => await withChain((leaf) => [leaf, pki.root.pem, pki.middle.pem]),
  },
  {
    name: 'that begins with its CA',
    code: 'pki.wrong-key',
    check: async () => await withChain((leaf) => [pki.middle.pem, leaf]),
  },
  {
    name: 'with an unrelated intermediate',
    code: 'pki.broken-chain',
    check: async () => {
      const unrelated = await makeRoot('Unrelated');
      return await withChain((leaf) => [leaf, unrelated.pem]);
    },
  },
  {
    name: 'with an intermediate of the same name and another key',
    code: 'pki.broken-chain',
    check: async () => await withChain((leaf) => [leaf, pki.otherMiddle.pem]),
  },
  {
    name: 'with a leaf where a CA belongs',
    code: 'pki.broken-chain',
    check: async () => await withChain((leaf) => [leaf, leaf]),
  },
  { name: 'of nothing', code: 'pki.unreadable-certificate', check: async () => await withChain(() => []) },
  {
    name: 'with HTML',
    code: 'pki.unreadable-certificate',
    check: async () => await withChain(() => ['<html></html>']),
  },
  {
    name: 'with garbage around a certificate',
    code: 'pki.unreadable-certificate',
    check: async () => await withChain((leaf) => [`${leaf}garbage`]),
  },
  {
    name: 'with two certificates in one place',
    code: 'pki.unreadable-certificate',
    check: async () => await withChain((leaf) => [leaf + pki.middle.pem]),
  },
  {
    name: 'of a thousand',
    code: 'pki.broken-chain',
    check: async () => await withChain((leaf) => [leaf, ...Array<string>(1000).fill(pki.root.pem)]),
  },
];

describe('an issued chain is refused', () => {
  for (const { name, code, check, data } of REFUSALS) {
    it(name, async () => {
      const refused = checkIssuedChain(await check());

      await assert.rejects(refused, data === undefined ? { code } : { code, data });
    });
  }

  it('when its signature was forged under the right names', async () => {
    const check = await checkOf();
    const [leaf = '', ...rest] = check.chainPem;
    const der = Buffer.from(leaf.replace(/-----.*-----/g, ''), 'base64');
    der.writeUInt8(der.readUInt8(der.length - 1) ^ 1, der.length - 1);
    const forged = await openssl(['x509', '-inform', 'DER'], der);

    await assert.rejects(checkIssuedChain({ ...check, chainPem: [forged, ...rest] }), {
      code: 'pki.broken-chain',
    });
  });
});
