import assert from 'node:assert/strict';
import test from 'node:test';
import { acmeIssuerWith, certificateWith, problemLines } from './problem-text.ts';

const PASSWORD = 'correct-horse-battery';

const CASES: readonly (readonly [name: string, text: string])[] = [
  [
    'a server that cannot be parsed',
    acmeIssuerWith().replace('https://acme', `https://user:${PASSWORD}@acme`).replace('.com/', '.com:99999/'),
  ],
  ['a server that can', acmeIssuerWith().replace('https://acme', `https://user:${PASSWORD}@acme`)],
  ['a nameserver', acmeIssuerWith('solvers:', `- dns01: {rfc2136: {nameserver: "tcp://a:${PASSWORD}@ns"}}`)],
  ['a DNS name', certificateWith(`dnsNames: ["https://a:${PASSWORD}@www.example.com"]`)],
  ['an unknown field', certificateWith(`"https://a:${PASSWORD}@www.example.com": 1`)],
  ['a keystore’s password', certificateWith(`keystores: {jks: {create: true, password: [${PASSWORD}]}}`)],
];

for (const [name, text] of CASES) {
  test(`a password in ${name} is not told`, () => {
    const lines = problemLines(text);

    assert.ok(lines.length > 0);
    assert.ok(!lines.join('\n').includes(PASSWORD), lines.join('\n'));
  });
}
