import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { withoutCutTokens, withoutTokens } from '../../../src/lib/without-tokens.ts';

const TOKEN = 'evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA';
const THUMBPRINT = 'LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ';
const KEY_AUTHORIZATION = `${TOKEN}.${THUMBPRINT}`;
const DIGEST = createHash('sha256').update(KEY_AUTHORIZATION).digest();

describe('what a CA quotes of a challenge goes', () => {
  const cases = [
    {
      name: 'Boulder: another answer',
      text: `192.0.2.7: The key authorization file from the server did not match this challenge. Expected "${KEY_AUTHORIZATION}" (got "nope")`,
      left: '192.0.2.7: The key authorization file from the server did not match this challenge. Expected "…" (got "nope")',
    },
    {
      name: 'Pebble: another answer',
      text: `The key authorization file from the server did not match this challenge "${KEY_AUTHORIZATION}" != "x.${THUMBPRINT}"`,
      left: 'The key authorization file from the server did not match this challenge "…" != "…"',
    },
    {
      name: 'Boulder: a page that is not there',
      text: `192.0.2.7: Invalid response from http://a.test/.well-known/acme-challenge/${TOKEN}: 404`,
      left: '192.0.2.7: Invalid response from http://a.test/.well-known/acme-challenge/…: 404',
    },
    {
      name: 'Boulder: nobody answers',
      text: `192.0.2.7: Fetching http://a.test/.well-known/acme-challenge/${TOKEN}: Timeout during connect (likely firewall problem)`,
      left: '192.0.2.7: Fetching http://a.test/.well-known/acme-challenge/…: Timeout during connect (likely firewall problem)',
    },
    {
      name: 'Pebble: nobody answers',
      text: `Get "http://a.test:5002/.well-known/acme-challenge/${TOKEN}": dial tcp 192.0.2.7:5002: connect: connection refused`,
      left: 'Get "http://a.test:5002/.well-known/acme-challenge/…": dial tcp 192.0.2.7:5002: connect: connection refused',
    },
    {
      name: 'a short token in a URL, after a redirect',
      text: 'Fetching https://www.a.test/x/.well-known/acme-challenge/abc?again=1: Redirect loop detected',
      left: 'Fetching https://www.a.test/x/.well-known/acme-challenge/…: Redirect loop detected',
    },
    {
      name: 'Boulder: another TXT record',
      text: `Incorrect TXT record "${DIGEST.toString('base64url')}" (and 2 more) found at _acme-challenge.a.test`,
      left: 'Incorrect TXT record "…" (and 2 more) found at _acme-challenge.a.test',
    },
    {
      name: 'Boulder: another TLS-ALPN-01 extension',
      text: `Expected acmeValidationV1 extension value ${DIGEST.toString('hex')} for this challenge but got ${'ab'.repeat(32)}`,
      left: 'Expected acmeValidationV1 extension value … for this challenge but got …',
    },
    {
      name: 'a key authorization whose thumbprint was cut',
      text: `got "${TOKEN}.LPJNul-wow"`,
      left: 'got "…"',
    },
  ];
  for (const { name, text, left } of cases) {
    test(name, () => {
      assert.equal(withoutTokens(text), left);
    });
  }

  test('whatever token and thumbprint are, in 2,000 tries', () => {
    for (let round = 0; round < 2_000; round += 1) {
      const bytes = createHash('sha512').update(String(round)).digest();
      const token = bytes.subarray(0, 16 + (round % 40)).toString('base64url');
      const thumbprint = createHash('sha256').update(bytes).digest('base64url');

      const left = withoutTokens(`Expected "${token}.${thumbprint}" (got "${thumbprint}")`);

      assert.equal(left, 'Expected "…" (got "…")');
    }
  });
});

test('what people need to read stays', () => {
  const texts = [
    'DNS problem: NXDOMAIN looking up A for a-rather-long-label-with-many-words-in-it.example.com',
    'CAA record for www.example.com prevents issuance; see https://letsencrypt.org/docs/caa/#caa',
    'too many certificates (5) already issued for "example.com" in the last 168h0m0s, retry after 2026-01-02 03:04:05 UTC',
    'remote error: tls: handshake failure [2001:db8::7]; ServerHelloDoneNotReceived',
    'xn--80akhbyknj4f.xn--p1ai: 127.0.0.1:5002',
  ];
  for (const text of texts) assert.equal(withoutTokens(text), text);
});

test('of a text that was cut, no half of a token stays', () => {
  assert.equal(withoutCutTokens(`Expected "${TOKEN.slice(0, 10)}`), 'Expected "');
});

test('a text of 100,000 characters takes no time to speak of', () => {
  const hostile = ['a', '.', 'aA1', 'a.', '.well-known/acme-challenge/'].map((part) =>
    part.repeat(100_000 / part.length),
  );

  for (const text of hostile) assert.ok(withoutTokens(text).length <= text.length);
});
