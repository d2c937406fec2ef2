import { isIP, isIPv6 } from 'node:net';
import type { Identifier } from './context.ts';
import { record } from './jws.ts';
import { refuse } from './problem.ts';

const LABEL = /^[a-z0-9_]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** The identifiers of a new order, checked (RFC 8555, section 7.1.4; RFC 8738), without repetitions. */
export function readIdentifiers(value: unknown): readonly Identifier[] {
  if (!Array.isArray(value) || value.length === 0) return refuse('malformed', 'an order has identifiers');
  const identifiers = value.map((entry: unknown) => readIdentifier(entry));
  return identifiers.filter(
    ({ value: name }, index) => identifiers.findIndex((other) => other.value === name) === index,
  );
}

/** Where two addresses are the same one, they are written the same. */
export function canonicalAddress(text: string): string {
  return isIPv6(text) ? new URL(`http://[${text}]`).hostname.slice(1, -1) : text;
}

function readIdentifier(entry: unknown): Identifier {
  const { type, value } = record(entry, 'an identifier is a JSON object');
  if (typeof value !== 'string') return refuse('malformed', 'the value of an identifier is text');
  if (type === 'ip') {
    if (isIP(value) === 0) refuse('malformed', `${value} is no IP address`);
    // RFC 8738, section 3: RFC 5952 form for IPv6.
    if (canonicalAddress(value) !== value) refuse('malformed', `${value} is not in RFC 5952 form`);
    return { type, value };
  }
  if (type !== 'dns') return refuse('unsupportedIdentifier', `identifiers of type ${String(type)}`);
  const labels = value.replace(/^\*\./, '').split('.');
  if (isIP(value) !== 0) refuse('rejectedIdentifier', `${value} is an IP address, not a name`);
  if (value.length > 253 || !labels.every((label) => LABEL.test(label))) {
    refuse('rejectedIdentifier', `Invalid identifiers requested :: Cannot issue for "${value}"`);
  }
  if (labels.length < 2) {
    refuse(
      'rejectedIdentifier',
      `Invalid identifiers requested :: Cannot issue for "${value}": Domain name needs at least one dot`,
    );
  }
  return { type, value };
}
