/** RFC 2268, section 2: a permutation made from the digits of pi. */
const PI_TABLE = Buffer.from(
  [
    'd978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2',
    '179a59f587b34f1361456d8d09817d32bd8f40eb86b77b0bf09521225c6b4e82',
    '54d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb626',
    '6fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed7',
    '08e8eade8052eef784aa72ac354d6a2a961ad2715a1549744b9fd05e0418a4ec',
    'c2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b25559731',
    '2d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a9',
    '0d38341bab33ffb0bb480c5fb9b1cd2ec5f3db47e5a59c770aa62068fe7fc1ad',
  ].join(''),
  'hex',
);

const BLOCK_BYTES = 8;
const MIXING_ROUNDS = 16;
/** Rounds after which a mashing round comes (RFC 2268, section 3). */
const MASHED_AFTER: readonly number[] = [4, 10];
const ROTATIONS: readonly number[] = [1, 2, 3, 5];

/**
 * RC2 in CBC mode with PKCS#7 padding (RFC 2268), encryption only. OpenSSL 3 keeps it in a provider that Node does
 * not load, and cert-manager's default PKCS#12 profile needs it. It protects nothing: it is there to be compatible.
 *
 * The effective key length is that of `key`, in bits.
 */
export function encryptRc2Cbc(key: Uint8Array, iv: Uint8Array, plain: Uint8Array): Buffer {
  const words = expandRc2Key(key, key.length * 8);
  const padding = BLOCK_BYTES - (plain.length % BLOCK_BYTES);
  const blocks = Buffer.concat([plain, Buffer.alloc(padding, padding)]);
  let previous = iv;
  for (let start = 0; start < blocks.length; start += BLOCK_BYTES) {
    const block = blocks.subarray(start, start + BLOCK_BYTES);
    for (let index = 0; index < BLOCK_BYTES; index += 1)
      block[index] = at(block, index) ^ at(previous, index);
    encryptRc2Block(words, block);
    previous = block;
  }
  return blocks;
}

/** The 64 words of RC2's key schedule (RFC 2268, section 2). */
export function expandRc2Key(key: Uint8Array, effectiveBits: number): Uint16Array {
  const bytes = Buffer.alloc(128);
  bytes.set(key);
  for (let index = key.length; index < 128; index += 1) {
    bytes[index] = at(PI_TABLE, (at(bytes, index - 1) + at(bytes, index - key.length)) & 0xff);
  }
  const effectiveBytes = Math.ceil(effectiveBits / 8);
  const mask = 0xff >> (8 * effectiveBytes - effectiveBits);
  bytes[128 - effectiveBytes] = at(PI_TABLE, at(bytes, 128 - effectiveBytes) & mask);
  for (let index = 127 - effectiveBytes; index >= 0; index -= 1) {
    bytes[index] = at(PI_TABLE, at(bytes, index + 1) ^ at(bytes, index + effectiveBytes));
  }
  return Uint16Array.from({ length: 64 }, (_, index) => bytes.readUInt16LE(index * 2));
}

/** Encrypts one block of eight octets in place (RFC 2268, section 3). */
export function encryptRc2Block(words: Uint16Array, block: Buffer): void {
  const state = [0, 2, 4, 6].map((offset) => block.readUInt16LE(offset));
  for (let round = 0; round < MIXING_ROUNDS; round += 1) {
    for (let index = 0; index < 4; index += 1) {
      const [second, third, fourth] = [
        at(state, (index + 3) & 3),
        at(state, (index + 2) & 3),
        at(state, (index + 1) & 3),
      ];
      const sum = at(state, index) + at(words, round * 4 + index) + (second & third) + (~second & fourth);
      state[index] = rotateLeft16(sum, at(ROTATIONS, index));
    }
    if (!MASHED_AFTER.includes(round)) continue;
    for (let index = 0; index < 4; index += 1) {
      state[index] = (at(state, index) + at(words, at(state, (index + 3) & 3) & 63)) & 0xffff;
    }
  }
  for (const [index, word] of state.entries()) block.writeUInt16LE(word, index * 2);
}

function rotateLeft16(value: number, bits: number): number {
  const word = value & 0xffff;
  return ((word << bits) | (word >>> (16 - bits))) & 0xffff;
}

/** The element that a caller knows to be there. */
function at(values: ArrayLike<number>, index: number): number {
  return values[index] ?? 0;
}
