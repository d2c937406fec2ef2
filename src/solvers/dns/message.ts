import { encode, RECURSION_DESIRED } from 'dns-packet';
import { type CaaData, formatCaa, readCaaData } from './caa.ts';
import { badAnswer } from './dns-error.ts';
import { type DnsName, readName } from './name.ts';
import { readTsigData, type TsigRecord } from './tsig-record.ts';

const HEADER_BYTES = 12;
/** A name that a hundred orders share has a hundred TXT records; whatever has more is not for us. */
const MAX_RECORDS = 2000;
const MAX_MESSAGE_BYTES = 65_535;
/** What every path carries unfragmented (DNS flag day 2020). */
const UDP_PAYLOAD_BYTES = 1232;

/** Numbers of record types that are looked at (RFC 1035, 3596, 8659). */
export const RECORD_TYPES = { A: 1, NS: 2, CNAME: 5, SOA: 6, TXT: 16, AAAA: 28, CAA: 257 } as const;
const TYPE_TSIG = 250;
const CLASS_IN = 1;

export type RecordType = keyof typeof RECORD_TYPES;

/** RFC 1035, section 4.1.1 and RFC 2136, section 2.2. */
const RCODES: readonly string[] = [
  'NOERROR',
  'FORMERR',
  'SERVFAIL',
  'NXDOMAIN',
  'NOTIMP',
  'REFUSED',
  'YXDOMAIN',
  'YXRRSET',
  'NXRRSET',
  'NOTAUTH',
  'NOTZONE',
];

/** A record of class IN and a known type. */
export interface DnsRecord {
  readonly name: DnsName;
  readonly type: RecordType;
  /**
   * An address for A and AAAA, a name for NS and CNAME, the joined strings of a TXT, a CAA as a zone file has it;
   * empty for SOA.
   */
  readonly value: string;
  /** Of a CAA. */
  readonly caa?: CaaData;
}

/** A message as it came, read within limits. Nothing in it is to be trusted. */
export interface DnsMessage {
  readonly id: number;
  readonly isResponse: boolean;
  readonly opcode: number;
  readonly isAuthoritative: boolean;
  readonly isTruncated: boolean;
  /** `NOERROR`, `NXDOMAIN`, …; `RCODE12` for what has no name. */
  readonly rcode: string;
  /** Of one question, or of an update's zone section. */
  readonly question?: { readonly name: DnsName; readonly type: number } | undefined;
  readonly questionCount: number;
  readonly answers: readonly DnsRecord[];
  readonly authorities: readonly DnsRecord[];
  /** The last record of the additional section, where it is a TSIG (RFC 8945, section 5.1). */
  readonly tsig?: TsigRecord | undefined;
}

/** A standard query with an EDNS record (RFC 6891). `isRecursive` asks a resolver to do the walking. */
export function encodeQuery(query: {
  readonly id: number;
  readonly name: DnsName;
  readonly type: RecordType;
  readonly isRecursive: boolean;
}): Buffer {
  return encode({
    type: 'query',
    id: query.id,
    flags: query.isRecursive ? RECURSION_DESIRED : 0,
    questions: [{ type: query.type, name: query.name === '' ? '.' : query.name, class: 'IN' }],
    additionals: [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize: UDP_PAYLOAD_BYTES,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0,
        flag_do: false,
        options: [],
      },
    ],
  });
}

/**
 * Reads a whole message (RFC 1035, section 4.1). Answers are a stranger's bytes, and dns-packet's decoder
 * follows any chain of pointers and forgets where labels end, so they are read here.
 * Throws `solvers.dns-bad-answer`, never anything else.
 */
export function parseDnsMessage(input: Uint8Array): DnsMessage {
  const bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
  if (bytes.length < HEADER_BYTES || bytes.length > MAX_MESSAGE_BYTES)
    throw badAnswer('its size is no message’s');
  const flags = bytes.readUInt16BE(2);
  const questionCount = bytes.readUInt16BE(4);
  const counts = [bytes.readUInt16BE(6), bytes.readUInt16BE(8), bytes.readUInt16BE(10)] as const;
  if (questionCount > 1 || counts[0] + counts[1] + counts[2] > MAX_RECORDS) {
    throw badAnswer(`it holds more than one question or ${MAX_RECORDS} records`);
  }
  let at = HEADER_BYTES;
  let question: DnsMessage['question'];
  if (questionCount === 1) {
    const { name, end } = readName(bytes, at);
    if (end + 4 > bytes.length) throw badAnswer('the question runs past the end');
    question = { name, type: bytes.readUInt16BE(end) };
    at = end + 4;
  }
  const sections = counts.map((count) => {
    const outlines: RecordOutline[] = [];
    for (let index = 0; index < count; index += 1) {
      const outline = outlineRecord(bytes, at);
      outlines.push(outline);
      at = outline.end;
    }
    return outlines;
  });
  const [answers = [], authorities = [], additionals = []] = sections;
  const last = additionals.at(-1);
  return {
    id: bytes.readUInt16BE(0),
    isResponse: (flags & 0x8000) !== 0,
    opcode: (flags >> 11) & 15,
    isAuthoritative: (flags & 0x0400) !== 0,
    isTruncated: (flags & 0x0200) !== 0,
    rcode: RCODES[flags & 15] ?? `RCODE${flags & 15}`,
    question,
    questionCount,
    answers: answers.flatMap((outline) => readRecord(bytes, outline)),
    authorities: authorities.flatMap((outline) => readRecord(bytes, outline)),
    ...(last?.type === TYPE_TSIG ? { tsig: readTsigData(bytes, last) } : {}),
  };
}

/** Where a record lies in its message. */
export interface RecordOutline {
  readonly offset: number;
  readonly name: DnsName;
  readonly type: number;
  readonly recordClass: number;
  readonly ttlSeconds: number;
  readonly dataOffset: number;
  readonly end: number;
}

function outlineRecord(bytes: Buffer, offset: number): RecordOutline {
  const { name, end: fixed } = readName(bytes, offset);
  if (fixed + 10 > bytes.length) throw badAnswer('a record runs past the end');
  const dataOffset = fixed + 10;
  const end = dataOffset + bytes.readUInt16BE(fixed + 8);
  if (end > bytes.length) throw badAnswer('a record runs past the end');
  return {
    offset,
    name,
    type: bytes.readUInt16BE(fixed),
    recordClass: bytes.readUInt16BE(fixed + 2),
    ttlSeconds: bytes.readUInt32BE(fixed + 4),
    dataOffset,
    end,
  };
}

function readRecord(bytes: Buffer, outline: RecordOutline): readonly DnsRecord[] {
  const { name, type, recordClass, dataOffset, end } = outline;
  if (recordClass !== CLASS_IN) return [];
  switch (type) {
    case RECORD_TYPES.A:
      return [{ name, type: 'A', value: address(bytes.subarray(dataOffset, end), 4) }];
    case RECORD_TYPES.AAAA:
      return [{ name, type: 'AAAA', value: address(bytes.subarray(dataOffset, end), 16) }];
    case RECORD_TYPES.NS:
      return [{ name, type: 'NS', value: nameData(bytes, outline) }];
    case RECORD_TYPES.CNAME:
      return [{ name, type: 'CNAME', value: nameData(bytes, outline) }];
    case RECORD_TYPES.SOA:
      return [{ name, type: 'SOA', value: '' }];
    case RECORD_TYPES.TXT:
      return [{ name, type: 'TXT', value: strings(bytes.subarray(dataOffset, end)) }];
    case RECORD_TYPES.CAA: {
      const caa = readCaaData(bytes.subarray(dataOffset, end));
      return [{ name, type: 'CAA', value: formatCaa(caa), caa }];
    }
    default:
      return [];
  }
}

function nameData(bytes: Buffer, { dataOffset, end: dataEnd }: RecordOutline): DnsName {
  const { name, end } = readName(bytes, dataOffset);
  if (end !== dataEnd) throw badAnswer('the name in a record has another length than the record');
  return name;
}

function address(data: Buffer, size: 4 | 16): string {
  if (data.length !== size) throw badAnswer('an address has the wrong length');
  if (size === 4) return data.join('.');
  const groups = Array.from({ length: 8 }, (_, index) => data.readUInt16BE(index * 2).toString(16));
  return groups.join(':');
}

/** RFC 1035, section 3.3.14: strings of up to 255 bytes, which belong together. */
function strings(data: Buffer): string {
  const parts: Buffer[] = [];
  for (let at = 0; at < data.length; ) {
    const length = data[at] ?? 0;
    if (at + 1 + length > data.length) throw badAnswer('a TXT string runs past its record');
    parts.push(data.subarray(at + 1, at + 1 + length));
    at += 1 + length;
  }
  return Buffer.concat(parts).toString('latin1');
}
