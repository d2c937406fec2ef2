import { isIP } from 'node:net';
import { domainToASCII, domainToUnicode } from 'node:url';
import type { FieldErrors, FieldPath } from './field-error.ts';

// What no certificate holds on purpose, and what could hide another name from a reader.
const HIDDEN_CHARACTERS = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\ufeff]/u;

/** What is wrong with a DNS name of a certificate (RFC 5280, 4.2.1.6; RFC 6125, 6.4.3); undefined for nothing. */
export function dnsNameFault(name: string): string | undefined {
  if (name === '') return 'must not be empty';
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(name)) return 'must be a DNS name, not a URL';
  if (isIP(name) !== 0) return 'must be a DNS name; IP addresses stand in ipAddresses';
  if (/:\d+$/.test(name)) return 'must be a DNS name without a port';
  if (/\P{ASCII}/u.test(name)) return nonAsciiFault(name);
  if (name.endsWith('.')) return 'must not end with a dot';
  if (name.length > 253) return 'must be no more than 253 characters';
  const labels = name.split('.');
  const plain = labels[0] === '*' ? labels.slice(1) : labels;
  if (plain.length < labels.length && plain.length < 2) {
    return 'a wildcard must stand before a domain of at least two labels';
  }
  for (const label of plain) {
    const fault = labelFault(label);
    if (fault !== undefined) return fault;
  }
  // RFC 3696, 2: the last label is never all digits, so that nothing reads it as an IPv4 address.
  if (/^\d+$/.test(plain.at(-1) ?? '')) return 'must not end with a label of digits only';
  return undefined;
}

function labelFault(label: string): string | undefined {
  if (label === '') return 'must not contain empty labels';
  if (label.includes('*')) return 'a wildcard must be the whole first label';
  if (label.includes('_')) return 'must not contain underscores';
  if (label.length > 63) return 'must have labels of no more than 63 characters';
  if (!/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/i.test(label)) {
    return 'must have labels of letters, digits and "-" that start and end with a letter or digit';
  }
  if (/^xn--/i.test(label) && domainToUnicode(label) === '') return 'must have valid punycode after "xn--"';
  return undefined;
}

function nonAsciiFault(name: string): string {
  const ascii = HIDDEN_CHARACTERS.test(name) ? '' : domainToASCII(name);
  const hint = ascii === '' ? '' : ` ("${ascii}")`;
  return `must be written in ASCII; international names in punycode${hint}`;
}

/** What is wrong with an IP address of a certificate; undefined for nothing. */
export function ipAddressFault(address: string): string | undefined {
  return isIP(address) === 0 || address.includes('%') ? 'invalid IP address' : undefined;
}

/** What is wrong with a URI of a certificate (RFC 5280, 4.2.1.6: absolute, ASCII); undefined for nothing. */
export function uriFault(uri: string): string | undefined {
  if (/[^\x21-\x7e]/.test(uri)) return 'must be written in ASCII without spaces';
  if (!/^[a-z][a-z0-9+.-]*:./i.test(uri) || !URL.canParse(uri)) return 'must be an absolute URI';
  return undefined;
}

/** What is wrong with an e-mail address of a certificate (RFC 5321 Mailbox, bare); undefined for nothing. */
export function emailFault(address: string): string | undefined {
  const match = /^[a-z0-9.!#$%&'*+/=?^_`{|}~-]+@([^@]+)$/i.exec(address);
  const [, domain] = match ?? [];
  if (
    address.length > 254 ||
    domain === undefined ||
    domain.startsWith('*') ||
    dnsNameFault(domain) !== undefined
  ) {
    return 'invalid email address: make sure the supplied value only contains the email address itself';
  }
  return undefined;
}

/** Checks text that goes into a certificate's subject. */
export function checkSubjectText(errors: FieldErrors, path: FieldPath, text: string): void {
  if (HIDDEN_CHARACTERS.test(text)) {
    errors.invalid(path, text, 'must not contain control characters or marks of writing direction');
  }
}

// Far above what any CA takes (Let's Encrypt: 100), far below what would hurt.
const MAX_NAMES = 1000;

/** Checks one list of names: each by `fault`, none twice (compared by `identity`), and not too many. */
export function checkNames(
  errors: FieldErrors,
  path: FieldPath,
  names: readonly string[],
  fault: (name: string) => string | undefined,
  identity: (name: string) => string = (name) => name,
): void {
  if (names.length > MAX_NAMES) {
    errors.tooMany(path, names.length, MAX_NAMES);
    return;
  }
  const seen = new Set<string>();
  for (const [index, name] of names.entries()) {
    const wrong = fault(name);
    if (wrong !== undefined) errors.invalid([...path, index], name, wrong);
    else if (seen.has(identity(name))) errors.duplicate([...path, index], name);
    seen.add(identity(name));
  }
}
