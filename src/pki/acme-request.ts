import { isIP } from 'node:net';
import type { CertificateSpec } from '../api/certificate.ts';
import { acmeNames } from './certificate-names.ts';

/**
 * The specification that a request to an ACME CA is made from and compared with.
 *
 * cert-manager orders the commonName as a name like any other (`BuildOrder`) and leaves it out of the alternative
 * names of the request; CAs differ in what they make of that (Pebble refuses: order and alternative names must be
 * the same), so here it is among them. A commonName that is an IP address stays out of the subject, where CAs
 * would read it as a DNS name. Any other stays even where the profile has none (`tlsserver`, `shortlived`): CAs
 * with such profiles leave it out of the certificate by themselves, and a request that says what the
 * specification says need not be made again when the profile changes.
 */
export function acmeRequestSpec(spec: CertificateSpec): CertificateSpec {
  const { dnsNames, ipAddresses } = acmeNames(spec);
  const { commonName, ...others } = spec;
  const isName = commonName !== undefined && isIP(commonName) === 0;
  return { ...others, ...(isName ? { commonName } : {}), dnsNames, ipAddresses };
}
