import { DER_TAG } from './der-reader.ts';

/** One DER element with the given identifier octet around already encoded (or primitive) content. */
export function derElement(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag, ...lengthOctets(content.length)]), content]);
}

function lengthOctets(length: number): number[] {
  if (length < 0x80) return [length];
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return [0x80 | octets.length, ...octets];
}

/** SEQUENCE of already encoded elements. */
export function derSequence(...parts: readonly Uint8Array[]): Buffer {
  return derElement(DER_TAG.sequence, ...parts);
}

/** INTEGER that is not negative, from its big-endian octets: as few as DER allows (X.690, 8.3.2). */
export function derUnsignedInteger(octets: Uint8Array): Buffer {
  const firstSignificant = octets.findIndex((octet) => octet !== 0);
  const digits = firstSignificant < 0 ? Uint8Array.of(0) : octets.subarray(firstSignificant);
  const sign = (digits[0] ?? 0) >= 0x80 ? Uint8Array.of(0) : Uint8Array.of();
  return derElement(DER_TAG.integer, sign, digits);
}

/** BIT STRING of whole octets. */
export function derBitString(octets: Uint8Array): Buffer {
  return derElement(DER_TAG.bitString, Uint8Array.of(0), octets);
}

/** OBJECT IDENTIFIER from its dotted form (X.690, 8.19). */
export function derOid(dotted: string): Buffer {
  const [root = 0, second = 0, ...arcs] = dotted.split('.').map(Number);
  return derElement(DER_TAG.oid, Uint8Array.from([root * 40 + second, ...arcs].flatMap(base128)));
}

function base128(arc: number): number[] {
  const octets = [arc % 128];
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) {
    octets.unshift(0x80 | (rest % 128));
  }
  return octets;
}

/** A time of a certificate in whole seconds: UTCTime up to 2049, then GeneralizedTime (RFC 5280, 4.1.2.5). */
export function derTime(instant: Date): Buffer {
  const digits = instant
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:T]/g, '');
  if (instant.getUTCFullYear() >= 2050)
    return derElement(DER_TAG.generalizedTime, Buffer.from(digits, 'latin1'));
  return derElement(DER_TAG.utcTime, Buffer.from(digits.slice(2), 'latin1'));
}
