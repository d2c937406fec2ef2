import { isIPv4, isIPv6 } from 'node:net';

/**
 * The octets of an IP address as a certificate holds them (RFC 5280, 4.2.1.6): 4 or 16, an IPv4-mapped IPv6
 * address as 4, as Go has it. Undefined when the text is no address.
 */
export function ipAddressBytes(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number);
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const bytes = ipv6Bytes(text);
  const isMapped =
    bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  return isMapped ? bytes.subarray(12) : bytes;
}

function ipv6Bytes(text: string): Uint8Array {
  const [head = '', tail] = text.split('::');
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const bytes = new Uint8Array(16);
  bytes.set(left, 0);
  bytes.set(right, 16 - right.length);
  return bytes;
}

function groups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

/** The octets of an address as text (RFC 5952 for IPv6); undefined when there are not 4 or 16 of them. */
export function formatIpAddress(bytes: Uint8Array): string | undefined {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return undefined;
  const words = Array.from({ length: 8 }, (_, index) =>
    (((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0)).toString(16),
  );
  const full = words.join(':');
  const zeros = [...full.matchAll(/\b0(?::0)+\b/g)].map((match) => match[0]);
  const longest = zeros.reduce((best, run) => (run.length > best.length ? run : best), '');
  if (longest === '') return full;
  const at = full.search(new RegExp(`\\b${longest}\\b`));
  return `${full.slice(0, at).replace(/:$/, '')}::${full.slice(at + longest.length).replace(/^:/, '')}`;
}

/** The one spelling of an IP address that comparisons use; text that is no address stays as it is. */
export function canonicalIpAddress(text: string): string {
  const bytes = ipAddressBytes(text);
  return (bytes === undefined ? undefined : formatIpAddress(bytes)) ?? text;
}
