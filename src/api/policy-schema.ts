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
import { TYPE_MEMBERS } from './metadata.ts';

const VALIDATIONS = list(object({ rule: text(), message: optional(text()) }));

const ALLOWED_TEXT = object({
  value: optional(text()),
  required: optional(flag()),
  validations: optional(VALIDATIONS),
});

const LIST_MEMBERS = {
  values: optional(list(text())),
  required: optional(flag()),
  validations: optional(VALIDATIONS),
};

const ALLOWED_LIST = object(LIST_MEMBERS);

const ALLOWED_OIDS = list(object({ oid: text(), ...LIST_MEMBERS }));

/** `policy.cert-manager.io/v1alpha1` CertificateRequestPolicy, as approver-policy's CRD has it. */
export const CERTIFICATE_REQUEST_POLICY = object({
  ...TYPE_MEMBERS,
  spec: object({
    allowed: optional(
      object({
        commonName: optional(ALLOWED_TEXT),
        dnsNames: optional(ALLOWED_LIST),
        ipAddresses: optional(ALLOWED_LIST),
        uris: optional(ALLOWED_LIST),
        emailAddresses: optional(ALLOWED_LIST),
        otherNames: optional(ALLOWED_OIDS),
        isCA: optional(flag()),
        usages: optional(list(choice(KEY_USAGES))),
        subject: optional(
          object({
            organizations: optional(ALLOWED_LIST),
            countries: optional(ALLOWED_LIST),
            organizationalUnits: optional(ALLOWED_LIST),
            localities: optional(ALLOWED_LIST),
            provinces: optional(ALLOWED_LIST),
            streetAddresses: optional(ALLOWED_LIST),
            postalCodes: optional(ALLOWED_LIST),
            serialNumber: optional(ALLOWED_TEXT),
            otherAttributes: optional(ALLOWED_OIDS),
          }),
        ),
      }),
    ),
    constraints: optional(
      object({
        minDuration: optional(text()),
        maxDuration: optional(text()),
        privateKey: optional(
          object({
            algorithm: optional(choice(['RSA', 'ECDSA', 'Ed25519'])),
            minSize: optional(integer()),
            maxSize: optional(integer()),
          }),
        ),
      }),
    ),
    plugins: optional(dictionary(object({ values: optional(dictionary(text())) }))),
    selector: object({
      issuerRef: optional(
        object({ name: optional(text()), kind: optional(text()), group: optional(text()) }),
      ),
      namespace: optional(
        object({ matchNames: optional(list(text())), matchLabels: optional(dictionary(text())) }),
      ),
    }),
  }),
});

export type PolicyShape = ShapeOf<typeof CERTIFICATE_REQUEST_POLICY>;
export type AllowedShape = NonNullable<PolicyShape['spec']['allowed']>;
export type AllowedTextShape = ShapeOf<typeof ALLOWED_TEXT>;
export type AllowedListShape = ShapeOf<typeof ALLOWED_LIST>;
export type AllowedOidsShape = ShapeOf<typeof ALLOWED_OIDS>;
export type ConstraintsShape = NonNullable<PolicyShape['spec']['constraints']>;
