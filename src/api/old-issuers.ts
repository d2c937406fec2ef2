import type { YamlEdit } from '../lib/yaml-edit.ts';
import { type FieldPath, formatFieldPath } from './field-error.ts';
import { memberOf } from './manifest-identity.ts';
import type { Changes, Obstacle, OldVersion } from './old-versions.ts';

/** DNS providers whose keys were written in lower case up to v1alpha3. */
const OLD_PROVIDERS: readonly (readonly [from: string, to: string])[] = [
  ['clouddns', 'cloudDNS'],
  ['azuredns', 'azureDNS'],
  ['acmedns', 'acmeDNS'],
];

const ACME: FieldPath = ['spec', 'acme'];

/** What has to change in an Issuer or ClusterIssuer of an old version to be one of v1. */
export function modernIssuerEdits(value: unknown, version: OldVersion): Changes {
  if (version === 'v1beta1') return { edits: [], obstacles: [] };
  const acme = memberOf(memberOf(value, 'spec'), 'acme');
  const solvers = memberOf(acme, 'solvers');
  const edits = (Array.isArray(solvers) ? solvers : []).flatMap(
    (solver: unknown, index): readonly YamlEdit[] => {
      const dns01 = memberOf(solver, 'dns01');
      return OLD_PROVIDERS.filter(
        ([from, to]) => memberOf(dns01, from) !== undefined && memberOf(dns01, to) === undefined,
      ).map(([from, to]) => ({ do: 'rename', path: [...ACME, 'solvers', index, 'dns01', from], key: to }));
    },
  );
  if (version !== 'v1alpha1') return { edits, obstacles: [] };
  const before = solversBefore08(acme);
  return { edits: [...edits, ...before.edits], obstacles: before.obstacles };
}

/**
 * Before cert-manager 0.8 an ACME issuer had `http01` and a list of `dns01.providers`, and each Certificate
 * said which of them was for which name. With one way to validate there is nothing to say.
 */
function solversBefore08(acme: unknown): Changes {
  const http01 = memberOf(acme, 'http01');
  const dns01 = memberOf(acme, 'dns01');
  if (http01 === undefined && dns01 === undefined) return { edits: [], obstacles: [] };
  const old = http01 === undefined ? 'dns01' : 'http01';
  const solvers = memberOf(acme, 'solvers');
  if (solvers !== undefined && solvers !== null) {
    const stale = [...(http01 === undefined ? [] : ['http01']), ...(dns01 === undefined ? [] : ['dns01'])];
    return {
      edits: stale.map((member): YamlEdit => ({ do: 'remove', path: [...ACME, member] })),
      obstacles: [],
    };
  }
  const providers = memberOf(dns01, 'providers');
  const isOne =
    dns01 === undefined || (http01 === undefined && Array.isArray(providers) && providers.length === 1);
  if (!isOne) {
    return { edits: [], obstacles: manyWays(http01 === undefined ? ['dns01'] : ['http01', 'dns01']) };
  }
  const solver = http01 === undefined ? { dns01: provider(providers) } : { http01: ingress(http01) };
  return { edits: [{ do: 'replace', path: [...ACME, old], key: 'solvers', value: [solver] }], obstacles: [] };
}

function ingress(http01: unknown): unknown {
  const serviceType = memberOf(http01, 'serviceType');
  return { ingress: serviceType === undefined ? {} : { serviceType } };
}

function provider(providers: unknown): unknown {
  const first: unknown = Array.isArray(providers) ? providers[0] : undefined;
  if (typeof first !== 'object' || first === null) return first;
  const names = new Map(OLD_PROVIDERS);
  return Object.fromEntries(
    Object.entries(first)
      .filter(([key]) => key !== 'name')
      .map(([key, member]: [string, unknown]) => [names.get(key) ?? key, member]),
  );
}

function manyWays(members: readonly string[]): readonly Obstacle[] {
  return members.map((member, index): Obstacle => {
    const path: FieldPath = [...ACME, member];
    const message =
      'Deprecated: since cert-manager 0.8 the issuer says which names are validated in which way. Write each way ' +
      'as an entry of spec.acme.solvers, with a selector (dnsNames or dnsZones) made of the domains that the ' +
      `Certificates' spec.acme.config gives to it, and take ${formatFieldPath(path)} out`;
    return {
      severity: index === 0 ? 'error' : 'warning',
      path,
      message: `${formatFieldPath(path)}: ${message}`,
    };
  });
}
