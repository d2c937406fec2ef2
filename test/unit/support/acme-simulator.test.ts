import assert from 'node:assert/strict';
import { randomBytes, X509Certificate } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { Authority } from '../../support/acme-simulator/authority.ts';
import {
  binding,
  type Deviation,
  dns,
  flattened,
  jwkOf,
  newKey,
  type RawAnswer,
  RawClient,
  registered,
} from '../../support/acme-simulator/raw-client.ts';
import { type AcmeSimulator, startAcmeSimulator } from '../../support/acme-simulator/simulator.ts';
import { signingRequest } from '../../support/signing-request.ts';

const MAC_KEY = randomBytes(32).toString('base64url');
const HOUR_MS = 3_600_000;

let authority: Authority;
let ca: AcmeSimulator;
before(async () => {
  authority = await Authority.create();
  ca = await startAcmeSimulator({
    authority,
    validation: { isAlwaysValid: true },
    profiles: { short: { lifetimeMs: 90_000, maxNames: 2, allowsIpAddresses: false } },
  });
});
after(() => ca.close());

function typeOf({ status, json }: RawAnswer): string {
  return `${status} ${String(json.type ?? '').replace('urn:ietf:params:acme:error:', '')}`;
}

/** Orders, validates what is pending, and resolves with the order's URL and its last answer. */
async function validated(client: RawClient, order: object) {
  const made = await client.post('/new-order', order);
  assert.equal(made.status, 201, made.body);
  for (const url of made.json.authorizations) {
    const { json } = await client.post(url, null);
    if (json.status === 'pending') await client.post(json.challenges[0].url, {});
  }
  return { url: String(made.headers.location), finalize: String(made.json.finalize) };
}

async function issued(client: RawClient, order: { identifiers: { value: string }[] }) {
  const { finalize } = await validated(client, order);
  const { csr } = await signingRequest({
    name: 'www',
    dnsNames: order.identifiers.map(({ value }) => value),
  });
  const done = await client.post(finalize, { csr: Buffer.from(csr).toString('base64url') });
  assert.equal(done.json.status, 'valid', done.body);
  return done;
}

describe('a request that breaks RFC 8555, section 6 is refused', () => {
  const cases: readonly { readonly name: string; readonly by: Deviation; readonly as: string }[] = [
    { name: 'without a User-Agent', by: { userAgent: undefined }, as: '400 malformed' },
    { name: 'as application/json', by: { contentType: 'application/json' }, as: '415 malformed' },
    { name: 'by GET', by: { method: 'GET' }, as: '405 malformed' },
    { name: 'for another URL', by: { header: { url: 'https://localhost/x' } }, as: '403 unauthorized' },
    { name: 'with a nonce of its own', by: { header: { nonce: 'AAAA' } }, as: '400 badNonce' },
    { name: 'without a nonce', by: { without: ['nonce'] }, as: '400 badNonce' },
    { name: 'signed by another key', by: { key: newKey() }, as: '400 malformed' },
    { name: 'with alg none', by: { header: { alg: 'none' } }, as: '400 badSignatureAlgorithm' },
    { name: 'with a MAC', by: { header: { alg: 'HS256' } }, as: '400 badSignatureAlgorithm' },
    { name: 'with the alg of another key', by: { header: { alg: 'ES384' } }, as: '400 malformed' },
    { name: 'with jwk and kid', by: { header: { jwk: jwkOf(newKey()) } }, as: '400 malformed' },
    { name: 'with neither jwk nor kid', by: { without: ['kid'] }, as: '400 malformed' },
    {
      name: 'of an account that is not there',
      by: { header: { kid: 'https://x/1' } },
      as: '400 accountDoesNotExist',
    },
    {
      name: 'with a jwk where a kid belongs',
      by: { without: ['kid'], header: { jwk: jwkOf(newKey()) } },
      as: '400 malformed',
    },
    {
      name: 'with an unprotected header',
      by: { jws: (jws) => ({ ...jws, header: {} }) },
      as: '400 malformed',
    },
    {
      name: 'with a payload that was swapped',
      by: { jws: (jws) => ({ ...jws, payload: 'e30' }) },
      as: '400 malformed',
    },
    { name: 'that is no JWS', by: { jws: () => [] }, as: '400 malformed' },
  ];
  for (const { name, by, as } of cases) {
    test(name, async () => {
      const client = await registered(ca);

      const answer = await client.post('/new-order', dns('www.example.test'), by);

      assert.equal(typeOf(answer), as);
      assert.equal(ca.counts.orders, 0);
    });
  }

  test('with a nonce that was used before', async () => {
    const client = await registered(ca);
    const nonce = await client.nonce();

    const [first, second] = [
      await client.post(client.kid ?? '', null, { header: { nonce } }),
      await client.post(client.kid ?? '', null, { header: { nonce } }),
    ];

    assert.deepEqual([typeOf(first), typeOf(second)], ['200 ', '400 badNonce']);
    assert.match(String(second.headers['replay-nonce']), /^[\w-]{20,}$/);
  });
});

describe('accounts', () => {
  test('one key has one account, which is found again and not made where it is not wanted', async () => {
    const client = new RawClient(ca);

    const none = await client.post('/new-account', { onlyReturnExisting: true });
    const unagreed = await client.post('/new-account', {});
    const made = await client.post('/new-account', { termsOfServiceAgreed: true });
    const again = await client.post('/new-account', { onlyReturnExisting: true });

    assert.deepEqual([none, unagreed, made, again].map(typeOf), [
      '400 accountDoesNotExist',
      '403 userActionRequired',
      '201 ',
      '200 ',
    ]);
    assert.equal(made.headers.location, again.headers.location);
  });

  test('contacts are checked and changed, and a deactivated account may do nothing', async () => {
    const client = await registered(ca);
    const kid = String(client.kid);

    const answers = [
      await client.post(kid, { contact: ['tel:1'] }),
      await client.post(kid, { contact: ['mailto:nobody'] }),
      await client.post(kid, { contact: ['mailto:ops@example.test'] }),
      await client.post(kid, { status: 'deactivated' }),
      await client.post('/new-order', dns('www.example.test')),
    ];

    assert.deepEqual(answers.map(typeOf), [
      ...['400 unsupportedContact', '400 invalidContact', '200 ', '200 ', '403 unauthorized'],
    ]);
    assert.deepEqual(answers[2]?.json.contact, ['mailto:ops@example.test']);
  });

  test('an external account is bound by HS256 over the very key and URL', async (t) => {
    const strict = await startAcmeSimulator({ authority, externalAccountKeys: { ours: MAC_KEY } });
    t.after(() => strict.close());
    const client = new RawClient(strict);
    const url = `${strict.origin}/new-account`;
    const header = { alg: 'HS256', kid: 'ours', url };
    const bindings = [
      undefined,
      binding({ ...header, kid: 'theirs' }, client.jwk, MAC_KEY),
      binding(header, client.jwk, randomBytes(32).toString('base64url')),
      binding(header, jwkOf(newKey()), MAC_KEY),
      binding({ ...header, url: `${strict.origin}/new-order` }, client.jwk, MAC_KEY),
      binding({ ...header, nonce: 'x' }, client.jwk, MAC_KEY),
      binding(header, client.jwk, MAC_KEY),
    ];

    const answers: string[] = [];
    for (const externalAccountBinding of bindings) {
      const payload = { termsOfServiceAgreed: true, externalAccountBinding };
      answers.push(typeOf(await client.post('/new-account', payload)));
    }

    assert.deepEqual(answers, [
      ...['403 externalAccountRequired', '403 unauthorized', '403 unauthorized', '400 malformed'],
      ...['400 malformed', '400 malformed', '201 '],
    ]);
  });

  test('a key is rolled over by both keys, and the account stays (section 7.3.5)', async () => {
    const client = await registered(ca);
    const [oldKey, newer, url] = [client.jwk, newKey(), `${ca.origin}/key-change`];
    const inner = { account: client.kid, oldKey };
    const head = { alg: 'ES256', jwk: jwkOf(newer), url };
    const attempts = [
      flattened({ ...head, url: `${ca.origin}/new-order` }, inner, newer),
      flattened({ ...head, nonce: 'x' }, inner, newer),
      flattened(head, { ...inner, account: `${ca.origin}/account/1` }, newer),
      flattened(head, { ...inner, oldKey: head.jwk }, newer),
      flattened(head, inner, newKey()),
      flattened({ ...head, jwk: client.jwk }, inner, client.key),
      flattened(head, inner, newer),
    ];

    const answers: string[] = [];
    for (const attempt of attempts) answers.push(typeOf(await client.post('/key-change', attempt)));
    const stale = await client.post(String(client.kid), null);
    client.key = newer;
    const fresh = await client.post(String(client.kid), null);

    assert.deepEqual(answers, [...Array.from({ length: 5 }, () => '400 malformed'), '409 conflict', '200 ']);
    assert.deepEqual([typeOf(stale), typeOf(fresh)], ['400 malformed', '200 ']);
  });
});

describe('orders', () => {
  const cases: readonly { readonly name: string; readonly order: object; readonly as: string }[] = [
    { name: 'no name', order: dns(), as: '400 malformed' },
    {
      name: 'a type of its own',
      order: { identifiers: [{ type: 'mail', value: 'x' }] },
      as: '400 unsupportedIdentifier',
    },
    { name: 'a name of one label', order: dns('localhost'), as: '400 rejectedIdentifier' },
    { name: 'an address as a name', order: dns('192.0.2.1'), as: '400 rejectedIdentifier' },
    { name: 'a wildcard in the middle', order: dns('a.*.test'), as: '400 rejectedIdentifier' },
    {
      name: 'IPv6 written long',
      order: { identifiers: [{ type: 'ip', value: '2001:db8:0::1' }] },
      as: '400 malformed',
    },
    { name: 'an unknown profile', order: { ...dns('a.test'), profile: 'none' }, as: '400 invalidProfile' },
    {
      name: 'too many for its profile',
      order: { ...dns('a.test', 'b.test', 'c.test'), profile: 'short' },
      as: '400 malformed',
    },
    {
      name: 'an address where the profile has none',
      order: { identifiers: [{ type: 'ip', value: '192.0.2.1' }], profile: 'short' },
      as: '400 rejectedIdentifier',
    },
    {
      name: 'a notAfter',
      order: { ...dns('a.test'), notAfter: '2030-01-01T00:00:00Z' },
      as: '400 malformed',
    },
    {
      name: 'a predecessor that is not there',
      order: { ...dns('a.test'), replaces: 'AA.BB' },
      as: '404 malformed',
    },
  ];
  for (const { name, order, as } of cases) {
    test(`with ${name} are refused`, async () => {
      const client = await registered(ca);

      const answer = await client.post('/new-order', order);

      assert.equal(typeOf(answer), as, answer.body);
    });
  }

  test('that are open are handed out again; one that is done, or of another account, is not', async () => {
    const [client, other] = [await registered(ca), await registered(ca)];
    const names = dns('again.example.test');

    const [first, second] = [await client.post('/new-order', names), await client.post('/new-order', names)];
    const foreign = await other.post(String(first.headers.location), null);
    await issued(client, names);
    const third = await client.post('/new-order', names);

    assert.equal(first.headers.location, second.headers.location);
    assert.notEqual(third.headers.location, first.headers.location);
    assert.equal(typeOf(foreign), '404 malformed');
  });

  test('are finalized when ready, once, with a request that names exactly what was ordered', async () => {
    const client = await registered(ca);
    const names = dns('one.example.test', 'two.example.test');
    const csrFor = async (...dnsNames: readonly string[]) => ({
      csr: Buffer.from((await signingRequest({ name: 'x', dnsNames })).csr).toString('base64url'),
    });
    const early = await client.post('/new-order', names);
    const right = await csrFor('one.example.test', 'two.example.test');

    const answers = [
      await client.post(early.json.finalize, right),
      await validated(client, names).then(() => client.post(early.json.finalize, { csr: 'AAAA' })),
      await client.post(early.json.finalize, await csrFor('one.example.test')),
      await client.post(early.json.finalize, right),
      await client.post(early.json.finalize, right),
    ];

    assert.deepEqual(answers.map(typeOf), [
      ...['403 orderNotReady', '400 badCSR', '400 badCSR', '200 ', '403 orderNotReady'],
    ]);
  });

  test('give a wildcard DNS alone and an address HTTP alone', async () => {
    const client = await registered(ca);

    const made = await client.post('/new-order', {
      identifiers: [
        { type: 'dns', value: '*.example.test' },
        { type: 'ip', value: '2001:db8::1' },
      ],
    });
    const [wildcard, address] = await Promise.all(
      made.json.authorizations.map(async (url: string) => (await client.post(url, null)).json),
    );

    assert.deepEqual([wildcard.wildcard, wildcard.identifier.value], [true, 'example.test']);
    assert.deepEqual(
      wildcard.challenges.map(({ type }: { type: string }) => type),
      ['dns-01'],
    );
    assert.deepEqual(
      address.challenges.map(({ type }: { type: string }) => type),
      ['http-01'],
    );
  });
});

describe('certificates', () => {
  test('chain to the root, live as their profile says, and have an alternate chain', async () => {
    const client = await registered(ca);
    const { json } = await issued(client, { ...dns('chain.example.test'), profile: 'short' } as never);

    const usual = await client.post(json.certificate, null);
    const link = [usual.headers.link ?? ''].flat().join(', ');
    const alternate = await client.post(/<([^>]+)>;rel="alternate"/.exec(link)?.[1] ?? '', null);

    for (const [{ body }, root] of [
      [usual, ca.rootPem] as const,
      [alternate, ca.alternateRootPem] as const,
    ]) {
      const [leaf, above] = body
        .split(/(?<=-----END CERTIFICATE-----\n)/)
        .filter((part) => part !== '')
        .map((part) => new X509Certificate(part));
      assert.ok(leaf !== undefined && above !== undefined);
      assert.ok(leaf.verify(above.publicKey) && above.verify(new X509Certificate(root).publicKey));
      assert.equal(Date.parse(leaf.validTo) - Date.parse(leaf.validFrom), 90_000);
      assert.equal(leaf.subjectAltName, 'DNS:chain.example.test');
      assert.equal(leaf.ca, false);
    }
  });

  test('have renewal information, are replaced once, and are revoked by who may', async () => {
    const [client, other] = [await registered(ca), await registered(ca)];
    const names = dns('renew.example.test');
    await issued(client, names);
    const made = ca.certificates.at(-1);
    assert.ok(made !== undefined);
    const info = `/renewal-info/${made.certificateId}`;
    const certificate = new X509Certificate(made.pem).raw.toString('base64url');

    const window = (await client.send(info)).json.suggestedWindow;
    const stolen = await other.post('/new-order', { ...names, replaces: made.certificateId });
    const next = { ...names, replaces: made.certificateId };
    await issued(client, next);
    const twice = await client.post('/new-order', next);
    const revocations = [
      await other.post('/revoke-cert', { certificate }),
      await client.post('/revoke-cert', { certificate, reason: 2 }),
      await client.post('/revoke-cert', { certificate, reason: 4 }),
      await client.post('/revoke-cert', { certificate }),
    ];
    const afterwards = (await client.send(info)).json.suggestedWindow;

    const middleMs = (Date.parse(window.start) + Date.parse(window.end)) / 2;
    assert.ok(Math.abs(middleMs - Date.now() - 60 * 24 * HOUR_MS) < 60_000);
    assert.deepEqual([typeOf(stolen), typeOf(twice)], ['403 unauthorized', '409 alreadyReplaced']);
    assert.deepEqual(revocations.map(typeOf), [
      ...['403 unauthorized', '400 badRevocationReason', '200 ', '400 alreadyRevoked'],
    ]);
    assert.ok(Date.parse(afterwards.end) < Date.now());
    assert.equal(typeOf(await client.send('/renewal-info/AA.BB')), '404 malformed');
  });
});
