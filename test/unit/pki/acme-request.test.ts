import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { acmeRequestSpec } from '../../../src/pki/acme-request.ts';
import { acmeIdentifiers, acmeNames } from '../../../src/pki/certificate-names.ts';
import { compareRequestWithSpec } from '../../../src/pki/request-comparison.ts';
import { signingRequest } from '../../support/signing-request.ts';

describe('a request to an ACME CA has the names that are ordered', () => {
  const cases = [
    {
      name: 'a commonName among the dnsNames',
      spec: { commonName: 'a.test', dnsNames: ['a.test', 'b.test'] },
      expected: { commonName: 'a.test', dnsNames: ['a.test', 'b.test'], ipAddresses: [] },
    },
    {
      name: 'a commonName that is not among them',
      spec: { commonName: 'cn.test', dnsNames: ['a.test'] },
      expected: { commonName: 'cn.test', dnsNames: ['cn.test', 'a.test'], ipAddresses: [] },
    },
    {
      name: 'a commonName alone, in upper case',
      spec: { commonName: 'CN.test', dnsNames: [] },
      expected: { commonName: 'CN.test', dnsNames: ['cn.test'], ipAddresses: [] },
    },
    {
      name: 'an IP address as commonName',
      spec: { commonName: '192.0.2.1', dnsNames: ['a.test'] },
      expected: { commonName: undefined, dnsNames: ['a.test'], ipAddresses: ['192.0.2.1'] },
    },
    {
      name: 'addresses alone',
      spec: { dnsNames: [], ipAddresses: ['2001:DB8::1'] },
      expected: { commonName: undefined, dnsNames: [], ipAddresses: ['2001:db8::1'] },
    },
  ];
  for (const { name, spec, expected } of cases) {
    test(name, async () => {
      const { spec: whole } = await signingRequest({ name: 'x', ...spec });

      const { commonName, dnsNames, ipAddresses, ...others } = acmeRequestSpec(whole);

      assert.deepEqual({ commonName, dnsNames, ipAddresses }, expected);
      assert.deepEqual(acmeNames(acmeRequestSpec(whole)), acmeNames(whole));
      const ordered = (one: typeof whole) =>
        acmeIdentifiers(one).map(({ type, value }) => `${type} ${value}`);
      assert.deepEqual(ordered(acmeRequestSpec(whole)).sort(), ordered(whole).sort());
      assert.equal(others.secretName, whole.secretName);
    });
  }
});

test('a request that was made from it fulfils it', async () => {
  const wanted = { name: 'x', commonName: 'cn.test', dnsNames: ['a.test'] };
  const { spec } = await signingRequest(wanted);
  const { csr } = await signingRequest({ ...acmeRequestSpec(spec), name: 'x' });

  assert.deepEqual(await compareRequestWithSpec(csr, acmeRequestSpec(spec)), []);
});
