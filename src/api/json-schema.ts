import { jsonSchema, type Schema } from '../lib/schema.ts';
import { CERTIFICATE } from './certificate-schema.ts';
import { ISSUER } from './issuer-schema.ts';
import { CERT_MANAGER_V1 } from './names.ts';
import { CERTIFICATE_REQUEST_POLICY } from './policy-schema.ts';
import { POLICY_V1ALPHA1 } from './policy-spec.ts';
import { REPOSITORY } from './repository-kind.ts';

/** The kinds that people write in clear, and so want an editor's help with. */
export const SCHEMA_KINDS = [
  'Certificate',
  'Issuer',
  'ClusterIssuer',
  'CertificateRequestPolicy',
  'Repository',
] as const;

export type SchemaKind = (typeof SCHEMA_KINDS)[number];

interface Source {
  readonly apiVersion: string;
  readonly schema: Schema;
  readonly what: string;
}

const ISSUER_WHAT = 'cert-manager 1.21, every field; exactly one of acme, ca, selfSigned, vault and venafi';

const SOURCES: Readonly<Record<SchemaKind, Source>> = {
  Certificate: { apiVersion: CERT_MANAGER_V1, schema: CERTIFICATE, what: 'cert-manager 1.21, every field' },
  Issuer: { apiVersion: CERT_MANAGER_V1, schema: ISSUER, what: ISSUER_WHAT },
  ClusterIssuer: { apiVersion: CERT_MANAGER_V1, schema: ISSUER, what: ISSUER_WHAT },
  CertificateRequestPolicy: {
    apiVersion: POLICY_V1ALPHA1,
    schema: CERTIFICATE_REQUEST_POLICY,
    what: 'who may ask for what, as approver-policy has it',
  },
  Repository: {
    apiVersion: 'certops.dev/v1alpha1',
    schema: REPOSITORY,
    what: 'the settings of a repository, in certops.yaml',
  },
};

const ISSUER_TYPES: readonly string[] = ['acme', 'ca', 'selfSigned', 'vault', 'venafi'];

type Json = Readonly<Record<string, unknown>>;

/** JSON Schema of a kind for editors: its shape, without what only rules can tell. */
export function manifestJsonSchema(kind: SchemaKind): Json {
  const { apiVersion, schema, what } = SOURCES[kind];
  const { $schema, ...shape } = jsonSchema(schema);
  const properties = asJson(shape.properties);
  const metadata = { ...asJson(properties.metadata), required: ['name'] };
  const spec = SOURCES[kind].schema === ISSUER ? oneType(asJson(properties.spec)) : asJson(properties.spec);
  return {
    $schema,
    title: `${apiVersion} ${kind}`,
    description: what,
    ...shape,
    properties: { ...properties, apiVersion: { const: apiVersion }, kind: { const: kind }, metadata, spec },
  };
}

function oneType(spec: Json): Json {
  return { ...spec, oneOf: ISSUER_TYPES.map((type) => ({ required: [type] })) };
}

/** A member that JSON Schema has as a map. */
function asJson(value: unknown): Json {
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  // The check above is all that a map of JSON is.
  return isMap ? (value as Json) : {};
}
