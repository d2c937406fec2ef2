import { matchesGlob } from '../lib/glob.ts';
import { choice, list, object, optional, type ShapeOf, text } from '../lib/schema.ts';
import type { FieldErrors, FieldPath } from './field-error.ts';
import type { ManifestFile, ManifestProblem, PlacedObject, Position } from './manifest.ts';
import type { ObjectName } from './names.ts';
import { relativePathFault } from './relative-path.ts';

const NAMESPACED = ['Certificate', 'Issuer', 'Secret', 'Ingress', 'Gateway'] as const;
const CLUSTER_SCOPED = ['ClusterIssuer', 'CertificateRequestPolicy', 'Repository'] as const;

/** The kinds that a rule can name. */
export type TenancyKind = (typeof NAMESPACED)[number] | (typeof CLUSTER_SCOPED)[number];

/** Files whose path matches may declare objects of these kinds in namespaces that match. */
export interface TenancyRule {
  /** A glob over paths relative to the root: `teams/web/**`. */
  readonly path: string;
  /** Globs over namespaces; of no account for kinds that have none. */
  readonly namespaces: readonly string[];
  readonly kinds: readonly TenancyKind[];
}

/** Rules of one source. Without any, every file may declare everything; else what none of them allows is refused. */
export type Tenancy = readonly TenancyRule[];

/** The repository's rules, and the operator's beneath them: both must allow what a file declares. */
export interface TenancyInForce {
  readonly repository: Tenancy;
  readonly floor: Tenancy;
}

/** `spec.tenancy` of `certops.yaml` (contract 1.2); the daemon's own configuration has the same. */
export const TENANCY = list(
  object({
    path: text(),
    namespaces: optional(list(text())),
    kinds: list(choice([...NAMESPACED, ...CLUSTER_SCOPED])),
  }),
);

const MAX_RULES = 1000;
const MAX_GLOBS = 100;
const MAX_PATH_BYTES = 1024;

/** Checks the rules that stand at `path`. A rule that could never allow anything is a mistake, and told. */
export function readTenancy(errors: FieldErrors, path: FieldPath, shape: ShapeOf<typeof TENANCY>): Tenancy {
  if (shape.length > MAX_RULES) errors.tooMany(path, shape.length, MAX_RULES);
  return shape.slice(0, MAX_RULES).map((rule, index) => {
    const { kinds, namespaces = [] } = rule;
    const at = [...path, index];
    const fault = pathGlobFault(rule.path);
    if (fault !== undefined) errors.invalid([...at, 'path'], rule.path, fault);
    if (Buffer.byteLength(rule.path) > MAX_PATH_BYTES) errors.tooLong([...at, 'path'], MAX_PATH_BYTES);
    if (kinds.length === 0) errors.required([...at, 'kinds'], 'name at least one kind');
    if (namespaces.length === 0 && kinds.some((kind) => !isClusterScoped(kind))) {
      errors.required([...at, 'namespaces'], 'name at least one namespace, or "*" for every one');
    }
    if (namespaces.length > MAX_GLOBS) {
      errors.tooMany([...at, 'namespaces'], namespaces.length, MAX_GLOBS);
    }
    for (const [position, glob] of namespaces.entries()) {
      if (/^[-a-z0-9*?]{1,63}$/.test(glob)) continue;
      const detail =
        'must be a namespace, in which "*" and "?" stand for any characters and any one character';
      errors.invalid([...at, 'namespaces', position], glob, detail);
    }
    return { path: rule.path, namespaces, kinds };
  });
}

function pathGlobFault(glob: string): string | undefined {
  if (glob.endsWith('/')) return 'must match files: end it with "/**" for everything in a folder';
  const fault = relativePathFault(glob);
  if (fault !== undefined) return fault;
  const last = glob.slice(glob.lastIndexOf('/') + 1);
  return /[*?]/.test(last) || /\.ya?ml$/.test(last)
    ? undefined
    : 'must match files: add "/**" for everything in a folder';
}

function isClusterScoped(kind: string): boolean {
  return (CLUSTER_SCOPED as readonly string[]).includes(kind);
}

/** Why a file may not declare an object, in words that follow `<field>: Forbidden: `. */
export interface TenancyFault {
  /** What would have to be another one for the rules to allow it. */
  readonly field: 'kind' | 'metadata.namespace';
  readonly detail: string;
}

/** What the rules say against an object of this kind and namespace in the file at `path`; undefined for nothing. */
export function tenancyFault(
  { repository, floor }: TenancyInForce,
  path: string,
  kind: string,
  namespace: string,
): TenancyFault | undefined {
  return (
    faultOf(repository, 'spec.tenancy of certops.yaml', path, kind, namespace) ??
    faultOf(floor, 'tenancy in the configuration of the daemon', path, kind, namespace)
  );
}

function faultOf(
  rules: Tenancy,
  source: string,
  path: string,
  kind: string,
  namespace: string,
): TenancyFault | undefined {
  if (rules.length === 0) return undefined;
  const isScoped = !isClusterScoped(kind);
  const ofKind = rules.filter((rule) => (rule.kinds as readonly string[]).includes(kind));
  const fitting = ofKind.filter(({ namespaces }) => !isScoped || isInOne(namespace, namespaces));
  if (fitting.some((rule) => covers(rule, path))) return undefined;
  const isOnlyTheNamespace = isScoped && ofKind.some((rule) => covers(rule, path));
  const isOnlyTheKind = !isOnlyTheNamespace && rules.some((rule) => covers(rule, path));
  const what = isScoped ? `a ${kind} in namespace "${namespace}"` : `a ${kind}`;
  const others = [...new Set(fitting.map((rule) => rule.path))];
  const who = others.length === 0 ? 'no rule lets any file do so' : `${listed(others)} may`;
  return {
    field: !isScoped || isOnlyTheKind ? 'kind' : 'metadata.namespace',
    detail: `${source} does not let this file declare ${what}; ${who}`,
  };
}

const MAX_LISTED = 3;

function listed(paths: readonly string[]): string {
  const shown = paths
    .slice(0, MAX_LISTED)
    .map((path) => (path.length > 100 ? `${path.slice(0, 99)}…` : path));
  return paths.length > MAX_LISTED ? `${shown.join(', ')}, …` : shown.join(' and ');
}

function covers({ path: glob }: TenancyRule, path: string): boolean {
  // Most rules are for other folders, which the letters before the first wildcard tell at once.
  const wildcard = glob.search(/[*?]/);
  const literal = wildcard === -1 ? glob : glob.slice(0, wildcard);
  // `a/**` covers what is below `a`, so the literal `a/` is the beginning of every path that it covers.
  return path.startsWith(literal) && matchesGlob(path, glob);
}

function isInOne(namespace: string, globs: readonly string[]): boolean {
  return globs.some((glob) => matchesGlob(namespace, glob));
}

/** Where a field of a document stands. */
export type Locate = (document: number, field: FieldPath) => Position | undefined;

/**
 * A file with only those of its objects that it may declare; the others are errors of the rule `tenancy`.
 * `locate` is asked about these alone; what it does not know stands at the beginning of its document.
 */
export function withinTenancy(
  file: ManifestFile,
  path: string,
  tenancy: TenancyInForce,
  locate: Locate,
): ManifestFile {
  const refused = new Map<PlacedObject, TenancyFault>();
  for (const placed of file.objects) {
    const { kind, name } = placed.object;
    const fault = tenancyFault(tenancy, path, kind, name.namespace);
    if (fault !== undefined) refused.set(placed, fault);
  }
  if (refused.size === 0) return file;
  const problems = [...refused].map(([{ object, document, position }, { field, detail }]) =>
    problemOf(object, document, locate(document, field.split('.')) ?? position, field, detail),
  );
  return {
    objects: file.objects.filter((placed) => !refused.has(placed)),
    problems: [...file.problems, ...problems],
    isReadable: file.isReadable,
  };
}

function problemOf(
  { kind, name }: { readonly kind: string; readonly name: ObjectName },
  document: number,
  position: Position,
  field: string,
  detail: string,
): ManifestProblem {
  const message = `${field}: Forbidden: ${detail}`;
  return { severity: 'error', rule: 'tenancy', position, kind, name, field, message, document };
}
