/** What the people of this story push. Names end in `.test` (RFC 2606): they are nobody's. */

/** Certificates from the ACME CA, with what is true of them when all is well. */
export const ACME_CERTIFICATES = [
  {
    namespace: 'web',
    name: 'www',
    secretName: 'www-tls',
    dnsNames: ['www.shop.test'],
    algorithm: 'ECDSA',
    what: 'one name, with an ECDSA key',
  },
  {
    namespace: 'web',
    name: 'api',
    secretName: 'api-tls',
    dnsNames: ['api.shop.test', 'v2.api.shop.test'],
    algorithm: 'RSA',
    what: 'two names, with an RSA key',
  },
];

/** One of its names is misspelt: no DNS server knows it, and the CA cannot validate it. */
export const HOPELESS_CERTIFICATE = {
  namespace: 'web',
  name: 'blog',
  secretName: 'blog-tls',
  dnsNames: ['blog.shop.test', 'wwww.shop.test'],
  hopelessName: 'wwww.shop.test',
  algorithm: 'ECDSA',
};

/** What may be asked for, in this shop. */
export const SHOP_POLICY = `apiVersion: policy.cert-manager.io/v1alpha1
kind: CertificateRequestPolicy
metadata:
  name: our-own-names
spec:
  allowed:
    commonName: { value: "*" }
    dnsNames:
      values: ["*.shop.test", "*.api.shop.test", "*.internal.test"]
    isCA: true
    usages: ["server auth", "client auth", "digital signature", "key encipherment", "cert sign"]
  selector:
    issuerRef: {}
`;

/** A name that this policy does not allow. */
export const FORBIDDEN_CERTIFICATE = {
  namespace: 'web',
  name: 'bank',
  secretName: 'bank-tls',
  dnsNames: ['login.bank.test'],
  algorithm: 'ECDSA',
};

/** Signed by the root that this very push asks for. */
export const INTERNAL_CERTIFICATE = {
  namespace: 'backend',
  name: 'database',
  secretName: 'database-tls',
  dnsNames: ['db.internal.test'],
  algorithm: 'ECDSA',
};

export function acmeIssuer({ directoryUrl, caBundle }) {
  return `apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata:
  name: local-acme
spec:
  acme:
    server: ${directoryUrl}
    email: certificates@shop.test
    caBundle: ${caBundle}
    privateKeySecretRef:
      name: local-acme-account
    solvers:
      - http01:
          ingress: {}
`;
}

export function certificate({ namespace, name, secretName, dnsNames, algorithm }, issuer) {
  return `apiVersion: cert-manager.io/v1
kind: Certificate
metadata:
  name: ${name}
  namespace: ${namespace}
spec:
  secretName: ${secretName}
  dnsNames: [${dnsNames.join(', ')}]
  privateKey: { algorithm: ${algorithm} }
  issuerRef: { kind: ClusterIssuer, name: ${issuer} }
`;
}

export const OWN_CA = `apiVersion: cert-manager.io/v1
kind: Certificate
metadata:
  name: root
  namespace: cert-manager
spec:
  isCA: true
  commonName: Demo Root
  secretName: root-ca
  duration: 87600h
  privateKey: { algorithm: ECDSA }
  issuerRef: { kind: ClusterIssuer, name: selfsigned }
---
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata:
  name: internal
spec:
  ca:
    secretName: root-ca
`;
