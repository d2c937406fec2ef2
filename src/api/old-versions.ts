import type { YamlEdit } from '../lib/yaml-edit.ts';
import { editValue } from '../lib/yaml-edit-value.ts';
import { type FieldPath, formatFieldPath } from './field-error.ts';
import { memberOf } from './manifest-identity.ts';
import { CERT_MANAGER_V1 } from './names.ts';
import { modernIssuerEdits } from './old-issuers.ts';

/** The API versions before v1, oldest first; `v1alpha1` is the one of the group `certmanager.k8s.io`. */
export const OLD_VERSIONS = ['v1alpha1', 'v1alpha2', 'v1alpha3', 'v1beta1'] as const;

export type OldVersion = (typeof OLD_VERSIONS)[number];

/** Which old version of cert-manager's API an apiVersion names; undefined for every other. */
export function oldVersionOf(apiVersion: string): OldVersion | undefined {
  if (apiVersion === 'certmanager.k8s.io/v1alpha1') return 'v1alpha1';
  const [group, version] = apiVersion.split('/');
  const known = OLD_VERSIONS.find((each) => each === version);
  return group === 'cert-manager.io' && known !== 'v1alpha1' ? known : undefined;
}

/** Something that an old manifest says and that this document alone cannot say in v1. */
export interface Obstacle {
  /** A warning where the document means something without it. */
  readonly severity: 'error' | 'warning';
  readonly path: FieldPath;
  readonly message: string;
}

/** An old manifest in the words of v1. */
export interface Modernised {
  readonly value: unknown;
  /** What has to be edited in the text; not enough where there are obstacles. */
  readonly edits: readonly YamlEdit[];
  readonly obstacles: readonly Obstacle[];
}

/** What has to change in a document of an old kind. */
export interface Changes {
  readonly edits: readonly YamlEdit[];
  readonly obstacles: readonly Obstacle[];
}

/**
 * Converts a manifest of an old version as cert-manager's conversion webhook did
 * (`internal/apis/certmanager/{v1alpha2,v1alpha3,v1beta1}/conversion.go`, before 1.6). A member whose place in v1
 * is taken stays where it is, and is told as an unknown field.
 */
export function modernise(value: unknown, version: OldVersion, kind: string | undefined): Modernised {
  const { edits, obstacles } =
    kind === 'Certificate' ? certificateChanges(value, version) : modernIssuerEdits(value, version);
  const all: readonly YamlEdit[] = [{ do: 'set', path: ['apiVersion'], value: CERT_MANAGER_V1 }, ...edits];
  // What stands in the way of an edit is left out of what the document means.
  const without = obstacles.map(({ path }): YamlEdit => ({ do: 'remove', path }));
  return { value: editValue(value, [...all, ...without]), edits: all, obstacles };
}

interface OldField {
  readonly from: string;
  readonly to: readonly string[];
  /** The last version that had it. */
  readonly until: OldVersion;
  readonly values?: Readonly<Record<string, string>>;
}

const OLD_FIELDS: readonly OldField[] = [
  { from: 'organization', to: ['subject', 'organizations'], until: 'v1alpha2' },
  {
    from: 'keyAlgorithm',
    to: ['privateKey', 'algorithm'],
    until: 'v1alpha3',
    values: { rsa: 'RSA', ecdsa: 'ECDSA' },
  },
  { from: 'keySize', to: ['privateKey', 'size'], until: 'v1alpha3' },
  {
    from: 'keyEncoding',
    to: ['privateKey', 'encoding'],
    until: 'v1alpha3',
    values: { pkcs1: 'PKCS1', pkcs8: 'PKCS8' },
  },
  { from: 'emailSANs', to: ['emailAddresses'], until: 'v1beta1' },
  { from: 'uriSANs', to: ['uris'], until: 'v1beta1' },
];

const OLD_TEMPORARY = 'certmanager.k8s.io/issue-temporary-certificate';

function certificateChanges(value: unknown, version: OldVersion): Changes {
  const spec = memberOf(value, 'spec');
  const edits = OLD_FIELDS.filter(({ until }) => isUpTo(version, until)).flatMap((field) =>
    fieldEdits(spec, field),
  );
  if (version !== 'v1alpha1') return { edits, obstacles: [] };
  const annotations = memberOf(memberOf(value, 'metadata'), 'annotations');
  const renamed: readonly YamlEdit[] =
    memberOf(annotations, OLD_TEMPORARY) === undefined
      ? []
      : [
          {
            do: 'rename',
            path: ['metadata', 'annotations', OLD_TEMPORARY],
            key: 'cert-manager.io/issue-temporary-certificate',
          },
        ];
  return { edits: [...edits, ...renamed], obstacles: solverObstacles(spec) };
}

/** Whether a field that was there up to a version was there in this one. */
export function isUpTo(version: OldVersion, until: OldVersion): boolean {
  return OLD_VERSIONS.indexOf(version) <= OLD_VERSIONS.indexOf(until);
}

function fieldEdits(spec: unknown, { from, to, values }: OldField): readonly YamlEdit[] {
  const value = memberOf(spec, from);
  if (value === undefined || isTaken(spec, to)) return [];
  const modern = typeof value === 'string' ? values?.[value] : undefined;
  const set: readonly YamlEdit[] =
    modern === undefined ? [] : [{ do: 'set', path: ['spec', from], value: modern }];
  const [first = '', second] = to;
  const move: YamlEdit =
    second === undefined
      ? { do: 'rename', path: ['spec', from], key: first }
      : { do: 'move', path: ['spec', from], to: ['spec', first, second] };
  return [...set, move];
}

function isTaken(spec: unknown, [first = '', second]: readonly string[]): boolean {
  const outer = memberOf(spec, first);
  if (second === undefined) return outer !== undefined;
  if (outer === undefined || outer === null) return false;
  return typeof outer !== 'object' || Array.isArray(outer) || memberOf(outer, second) !== undefined;
}

/** `spec.acme` of a v1alpha1 Certificate named the solvers, which are the issuer's since cert-manager 0.8. */
function solverObstacles(spec: unknown): readonly Obstacle[] {
  if (memberOf(spec, 'acme') === undefined) return [];
  const issuer = memberOf(spec, 'issuerRef');
  const kind = String(memberOf(issuer, 'kind') ?? 'Issuer');
  const name = String(memberOf(issuer, 'name') ?? '');
  const path: FieldPath = ['spec', 'acme'];
  const message =
    `Deprecated and not read: since cert-manager 0.8 the issuer says how names are validated. Give ${kind} "${name}" ` +
    `a solver in spec.acme.solvers (${solverHint(memberOf(memberOf(spec, 'acme'), 'config'))}), take spec.acme out ` +
    'of this document, and certops lint --fix can do the rest';
  return [{ severity: 'warning', path, message: `${formatFieldPath(path)}: ${message}` }];
}

function solverHint(config: unknown): string {
  const entries: readonly unknown[] = Array.isArray(config) ? config : [];
  const http01 = entries.map((entry) => memberOf(entry, 'http01')).find((each) => each !== undefined);
  const provider = entries.map((entry) => memberOf(memberOf(entry, 'dns01'), 'provider')).find(isText);
  const hints: string[] = [];
  if (http01 !== undefined || provider === undefined) {
    const ingressClass = memberOf(http01, 'ingressClass');
    hints.push(`http01: {ingress: {${isText(ingressClass) ? `class: ${ingressClass}` : ''}}}`);
  }
  if (provider !== undefined)
    hints.push(`dns01: with what spec.acme.dns01.providers has under "${provider}"`);
  return hints.join('; ');
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && /^[\w./-]{1,253}$/.test(value);
}

/** Where in an old text a path of v1 stands: the edits backwards. */
export function oldPath(edits: readonly YamlEdit[], path: FieldPath): FieldPath {
  return edits.reduceRight((found, edit): FieldPath => {
    const to = targetOf(edit);
    if (to === undefined || !isWithin(found, to)) return found;
    return edit.do === 'replace' ? edit.path : [...edit.path, ...found.slice(to.length)];
  }, path);
}

function targetOf(edit: YamlEdit): FieldPath | undefined {
  if (edit.do === 'move') return edit.to;
  return edit.do === 'rename' || edit.do === 'replace' ? [...edit.path.slice(0, -1), edit.key] : undefined;
}

function isWithin(path: FieldPath, outer: FieldPath): boolean {
  return outer.every((step, index) => path[index] === step);
}

/** The edits in words: `spec.keySize becomes spec.privateKey.size`. */
export function describeEdits(edits: readonly YamlEdit[]): string {
  return edits.map((edit) => describeEdit(edit)).join('; ');
}

function describeEdit(edit: YamlEdit): string {
  const from = formatFieldPath(edit.path);
  if (edit.do === 'set') return `${from}: ${edit.value}`;
  if (edit.do === 'remove') return `${from} goes`;
  return `${from} becomes ${formatFieldPath(targetOf(edit) ?? edit.path)}`;
}
