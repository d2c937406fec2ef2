import type { IssuerRef, ObjectName } from '../api/names.ts';

/** Map keys of objects. Names have no slash and no colon, so no two objects share one. */
export type CertificateKey = string;
export type IssuerKey = string;

export function certificateKey(name: ObjectName): CertificateKey {
  return `${name.namespace}/${name.name}`;
}

export function issuerKey(kind: string, name: ObjectName): IssuerKey {
  return `${kind}:${kind === 'ClusterIssuer' ? '' : name.namespace}/${name.name}`;
}

export function issuerKeyOf(ref: IssuerRef, namespace: string): IssuerKey {
  return issuerKey(ref.kind, { namespace, name: ref.name });
}
