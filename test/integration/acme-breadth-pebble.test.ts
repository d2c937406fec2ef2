import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { describe, type TestContext, test } from 'node:test';
import type { AcmeIssuerSpec } from '../../src/api/issuer.ts';
import { type AcmeIssuerOptions, createAcmeIssuer } from '../../src/issuers/acme.ts';
import type { IssuedChain, IssuerAdapter, SigningRequest } from '../../src/issuers/issuer.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { noFaults } from '../../src/lib/faults.ts';
import { silentLog } from '../../src/lib/log.ts';
import { Sensitive } from '../../src/lib/sensitive.ts';
import { acmeRequestSpec } from '../../src/pki/acme-request.ts';
import { Http01Listener } from '../../src/solvers/http01.ts';
import { type Pebble, type PebbleOptions, startPebble } from '../support/pebble.ts';
import { signingRequest } from '../support/signing-request.ts';

const SIGNAL = new AbortController().signal;
const MAC_KEY = createHash('sha256').update('a mac key').digest('base64url');
const BINDING = { keyID: 'kid-1', keySecretRef: { name: 'eab', key: 'secret' } };
/** Debian's knows neither renewal information nor profiles; the simulator covers those everywhere. */
const CURRENT = process.env.CERTOPS_TEST_PEBBLE_CURRENT;
const PEBBLES = [
  { name: 'Pebble', binary: undefined },
  ...(CURRENT === undefined ? [] : [{ name: 'a current Pebble', binary: CURRENT }]),
];

async function pebbleFor(t: TestContext, options: Partial<PebbleOptions>): Promise<Pebble> {
  const pebble = await startPebble({ httpPort: 1, alwaysValid: true, strict: true, ...options });
  t.after(() => pebble.stop());
  return pebble;
}

async function issuerAt(
  t: TestContext,
  pebble: Pebble,
  spec: Partial<AcmeIssuerSpec> = {},
  more: Partial<AcmeIssuerOptions> = {},
): Promise<IssuerAdapter> {
  const presenter = await Http01Listener.start({ port: 0, host: '127.0.0.1', log: silentLog });
  const issuer = createAcmeIssuer({
    spec: {
      type: 'acme',
      server: pebble.directoryUrl,
      email: 'ops@example.test',
      privateKeySecretRef: { name: 'account', key: 'tls.key' },
      disableAccountKeyGeneration: false,
      skipTLSVerify: false,
      enableDurationFeature: false,
      renewalInformationSource: 'ARI',
      caBundle: pebble.caPem,
      solvers: [{ type: 'http-01', selector: { dnsNames: [], dnsZones: [], matchLabels: {} } }],
      ...spec,
    },
    accountKey: accountKey(),
    presenter,
    clock: systemClock(),
    faults: noFaults,
    log: silentLog,
    version: '0.0.0',
    isOrderTaken: () => false,
    ...more,
  });
  t.after(async () => {
    issuer.close();
    await presenter.close();
  });
  return issuer;
}

function accountKey(): KeyObject {
  return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
}

async function issue(issuer: IssuerAdapter, request: SigningRequest): Promise<IssuedChain> {
  const began = await issuer.begin(request, SIGNAL);
  return began.kind === 'issued' ? began.chain : await issuer.complete(request, began.record, SIGNAL);
}

for (const { name, binary } of PEBBLES) {
  describe(name, () => {
    test('binds an account to one that it knows, and no other', { timeout: 60_000 }, async (t) => {
      const pebble = await pebbleFor(t, { binary, externalAccountKeys: { 'kid-1': MAC_KEY } });
      const credential = (text: string) => async () => new Sensitive(Buffer.from(text));
      const spec = { externalAccountBinding: BINDING };

      const bound = await issuerAt(t, pebble, spec, { credential: credential(MAC_KEY) });
      const wrong = await issuerAt(t, pebble, spec, { credential: credential(MAC_KEY.toLowerCase()) });
      const unbound = await issuerAt(t, pebble);

      assert.equal((await bound.setUp(SIGNAL)).ready, true);
      for (const refused of [wrong, unbound]) {
        await assert.rejects(refused.setUp(SIGNAL), {
          code: 'issuers.external-account-binding',
          retry: { when: 'never' },
        });
      }
    });

    test('gives the alternate chain that is preferred', { timeout: 60_000 }, async (t) => {
      const pebble = await pebbleFor(t, { binary, alternateRoots: 2 });
      const plain = await issue(await issuerAt(t, pebble), await signingRequest({ name: 'plain' }));
      const rootOf = ({ chainPem }: IssuedChain) => new X509Certificate(chainPem.at(-1) ?? '').issuer;
      const offered = await Promise.all([0, 1, 2].map((index) => pebble.rootPem(index)));
      const names = offered.map((pem) => new X509Certificate(pem).subject.replace(/^CN=/, ''));
      const wanted = names.find((candidate) => `CN=${candidate}` !== rootOf(plain)) ?? '';

      const issuer = await issuerAt(t, pebble, { preferredChain: wanted });
      const preferred = await issue(issuer, await signingRequest({ name: 'preferred' }));

      assert.equal(rootOf(preferred), `CN=${wanted}`);
      const [leaf, above] = preferred.chainPem.map((pem) => new X509Certificate(pem));
      assert.ok(leaf !== undefined && above !== undefined && leaf.verify(above.publicKey));
    });

    test('moves an account to another key', { timeout: 60_000 }, async (t) => {
      const pebble = await pebbleFor(t, { binary });
      const [previousKey, newKey] = [accountKey(), accountKey()];
      const before = await (await issuerAt(t, pebble, {}, { accountKey: previousKey })).setUp(SIGNAL);
      const rollover = { previousKey, accountUrl: before.acme?.uri ?? '' };

      const issuer = await issuerAt(t, pebble, {}, { accountKey: newKey, rollover });
      const after = await issuer.setUp(SIGNAL);
      await issue(issuer, await signingRequest({ name: 'moved' }));
      const again = await (await issuerAt(t, pebble, {}, { accountKey: newKey, rollover })).setUp(SIGNAL);

      assert.equal(after.acme?.uri, before.acme?.uri);
      assert.deepEqual(again, after);
    });

    test('takes another contact', { timeout: 60_000 }, async (t) => {
      const pebble = await pebbleFor(t, { binary });
      const key = accountKey();
      await (await issuerAt(t, pebble, {}, { accountKey: key })).setUp(SIGNAL);
      const email = 'others@example.test';

      const told = await (await issuerAt(t, pebble, { email }, { accountKey: key })).setUp(SIGNAL);

      assert.equal(told.acme?.lastRegisteredEmail, email);
    });

    test('issues for IP addresses (RFC 8738)', { timeout: 60_000 }, async (t) => {
      const pebble = await pebbleFor(t, { binary });
      const wanted = { name: 'ip', dnsNames: [], ipAddresses: ['127.0.0.1', '::1'] };

      const { chainPem } = await issue(await issuerAt(t, pebble), await signingRequest(wanted));

      assert.deepEqual(new X509Certificate(chainPem[0] ?? '').subjectAltName?.split(', ').sort(), [
        'IP Address:0:0:0:0:0:0:0:1',
        'IP Address:127.0.0.1',
      ]);
    });

    test('issues for a commonName that is not among the dnsNames', { timeout: 60_000 }, async (t) => {
      const pebble = await pebbleFor(t, { binary });
      const wanted = { commonName: 'cn.example.test', dnsNames: ['www.example.test'] };
      const { spec } = await signingRequest({ name: 'cn', ...wanted });
      const request = await signingRequest({ ...acmeRequestSpec(spec), name: 'cn' });

      const { chainPem } = await issue(await issuerAt(t, pebble), request);

      assert.deepEqual(new X509Certificate(chainPem[0] ?? '').subjectAltName?.split(', ').sort(), [
        'DNS:cn.example.test',
        'DNS:www.example.test',
      ]);
    });
  });
}

if (CURRENT !== undefined) {
  describe('a current Pebble', () => {
    test('says when to renew, and takes the replacement once', { timeout: 60_000 }, async (t) => {
      const pebble = await pebbleFor(t, { binary: CURRENT });
      const issuer = await issuerAt(t, pebble);
      const request = await signingRequest({ name: 'ari' });
      const { chainPem } = await issue(issuer, request);

      const answer = await issuer.renewalInformation?.(chainPem[0] ?? '', SIGNAL);
      assert.ok(answer !== undefined && answer.end > answer.start);
      const replacing = { ...request, replaces: answer.certificateId };
      const renewed = await issue(issuer, replacing);
      // Pebble answers alreadyReplaced to a second replacement: it is ordered without saying so.
      const again = await issue(issuer, { ...replacing, csr: (await signingRequest({ name: 'ari' })).csr });

      assert.equal(new Set([chainPem[0], renewed.chainPem[0], again.chainPem[0]]).size, 3);
      assert.equal(pebble.counters().requests['POST /order-plz'], 4);
    });

    test('issues by profile, and the directory says which there are', { timeout: 60_000 }, async (t) => {
      const pebble = await pebbleFor(t, { binary: CURRENT, profiles: { default: 86_400, short: 3_600 } });
      const issuer = await issuerAt(t, pebble, { profile: 'short' });
      const strange = await issuerAt(t, pebble, { profile: 'strange' });

      const { chainPem } = await issue(issuer, await signingRequest({ name: 'short' }));
      const refused = strange.begin(await signingRequest({ name: 'strange' }), SIGNAL);

      const { validFrom, validTo } = new X509Certificate(chainPem[0] ?? '');
      assert.ok(Math.abs(Date.parse(validTo) - Date.parse(validFrom) - 3_600_000) <= 2_000);
      await assert.rejects(refused, (error: Error & { code?: string }) => {
        assert.equal(error.code, 'issuers.profile-unknown');
        assert.match(error.message, /strange/);
        return true;
      });
    });
  });
}
