import type { SolverSpec } from '../api/issuer.ts';

/** A name that must be validated, as it was requested: a wildcard keeps its `*.`. */
export interface RequestedIdentifier {
  readonly type: 'dns' | 'ip';
  readonly value: string;
}

interface Rank {
  readonly dnsNames: number;
  readonly dnsZones: number;
  readonly labels: number;
}

/**
 * The solver for a name, by cert-manager's precedence: of the solvers whose every selector part matches, an
 * exact `dnsNames` match wins, then the longest `dnsZones` match (in labels), then the most `matchLabels`,
 * then the order of the list. `labels` are the Certificate's. Returns undefined when none fits; HTTP-01
 * never fits a wildcard (RFC 8555, section 8.3).
 */
export function chooseSolver(
  solvers: readonly SolverSpec[],
  identifier: RequestedIdentifier,
  labels: Readonly<Record<string, string>>,
): SolverSpec | undefined {
  let best: { readonly solver: SolverSpec; readonly rank: Rank } | undefined;
  for (const solver of solvers) {
    if (solver.type === 'http-01' && identifier.value.startsWith('*.')) continue;
    const rank = rankOf(solver, identifier.value.toLowerCase(), labels);
    if (rank !== undefined && (best === undefined || isHigher(rank, best.rank))) best = { solver, rank };
  }
  return best?.solver;
}

function rankOf(
  { selector }: SolverSpec,
  name: string,
  labels: Readonly<Record<string, string>>,
): Rank | undefined {
  const isNamed = selector.dnsNames.some((candidate) => candidate.toLowerCase() === name);
  if (selector.dnsNames.length > 0 && !isNamed) return undefined;

  const zoneLengths = selector.dnsZones
    .map((zone) => zone.toLowerCase())
    .filter((zone) => name === zone || name.endsWith(`.${zone}`))
    .map((zone) => zone.split('.').length);
  if (selector.dnsZones.length > 0 && zoneLengths.length === 0) return undefined;

  const wantedLabels = Object.entries(selector.matchLabels);
  if (!wantedLabels.every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value))
    return undefined;

  return { dnsNames: isNamed ? 1 : 0, dnsZones: Math.max(0, ...zoneLengths), labels: wantedLabels.length };
}

function isHigher(left: Rank, right: Rank): boolean {
  if (left.dnsNames !== right.dnsNames) return left.dnsNames > right.dnsNames;
  if (left.dnsZones !== right.dnsZones) return left.dnsZones > right.dnsZones;
  return left.labels > right.labels;
}
