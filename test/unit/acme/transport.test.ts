import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AcmeTransport, type TransportOptions } from '../../../src/acme/transport.ts';
import { createForbiddenAddresses } from '../../../src/lib/host-policy.ts';
import { startScriptedCa } from '../../support/scripted-ca.ts';

const SIGNAL = new AbortController().signal;

function transport(directoryUrl: string, options: Partial<TransportOptions> = {}): AcmeTransport {
  return new AcmeTransport({ directoryUrl, userAgent: 'certops/0.0.0', requestTimeoutMs: 2_000, ...options });
}

describe('a directory URL is refused', () => {
  const cases = [
    { url: 'http://ca.example.test/dir', allowPlainLoopback: true },
    { url: 'http://127.0.0.1:1/dir', allowPlainLoopback: false },
    { url: 'http://127.0.0.1.example.test/dir', allowPlainLoopback: true },
    { url: 'file:///etc/passwd', allowPlainLoopback: true },
    { url: 'no url', allowPlainLoopback: true },
  ];
  for (const { url, allowPlainLoopback } of cases) {
    test(`${url}, plain loopback ${allowPlainLoopback ? 'allowed' : 'forbidden'}`, () => {
      assert.throws(() => transport(url, { allowPlainLoopback }), { code: 'acme.url-refused' });
    });
  }
});

describe('an address that must never be reached is not connected to', () => {
  const literals = [
    'https://169.254.169.254/dir',
    'https://[fe80::1]/dir',
    'https://[fd00:ec2::254]/dir',
    'https://100.100.100.200/dir',
    'https://[::ffff:169.254.169.254]/dir',
    'https://0xa9fea9fe/dir',
  ];
  for (const url of literals) {
    test(url, async () => {
      await assert.rejects(transport(url).request({ url, method: 'GET', signal: SIGNAL }), {
        code: 'acme.host-refused',
      });
    });
  }

  test('a name that resolves to one, even beside an honest address', async () => {
    const url = 'https://rebound.test/dir';
    const rebound = transport(url, {
      lookup: (_host, options, callback) => {
        if (options.all === true) {
          const addresses = ['127.0.0.1', '169.254.169.254'].map((address) => ({ address, family: 4 }));
          callback(null, addresses);
        } else callback(null, '169.254.169.254', 4);
      },
    });

    await assert.rejects(rebound.request({ url, method: 'GET', signal: SIGNAL }), {
      code: 'acme.host-refused',
    });
  });

  test('one that the operator forbids', async (t) => {
    const ca = await startScriptedCa();
    t.after(() => ca.close());
    const pinned = transport(ca.directoryUrl, {
      allowPlainLoopback: true,
      hostPolicy: { isHostAllowed: (host) => host === 'ca.example.test' },
    });

    const asked = pinned.request({ url: ca.directoryUrl, method: 'GET', signal: SIGNAL });

    await assert.rejects(asked, { code: 'acme.host-refused' });
    assert.equal(ca.connections, 0);
  });
});

test('forbidden addresses are told from others', () => {
  const isForbidden = createForbiddenAddresses();

  const honest = ['127.0.0.1', '10.0.0.1', '::1', '2001:db8::1', '169.253.0.1', '100.100.100.201'];
  const never = ['169.254.0.1', 'fe80::1%eth0', '64:ff9b::a9fe:a9fe', '2002:a9fe:a9fe::1', 'not an address'];

  assert.deepEqual(honest.filter(isForbidden), []);
  assert.deepEqual(
    never.filter((address) => !isForbidden(address)),
    [],
  );
});

test('nothing but the origin of the directory is asked', async (t) => {
  const ca = await startScriptedCa();
  t.after(() => ca.close());
  const own = transport(ca.directoryUrl, { allowPlainLoopback: true });
  t.after(() => own.close());

  const asked = own.request({ url: 'http://127.0.0.1:9/x', method: 'GET', signal: SIGNAL });

  await assert.rejects(asked, { code: 'acme.url-refused' });
});

test('closing it loses no answer that is under way', async (t) => {
  const ca = await startScriptedCa();
  t.after(() => ca.close());
  const own = transport(ca.directoryUrl, { allowPlainLoopback: true });
  const ask = () => own.request({ url: ca.directoryUrl, method: 'GET', signal: SIGNAL });
  await ask();

  const underWay = ask();
  own.close();
  const { status } = await underWay;

  assert.equal(status, 200);
  await Promise.all([ask(), ask()]);
  assert.ok(ca.connections >= 3, 'connections are kept after all');
});
