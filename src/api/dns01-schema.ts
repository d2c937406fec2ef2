import { anything, choice, list, object, optional, type ShapeOf, text } from '../lib/schema.ts';
import { SECRET_KEY_REF } from './metadata.ts';

const SERVICE_ACCOUNT_REF = object({ name: text(), audiences: optional(list(text())) });

/** `spec.acme.solvers[].dns01`: cert-manager's eight providers and its webhook. */
export const DNS01 = object({
  cnameStrategy: optional(choice(['None', 'Follow'])),
  nameservers: optional(list(text())),
  akamai: optional(
    object({
      serviceConsumerDomain: text(),
      clientTokenSecretRef: SECRET_KEY_REF,
      clientSecretSecretRef: SECRET_KEY_REF,
      accessTokenSecretRef: SECRET_KEY_REF,
    }),
  ),
  cloudDNS: optional(
    object({
      project: text(),
      hostedZoneName: optional(text()),
      serviceAccountSecretRef: optional(SECRET_KEY_REF),
    }),
  ),
  cloudflare: optional(
    object({
      email: optional(text()),
      apiKeySecretRef: optional(SECRET_KEY_REF),
      apiTokenSecretRef: optional(SECRET_KEY_REF),
    }),
  ),
  route53: optional(
    object({
      accessKeyID: optional(text()),
      accessKeyIDSecretRef: optional(SECRET_KEY_REF),
      secretAccessKeySecretRef: optional(SECRET_KEY_REF),
      role: optional(text()),
      region: optional(text()),
      hostedZoneID: optional(text()),
      auth: optional(object({ kubernetes: object({ serviceAccountRef: SERVICE_ACCOUNT_REF }) })),
    }),
  ),
  azureDNS: optional(
    object({
      clientID: optional(text()),
      clientSecretSecretRef: optional(SECRET_KEY_REF),
      tenantID: optional(text()),
      subscriptionID: text(),
      resourceGroupName: text(),
      hostedZoneName: optional(text()),
      environment: optional(
        choice(['AzurePublicCloud', 'AzureChinaCloud', 'AzureGermanCloud', 'AzureUSGovernmentCloud']),
      ),
      managedIdentity: optional(
        object({ clientID: optional(text()), resourceID: optional(text()), tenantID: optional(text()) }),
      ),
      zoneType: optional(choice(['AzurePublicZone', 'AzurePrivateZone', 'Public', 'Private'])),
    }),
  ),
  digitalocean: optional(object({ tokenSecretRef: SECRET_KEY_REF })),
  acmeDNS: optional(object({ host: text(), accountSecretRef: SECRET_KEY_REF, caBundle: optional(text()) })),
  rfc2136: optional(
    object({
      nameserver: text(),
      tsigSecretSecretRef: optional(SECRET_KEY_REF),
      tsigKeyName: optional(text()),
      // Compared without regard to case, so that the rules and not the schema know its values.
      tsigAlgorithm: optional(text()),
      protocol: optional(choice(['TCP', 'UDP'])),
    }),
  ),
  webhook: optional(object({ groupName: text(), solverName: text(), config: optional(anything()) })),
});

/** The members of `dns01` that name a provider, in the order in which cert-manager looks for the one. */
export const DNS01_PROVIDERS = [
  'akamai',
  'azureDNS',
  'cloudDNS',
  'cloudflare',
  'route53',
  'acmeDNS',
  'digitalocean',
  'rfc2136',
  'webhook',
] as const;

export type Dns01Shape = ShapeOf<typeof DNS01>;
