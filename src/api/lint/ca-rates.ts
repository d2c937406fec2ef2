import type { Certificate } from '../certificate.ts';
import type { FieldPath } from '../field-error.ts';
import type { Issuer } from '../issuer.ts';
import { type CaFacts, caFacts } from '../known-cas.ts';
import { formatIssuerRef } from '../names.ts';
import type { Catalogue, Declared } from './catalogue.ts';
import type { CrossFinding } from './finding.ts';
import { finding, issuerOf } from './object-rules.ts';

/**
 * What many Certificates of one CA run into together. Each limit is told once, at the Certificate that is over it
 * in the order of files; renewals are no part of it.
 */
export function checkRates(objects: Catalogue): readonly CrossFinding[] {
  const byDomain = new Map<string, Declared<Certificate>[]>();
  const byNames = new Map<string, Declared<Certificate>[]>();
  const byIssuer = new Map<string, Declared<Certificate>[]>();
  const cas = new Map<Declared<Certificate>, CaFacts>();
  const facts = new Map<Declared<Issuer>, CaFacts | undefined>();
  for (const certificate of objects.certificates) {
    const issuer = issuerOf(certificate.object, objects);
    if (issuer?.object.spec.type !== 'acme') continue;
    if (!facts.has(issuer)) facts.set(issuer, caFacts(issuer.object.spec.server));
    const ca = facts.get(issuer);
    if (ca?.rates === undefined) continue;
    cas.set(certificate, ca);
    const { dnsNames, ipAddresses, issuerRef } = certificate.object.spec;
    for (const domain of new Set(dnsNames.map((name) => registeredDomain(name)))) {
      addTo(byDomain, `${ca.name} ${domain}`, certificate);
    }
    addTo(byNames, `${ca.name} ${[...dnsNames, ...ipAddresses].toSorted().join(' ')}`, certificate);
    const namespace = issuerRef.kind === 'ClusterIssuer' ? '' : certificate.object.name.namespace;
    addTo(byIssuer, `${namespace} ${formatIssuerRef(issuerRef)}`, certificate);
  }
  const over = (
    groups: ReadonlyMap<string, readonly Declared<Certificate>[]>,
    limitOf: (rates: NonNullable<CaFacts['rates']>) => number,
    field: FieldPath,
    message: (count: number, limit: number, key: string, ca: CaFacts) => string,
  ): readonly CrossFinding[] =>
    [...groups].flatMap(([key, certificates]) => {
      const [first] = certificates;
      const ca = first === undefined ? undefined : cas.get(first);
      if (ca?.rates === undefined) return [];
      const limit = limitOf(ca.rates);
      const tooMany = certificates[limit];
      if (tooMany === undefined) return [];
      return [
        finding('warning', 'ca-rate-limit', tooMany, field, message(certificates.length, limit, key, ca)),
      ];
    });
  return [
    ...over(
      byDomain,
      (rates) => rates.perDomainAndWeek,
      ['spec', 'dnsNames'],
      (count, limit, key, ca) =>
        `${count} Certificates have names under ${key.slice(ca.name.length + 1)}, and ${ca.name} issues ${limit} new ones in 7 days`,
    ),
    ...over(
      byNames,
      (rates) => rates.perNameSetAndWeek,
      ['spec', 'dnsNames'],
      (count, limit, _, ca) =>
        `${count} Certificates have exactly these names, and ${ca.name} issues ${limit} in 7 days`,
    ),
    ...over(
      byIssuer,
      (rates) => rates.perAccountAndThreeHours,
      ['spec', 'issuerRef'],
      (count, limit, key, ca) =>
        `${count} Certificates are of ${key.trim()}, and ${ca.name} takes ${limit} new orders of an account in 3 hours`,
    ),
  ];
}

/**
 * The part of a name that somebody registered, without the list of public suffixes: the last two labels, or three
 * where the last two look like one suffix (`co.uk`, `com.au`). Only used to count.
 */
function registeredDomain(name: string): string {
  const labels = name.replace(/^\*\./, '').split('.');
  const [second = '', top = ''] = labels.slice(-2);
  const isSuffix = top.length === 2 && second.length <= 3;
  return labels.slice(isSuffix ? -3 : -2).join('.');
}

function addTo<T>(map: Map<string, T[]>, key: string, item: T): void {
  const items = map.get(key);
  if (items === undefined) map.set(key, [item]);
  else items.push(item);
}
