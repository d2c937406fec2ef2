import { hash as digestOf } from 'node:crypto';

/** What a derived key is for (RFC 7292, appendix B.3). */
const PURPOSE_IDS = { key: 1, iv: 2, mac: 3 } as const;

/** Both hashes work on blocks of this size. */
const HASH_BLOCK_BYTES = 64;

/** How a key is derived from a password. */
export interface Pkcs12KeyRequest {
  readonly hash: 'sha1' | 'sha256';
  readonly purpose: keyof typeof PURPOSE_IDS;
  /** As `pkcs12Password` gives it. */
  readonly password: Uint8Array;
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly length: number;
}

/** A password as PKCS#12's own derivation takes it: a BMPString with a final NULL (RFC 7292, appendix B.1). */
export function pkcs12Password(password: string): Buffer {
  return Buffer.from(`${password}\0`, 'utf16le').swap16();
}

/**
 * PKCS#12's own key derivation (RFC 7292, appendix B.2). Some 3 ms for 2048 iterations, on the event loop: OpenSSL has
 * it, and Node does not hand it out.
 */
export function pkcs12Key(request: Pkcs12KeyRequest): Buffer {
  const { hash, purpose, password, salt, iterations, length } = request;
  const diversifier = Buffer.alloc(HASH_BLOCK_BYTES, PURPOSE_IDS[purpose]);
  const input = Buffer.concat([repeated(salt), repeated(password)]);
  const parts: Buffer[] = [];
  for (let made = 0; made < length; ) {
    let digest = digestOf(hash, Buffer.concat([diversifier, input]), 'buffer');
    for (let iteration = 1; iteration < iterations; iteration += 1) {
      digest = digestOf(hash, digest, 'buffer');
    }
    parts.push(digest);
    made += digest.length;
    addToEachBlock(input, repeated(digest));
  }
  return Buffer.concat(parts).subarray(0, length);
}

/** As many copies as fill whole blocks; nothing stays nothing. */
function repeated(bytes: Uint8Array): Buffer {
  const length = HASH_BLOCK_BYTES * Math.ceil(bytes.length / HASH_BLOCK_BYTES);
  return length === 0 ? Buffer.alloc(0) : Buffer.alloc(length, bytes);
}

/** Step 6C: each block of `input` becomes (block + addend + 1) mod 2^(8·block length), as big-endian numbers. */
function addToEachBlock(input: Buffer, addend: Buffer): void {
  for (let start = 0; start < input.length; start += HASH_BLOCK_BYTES) {
    let carry = 1;
    for (let index = HASH_BLOCK_BYTES - 1; index >= 0; index -= 1) {
      const sum = (input[start + index] ?? 0) + (addend[index] ?? 0) + carry;
      input[start + index] = sum & 0xff;
      carry = sum >> 8;
    }
  }
}
