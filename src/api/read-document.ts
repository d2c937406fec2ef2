import { checkShape, type Schema } from '../lib/schema.ts';
import type { YamlDocument } from '../lib/yaml-read.ts';
import type { UnservedField } from './certificate.ts';
import { readCertificate } from './certificate-kind.ts';
import { CERTIFICATE } from './certificate-schema.ts';
import { type FieldError, FieldErrors, type FieldPath, formatFieldPath } from './field-error.ts';
import { readIssuer } from './issuer-kind.ts';
import { ISSUER } from './issuer-schema.ts';
import { checkName, labelFault } from './kubernetes-names.ts';
import type { ManifestObject, ManifestProblem, PlacedObject } from './manifest.ts';
import { type Identity, identify, memberOf } from './manifest-identity.ts';
import type { ObjectName } from './names.ts';
import { placeRules, type RulePath, readPolicy } from './policy-kind.ts';
import { CERTIFICATE_REQUEST_POLICY } from './policy-schema.ts';
import type { PlacedRule } from './policy-spec.ts';
import { REPOSITORY, readRepository } from './repository-kind.ts';
import { readSealedSecret, SEALED_SECRET } from './secret-kind.ts';

/** What one document came to. `isReadable` false: it cannot be told which object it declares. */
export interface ReadDocument {
  readonly object?: PlacedObject | undefined;
  readonly problems: readonly ManifestProblem[];
  readonly isReadable: boolean;
}

export const NOTHING: ReadDocument = { problems: [], isReadable: true };

// Hundreds of errors in one object have one cause; the first ones show it.
const MAX_PROBLEMS = 100;

type OwnKind = ManifestObject['kind'];

/** Reads a document that parsed, of a kind that certops serves. Never throws for what it holds. */
export function readObject(document: YamlDocument, kind: OwnKind): ReadDocument {
  const identity = identify(document.value, document.text);
  const name: ObjectName = identity.name ?? { namespace: '', name: '' };
  const errors = new FieldErrors();
  const read = readKind(errors, kind, withoutNulls(document.value), name);
  const problems = problemsOf(document, identity, errors.all);
  const isReadable = identity.name !== undefined;
  if (read === undefined || !errors.isEmpty) return { problems, isReadable };
  const unserved = read.unserved.map((path) => placed(document, path));
  const rules = placeRules(read.rules ?? [], (path) => document.locate(path));
  const object = read.complete(unserved, rules);
  return {
    object: { object, document: document.index, position: document.position },
    problems,
    isReadable,
  };
}

/** Field errors as problems of a file, with the places where they stand. */
export function problemsOf(
  document: YamlDocument,
  identity: Identity,
  errors: readonly FieldError[],
): readonly ManifestProblem[] {
  return errors.slice(0, MAX_PROBLEMS).map(({ severity, rule, path, key, at, message }) => ({
    severity,
    rule,
    position: document.locate(at ?? path, key),
    kind: identity.kind,
    name: identity.name,
    field: formatFieldPath(key === undefined ? path : [...path, key]),
    message,
    document: document.index,
  }));
}

interface ReadKind {
  readonly unserved: readonly FieldPath[];
  /** Expressions, whose places are kept. */
  readonly rules?: readonly RulePath[];
  complete(unserved: readonly UnservedField[], rules: readonly PlacedRule[]): ManifestObject;
}

function readKind(
  errors: FieldErrors,
  kind: OwnKind,
  value: unknown,
  name: ObjectName,
): ReadKind | undefined {
  if (kind === 'Certificate') {
    const shape = shapeOf(errors, CERTIFICATE, value, kind);
    if (shape === undefined) return undefined;
    const { certificate, unserved } = readCertificate(errors, shape, name);
    return { unserved, complete: (fields) => ({ ...certificate, unserved: fields }) };
  }
  if (kind === 'Issuer' || kind === 'ClusterIssuer') {
    const shape = shapeOf(errors, ISSUER, value, kind);
    const read = shape && readIssuer(errors, shape, kind, name);
    return read && { unserved: read.unserved, complete: (fields) => ({ ...read.issuer, unserved: fields }) };
  }
  if (kind === 'Secret') {
    const shape = shapeOf(errors, SEALED_SECRET, value, kind);
    if (shape === undefined) return undefined;
    const secret = readSealedSecret(shape, name);
    return { unserved: [], complete: () => secret };
  }
  if (kind === 'CertificateRequestPolicy') {
    const shape = shapeOf(errors, CERTIFICATE_REQUEST_POLICY, value, kind);
    if (shape === undefined) return undefined;
    const { policy, rules, unserved } = readPolicy(errors, shape, name);
    return {
      ...{ rules, unserved },
      complete: (fields, places) => ({ ...policy, rules: places, unserved: fields }),
    };
  }
  const shape = shapeOf(errors, REPOSITORY, value, kind);
  if (shape === undefined) return undefined;
  const settings = readRepository(errors, shape);
  return { unserved: [], complete: () => ({ kind: 'Repository', name, settings }) };
}

interface Named {
  readonly metadata: { readonly name?: string | undefined; readonly namespace?: string | undefined };
}

/** The value where it has the kind's shape and a name that a file can have. */
function shapeOf<T extends Named>(
  errors: FieldErrors,
  schema: Schema<T>,
  value: unknown,
  kind: OwnKind,
): T | undefined {
  const checked = checkShape(schema, value);
  if (!checked.ok) {
    errors.shape(checked.issues);
    // Without a shape the name is looked at by itself, so that one pass tells as much as it can.
    const metadata = memberOf(value, 'metadata');
    if (isObject(metadata) && memberOf(metadata, 'name') === undefined) {
      checkName(errors, ['metadata', 'name'], '');
    }
    return undefined;
  }
  const { name, namespace } = checked.value.metadata;
  checkName(errors, ['metadata', 'name'], name ?? '');
  // An API server clears the namespace of what has none.
  const hasNone = kind === 'ClusterIssuer' || kind === 'CertificateRequestPolicy';
  const fault = hasNone || !namespace ? undefined : labelFault(namespace);
  if (fault !== undefined) errors.invalid(['metadata', 'namespace'], namespace, fault);
  return checked.value;
}

function placed(document: YamlDocument, path: FieldPath): UnservedField {
  const { line, column } = document.locate(path);
  return { field: formatFieldPath(path), line, column };
}

/** Kubernetes reads a member that is null as one that is absent. What holds none comes back as it is. */
export function withoutNulls(value: unknown): unknown {
  return holdsNull(value) ? copyWithoutNulls(value) : value;
}

function holdsNull(value: unknown): boolean {
  if (typeof value !== 'object') return false;
  return value === null || Object.values(value).some((member) => holdsNull(member));
}

function copyWithoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => copyWithoutNulls(item));
  if (!isObject(value)) return value;
  const kept = Object.entries(value).filter(([, member]) => member !== null);
  return Object.fromEntries(kept.map(([key, member]) => [key, copyWithoutNulls(member)]));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
