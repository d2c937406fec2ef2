import type { Issuer } from '../api/issuer.ts';

/**
 * What tells the CA behind an issuer from another one: its type, and for ACME the server. Where that changes, as
 * from staging to production, the certificates of the issuer are issued again.
 */
export function issuerIdentity({ spec }: Issuer): string {
  return spec.type === 'acme' ? `acme ${spec.server}` : spec.type;
}
