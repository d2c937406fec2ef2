import {
  choice,
  dictionary,
  flag,
  integer,
  list,
  object,
  optional,
  type ShapeOf,
  text,
} from '../lib/schema.ts';
import { KEY_USAGES } from './certificate.ts';
import { SECRET_KEY_REF, TYPE_MEMBERS } from './metadata.ts';

const NAME_CONSTRAINT_ITEM = object({
  dnsDomains: optional(list(text())),
  ipRanges: optional(list(text())),
  emailAddresses: optional(list(text())),
  uriDomains: optional(list(text())),
});

/** cert-manager's `signatureAlgorithm` values for each key algorithm. */
export const SIGNATURE_ALGORITHMS = {
  RSA: ['SHA256WithRSA', 'SHA384WithRSA', 'SHA512WithRSA'],
  ECDSA: ['ECDSAWithSHA256', 'ECDSAWithSHA384', 'ECDSAWithSHA512'],
  Ed25519: ['PureEd25519'],
} as const;

const SPEC = object({
  secretName: text(),
  issuerRef: object({ name: text(), kind: optional(text()), group: optional(text()) }),
  commonName: optional(text()),
  literalSubject: optional(text()),
  subject: optional(
    object({
      organizations: optional(list(text())),
      countries: optional(list(text())),
      organizationalUnits: optional(list(text())),
      localities: optional(list(text())),
      provinces: optional(list(text())),
      streetAddresses: optional(list(text())),
      postalCodes: optional(list(text())),
      serialNumber: optional(text()),
    }),
  ),
  dnsNames: optional(list(text())),
  ipAddresses: optional(list(text())),
  uris: optional(list(text())),
  emailAddresses: optional(list(text())),
  otherNames: optional(list(object({ oid: optional(text()), utf8Value: optional(text()) }))),
  duration: optional(text()),
  renewBefore: optional(text()),
  renewBeforePercentage: optional(integer()),
  renewal: optional(
    object({
      policy: optional(choice(['RenewBefore', 'Disabled'])),
      windows: optional(list(object({ cron: text(), windowDuration: text(), timezone: optional(text()) }))),
    }),
  ),
  usages: optional(list(choice(KEY_USAGES))),
  encodeUsagesInRequest: optional(flag()),
  isCA: optional(flag()),
  nameConstraints: optional(
    object({
      critical: optional(flag()),
      permitted: optional(NAME_CONSTRAINT_ITEM),
      excluded: optional(NAME_CONSTRAINT_ITEM),
    }),
  ),
  privateKey: optional(
    object({
      algorithm: optional(choice(['RSA', 'ECDSA', 'Ed25519'])),
      size: optional(integer()),
      encoding: optional(choice(['PKCS1', 'PKCS8'])),
      rotationPolicy: optional(choice(['Never', 'Always'])),
    }),
  ),
  signatureAlgorithm: optional(
    choice([...SIGNATURE_ALGORITHMS.RSA, ...SIGNATURE_ALGORITHMS.ECDSA, ...SIGNATURE_ALGORITHMS.Ed25519]),
  ),
  secretTemplate: optional(
    object({ labels: optional(dictionary(text())), annotations: optional(dictionary(text())) }),
  ),
  keystores: optional(
    object({
      jks: optional(
        object({
          create: flag(),
          alias: optional(text()),
          passwordSecretRef: optional(SECRET_KEY_REF),
          password: optional(text()),
        }),
      ),
      pkcs12: optional(
        object({
          create: flag(),
          profile: optional(choice(['LegacyRC2', 'LegacyDES', 'Modern2023', 'Modern2026'])),
          passwordSecretRef: optional(SECRET_KEY_REF),
          password: optional(text()),
        }),
      ),
    }),
  ),
  additionalOutputFormats: optional(list(object({ type: choice(['DER', 'CombinedPEM']) }))),
  revisionHistoryLimit: optional(integer()),
});

/** `cert-manager.io/v1` Certificate, every field of cert-manager 1.21. */
export const CERTIFICATE = object({ ...TYPE_MEMBERS, spec: SPEC });

export type CertificateShape = ShapeOf<typeof CERTIFICATE>;
export type CertificateSpecShape = CertificateShape['spec'];
