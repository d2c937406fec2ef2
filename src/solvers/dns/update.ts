import { RECORD_TYPES } from './message.ts';
import { type DnsName, encodeName } from './name.ts';

const OPCODE_UPDATE = 5;
const CLASS = { IN: 1, NONE: 254 } as const;

/** One change of one TXT value; other values of the name stay as they are. */
export interface TxtChange {
  readonly id: number;
  readonly zone: DnsName;
  readonly name: DnsName;
  /** At most 255 bytes of ASCII. */
  readonly value: string;
  readonly action: 'add' | 'remove';
  readonly ttlSeconds: number;
}

/**
 * An UPDATE (RFC 2136, section 2). Adding asks first that the name has no CNAME (section 2.4.3): a server
 * ignores a TXT beside one without a word (section 3.4.2.2). Removing takes exactly this value (section
 * 2.5.4), never the set.
 */
export function encodeTxtUpdate({ id, zone, name, value, action, ttlSeconds }: TxtChange): Buffer {
  const text = Buffer.from(value, 'latin1');
  const data = Buffer.concat([Buffer.from([text.length]), text]);
  const prerequisites =
    action === 'add' ? [record(name, RECORD_TYPES.CNAME, CLASS.NONE, 0, Buffer.alloc(0))] : [];
  const update =
    action === 'add'
      ? record(name, RECORD_TYPES.TXT, CLASS.IN, ttlSeconds, data)
      : record(name, RECORD_TYPES.TXT, CLASS.NONE, 0, data);
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(OPCODE_UPDATE << 11, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(prerequisites.length, 6);
  header.writeUInt16BE(1, 8);
  const zoneSection = Buffer.concat([encodeName(zone), Buffer.from([0, RECORD_TYPES.SOA, 0, CLASS.IN])]);
  return Buffer.concat([header, zoneSection, ...prerequisites, update]);
}

function record(name: DnsName, type: number, recordClass: number, ttlSeconds: number, data: Buffer): Buffer {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(recordClass, 2);
  fixed.writeUInt32BE(ttlSeconds, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([encodeName(name), fixed, data]);
}
