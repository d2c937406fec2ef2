/** One attribute of a distinguished name. */
export interface NameAttribute {
  readonly oid: string;
  readonly value: string;
}

/** A distinguished name (RFC 5280, 4.1.2.4) as it is encoded: relative names in order, each with its attributes. */
export type DistinguishedName = readonly (readonly NameAttribute[])[];

/** OIDs of the attributes that a Certificate's subject can have (X.520; RFC 4519 for the last two). */
export const NAME_OID = {
  commonName: '2.5.4.3',
  serialNumber: '2.5.4.5',
  country: '2.5.4.6',
  locality: '2.5.4.7',
  province: '2.5.4.8',
  streetAddress: '2.5.4.9',
  organization: '2.5.4.10',
  organizationalUnit: '2.5.4.11',
  postalCode: '2.5.4.17',
  domainComponent: '0.9.2342.19200300.100.1.25',
  userId: '0.9.2342.19200300.100.1.1',
} as const;

/** Every value of one attribute, in order. */
export function nameValues(name: DistinguishedName, oid: string): string[] {
  return name.flat().flatMap((attribute) => (attribute.oid === oid ? [attribute.value] : []));
}
