import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { Encrypter } from 'age-encryption';
import { bech32Payload, isX25519Recipient } from '../../../src/secrets/sops/bech32.ts';

const RECIPIENT = 'age10rv9ljyggd6d0jm86h67qlmrh5xydd283zqt4n2mszk73chxn3zqals76n';
const OTHER = 'age1yead6m5emj68c2u49eagrfnsjgjzwc30w6x0xr7z3l9mv0x5mqmsw0tdrg';
const ALPHABET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';

/** What the age library says. */
function isTakenByAge(text: string): boolean {
  try {
    new Encrypter().addRecipient(text);
    return true;
  } catch {
    return false;
  }
}

test('a recipient is one exactly where the age library takes it, whatever character is another', () => {
  const texts = [RECIPIENT, OTHER].flatMap((recipient) => [
    recipient,
    ...Array.from({ length: 58 }, (_, index) => {
      const at = index + 'age1'.length;
      const char = createHash('sha256').update(`${recipient}${index}`).digest()[0] ?? 0;
      return `${recipient.slice(0, at)}${ALPHABET[char % 32]}${recipient.slice(at + 1)}`;
    }),
  ]);

  const told = texts.map((text) => isX25519Recipient(text));

  assert.deepEqual(
    told,
    texts.map((text) => isTakenByAge(text)),
  );
  assert.ok(told.filter((is) => is).length < 10);
});

const NONE: readonly { readonly name: string; readonly text: string }[] = [
  { name: 'nothing', text: '' },
  { name: 'upper case', text: RECIPIENT.toUpperCase() },
  { name: 'a character too few', text: RECIPIENT.slice(0, -1) },
  { name: 'a character too many', text: `${RECIPIENT}q` },
  { name: 'two characters in the other order', text: RECIPIENT.replace('rv9', 'r9v') },
  { name: 'a plugin’s recipient', text: `age1yubikey1${'q'.repeat(58)}` },
  { name: 'a line break behind it', text: `${RECIPIENT}\n` },
  { name: 'the checksum of Bech32m', text: bech32(Buffer.alloc(32, 7), 0x2bc830a3, 0) },
  { name: 'bits set that fill up the last character', text: bech32(Buffer.alloc(32, 7), 1, 1) },
];

for (const { name, text } of NONE) {
  test(`no recipient: ${name}`, () => {
    assert.equal(isX25519Recipient(text), false);
  });
}

test('the bytes that were written are read', () => {
  const bytes = createHash('sha256').update('key').digest();

  const text = bech32(bytes, 1, 0);

  assert.equal(isX25519Recipient(text), true);
  assert.deepEqual(bech32Payload(text), bytes);
});

/** BIP 173's reference encoder, with the constant that tells Bech32 (1) from Bech32m, and what fills up the last word. */
function bech32(bytes: Uint8Array, constant: number, filling: number): string {
  const words: number[] = [];
  let [value, bits] = [0, 0];
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) words.push((value >> (bits - 5)) & 31);
  }
  if (bits > 0) words.push(((value << (5 - bits)) & 31) | filling);
  const expanded = [...'age'].map((char) => char.charCodeAt(0));
  const all = [...expanded.map((c) => c >> 5), 0, ...expanded.map((c) => c & 31), ...words];
  let sum = 1;
  for (const word of [...all, 0, 0, 0, 0, 0, 0]) {
    const top = sum >> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ word;
    for (const [bit, term] of [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3].entries()) {
      if ((top >> bit) & 1) sum ^= term;
    }
  }
  sum ^= constant;
  const checksum = Array.from({ length: 6 }, (_, index) => (sum >> (5 * (5 - index))) & 31);
  return `age1${[...words, ...checksum].map((word) => ALPHABET[word]).join('')}`;
}
