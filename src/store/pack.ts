import { createHash } from 'node:crypto';
import { deflateSync } from 'node:zlib';

const TYPE_NUMBERS = { commit: 1, tree: 2, blob: 3 } as const;
const REF_DELTA = 7;
/** Speed before size: certificates and ciphertext hardly shrink. */
const DEFLATE_LEVEL = 1;
const MAX_DELTA_DEPTH = 30;

/**
 * Builds a pack (gitformat-pack) in memory. Trees may stand as differences to a predecessor, which need
 * not be in the pack (`git index-pack --fix-thin` completes it).
 */
export class PackBuilder {
  readonly #parts: Buffer[] = [];
  readonly #depths = new Map<string, number>();
  #objects = 0;
  #bytes = 0;

  get objectCount(): number {
    return this.#objects;
  }

  /** Bytes so far, compressed. */
  get byteCount(): number {
    return this.#bytes;
  }

  /** Adds an object once; a second time it does nothing. */
  add(type: keyof typeof TYPE_NUMBERS, oid: string, content: Uint8Array): void {
    if (this.#depths.has(oid)) return;
    this.#depths.set(oid, 0);
    this.#push([objectHeader(TYPE_NUMBERS[type], content.length), deflate(content)]);
  }

  /** Adds a tree as a difference to `base`, unless the chain of differences grows too long. */
  addTree(
    oid: string,
    content: Buffer,
    base: { readonly oid: string; readonly content: Buffer } | null,
  ): void {
    if (this.#depths.has(oid)) return;
    const depth = base === null ? 0 : (this.#depths.get(base.oid) ?? 0) + 1;
    if (base === null || depth > MAX_DELTA_DEPTH) {
      this.add('tree', oid, content);
      return;
    }
    this.#depths.set(oid, depth);
    const delta = encodeDelta(base.content, content);
    this.#push([objectHeader(REF_DELTA, delta.length), Buffer.from(base.oid, 'hex'), deflate(delta)]);
  }

  /** The whole pack with its trailer. */
  finish(): Buffer {
    const header = Buffer.alloc(12);
    header.write('PACK');
    header.writeUInt32BE(2, 4);
    header.writeUInt32BE(this.#objects, 8);
    const body = Buffer.concat([header, ...this.#parts]);
    return Buffer.concat([body, createHash('sha1').update(body).digest()]);
  }

  #push(parts: readonly Buffer[]): void {
    this.#objects += 1;
    for (const part of parts) {
      this.#parts.push(part);
      this.#bytes += part.length;
    }
  }
}

/**
 * The difference from `base` to `target` in pack format: the bytes they share at the beginning and at the
 * end are copied, what lies between is inserted. Right for trees, where one entry changes at a time.
 */
export function encodeDelta(base: Buffer, target: Buffer): Buffer {
  const most = Math.min(base.length, target.length);
  let prefix = 0;
  while (prefix < most && base[prefix] === target[prefix]) prefix += 1;
  let suffix = 0;
  while (suffix < most - prefix && base[base.length - 1 - suffix] === target[target.length - 1 - suffix])
    suffix += 1;
  const parts = [deltaSize(base.length), deltaSize(target.length), copy(0, prefix)];
  for (let start = prefix; start < target.length - suffix; start += 127) {
    const chunk = target.subarray(start, Math.min(start + 127, target.length - suffix));
    parts.push(Buffer.from([chunk.length]), chunk);
  }
  parts.push(copy(base.length - suffix, suffix));
  return Buffer.concat(parts);
}

function deflate(content: Uint8Array): Buffer {
  return deflateSync(content, { level: DEFLATE_LEVEL });
}

/** Type and size: 4 bits of size in the first byte, 7 in each that follows. */
function objectHeader(type: number, size: number): Buffer {
  const bytes: number[] = [];
  let byte = (type << 4) | (size & 15);
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 128)) {
    bytes.push(byte | 128);
    byte = rest & 127;
  }
  return Buffer.from([...bytes, byte]);
}

function deltaSize(size: number): Buffer {
  const bytes: number[] = [];
  let rest = size;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}

/** Copy instructions: a bit for each byte of offset (4) and length (3) that is not zero. */
function copy(offset: number, length: number): Buffer {
  const bytes: number[] = [];
  let from = offset;
  let rest = length;
  while (rest > 0) {
    const size = Math.min(rest, 0xffffff);
    let command = 128;
    const operands: number[] = [];
    for (let i = 0; i < 4; i++) {
      const byte = Math.floor(from / 256 ** i) & 255;
      if (byte !== 0) {
        command |= 1 << i;
        operands.push(byte);
      }
    }
    for (let i = 0; i < 3; i++) {
      const byte = (size >> (8 * i)) & 255;
      if (byte !== 0) {
        command |= 16 << i;
        operands.push(byte);
      }
    }
    bytes.push(command, ...operands);
    from += size;
    rest -= size;
  }
  return Buffer.from(bytes);
}
