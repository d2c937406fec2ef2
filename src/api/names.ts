/** The address of a namespaced object. ClusterIssuers have the namespace `''`. */
export interface ObjectName {
  readonly namespace: string;
  readonly name: string;
}

/** `namespace/name`, the form of trailers, logs and messages; `name` alone for cluster-scoped objects. */
export function formatObjectName(object: ObjectName): string {
  return object.namespace === '' ? object.name : `${object.namespace}/${object.name}`;
}

export const CERT_MANAGER_GROUP = 'cert-manager.io';
/** The apiVersion that is read as it is; older ones are converted to it. */
export const CERT_MANAGER_V1 = 'cert-manager.io/v1';

/** `spec.issuerRef` with cert-manager's defaults applied (kind `Issuer`, group `cert-manager.io`). */
export interface IssuerRef {
  readonly kind: string;
  readonly name: string;
  readonly group: string;
}

/** Which issuer a Certificate of `namespace` means by `ref`: an Issuer is looked for beside it. */
export function issuerName(ref: IssuerRef, namespace: string): ObjectName {
  return { namespace: ref.kind === 'ClusterIssuer' ? '' : namespace, name: ref.name };
}

/** `Kind/name`, the form of the `Certops-Issuer` trailer. */
export function formatIssuerRef(ref: IssuerRef): string {
  return `${ref.kind}/${ref.name}`;
}

/**
 * A reference to one key of a Secret: beside the Certificate or Issuer, or for a ClusterIssuer in the cluster
 * resource namespace.
 */
export interface SecretKeyRef {
  readonly name: string;
  readonly key: string;
}
