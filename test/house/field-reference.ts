import { manifestJsonSchema, type SchemaKind } from '../../src/api/json-schema.ts';

/** What this version makes of a field: acts on it, refuses to go on with it, or tells that it means nothing. */
export type FieldService = 'yes' | 'not yet' | 'no effect';

/** One field of a kind, for people. */
export interface FieldEntry {
  /** From `spec`, with `[]` for the items of a list and `{}` for the values of a map. */
  readonly path: string;
  /** As JSON Schema names it; the values where there is a choice. */
  readonly type: string;
  readonly isRequired: boolean;
  readonly served: FieldService;
  /** What an absent field means; empty where it simply is not there. */
  readonly byDefault: string;
}

/** Paths include everything below them. */
export interface Facts {
  readonly notYet: readonly string[];
  readonly noEffect: readonly string[];
  readonly defaults: Readonly<Record<string, string>>;
}

const CERTIFICATE_FACTS: Facts = {
  notYet: [
    'spec.literalSubject',
    'spec.otherNames',
    'spec.nameConstraints',
    'spec.keystores',
    'spec.additionalOutputFormats',
    'spec.renewal',
    'spec.signatureAlgorithm',
  ],
  noEffect: [],
  defaults: {
    'spec.issuerRef.kind': '`Issuer`',
    'spec.issuerRef.group': '`cert-manager.io`',
    'spec.duration': '`2160h` (the issuer may give another)',
    'spec.renewBefore': 'a third of the real lifetime',
    'spec.usages': '`digital signature`, `key encipherment`',
    'spec.encodeUsagesInRequest': '`true`',
    'spec.isCA': '`false`',
    'spec.privateKey.algorithm': '`RSA`',
    'spec.privateKey.size': '`2048` for RSA, `256` for ECDSA',
    'spec.privateKey.encoding': '`PKCS1`',
    'spec.privateKey.rotationPolicy': '`Always`',
    'spec.revisionHistoryLimit': '`1`',
  },
};

const ISSUER_FACTS: Facts = {
  notYet: [
    'spec.acme.externalAccountBinding',
    'spec.acme.skipTLSVerify',
    'spec.acme.preferredChain',
    'spec.acme.profile',
    'spec.acme.enableDurationFeature',
    'spec.acme.renewalInformationSource',
    'spec.acme.solvers[].dns01',
    'spec.vault',
    'spec.venafi',
  ],
  noEffect: [
    'spec.acme.solvers[].waitInsteadOfSelfCheck',
    'spec.acme.solvers[].http01.ingress.serviceType',
    'spec.acme.solvers[].http01.ingress.ingressClassName',
    'spec.acme.solvers[].http01.ingress.class',
    'spec.acme.solvers[].http01.ingress.name',
    'spec.acme.solvers[].http01.ingress.podTemplate',
    'spec.acme.solvers[].http01.ingress.ingressTemplate',
    'spec.acme.solvers[].http01.gatewayHTTPRoute.serviceType',
    'spec.acme.solvers[].http01.gatewayHTTPRoute.labels',
    'spec.acme.solvers[].http01.gatewayHTTPRoute.parentRefs',
    'spec.acme.solvers[].http01.gatewayHTTPRoute.podTemplate',
  ],
  defaults: {
    'spec.acme.privateKeySecretRef.key': '`tls.key`',
    'spec.acme.disableAccountKeyGeneration': '`false`',
    'spec.acme.solvers[].selector': 'every name',
  },
};

const REPOSITORY_FACTS: Facts = {
  notYet: ['spec.ingressShim', 'spec.output.branch', 'spec.tenancy', 'spec.confirmed'],
  noEffect: ['spec.pullRequests'],
  defaults: {
    'spec.paths': '`["."]`',
    'spec.exclude': '`[]`',
    'spec.clusterResourceNamespace': '`cert-manager`',
    'spec.output.secrets': '`secrets`',
    'spec.output.status': '`status`',
    'spec.output.prune': '`false`',
    'spec.commit.name': '`certops`',
    'spec.commit.email': '`certops@localhost`',
  },
};

/** What is known of the fields of each kind; a test holds it to what the reader says. */
export const FIELD_FACTS: Readonly<Record<SchemaKind, Facts>> = {
  Certificate: CERTIFICATE_FACTS,
  Issuer: ISSUER_FACTS,
  ClusterIssuer: ISSUER_FACTS,
  Repository: REPOSITORY_FACTS,
};

/** Every field under `spec` of a kind, in the order of its schema. */
export function fieldReference(kind: SchemaKind): readonly FieldEntry[] {
  const { properties } = manifestJsonSchema(kind);
  // JSON Schema of our own making: an object whose members are schemas.
  const { spec } = properties as Readonly<Record<string, JsonSchema>>;
  return spec === undefined ? [] : [...fieldsOf('spec', spec, FIELD_FACTS[kind])];
}

interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly additionalProperties?: boolean | JsonSchema;
}

function* fieldsOf(path: string, schema: JsonSchema, facts: Facts): Iterable<FieldEntry> {
  for (const [name, member] of Object.entries(schema.properties ?? {})) {
    const below = `${path}.${name}`;
    yield {
      path: below,
      type: typeOf(member),
      isRequired: schema.required?.includes(name) ?? false,
      served: serviceOf(below, facts),
      byDefault: facts.defaults[below] ?? '',
    };
    yield* fieldsOf(below, member, facts);
    if (member.items?.properties !== undefined) yield* fieldsOf(`${below}[]`, member.items, facts);
  }
}

function typeOf({ type, enum: values, items, additionalProperties }: JsonSchema): string {
  if (values !== undefined) return values.map((value) => (value === '' ? '""' : value)).join(', ');
  if (type === 'array') return `list of ${items === undefined ? 'anything' : typeOf(items)}`;
  const isMap = typeof additionalProperties === 'object' && additionalProperties.type !== undefined;
  if (type === 'object' && isMap) return `map of ${typeOf(additionalProperties)}`;
  return type ?? 'anything';
}

function serviceOf(path: string, { notYet, noEffect }: Facts): FieldService {
  const isIn = (paths: readonly string[]): boolean =>
    paths.some((each) => path === each || path.startsWith(`${each}.`) || path.startsWith(`${each}[]`));
  if (isIn(notYet)) return 'not yet';
  return isIn(noEffect) ? 'no effect' : 'yes';
}

/** The reference as a Markdown table, which `docs/fields.md` holds for every kind. */
export function renderFieldReference(kind: SchemaKind): string {
  const rows = fieldReference(kind).map(({ path, type, isRequired, served, byDefault }) => {
    const [most, rest] = type.length > 90 ? [type.slice(0, type.lastIndexOf(',', 90)), ', …'] : [type, ''];
    return `| \`${path}\`${isRequired ? ' (required)' : ''} | ${most}${rest} | ${served} | ${byDefault} |`;
  });
  return ['| field | type | served | default |', '| --- | --- | --- | --- |', ...rows].join('\n');
}
