/** One DER element (X.690, 8.1); the views share the memory of what was read. */
export interface DerElement {
  /** Identifier octet: class, constructed bit and number; numbers over 30 are not supported. */
  readonly tag: number;
  readonly content: Uint8Array;
  /** Identifier, length and content together. */
  readonly raw: Uint8Array;
}

/** Identifier octets that X.509 uses. */
export const DER_TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  bmpString: 0x1e,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** More children than any honest certificate has anywhere (a SAN of 1,000 names is already a wonder). */
const MAX_CHILDREN = 10_000;

/** Bytes are not the DER that was expected. Callers turn it into an error that says what was being read. */
export class DerSyntaxError extends Error {
  override readonly name = 'DerSyntaxError';
}

/** Reads the one element that `bytes` consist of. Throws `DerSyntaxError`, also when something follows it. */
export function readDer(bytes: Uint8Array, tag?: number): DerElement {
  const element = readElement(bytes, 0);
  if (element.raw.length !== bytes.length) throw new DerSyntaxError('something follows the element');
  if (tag !== undefined && element.tag !== tag) throw new DerSyntaxError('the element is of another type');
  return element;
}

/** The elements inside a constructed one. Throws `DerSyntaxError`. */
export function readChildren(parent: DerElement): DerElement[] {
  const children: DerElement[] = [];
  for (let offset = 0; offset < parent.content.length; ) {
    if (children.length === MAX_CHILDREN) throw new DerSyntaxError('too many elements');
    const child = readElement(parent.content, offset);
    children.push(child);
    offset += child.raw.length;
  }
  return children;
}

/** The element at `index`, of type `tag` where one is given. Throws `DerSyntaxError` when it is not there. */
export function expectElement(elements: readonly DerElement[], index: number, tag?: number): DerElement {
  const element = elements[index];
  if (element === undefined) throw new DerSyntaxError('an element is missing');
  if (tag !== undefined && element.tag !== tag) throw new DerSyntaxError('an element is of another type');
  return element;
}

function readElement(bytes: Uint8Array, start: number): DerElement {
  const tag = byteAt(bytes, start);
  if ((tag & 0x1f) === 0x1f) throw new DerSyntaxError('a tag number over 30');
  let contentStart = start + 2;
  let length = byteAt(bytes, start + 1);
  if (length >= 0x80) {
    const lengthOctets = length & 0x7f;
    // Indefinite lengths are not DER, and no certificate needs 4 GiB.
    if (lengthOctets === 0 || lengthOctets > 4) throw new DerSyntaxError('a length that is not DER');
    length = 0;
    for (let index = 0; index < lengthOctets; index += 1) {
      length = length * 256 + byteAt(bytes, contentStart + index);
    }
    contentStart += lengthOctets;
  }
  const end = contentStart + length;
  if (end > bytes.length) throw new DerSyntaxError('an element is longer than what contains it');
  return { tag, content: bytes.subarray(contentStart, end), raw: bytes.subarray(start, end) };
}

function byteAt(bytes: Uint8Array, index: number): number {
  const byte = bytes[index];
  if (byte === undefined) throw new DerSyntaxError('the bytes end within an element');
  return byte;
}

/** An OBJECT IDENTIFIER in dotted form (X.690, 8.19). Throws `DerSyntaxError`. */
export function readOid(element: DerElement): string {
  if (element.tag !== DER_TAG.oid) throw new DerSyntaxError('no object identifier');
  const arcs: number[] = [];
  let arc = 0;
  for (const [index, byte] of element.content.entries()) {
    arc = arc * 128 + (byte & 0x7f);
    if (arc > Number.MAX_SAFE_INTEGER / 128) throw new DerSyntaxError('an arc too large');
    if ((byte & 0x80) !== 0) {
      if (index === element.content.length - 1) throw new DerSyntaxError('an unfinished object identifier');
      continue;
    }
    if (arcs.length === 0) {
      const root = Math.min(2, Math.floor(arc / 40));
      arcs.push(root, arc - root * 40);
    } else {
      arcs.push(arc);
    }
    arc = 0;
  }
  return arcs.join('.');
}

/** A character string of any type that names use, as text. Throws `DerSyntaxError`. */
export function readText(element: DerElement): string {
  const { content } = element;
  switch (element.tag) {
    case DER_TAG.utf8String:
      return Buffer.from(content).toString('utf8');
    case 0x12: // NumericString
    case DER_TAG.printableString:
    case 0x14: // TeletexString; everybody treats it as Latin-1
    case 0x16: // IA5String
    case 0x1a: // VisibleString
      return Buffer.from(content).toString('latin1');
    case DER_TAG.bmpString:
      if (content.length % 2 !== 0) throw new DerSyntaxError('half a character');
      return Buffer.from(content).swap16().toString('utf16le');
    default:
      throw new DerSyntaxError('no character string');
  }
}

/** UTCTime or GeneralizedTime in the only forms RFC 5280, 4.1.2.5 allows. Throws `DerSyntaxError`. */
export function readTime(element: DerElement): Date {
  const text = Buffer.from(element.content).toString('latin1');
  const match =
    element.tag === DER_TAG.utcTime
      ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text)
      : element.tag === DER_TAG.generalizedTime
        ? /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text)
        : null;
  if (match === null) throw new DerSyntaxError('no time');
  const [, written = '', month, day, hour, minute, second] = match;
  // RFC 5280, 4.1.2.5.1: two digits from 50 on mean the twentieth century.
  const year = written.length === 4 ? written : `${Number(written) >= 50 ? '19' : '20'}${written}`;
  const instant = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(instant.getTime())) throw new DerSyntaxError('no such time');
  return instant;
}
