import { caFacts } from '../api/known-cas.ts';

/** One certificate that a plan would order. */
export interface PlannedOrder {
  /** `Kind/name`, with the namespace of an Issuer. */
  readonly issuer: string;
  /** Directory URL. */
  readonly server: string;
  readonly names: readonly string[];
}

/** So many certificates beside what the CA issues in 7 days, where that is known. */
export interface Counted {
  readonly certificates: number;
  readonly limitPerWeek?: number | undefined;
}

/** What a plan costs of the limits of the CA behind one ACME issuer. */
export interface IssuerCost {
  readonly issuer: string;
  readonly server: string;
  /** The CA, where its limits are known. */
  readonly ca?: string | undefined;
  readonly orders: number;
  readonly limitPerThreeHours?: number | undefined;
  /** By registered domain, approximately: the last two labels. The ten with the most certificates. */
  readonly domains: readonly (Counted & { readonly domain: string })[];
  /** By exact set of names; those that more than one order of the plan is for. */
  readonly nameSets: readonly (Counted & { readonly names: readonly string[] })[];
}

const MAX_LISTED = 10;

/** Counts the orders of a plan by issuer. Approximate: what the CA has counted before is not known here. */
export function costsOf(orders: readonly PlannedOrder[]): readonly IssuerCost[] {
  const byIssuer = new Map<string, PlannedOrder[]>();
  for (const order of orders) {
    const key = `${order.issuer} ${order.server}`;
    byIssuer.set(key, [...(byIssuer.get(key) ?? []), order]);
  }
  return [...byIssuer]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, ofIssuer]) => {
      const [first] = ofIssuer;
      return first === undefined ? [] : [costOf(first.issuer, first.server, ofIssuer)];
    });
}

/** What of the costs goes over a limit or uses one up, as sentences. */
export function costWarnings(costs: readonly IssuerCost[]): readonly string[] {
  return costs.flatMap(({ issuer, ca = 'the CA', orders, limitPerThreeHours, domains, nameSets }) => {
    const warnings: string[] = [];
    if (limitPerThreeHours !== undefined && orders > limitPerThreeHours) {
      warnings.push(
        `${orders} orders by ${issuer}, and ${ca} takes ${limitPerThreeHours} of an account in 3 hours`,
      );
    }
    for (const { domain, certificates, limitPerWeek } of domains) {
      if (limitPerWeek === undefined || certificates <= limitPerWeek) continue;
      warnings.push(
        `${certificates} certificates under ${domain} by ${issuer}, and ${ca} issues ${limitPerWeek} in 7 days`,
      );
    }
    for (const { names, certificates, limitPerWeek } of nameSets) {
      if (limitPerWeek === undefined || certificates <= limitPerWeek) continue;
      warnings.push(
        `${certificates} certificates for exactly ${listed(names)} by ${issuer}, and ${ca} issues ${limitPerWeek} in 7 days`,
      );
    }
    return warnings;
  });
}

function costOf(issuer: string, server: string, orders: readonly PlannedOrder[]): IssuerCost {
  const ca = caFacts(server);
  const domains = new Map<string, number>();
  const nameSets = new Map<string, { readonly names: readonly string[]; certificates: number }>();
  for (const { names } of orders) {
    for (const domain of new Set(names.map(registeredDomain))) {
      domains.set(domain, (domains.get(domain) ?? 0) + 1);
    }
    const sorted = [...new Set(names)].toSorted();
    const set = nameSets.get(sorted.join(' ')) ?? { names: sorted, certificates: 0 };
    set.certificates += 1;
    nameSets.set(sorted.join(' '), set);
  }
  const { perAccountAndThreeHours, perDomainAndWeek, perNameSetAndWeek } = ca?.rates ?? {};
  return {
    issuer,
    server,
    ca: ca?.name,
    orders: orders.length,
    limitPerThreeHours: perAccountAndThreeHours,
    domains: [...domains]
      .map(([domain, certificates]) => ({ domain, certificates, limitPerWeek: perDomainAndWeek }))
      .toSorted((a, b) => b.certificates - a.certificates || (a.domain < b.domain ? -1 : 1))
      .slice(0, MAX_LISTED),
    nameSets: [...nameSets.values()]
      .filter(({ certificates }) => certificates > 1)
      .map(({ names, certificates }) => ({ names, certificates, limitPerWeek: perNameSetAndWeek }))
      .toSorted((a, b) => b.certificates - a.certificates)
      .slice(0, MAX_LISTED),
  };
}

/** The last two labels; an address is itself. Only used to count. */
function registeredDomain(name: string): string {
  if (/^[\d.]+$/.test(name) || name.includes(':')) return name;
  return name.replace(/^\*\./, '').split('.').slice(-2).join('.');
}

function listed(names: readonly string[]): string {
  return names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ');
}
