import { badAnswer, DnsError, quoted } from './dns-error.ts';

const MAX_LABEL_BYTES = 63;
/** RFC 1035, section 3.1: with the lengths and the root. */
const MAX_NAME_BYTES = 255;
/** A name has at most 127 labels, so no honest one takes more pointers. */
const MAX_POINTERS = 127;

/**
 * A domain name as this room writes it: lower case, no final dot, `''` for the root. Bytes other than
 * letters, digits, `-`, `_` and `*` are written `\DDD` (RFC 1035, section 5.1), so that a dot is a border.
 */
export type DnsName = string;

/** Throws `solvers.dns-bad-name` for what cannot be a name in DNS. */
export function parseDnsName(text: string): DnsName {
  const name = text.toLowerCase().replace(/\.$/, '');
  const labels = name === '' ? [] : name.split('.');
  const isName = labels.every((label) => /^(?:[a-z0-9_*-]|\\\d{3})+$/.test(label));
  const lengths = labels.map((label) => labelBytes(label).length);
  const isShort = lengths.every((bytes) => bytes <= MAX_LABEL_BYTES);
  const total = lengths.reduce((sum, bytes) => sum + bytes + 1, 1);
  if (isName && isShort && total <= MAX_NAME_BYTES) return name;
  throw new DnsError(
    'solvers.dns-bad-name',
    {
      what: `"${quoted(text)}" is no name that DNS can hold`,
      why: 'Labels have 1 to 63 bytes, and a whole name at most 255',
    },
    { retry: { when: 'never' } },
  );
}

/** The name in wire format, uncompressed (RFC 1035, section 3.1), which is also TSIG's canonical form. */
export function encodeName(name: DnsName): Buffer {
  const parts: Buffer[] = [];
  for (const label of name === '' ? [] : name.split('.')) {
    const bytes = labelBytes(label);
    parts.push(Buffer.from([bytes.length]), bytes);
  }
  return Buffer.concat([...parts, Buffer.from([0])]);
}

/**
 * Reads a name at `offset`; `end` is behind it. Pointers may only lead backwards (RFC 1035, section 4.1.4), and
 * not too often. Throws `solvers.dns-bad-answer`.
 */
export function readName(bytes: Buffer, offset: number): { readonly name: DnsName; readonly end: number } {
  const labels: string[] = [];
  let at = offset;
  let end: number | undefined;
  let total = 1;
  let pointers = 0;
  for (;;) {
    const length = bytes[at];
    if (length === undefined) throw badAnswer('a name runs past the end');
    if (length === 0) return { name: labels.join('.'), end: end ?? at + 1 };
    if ((length & 0xc0) === 0xc0) {
      const low = bytes[at + 1];
      if (low === undefined) throw badAnswer('a name runs past the end');
      const target = ((length & 0x3f) << 8) | low;
      pointers += 1;
      if (target >= at || pointers > MAX_POINTERS) throw badAnswer('a name points forward or in circles');
      end ??= at + 2;
      at = target;
      continue;
    }
    if (length > MAX_LABEL_BYTES) throw badAnswer('a label has an unknown form');
    total += length + 1;
    if (total > MAX_NAME_BYTES || at + 1 + length > bytes.length) throw badAnswer('a name is too long');
    labels.push(labelText(bytes.subarray(at + 1, at + 1 + length)));
    at += 1 + length;
  }
}

/** Whether `name` is `zone` or lies below it. */
export function isWithin(name: DnsName, zone: DnsName): boolean {
  return zone === '' || name === zone || name.endsWith(`.${zone}`);
}

/** The name one label up; undefined for the root. */
export function parentOf(name: DnsName): DnsName | undefined {
  if (name === '') return undefined;
  const dot = name.indexOf('.');
  return dot === -1 ? '' : name.slice(dot + 1);
}

function labelBytes(label: string): Buffer {
  const plain = label.replaceAll(/\\(\d{3})/g, (_, digits: string) =>
    String.fromCharCode(Number(digits) & 255),
  );
  return Buffer.from(plain, 'latin1');
}

function labelText(label: Buffer): string {
  return label
    .toString('latin1')
    .replaceAll(/[^A-Za-z0-9_*-]/g, (byte) => `\\${byte.charCodeAt(0).toString().padStart(3, '0')}`)
    .toLowerCase();
}
