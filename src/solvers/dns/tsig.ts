import { createHmac, timingSafeEqual } from 'node:crypto';
import type { TsigAlgorithm } from '../../api/issuer.ts';
import type { Sensitive } from '../../lib/sensitive.ts';
import { type DnsName, encodeName } from './name.ts';
import type { TsigRecord } from './tsig-record.ts';

/** Names of the algorithms on the wire (RFC 8945, section 6) and of their digests. */
const ALGORITHMS: Readonly<Record<TsigAlgorithm, { readonly name: DnsName; readonly digest: string }>> = {
  HMACMD5: { name: 'hmac-md5.sig-alg.reg.int', digest: 'md5' },
  HMACSHA1: { name: 'hmac-sha1', digest: 'sha1' },
  HMACSHA256: { name: 'hmac-sha256', digest: 'sha256' },
  HMACSHA512: { name: 'hmac-sha512', digest: 'sha512' },
};
const TYPE_TSIG = 250;
const CLASS_ANY = 255;
/** RFC 8945, section 10: recommended. */
const FUDGE_SECONDS = 300;

/** A shared key of a name server. */
export interface TsigKey {
  readonly name: DnsName;
  readonly algorithm: TsigAlgorithm;
  readonly secret: Sensitive<Buffer>;
}

/** A message with its signature, and the MAC that the answer's signature must build on. */
export interface SignedMessage {
  readonly bytes: Buffer;
  readonly mac: Buffer;
}

/** What an answer's signature is worth. */
export type TsigVerdict = 'valid' | 'unsigned' | 'other-key' | 'wrong-mac' | 'wrong-time';

/** Signs a request (RFC 8945, sections 4.3.3 and 5.1). `timeSeconds` since 1970, of the real clock. */
export function signMessage(
  message: Buffer,
  key: TsigKey,
  timeSeconds: number,
  fudgeSeconds = FUDGE_SECONDS,
): SignedMessage {
  const { name: algorithm } = ALGORITHMS[key.algorithm];
  const mac = hmac(key, [
    message,
    variables(key.name, algorithm, timeSeconds, fudgeSeconds, 0, Buffer.alloc(0)),
  ]);
  const data = Buffer.concat([
    encodeName(algorithm),
    uint48(timeSeconds),
    uint16(fudgeSeconds),
    uint16(mac.length),
    mac,
    message.subarray(0, 2),
    uint16(0),
    uint16(0),
  ]);
  const record = Buffer.concat([
    encodeName(key.name),
    uint16(TYPE_TSIG),
    uint16(CLASS_ANY),
    Buffer.alloc(4),
    uint16(data.length),
    data,
  ]);
  const bytes = Buffer.concat([message, record]);
  bytes.writeUInt16BE(bytes.readUInt16BE(10) + 1, 10);
  return { bytes, mac };
}

/**
 * Judges the signature of a message (RFC 8945, section 5.3). For an answer `requestMac` is what
 * `signMessage` gave; a request has none. `tsig` is what was read from these very bytes.
 */
export function verifyMessage(
  bytes: Buffer,
  tsig: TsigRecord | undefined,
  key: TsigKey,
  requestMac: Buffer | undefined,
  nowSeconds: number,
): TsigVerdict {
  if (tsig === undefined || tsig.mac.length === 0) return 'unsigned';
  if (tsig.keyName !== key.name || tsig.algorithm !== ALGORITHMS[key.algorithm].name) return 'other-key';
  const unsigned = Buffer.from(bytes.subarray(0, tsig.offset));
  unsigned.writeUInt16BE(tsig.originalId, 0);
  unsigned.writeUInt16BE(bytes.readUInt16BE(10) - 1, 10);
  const { timeSigned, fudgeSeconds, error, otherData } = tsig;
  const expected = hmac(key, [
    ...(requestMac === undefined ? [] : [uint16(requestMac.length), requestMac]),
    unsigned,
    variables(tsig.keyName, tsig.algorithm, timeSigned, fudgeSeconds, error, otherData),
  ]);
  // Truncated MACs (section 5.2.2.1) are not taken: no server makes them unless told to.
  if (expected.length !== tsig.mac.length || !timingSafeEqual(expected, tsig.mac)) return 'wrong-mac';
  return Math.abs(nowSeconds - timeSigned) <= fudgeSeconds ? 'valid' : 'wrong-time';
}

/** The server's own time in a BADTIME answer (section 5.2.3), in seconds since 1970. */
export function serverTime({ otherData }: TsigRecord): number | undefined {
  return otherData.length === 6 ? otherData.readUIntBE(0, 6) : undefined;
}

function hmac(key: TsigKey, parts: readonly Buffer[]): Buffer {
  const made = createHmac(ALGORITHMS[key.algorithm].digest, key.secret.reveal());
  for (const part of parts) made.update(part);
  return made.digest();
}

/** Section 4.3.3. */
function variables(
  keyName: DnsName,
  algorithm: DnsName,
  timeSeconds: number,
  fudgeSeconds: number,
  error: number,
  otherData: Buffer,
): Buffer {
  return Buffer.concat([
    encodeName(keyName),
    uint16(CLASS_ANY),
    Buffer.alloc(4),
    encodeName(algorithm),
    uint48(timeSeconds),
    uint16(fudgeSeconds),
    uint16(error),
    uint16(otherData.length),
    otherData,
  ]);
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function uint48(value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntBE(value, 0, 6);
  return bytes;
}
