import { BlockList, isIP } from 'node:net';

/**
 * Which outgoing connections are allowed, asked at connect time with the address that a name resolved to
 * (so a name that resolves to something else later gains nothing).
 */
export interface HostPolicy {
  /** `host` is the name or literal address of the URL, `address` the IP about to be connected to. */
  isHostAllowed(host: string, address: string): boolean;
}

/** Allows every host and address; link-local and metadata addresses stay forbidden whatever a policy says. */
export const anyHost: HostPolicy = { isHostAllowed: () => true };

/** Link-local ranges and the metadata services of clouds, which hand credentials to whoever asks. */
const NEVER: readonly (readonly [network: string, prefix: number, family: 'ipv4' | 'ipv6'])[] = [
  // RFC 3927 link-local: AWS, Azure, Google, DigitalOcean, Oracle and others serve 169.254.169.254.
  ['169.254.0.0', 16, 'ipv4'],
  // Alibaba Cloud.
  ['100.100.100.200', 32, 'ipv4'],
  // Azure's wire server.
  ['168.63.129.16', 32, 'ipv4'],
  // Oracle Cloud.
  ['192.0.0.192', 32, 'ipv4'],
  // RFC 4291 link-local.
  ['fe80::', 10, 'ipv6'],
  // AWS and Google over IPv6.
  ['fd00:ec2::', 32, 'ipv6'],
  ['fd20:ce::', 32, 'ipv6'],
  // 169.254.0.0/16 behind NAT64 (RFC 6052) and 6to4 (RFC 3056).
  ['64:ff9b::a9fe:0', 112, 'ipv6'],
  ['2002:a9fe::', 32, 'ipv6'],
];

/** Answers whether an IP address must never be connected to on anybody's word. Text that is no IP is. */
export function createForbiddenAddresses(): (address: string) => boolean {
  const list = new BlockList();
  for (const [network, prefix, family] of NEVER) list.addSubnet(network, prefix, family);
  return (address) => {
    const plain = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '');
    const version = isIP(plain);
    return version === 0 || list.check(plain, version === 4 ? 'ipv4' : 'ipv6');
  };
}
