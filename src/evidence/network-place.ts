import { BlockList, isIP } from 'node:net';

/**
 * Networks that the internet does not reach: RFC 1918, RFC 6598, RFC 1122, RFC 3927, RFC 6890, RFC 2544, RFC 1112,
 * RFC 4193, RFC 4291, RFC 3879. IPv6 that carries an IPv4 address (RFC 6052, RFC 8215, RFC 3056) may lead to any of
 * them, and no public server has such an address alone.
 */
const INSIDE: readonly (readonly [network: string, prefix: number, family: 'ipv4' | 'ipv6'])[] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['198.18.0.0', 15, 'ipv4'],
  ['224.0.0.0', 3, 'ipv4'],
  ['::', 96, 'ipv6'],
  ['64:ff9b::', 96, 'ipv6'],
  ['64:ff9b:1::', 48, 'ipv6'],
  ['2002::', 16, 'ipv6'],
  ['fc00::', 7, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
  ['fec0::', 10, 'ipv6'],
  ['ff00::', 8, 'ipv6'],
];

/** Answers whether an IP address lies in a network that the internet does not reach. */
export function createInsideAddresses(): (address: string) => boolean {
  const list = new BlockList();
  for (const [network, prefix, family] of INSIDE) list.addSubnet(network, prefix, family);
  return (address) => list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}
