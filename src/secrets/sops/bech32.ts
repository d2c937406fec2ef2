// Bech32 (BIP 173), in which age writes recipients and identities: a prefix, `1`, data of five bits a character, and a
// checksum of six. Of our own so that who only looks at recipients need not load the age library.

const ALPHABET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const CHECKSUM_CHARS = 6;
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];

/** Whether `text` is an age X25519 recipient (`age1…`, lower case, checksum right). */
export function isX25519Recipient(text: string): boolean {
  return /^age1[02-9ac-hj-np-z]{58}$/.test(text) && isChecked(text) && hasNoPadding(text);
}

/** The bytes in a Bech32 text whose checksum has been checked before; lower case. */
export function bech32Payload(text: string): Buffer {
  const bytes: number[] = [];
  let bits = 0;
  let value = 0;
  for (const word of wordsOf(text).slice(0, -CHECKSUM_CHARS)) {
    value = ((value << 5) | word) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((value >> bits) & 0xff);
    }
  }
  return Buffer.from(bytes);
}

function wordsOf(text: string): readonly number[] {
  return Array.from(text.slice(text.lastIndexOf('1') + 1), (char) => ALPHABET.indexOf(char));
}

function isChecked(text: string): boolean {
  const prefix = Array.from(text.slice(0, text.lastIndexOf('1')), (char) => char.charCodeAt(0));
  const high = prefix.map((code) => code >> 5);
  const low = prefix.map((code) => code & 31);
  return polymod([...high, 0, ...low, ...wordsOf(text)]) === 1;
}

/** The bits that fill up the last character must be zero, or one key would have several names. */
function hasNoPadding(text: string): boolean {
  const words = wordsOf(text).slice(0, -CHECKSUM_CHARS);
  const spare = (words.length * 5) % 8;
  return ((words.at(-1) ?? 0) & ((1 << spare) - 1)) === 0;
}

/** The remainder that the checksum is made from. */
function polymod(values: readonly number[]): number {
  let remainder = 1;
  for (const value of values) {
    const top = remainder >>> 25;
    remainder = ((remainder & 0x1ffffff) << 5) ^ value;
    for (const [bit, term] of GENERATOR.entries()) if ((top >> bit) & 1) remainder ^= term;
  }
  return remainder;
}
