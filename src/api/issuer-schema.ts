import {
  anyObject,
  choice,
  dictionary,
  flag,
  list,
  object,
  optional,
  type ShapeOf,
  text,
} from '../lib/schema.ts';
import { DNS01 } from './dns01-schema.ts';
import { SECRET_KEY_REF, TYPE_MEMBERS } from './metadata.ts';

const SERVICE_TYPE = choice(['', 'ClusterIP', 'NodePort']);

const SOLVER = object({
  selector: optional(
    object({
      dnsNames: optional(list(text())),
      dnsZones: optional(list(text())),
      matchLabels: optional(dictionary(text())),
    }),
  ),
  waitInsteadOfSelfCheck: optional(text()),
  http01: optional(
    object({
      ingress: optional(
        object({
          serviceType: optional(SERVICE_TYPE),
          ingressClassName: optional(text()),
          class: optional(text()),
          name: optional(text()),
          podTemplate: optional(anyObject()),
          ingressTemplate: optional(anyObject()),
        }),
      ),
      gatewayHTTPRoute: optional(
        object({
          serviceType: optional(SERVICE_TYPE),
          labels: optional(dictionary(text())),
          parentRefs: optional(list(anyObject())),
          podTemplate: optional(anyObject()),
        }),
      ),
    }),
  ),
  dns01: optional(DNS01),
});

const ACME = object({
  server: text(),
  email: optional(text()),
  privateKeySecretRef: object({ name: text(), key: optional(text()) }),
  disableAccountKeyGeneration: optional(flag()),
  externalAccountBinding: optional(
    object({
      keyID: text(),
      keySecretRef: SECRET_KEY_REF,
      keyAlgorithm: optional(choice(['HS256', 'HS384', 'HS512'])),
    }),
  ),
  caBundle: optional(text()),
  skipTLSVerify: optional(flag()),
  preferredChain: optional(text()),
  enableDurationFeature: optional(flag()),
  profile: optional(text()),
  renewalInformationSource: optional(choice(['ARI', 'None'])),
  solvers: optional(list(SOLVER)),
});

const SERVICE_ACCOUNT_REF = object({ name: optional(text()), audiences: optional(list(text())) });

const VAULT = object({
  server: text(),
  path: text(),
  namespace: optional(text()),
  serverName: optional(text()),
  caBundle: optional(text()),
  caBundleSecretRef: optional(SECRET_KEY_REF),
  clientCertSecretRef: optional(SECRET_KEY_REF),
  clientKeySecretRef: optional(SECRET_KEY_REF),
  auth: object({
    tokenSecretRef: optional(SECRET_KEY_REF),
    appRole: optional(object({ path: optional(text()), roleId: text(), secretRef: SECRET_KEY_REF })),
    clientCertificate: optional(
      object({ mountPath: optional(text()), secretName: optional(text()), name: optional(text()) }),
    ),
    kubernetes: optional(
      object({
        mountPath: optional(text()),
        role: text(),
        secretRef: optional(SECRET_KEY_REF),
        serviceAccountRef: optional(SERVICE_ACCOUNT_REF),
      }),
    ),
    aws: optional(
      object({
        mountPath: optional(text()),
        role: text(),
        region: optional(text()),
        serviceAccountRef: optional(SERVICE_ACCOUNT_REF),
        iamRoleArn: optional(text()),
        vaultHeaderValue: optional(text()),
      }),
    ),
  }),
});

const CREDENTIALS_REF = object({ name: text() });

const VENAFI = object({
  zone: optional(text()),
  tpp: optional(
    object({
      url: text(),
      credentialsRef: CREDENTIALS_REF,
      caBundle: optional(text()),
      caBundleSecretRef: optional(SECRET_KEY_REF),
    }),
  ),
  cloud: optional(object({ url: optional(text()), apiTokenSecretRef: SECRET_KEY_REF })),
  ngts: optional(
    object({
      url: optional(text()),
      tokenEndpoint: optional(text()),
      tsgID: optional(text()),
      credentialsRef: CREDENTIALS_REF,
    }),
  ),
});

/** `cert-manager.io/v1` Issuer and ClusterIssuer, every field of cert-manager 1.21. */
export const ISSUER = object({
  ...TYPE_MEMBERS,
  spec: object({
    acme: optional(ACME),
    ca: optional(
      object({
        secretName: text(),
        crlDistributionPoints: optional(list(text())),
        ocspServers: optional(list(text())),
        issuingCertificateURLs: optional(list(text())),
      }),
    ),
    selfSigned: optional(object({ crlDistributionPoints: optional(list(text())) })),
    vault: optional(VAULT),
    venafi: optional(VENAFI),
  }),
});

export type IssuerShape = ShapeOf<typeof ISSUER>;
export type AcmeShape = ShapeOf<typeof ACME>;
export type SolverShape = ShapeOf<typeof SOLVER>;
export type VaultShape = ShapeOf<typeof VAULT>;
export type VenafiShape = ShapeOf<typeof VENAFI>;
