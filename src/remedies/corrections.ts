import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { DEFAULT_DURATION_MS } from '../api/certificate.ts';
import { meantAnnotation } from '../api/certificate-annotations.ts';
import { dnsNameFault } from '../api/certificate-names.ts';
import { type FieldPath, formatFieldPath } from '../api/field-error.ts';
import { memberOf } from '../api/manifest-identity.ts';
import { CERT_MANAGER_V1 } from '../api/names.ts';
import { modernise } from '../api/old-versions.ts';
import { parseGoDuration } from '../lib/go-duration.ts';
import type { YamlEdit } from '../lib/yaml-edit.ts';
import { knownField, nearest } from './known-fields.ts';
import { meantDuration } from './meant-duration.ts';

/** One thing that is wrong in a manifest. */
export interface Fault {
  readonly kind: string;
  readonly rule: string;
  readonly path: FieldPath;
  /** The whole document. */
  readonly value: unknown;
}

/** Edits that put one field right, and the field in words of ours. */
export interface Correction {
  readonly field: string;
  readonly edits: readonly YamlEdit[];
}

/** What was meant at a place, where that can be known; undefined where it would be a guess. */
export function correctionOf(fault: Fault): Correction | undefined {
  const { path, rule } = fault;
  if (rule === 'unknown-api-version') return set(path, CERT_MANAGER_V1);
  if (rule === 'unknown-field') return rightName(fault);
  if (rule !== 'invalid-value') return undefined;
  return rightShape(fault) ?? rightValue(fault);
}

function correction(path: FieldPath, edits: readonly YamlEdit[]): Correction {
  return { field: formatFieldPath(path), edits };
}

function set(path: FieldPath, value: string): Correction {
  return correction(path, [{ do: 'set', path, value }]);
}

function removal(path: FieldPath): Correction {
  return correction(path, [{ do: 'remove', path, withComment: true }]);
}

/** The value at a path. */
export function valueAt(value: unknown, path: FieldPath): unknown {
  return path.reduce<unknown>(
    (at, step) =>
      typeof step === 'number' && Array.isArray(at) ? (at as unknown[])[step] : memberOf(at, String(step)),
    value,
  );
}

/** Another name for a field that nothing reads: an older version's, or one that is nearly it. */
function rightName({ kind, path, value }: Fault): Correction | undefined {
  const key = String(path.at(-1));
  const map = path.slice(0, -1);
  const older = modernise(value, 'v1alpha2', kind).edits.filter(
    (edit) => formatFieldPath(edit.path) === formatFieldPath(path),
  );
  if (older.length > 0) return correction(map, older);
  const isAnnotation = formatFieldPath(map) === 'metadata.annotations';
  const meant = isAnnotation ? meantAnnotation(key) : nearest(key, knownField(kind, map)?.members ?? []);
  if (meant === undefined || memberOf(valueAt(value, map), meant) !== undefined) return undefined;
  return correction([...map, meant], [{ do: 'rename', path, key: meant }]);
}

/** The same value in the type that belongs there. */
function rightShape({ kind, path, value }: Fault): Correction | undefined {
  const known = knownField(kind, path);
  const found = valueAt(value, path);
  const key = String(path.at(-1));
  const replace = (right: unknown): Correction =>
    correction(path, [{ do: 'replace', path, key, value: right }]);
  if (known?.type === 'string' && typeof found === 'boolean') return set(path, String(found));
  if (typeof found !== 'string') return undefined;
  if (known?.type === 'boolean' && (found === 'true' || found === 'false')) return replace(found === 'true');
  if (known?.type === 'integer' && /^[1-9]\d{0,8}$/.test(found)) return replace(Number(found));
  if (known?.type !== 'array' || found.trim() === '') return undefined;
  const isNames = key === 'dnsNames' || key === 'ipAddresses';
  return replace(isNames ? found.split(/[\s,]+/).filter((name) => name !== '') : [found]);
}

const DURATIONS = /^spec\.(?:duration|renewBefore|renewal\.windows\[\d+\]\.windowDuration)$/;

function rightValue(fault: Fault): Correction | undefined {
  const { kind, path, value } = fault;
  const found = valueAt(value, path);
  const field = formatFieldPath(path);
  if (typeof found !== 'string') return undefined;
  if (DURATIONS.test(field) && parseGoDuration(found) === undefined) {
    const meant = meantDuration(found);
    return meant === undefined ? undefined : set(path, meant);
  }
  if (field === 'spec.renewBefore') return rightRenewal(path, value, found);
  if (field === 'spec.commonName') return rightCommonName(path, value, found);
  if (/^spec\.(?:dnsNames|ipAddresses)\[\d+\]$/.test(field)) return rightListedName(path, value, found);
  if (field === 'spec.secretName' && found !== found.toLowerCase()) return set(path, found.toLowerCase());
  const choices =
    field === 'spec.issuerRef.kind' ? ['Issuer', 'ClusterIssuer'] : knownField(kind, path)?.choices;
  const meant = nearest(found, choices ?? []);
  return meant === undefined || meant === found ? undefined : set(path, meant);
}

/** A renewal that would be due before the certificate begins: cert-manager's own third of its life takes its place. */
function rightRenewal(path: FieldPath, value: unknown, found: string): Correction | undefined {
  const duration = valueAt(value, ['spec', 'duration']);
  const wholeMs = typeof duration === 'string' ? parseGoDuration(duration) : DEFAULT_DURATION_MS;
  const beforeMs = parseGoDuration(found);
  const isBeyond = wholeMs !== undefined && beforeMs !== undefined && beforeMs >= wholeMs;
  const isOnly = valueAt(value, ['spec', 'renewBeforePercentage']) === undefined;
  return isBeyond && isOnly ? removal(path) : undefined;
}

const MAX_COMMON_NAME_BYTES = 64;

/** A common name that is too long for X.509 says nothing that a DNS name would not. */
function rightCommonName(path: FieldPath, value: unknown, found: string): Correction | undefined {
  if (Buffer.byteLength(found) <= MAX_COMMON_NAME_BYTES || dnsNameFault(found) !== undefined)
    return undefined;
  const names = valueAt(value, ['spec', 'dnsNames']);
  if (includesName(names, found)) return removal(path);
  return correction(path, [listed('dnsNames', names, found), ...removal(path).edits]);
}

function includesName(names: unknown, name: string): boolean {
  return Array.isArray(names) && names.some((each) => String(each).toLowerCase() === name.toLowerCase());
}

function listed(field: 'dnsNames' | 'ipAddresses', names: unknown, name: string): YamlEdit {
  const path = ['spec', field];
  return Array.isArray(names) && names.length > 0
    ? { do: 'append', path, value: name }
    : { do: 'add', path, value: [name] };
}

function rightListedName(path: FieldPath, value: unknown, found: string): Correction | undefined {
  const field = path.at(-2);
  const index = Number(path.at(-1));
  const names = valueAt(value, path.slice(0, -1));
  if (!Array.isArray(names)) return undefined;
  // The list goes on without it, or goes with it.
  const gone = names.length === 1 ? removal(path.slice(0, -1)) : removal(path);
  const other = field === 'dnsNames' ? 'ipAddresses' : 'dnsNames';
  const trimmed = found.trim();
  if ((isIP(trimmed) !== 0) !== (field === 'ipAddresses') && (isIP(trimmed) !== 0 || isDnsName(trimmed))) {
    const others = valueAt(value, ['spec', other]);
    const move = includesName(others, trimmed) ? [] : [listed(other, others, trimmed)];
    return correction(path, [...move, ...gone.edits]);
  }
  const meant = field === 'dnsNames' ? meantDnsName(found) : trimmed;
  if (meant === undefined || (field === 'ipAddresses' && isIP(meant) === 0)) return undefined;
  if (names.some((name, at) => at !== index && String(name).toLowerCase() === meant.toLowerCase()))
    return gone;
  return meant === found ? undefined : set(path, meant);
}

function isDnsName(name: string): boolean {
  return dnsNameFault(name) === undefined;
}

/** The name that a URL, a name with a port, a final dot, or letters beyond ASCII stand for. */
function meantDnsName(found: string): string | undefined {
  const bare = found
    .trim()
    .replace(/^https?:\/\/([^/?#@]+)\/?$/i, '$1')
    .replace(/:\d{1,5}$/, '')
    .replace(/\.$/, '');
  const isPlain = !/[^\p{L}\p{N}\p{M}.*-]/u.test(bare);
  const ascii = /\P{ASCII}/u.test(bare) ? (isPlain ? domainToASCII(bare) : '') : bare;
  return isDnsName(ascii) ? ascii : undefined;
}
