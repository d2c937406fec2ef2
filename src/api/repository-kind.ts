import { flag, integer, list, object, optional, type ShapeOf, text } from '../lib/schema.ts';
import type { FieldErrors, FieldPath } from './field-error.ts';
import { labelFault } from './kubernetes-names.ts';
import { TYPE_MEMBERS } from './metadata.ts';
import { relativePathFault } from './relative-path.ts';
import { DEFAULT_SETTINGS, type RepositorySettings } from './repository.ts';
import { readTenancy, TENANCY } from './tenancy.ts';

/** `certops.dev/v1alpha1` Repository (contract 1.2). */
export const REPOSITORY = object({
  ...TYPE_MEMBERS,
  spec: optional(
    object({
      paths: optional(list(text())),
      exclude: optional(list(text())),
      ingressShim: optional(flag()),
      clusterResourceNamespace: optional(text()),
      output: optional(
        object({
          branch: optional(text()),
          secrets: optional(text()),
          status: optional(text()),
          prune: optional(flag()),
        }),
      ),
      tenancy: optional(TENANCY),
      commit: optional(
        object({ name: optional(text()), email: optional(text()), trailer: optional(text()) }),
      ),
      confirmed: optional(list(text())),
      pullRequests: optional(
        object({
          enabled: optional(flag()),
          maxOpen: optional(integer()),
          labels: optional(list(text())),
          reviewers: optional(list(text())),
        }),
      ),
    }),
  ),
});

type SpecShape = NonNullable<ShapeOf<typeof REPOSITORY>['spec']>;

const MAX_PATTERNS = 1000;
const MAX_FOLDER_BYTES = 64;
const MAX_TRAILER_BYTES = 200;
const MAX_CONFIRMED = 1000;
const MAX_OPEN = 1000;
const MAX_WORDS = 20;

/** Validates repository settings and fills in the defaults. What is not served yet is an error: fail closed. */
export function readRepository(errors: FieldErrors, shape: ShapeOf<typeof REPOSITORY>): RepositorySettings {
  const spec: SpecShape = shape.spec ?? {};
  const defaults = DEFAULT_SETTINGS;
  checkNotServed(errors, spec);
  const paths = spec.paths ?? defaults.paths;
  for (const [index, path] of paths.entries()) checkInputPath(errors, ['spec', 'paths', index], path);
  checkPatterns(errors, ['spec', 'exclude'], spec.exclude ?? []);
  if (paths.length > MAX_PATTERNS) errors.tooMany(['spec', 'paths'], paths.length, MAX_PATTERNS);

  const clusterResourceNamespace = spec.clusterResourceNamespace || defaults.clusterResourceNamespace;
  const fault = labelFault(clusterResourceNamespace);
  if (fault !== undefined)
    errors.invalid(['spec', 'clusterResourceNamespace'], clusterResourceNamespace, fault);

  const output = {
    secrets: (spec.output?.secrets ?? defaults.output.secrets).replace(/\/$/, ''),
    status: (spec.output?.status ?? defaults.output.status).replace(/\/$/, ''),
    prune: spec.output?.prune ?? defaults.output.prune,
  };
  checkFolder(errors, ['spec', 'output', 'secrets'], output.secrets);
  checkFolder(errors, ['spec', 'output', 'status'], output.status);
  if (
    `${output.secrets}/`.startsWith(`${output.status}/`) ||
    `${output.status}/`.startsWith(`${output.secrets}/`)
  ) {
    errors.invalid(['spec', 'output', 'status'], output.status, 'must lie apart from spec.output.secrets');
  }
  return {
    paths: paths.map((path) => plainFolder(path)),
    exclude: spec.exclude ?? defaults.exclude,
    clusterResourceNamespace,
    output,
    tenancy: readTenancy(errors, ['spec', 'tenancy'], spec.tenancy ?? []),
    commit: readCommit(errors, spec.commit ?? {}),
    confirmed: readConfirmed(errors, spec.confirmed ?? defaults.confirmed),
    pullRequests: readPullRequests(errors, spec.pullRequests ?? {}),
  };
}

/** Ids of plans, as `certops plan` prints them. */
function readConfirmed(errors: FieldErrors, confirmed: readonly string[]): readonly string[] {
  const path: FieldPath = ['spec', 'confirmed'];
  if (confirmed.length > MAX_CONFIRMED) errors.tooMany(path, confirmed.length, MAX_CONFIRMED);
  for (const [index, id] of confirmed.entries()) {
    if (!/^[0-9a-f]{8,64}$/.test(id)) errors.invalid([...path, index], id, 'must be the id of a plan');
  }
  return confirmed;
}

function readPullRequests(
  errors: FieldErrors,
  given: NonNullable<SpecShape['pullRequests']>,
): RepositorySettings['pullRequests'] {
  const defaults = DEFAULT_SETTINGS.pullRequests;
  const { enabled, maxOpen = defaults.maxOpen } = given;
  const path: FieldPath = ['spec', 'pullRequests'];
  if (maxOpen < 0 || maxOpen > MAX_OPEN) {
    errors.invalid([...path, 'maxOpen'], maxOpen, `must be from 0 to ${MAX_OPEN}`);
  }
  const words = (field: 'labels' | 'reviewers'): readonly string[] => {
    const values = given[field] ?? defaults[field];
    if (values.length > MAX_WORDS) errors.tooMany([...path, field], values.length, MAX_WORDS);
    for (const [index, value] of values.entries()) {
      if (!/^[^\p{C}\p{Zl}\p{Zp}]{1,100}$/u.test(value.trim())) {
        errors.invalid([...path, field, index], value, 'must be one line of 1 to 100 characters');
      }
    }
    return values;
  };
  return {
    isEnabled: enabled ?? defaults.isEnabled,
    maxOpen,
    labels: words('labels'),
    reviewers: words('reviewers'),
  };
}

function readCommit(
  errors: FieldErrors,
  commit: NonNullable<SpecShape['commit']>,
): RepositorySettings['commit'] {
  const defaults = DEFAULT_SETTINGS.commit;
  const { name = defaults.name, email = defaults.email, trailer = defaults.trailer } = commit;
  const path: FieldPath = ['spec', 'commit'];
  // Git ends a name at `<` and an address at `>`; a line break would start another header.
  if (!/^[^<>\p{C}\p{Zl}\p{Zp}]{1,100}$/u.test(name)) {
    errors.invalid([...path, 'name'], name, 'must be one line of 1 to 100 characters without < and >');
  }
  if (!/^[^<>\p{C}\p{Zl}\p{Zp}\s]{1,254}$/u.test(email)) {
    errors.invalid([...path, 'email'], email, 'must be an address without spaces, < and >');
  }
  if (/[\p{C}\p{Zl}\p{Zp}]/u.test(trailer)) errors.invalid([...path, 'trailer'], trailer, 'must be one line');
  if (Buffer.byteLength(trailer) > MAX_TRAILER_BYTES) errors.tooLong([...path, 'trailer'], MAX_TRAILER_BYTES);
  return { name, email, trailer };
}

function checkNotServed(errors: FieldErrors, spec: SpecShape): void {
  if ((spec.output?.branch ?? '') !== '') {
    errors.notServed(['spec', 'output', 'branch'], 'outputs can only go to the source branch');
  }
  if (spec.ingressShim === true) {
    errors.notServed(['spec', 'ingressShim'], 'Ingress and Gateway manifests ask for nothing');
  }
}

function checkInputPath(errors: FieldErrors, path: FieldPath, value: string): void {
  if (plainFolder(value) === '.') return;
  const fault = relativePathFault(plainFolder(value));
  if (fault !== undefined) errors.invalid(path, value, fault);
}

/** A folder as paths in Git begin with it: `./teams/` is `teams`. */
function plainFolder(value: string): string {
  return value === './' ? '.' : value.replace(/^\.\//, '').replace(/\/$/, '');
}

function checkFolder(errors: FieldErrors, path: FieldPath, value: string): void {
  const fault = relativePathFault(value);
  if (fault !== undefined) errors.invalid(path, value, fault);
  if (Buffer.byteLength(value) > MAX_FOLDER_BYTES) errors.tooLong(path, MAX_FOLDER_BYTES);
}

function checkPatterns(errors: FieldErrors, path: FieldPath, patterns: readonly string[]): void {
  if (patterns.length > MAX_PATTERNS) errors.tooMany(path, patterns.length, MAX_PATTERNS);
  for (const [index, pattern] of patterns.entries()) {
    if (pattern === '') errors.invalid([...path, index], pattern, 'must not be empty');
    if (Buffer.byteLength(pattern) > 1024) errors.tooLong([...path, index], 1024);
  }
}
