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
  notYet: [],
  noEffect: [],
  defaults: {
    'spec.issuerRef.kind': '`Issuer`',
    'spec.issuerRef.group': '`cert-manager.io`',
    'spec.duration': '`2160h` (the issuer may give another)',
    'spec.renewBefore': 'a third of the real lifetime',
    'spec.renewal.windows[].timezone': '`UTC`',
    'spec.usages': '`digital signature`, `key encipherment`',
    'spec.encodeUsagesInRequest': '`true`',
    'spec.isCA': '`false`',
    'spec.privateKey.algorithm': '`RSA`',
    'spec.privateKey.size': '`2048` for RSA, `256` for ECDSA',
    'spec.privateKey.encoding': '`PKCS1`',
    'spec.privateKey.rotationPolicy': '`Always`',
    'spec.keystores.jks.alias': '`certificate`',
    'spec.keystores.pkcs12.profile': '`LegacyRC2`',
    'spec.revisionHistoryLimit': '`1`',
  },
};

const ISSUER_FACTS: Facts = {
  notYet: [
    ...['akamai', 'cloudDNS', 'cloudflare', 'route53', 'azureDNS', 'digitalocean', 'acmeDNS', 'webhook'].map(
      (provider) => `spec.acme.solvers[].dns01.${provider}`,
    ),
    'spec.vault',
    'spec.venafi',
  ],
  noEffect: [
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
    'spec.acme.skipTLSVerify': '`false`',
    'spec.acme.preferredChain': "the CA's default chain",
    'spec.acme.enableDurationFeature': '`false`',
    'spec.acme.profile': "the CA's default profile",
    'spec.acme.renewalInformationSource': '`ARI`',
    'spec.acme.solvers[].selector': 'every name',
    'spec.acme.solvers[].waitInsteadOfSelfCheck': 'certops looks itself (no effect for HTTP-01)',
    'spec.acme.solvers[].dns01.cnameStrategy': '`None`',
    'spec.acme.solvers[].dns01.nameservers': 'the resolver of the daemon',
    'spec.acme.solvers[].dns01.rfc2136.protocol': '`UDP`',
    'spec.acme.solvers[].dns01.rfc2136.tsigAlgorithm': '`HMACMD5`',
  },
};

const POLICY_FACTS: Facts = {
  notYet: ['spec.plugins', 'spec.selector.namespace.matchLabels'],
  noEffect: [],
  defaults: {
    'spec.allowed': 'nothing may be asked for',
    'spec.allowed.isCA': '`false`',
    'spec.selector.issuerRef': 'every issuer',
    'spec.selector.namespace': 'every namespace',
  },
};

const REPOSITORY_FACTS: Facts = {
  notYet: ['spec.ingressShim', 'spec.output.branch'],
  noEffect: [],
  defaults: {
    'spec.paths': '`["."]`',
    'spec.exclude': '`[]`',
    'spec.clusterResourceNamespace': '`cert-manager`',
    'spec.output.secrets': '`secrets`',
    'spec.output.status': '`status`',
    'spec.output.prune': '`false`',
    'spec.tenancy': '`[]`',
    'spec.commit.name': '`certops`',
    'spec.commit.email': '`certops@localhost`',
    'spec.confirmed': '`[]`',
    'spec.pullRequests.enabled': '`true`',
    'spec.pullRequests.maxOpen': '`10`',
    'spec.pullRequests.labels': '`["certops"]`',
    'spec.pullRequests.reviewers': '`[]`',
  },
};

/** What is known of the fields of each kind; a test holds it to what the reader says. */
export const FIELD_FACTS: Readonly<Record<SchemaKind, Facts>> = {
  Certificate: CERTIFICATE_FACTS,
  Issuer: ISSUER_FACTS,
  ClusterIssuer: ISSUER_FACTS,
  CertificateRequestPolicy: POLICY_FACTS,
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
