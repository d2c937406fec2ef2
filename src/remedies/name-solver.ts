import { isIP } from 'node:net';
import type { AcmeIssuerSpec, Issuer, SolverSpec } from '../api/issuer.ts';
import { memberOf } from '../api/manifest-identity.ts';
import { formatObjectName } from '../api/names.ts';
import { chooseSolver, possibleTypes, rankSelector } from '../api/solver-selection.ts';
import type { YamlEdit } from '../lib/yaml-edit.ts';
import { editIssuer } from './manifest-edit.ts';
import type { Remedy, RemedyInput } from './remedy.ts';
import { longList, remedyOf, shortList } from './wording.ts';

type Labels = Readonly<Record<string, string>>;

/**
 * Lets a solver that the issuer has take the names that none takes, by adding them to its selector. Only where there
 * is no doubt which solver is meant.
 */
export function nameSolver({ cause, patients, issuer: placed }: RemedyInput): Remedy | undefined {
  const [patient] = patients;
  const acme = placed?.issuer.spec;
  if (patient === undefined || placed?.file === undefined || acme?.type !== 'acme') return undefined;
  const { labels, spec } = patient.certificate;
  const told = cause.identifiers.map(({ identifier }) => identifier.toLowerCase());
  const names = [...spec.dnsNames, ...spec.ipAddresses].filter(
    (name) => (told.length === 0 || told.includes(name)) && takenBy(acme, name, labels) === undefined,
  );
  // An address lies in no zone.
  if (names.length === 0 || names.some((name) => isIP(name) !== 0)) return undefined;
  const index = soleCandidate(acme.solvers, names, labels);
  const solver = index === undefined ? undefined : acme.solvers[index];
  if (index === undefined || solver === undefined) return undefined;
  const zones = zonesOf(names, cause.zone);
  const edited = editIssuer(
    placed.file,
    placed.issuer,
    (value) => widened(value, acme.solvers.length, index, solver, names, zones),
    (after) => takesAll(after, names, labels),
  );
  if (edited === undefined) return undefined;
  const { kind, name } = placed.issuer;
  return remedyOf(
    'name-solver',
    [edited],
    `give ${shortList(names)} a solver`,
    `Merging lets solver ${index + 1} of ${kind} ${formatObjectName(name)} (${solver.type}) answer for ` +
      `${longList(names)}, and certops orders at once. Whether that solver can reach ${names.length === 1 ? 'it' : 'them'} ` +
      'is for you to know. This pull request closes when the certificate is there.',
  );
}

function takenBy({ solvers }: AcmeIssuerSpec, name: string, labels: Labels): SolverSpec | undefined {
  return chooseSolver(solvers, { name, labels, types: possibleTypes(name) });
}

function takesAll({ spec }: Issuer, names: readonly string[], labels: Labels): boolean {
  return spec.type === 'acme' && names.every((name) => takenBy(spec, name, labels) !== undefined);
}

/** Position of the one solver that nothing but its selector's names keeps from all of the names. */
function soleCandidate(
  solvers: readonly SolverSpec[],
  names: readonly string[],
  labels: Labels,
): number | undefined {
  const candidates = solvers.flatMap(({ type, selector }, index) => {
    const isFit = names.every(
      (name) =>
        possibleTypes(name).includes(type) &&
        rankSelector({ matchLabels: selector.matchLabels }, name, labels) !== undefined,
    );
    return isFit ? [index] : [];
  });
  return candidates.length === 1 ? candidates[0] : undefined;
}

/** The names as zones, without those that lie in another of them; the zone that the cause names, where all lie in it. */
function zonesOf(names: readonly string[], zone: string | undefined): readonly string[] {
  const plain = [...new Set(names.map((name) => name.replace(/^\*\./, '')))];
  const isWithin = (name: string, outer: string): boolean => name === outer || name.endsWith(`.${outer}`);
  const known = zone?.toLowerCase().replace(/\.$/, '');
  if (known?.includes('.') === true && plain.every((name) => isWithin(name, known))) return [known];
  return plain.filter((name) => plain.every((other) => other === name || !isWithin(name, other)));
}

function widened(
  value: unknown,
  count: number,
  index: number,
  { selector }: SolverSpec,
  names: readonly string[],
  zones: readonly string[],
): readonly YamlEdit[] | undefined {
  const solvers = memberOf(memberOf(memberOf(value, 'spec'), 'acme'), 'solvers');
  // Solvers that are not served are left out of what was read: then positions tell nothing.
  if (!Array.isArray(solvers) || solvers.length !== count) return undefined;
  const path = ['spec', 'acme', 'solvers', index, 'selector'];
  const append = (field: string, items: readonly string[]): readonly YamlEdit[] =>
    items.map((item) => ({ do: 'append', path: [...path, field], value: item }));
  const { dnsNames, dnsZones } = selector;
  const missing = zones.filter((zone) => !dnsZones.includes(zone));
  return [
    ...(dnsZones.length === 0 ? [] : append('dnsZones', missing)),
    ...(dnsNames.length === 0 ? [] : append('dnsNames', names)),
  ];
}
