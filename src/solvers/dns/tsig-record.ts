import { badAnswer } from './dns-error.ts';
import { type DnsName, readName } from './name.ts';

const CLASS_ANY = 255;

/** The data of a TSIG record (RFC 8945, section 4.2), as it came. */
export interface TsigRecord {
  /** Where the record begins in the message. */
  readonly offset: number;
  readonly keyName: DnsName;
  readonly algorithm: DnsName;
  /** Seconds since 1970. */
  readonly timeSigned: number;
  readonly fudgeSeconds: number;
  readonly mac: Buffer;
  readonly originalId: number;
  /** 16 BADSIG, 17 BADKEY, 18 BADTIME, 22 BADTRUNC; 0 none. */
  readonly error: number;
  readonly otherData: Buffer;
}

/** Class and lifetime are signed as what they have to be, so they are nothing else. Throws `solvers.dns-bad-answer`. */
export function readTsigData(
  bytes: Buffer,
  record: {
    readonly offset: number;
    readonly name: DnsName;
    readonly recordClass: number;
    readonly ttlSeconds: number;
    readonly dataOffset: number;
    readonly end: number;
  },
): TsigRecord {
  if (record.recordClass !== CLASS_ANY || record.ttlSeconds !== 0) {
    throw badAnswer('its TSIG record has a class or lifetime that no such record has');
  }
  const { name: algorithm, end: fixed } = readName(bytes, record.dataOffset);
  if (fixed + 10 > record.end) throw badAnswer('its TSIG record is too short');
  const macOffset = fixed + 10;
  const macEnd = macOffset + bytes.readUInt16BE(fixed + 8);
  if (macEnd + 6 > record.end) throw badAnswer('its TSIG record is too short');
  const otherEnd = macEnd + 6 + bytes.readUInt16BE(macEnd + 4);
  if (otherEnd !== record.end) throw badAnswer('its TSIG record has the wrong length');
  return {
    offset: record.offset,
    keyName: record.name,
    algorithm,
    timeSigned: bytes.readUIntBE(fixed, 6),
    fudgeSeconds: bytes.readUInt16BE(fixed + 6),
    mac: bytes.subarray(macOffset, macEnd),
    originalId: bytes.readUInt16BE(macEnd),
    error: bytes.readUInt16BE(macEnd + 2),
    otherData: bytes.subarray(macEnd + 6, otherEnd),
  };
}
