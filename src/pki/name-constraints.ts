import type { NameConstraintItem, NameConstraints } from '../api/certificate.ts';
import {
  DER_TAG,
  type DerElement,
  DerSyntaxError,
  expectElement,
  readChildren,
  readDer,
} from './der-reader.ts';
import { derElement, derSequence } from './der-writer.ts';
import { encodeIa5Name, GENERAL_NAME_TAG, unencodableName } from './general-name.ts';
import { formatIpAddress, ipAddressBytes } from './ip-address.ts';

const PERMITTED = 0xa0;
const EXCLUDED = 0xa1;

/**
 * DER of a NameConstraints value (RFC 5280, 4.2.1.10) in the order of Go's `crypto/x509`; undefined when it would
 * constrain nothing. Throws `pki.unencodable-name`.
 */
export function encodeNameConstraints({ permitted, excluded }: NameConstraints): Uint8Array | undefined {
  const parts = [...encodeSubtrees(PERMITTED, permitted), ...encodeSubtrees(EXCLUDED, excluded)];
  return parts.length === 0 ? undefined : new Uint8Array(derSequence(...parts));
}

function encodeSubtrees(tag: number, item: NameConstraintItem | undefined): Buffer[] {
  if (item === undefined) return [];
  const bases = [
    ...item.dnsDomains.map((domain) => encodeIa5Name('dns', domain)),
    ...item.ipRanges.map((range) => derElement(GENERAL_NAME_TAG.ip, rangeBytes(range))),
    ...item.emailAddresses.map((address) => encodeIa5Name('email', address)),
    ...item.uriDomains.map((domain) => encodeIa5Name('uri', domain)),
  ];
  // minimum is 0 and maximum absent, always (RFC 5280).
  return bases.length === 0 ? [] : [derElement(tag, ...bases.map((base) => derSequence(base)))];
}

/** Address and mask of a CIDR, the address cut to its network as Go's `net.ParseCIDR` does. */
function rangeBytes(cidr: string): Uint8Array {
  const [text = '', prefix = ''] = cidr.split('/');
  const address = text.includes(':') ? mappedIsLong(text) : ipAddressBytes(text);
  const bits = Number(prefix);
  if (address === undefined || !/^\d{1,3}$/.test(prefix) || bits > address.length * 8) {
    throw unencodableName(cidr, 'It is not an address range in CIDR form');
  }
  const mask = address.map((_, index) => (0xff << (8 - Math.min(8, Math.max(0, bits - index * 8)))) & 0xff);
  return Buffer.concat([address.map((octet, index) => octet & (mask[index] ?? 0)), mask]);
}

/** A range of IPv4-mapped addresses stays one of IPv6 addresses: its prefix counts their 128 bits. */
function mappedIsLong(text: string): Uint8Array | undefined {
  const address = ipAddressBytes(text);
  if (address === undefined || address.length === 16) return address;
  return Buffer.concat([Buffer.alloc(10), Buffer.from([0xff, 0xff]), address]);
}

/** Reads a NameConstraints value; names of kinds that no specification has are left out. Throws `DerSyntaxError`. */
export function readNameConstraints(value: Uint8Array, critical: boolean): NameConstraints {
  const parts = readChildren(readDer(value, DER_TAG.sequence));
  const permitted = parts.find(({ tag }) => tag === PERMITTED);
  const excluded = parts.find(({ tag }) => tag === EXCLUDED);
  return {
    critical,
    ...(permitted === undefined ? {} : { permitted: readSubtrees(permitted) }),
    ...(excluded === undefined ? {} : { excluded: readSubtrees(excluded) }),
  };
}

function readSubtrees(subtrees: DerElement): NameConstraintItem {
  const dnsDomains: string[] = [];
  const ipRanges: string[] = [];
  const emailAddresses: string[] = [];
  const uriDomains: string[] = [];
  for (const subtree of readChildren(subtrees)) {
    const base = expectElement(readChildren(subtree), 0);
    const text = Buffer.from(base.content).toString('latin1');
    if (base.tag === GENERAL_NAME_TAG.dns) dnsDomains.push(text);
    else if (base.tag === GENERAL_NAME_TAG.email) emailAddresses.push(text);
    else if (base.tag === GENERAL_NAME_TAG.uri) uriDomains.push(text);
    else if (base.tag === GENERAL_NAME_TAG.ip) ipRanges.push(readRange(base.content));
  }
  return { dnsDomains, ipRanges, emailAddresses, uriDomains };
}

function readRange(bytes: Uint8Array): string {
  const address = formatIpAddress(bytes.subarray(0, bytes.length / 2));
  const mask = [...bytes.subarray(bytes.length / 2)]
    .map((octet) => octet.toString(2).padStart(8, '0'))
    .join('');
  if (address === undefined || !/^1*0*$/.test(mask)) throw new DerSyntaxError('no address range');
  return `${address}/${mask.lastIndexOf('1') + 1}`;
}

/**
 * Whether both constrain the same: order and repetition do not count, nor how a range is written. Constraining
 * nothing is like having none. Throws `pki.unencodable-name`.
 */
export function sameNameConstraints(
  left: NameConstraints | undefined,
  right: NameConstraints | undefined,
): boolean {
  return canonicalConstraints(left) === canonicalConstraints(right);
}

function canonicalConstraints(constraints: NameConstraints | undefined): string {
  if (constraints === undefined) return '';
  const { critical, permitted, excluded } = constraints;
  const sides = [...canonicalSubtrees('permitted', permitted), ...canonicalSubtrees('excluded', excluded)];
  return sides.length === 0 ? '' : JSON.stringify([critical, sides]);
}

function canonicalSubtrees(side: string, item: NameConstraintItem | undefined): string[] {
  if (item === undefined) return [];
  const bases = [
    ...item.dnsDomains.map((domain) => `DNS ${domain}`),
    ...item.ipRanges.map((range) => `IP ${Buffer.from(rangeBytes(range)).toString('hex')}`),
    ...item.emailAddresses.map((address) => `email ${address}`),
    ...item.uriDomains.map((domain) => `URI ${domain}`),
  ];
  return [...new Set(bases)].sort().map((base) => `${side} ${base}`);
}
