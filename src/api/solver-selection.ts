import { isIP } from 'node:net';
import type { SolverSelector, SolverSpec } from './issuer.ts';

/** The challenge types that a solver can answer. */
export type SolvableType = SolverSpec['type'];

/** A selector as written or as read: absent parts match everything. */
export type SelectorParts = { readonly [K in keyof SolverSelector]?: SolverSelector[K] | undefined };

/** How well a selector fits a name; compared field by field, in this order. */
export interface SelectorRank {
  /** 1: the name stands in `dnsNames`. */
  readonly dnsNames: number;
  /** Labels of the longest zone of `dnsZones` that the name lies in. */
  readonly dnsZones: number;
  /** How many `matchLabels` there are, all of which the Certificate has. */
  readonly labels: number;
}

/** What a solver is looked for. */
export interface SolverQuestion {
  /** The name as requested: a wildcard keeps its `*.`; or an IP address. */
  readonly name: string;
  /** The Certificate's. */
  readonly labels: Readonly<Record<string, string>>;
  /** The types that come into question: what the CA offers for the name and this daemon can present. */
  readonly types: readonly SolvableType[];
}

/**
 * The solver for a name, by cert-manager's precedence (`solverpicker.Pick`): of the solvers whose type comes
 * into question and whose every selector part matches, an exact `dnsNames` match wins, then the longest
 * `dnsZones` match, then the most `matchLabels`, then the order of the list. Undefined when none fits.
 */
export function chooseSolver(
  solvers: readonly SolverSpec[],
  { name, labels, types }: SolverQuestion,
): SolverSpec | undefined {
  let best: { readonly solver: SolverSpec; readonly rank: SelectorRank } | undefined;
  for (const solver of solvers) {
    if (!types.includes(solver.type)) continue;
    const rank = rankSelector(solver.selector, name, labels);
    if (rank !== undefined && (best === undefined || isHigher(rank, best.rank))) best = { solver, rank };
  }
  return best?.solver;
}

/** How well a selector takes a name; undefined where one of its parts does not match. */
export function rankSelector(
  { dnsNames = [], dnsZones = [], matchLabels = {} }: SelectorParts,
  name: string,
  labels: Readonly<Record<string, string>>,
): SelectorRank | undefined {
  const wanted = name.toLowerCase();
  const isNamed = dnsNames.some((candidate) => candidate.toLowerCase() === wanted);
  if (dnsNames.length > 0 && !isNamed) return undefined;

  const zoneLengths = dnsZones
    .map((zone) => zone.toLowerCase().replace(/\.$/, ''))
    .filter((zone) => zone !== '' && (wanted === zone || wanted.endsWith(`.${zone}`)))
    .map((zone) => zone.split('.').length);
  if (dnsZones.length > 0 && zoneLengths.length === 0) return undefined;

  const wantedLabels = Object.entries(matchLabels);
  const isLabelled = wantedLabels.every(
    ([key, value]) => Object.hasOwn(labels, key) && labels[key] === value,
  );
  if (!isLabelled) return undefined;
  return { dnsNames: isNamed ? 1 : 0, dnsZones: Math.max(0, ...zoneLengths), labels: wantedLabels.length };
}

/**
 * The types by which a name can be validated at all: a wildcard by DNS-01 only (RFC 8555, section 8.3), an IP
 * address by HTTP-01 only (RFC 8738, section 7). What the CA offers is known when it has been asked.
 */
export function possibleTypes(name: string): readonly SolvableType[] {
  if (name.startsWith('*.')) return ['dns-01'];
  return isIP(name) !== 0 ? ['http-01'] : ['http-01', 'dns-01'];
}

function isHigher(left: SelectorRank, right: SelectorRank): boolean {
  if (left.dnsNames !== right.dnsNames) return left.dnsNames > right.dnsNames;
  if (left.dnsZones !== right.dnsZones) return left.dnsZones > right.dnsZones;
  return left.labels > right.labels;
}
