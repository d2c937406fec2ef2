import type { SolverShape } from '../issuer-schema.ts';

/**
 * Whether a solver's selector takes a name (cert-manager's rule: all of its parts have to match; none matches
 * everything). `labels` are the Certificate's.
 */
export function isSelected(
  { selector }: SolverShape,
  name: string,
  labels: Readonly<Record<string, string>>,
): boolean {
  const { dnsNames = [], dnsZones = [], matchLabels = {} } = selector ?? {};
  const wanted = name.toLowerCase();
  const isNamed = dnsNames.length === 0 || dnsNames.some((each) => each.toLowerCase() === wanted);
  const isInZone =
    dnsZones.length === 0 ||
    dnsZones.some((zone) => wanted === zone.toLowerCase() || wanted.endsWith(`.${zone.toLowerCase()}`));
  const isLabelled = Object.entries(matchLabels).every(
    ([key, value]) => Object.hasOwn(labels, key) && labels[key] === value,
  );
  return isNamed && isInZone && isLabelled;
}
