import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { formatGoFloat, type GoScalar } from '../../lib/go-scalar.ts';

// getsops/sops aes/cipher.go: AES-256-GCM with a nonce of 32 bytes and a tag of 16.
const CIPHER = 'aes-256-gcm';
const IV_BYTES = 32;
const TAG_BYTES = 16;

/** What one `ENC[…]` text holds, still encrypted. */
export interface EncryptedValue {
  readonly data: Buffer;
  readonly iv: Buffer;
  readonly tag: Buffer;
  readonly type: 'str' | 'int' | 'float' | 'bool' | 'bytes' | 'time' | 'comment';
}

/** A leaf in plain: its value for the document, and the bytes that SOPS's MAC is made over. */
export interface PlainLeaf {
  readonly value: string | number | bigint | boolean | null;
  readonly macBytes: Buffer;
}

/** The additional data of a value: the keys on its path joined by `:`, with a final `:`; list indices are left out. */
export function additionalData(path: readonly string[]): string {
  return `${path.join(':')}:`;
}

/** Whether a text has the form of an encrypted value, well-formed or not. */
export function looksEncrypted(text: string): boolean {
  return text.startsWith('ENC[');
}

/** Reads `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`; undefined where it is not exactly that. */
export function parseEncryptedValue(text: string): EncryptedValue | undefined {
  const match =
    /^ENC\[AES256_GCM,data:([^,]+),iv:([^,]+),tag:([^,]+),type:(str|int|float|bool|bytes|time|comment)\]$/.exec(
      text,
    );
  if (match === null) return undefined;
  const data = strictBase64(match[1] ?? '');
  const iv = strictBase64(match[2] ?? '');
  const tag = strictBase64(match[3] ?? '');
  if (data === undefined || iv?.length !== IV_BYTES || tag?.length !== TAG_BYTES) return undefined;
  // The pattern lets nothing but these types pass.
  return { data, iv, tag, type: match[4] as EncryptedValue['type'] };
}

/** The plain bytes, or undefined where key, place or ciphertext are not the ones it was made with. */
export function decryptValue(value: EncryptedValue, dataKey: Buffer, aad: string): Buffer | undefined {
  try {
    const decipher = createDecipheriv(CIPHER, dataKey, value.iv, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(aad));
    decipher.setAuthTag(value.tag);
    return Buffer.concat([decipher.update(value.data), decipher.final()]);
  } catch {
    return undefined;
  }
}

/** Encrypts under a fresh IV. `plain` must not be empty: SOPS leaves empty values as they are. */
export function encryptValue(plain: Buffer, type: string, dataKey: Buffer, aad: string): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(CIPHER, dataKey, iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(aad));
  const data = Buffer.concat([cipher.update(plain), cipher.final()]);
  const parts = [data, iv, cipher.getAuthTag()].map((part) => part.toString('base64'));
  return `ENC[AES256_GCM,data:${parts[0]},iv:${parts[1]},tag:${parts[2]},type:${type}]`;
}

/** Decrypted bytes by their declared type, as Go parses them and prints them for the MAC; undefined if they are none. */
export function plainLeaf(type: EncryptedValue['type'], bytes: Buffer): PlainLeaf | undefined {
  const text = bytes.toString('utf8');
  switch (type) {
    case 'str':
    case 'bytes':
    case 'time':
      return { value: text, macBytes: bytes };
    case 'comment':
      return undefined;
    case 'int':
      return /^[-+]?[0-9]{1,19}$/.test(text)
        ? leafOfScalar({ type: 'int', value: BigInt(text).toString() })
        : undefined;
    case 'float': {
      const value = Number(text);
      return /^[-+]?[0-9.]+([eE][-+]?[0-9]+)?$/.test(text) && Number.isFinite(value)
        ? leafOfScalar({ type: 'float', value })
        : undefined;
    }
    case 'bool':
      return /^(true|false)$/i.test(text)
        ? leafOfScalar({ type: 'bool', value: text.toLowerCase() === 'true' })
        : undefined;
  }
}

/** A leaf that stands in clear, with the bytes of SOPS's `ToBytes`; nulls have none. */
export function leafOfScalar(scalar: Exclude<GoScalar, { type: 'uint' }>): PlainLeaf {
  switch (scalar.type) {
    case 'str':
    case 'time':
      return { value: scalar.value, macBytes: Buffer.from(scalar.value) };
    case 'int': {
      const number = Number(scalar.value);
      return {
        value: Number.isSafeInteger(number) ? number : BigInt(scalar.value),
        macBytes: Buffer.from(scalar.value),
      };
    }
    case 'float':
      return { value: scalar.value, macBytes: Buffer.from(formatGoFloat(scalar.value)) };
    case 'bool':
      return { value: scalar.value, macBytes: Buffer.from(scalar.value ? 'True' : 'False') };
    case 'null':
      return { value: null, macBytes: Buffer.alloc(0) };
  }
}

/** Base64 with padding and nothing else (RFC 4648, section 4); undefined otherwise. */
export function strictBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}
