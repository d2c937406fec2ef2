import { isIP } from 'node:net';
import { cutText } from '../lib/cut-text.ts';
import type { Cause } from './cause.ts';
import { causeKey } from './cause-key.ts';
import { CAUSE_WORDS } from './cause-words.ts';
import { sentence } from './telling.ts';
import { plainName } from './validation.ts';

const MIN_CERTIFICATES = 3;
const MAX_TOLD = 20;

/**
 * Well-known suffixes of two labels below which everybody registers names: no zone of anybody's own. A short list, not
 * the public suffix list: what is missing here makes at worst one pull request of several that have nothing in common
 * but their country.
 */
const SHARED_SECOND_LABELS: readonly string[] = [
  'ac',
  'co',
  'com',
  'edu',
  'gob',
  'gov',
  'gv',
  'ne',
  'net',
  'or',
  'org',
];
const SHARED_SUFFIXES: readonly string[] = [
  'azurewebsites.net',
  'blogspot.com',
  'cloudfront.net',
  'duckdns.org',
  'eu.org',
  'github.io',
  'gitlab.io',
  'herokuapp.com',
  'in-addr.arpa',
  'ip6.arpa',
  'ltd.uk',
  'me.uk',
  'netlify.app',
  'nic.in',
  'pages.dev',
  'plc.uk',
  'sch.uk',
  'sslip.io',
  'uk.com',
  'us.com',
  'vercel.app',
  'workers.dev',
];

/**
 * Causes of zones: where at least three Certificates of one issuer fail in the same way for names below one domain, that
 * domain is what is broken. Causes that have nothing in common with others are in none of them; most Certificates first.
 */
export function zoneCausesOf(causes: readonly Cause[]): readonly Cause[] {
  const groups = new Map<string, { readonly domain: string; readonly causes: Cause[] }>();
  for (const cause of causes) {
    const domain = domainOf(cause);
    if (domain === undefined) continue;
    const { kind, namespace, name } = cause.issuer ?? { kind: '', namespace: '', name: '' };
    const key = JSON.stringify([kind, namespace, name, cause.code, domain]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { domain, causes: [cause] });
    else group.causes.push(cause);
  }
  return [...groups.values()]
    .map((group) => distinct(group.causes))
    .filter((group) => group.length >= MIN_CERTIFICATES)
    .sort((a, b) => b.length - a.length)
    .flatMap((group) => joined(group) ?? []);
}

/** The cause of a zone that most of these have in common; undefined where there is none. */
export function zoneCauseOf(causes: readonly Cause[]): Cause | undefined {
  return zoneCausesOf(causes)[0];
}

/** The domain that somebody registered above all names of a Certificate's cause, as far as can be told. */
function domainOf({ scope, class: kind, issuer, identifiers }: Cause): string | undefined {
  if (scope !== 'certificate' || kind !== 'environment' || issuer === undefined) return undefined;
  const domains = new Set(identifiers.map(({ identifier }) => registeredDomain(plainName(identifier))));
  const [only] = domains;
  return domains.size === 1 ? only : undefined;
}

function registeredDomain(name: string): string | undefined {
  const labels = name.split('.');
  if (isIP(name) !== 0 || labels.length < 2 || labels.includes('')) return undefined;
  const two = labels.slice(-2).join('.');
  if (!isShared(two)) return two;
  return labels.length < 3 ? undefined : labels.slice(-3).join('.');
}

function isShared(suffix: string): boolean {
  const [second = '', top = ''] = suffix.split('.');
  return SHARED_SUFFIXES.includes(suffix) || (top.length === 2 && SHARED_SECOND_LABELS.includes(second));
}

/** One for each Certificate. */
function distinct(causes: readonly Cause[]): readonly Cause[] {
  return [
    ...new Map(causes.map((cause) => [`${cause.subject.namespace}/${cause.subject.name}`, cause])).values(),
  ];
}

function joined(causes: readonly Cause[]): Cause | undefined {
  const [first] = causes;
  if (first?.issuer === undefined) return undefined;
  const identifiers = causes.flatMap((cause) => cause.identifiers);
  const zone = commonParent(identifiers.map(({ identifier }) => plainName(identifier)));
  const { code, issuer } = first;
  const words = CAUSE_WORDS[code];
  const budget = Math.floor(3_000 / Math.min(MAX_TOLD, identifiers.length));
  return {
    ...first,
    key: causeKey({ code, scope: 'zone', subject: issuer, zone }),
    scope: 'zone',
    subject: issuer,
    zone,
    title: words.title,
    explanation: {
      what: `${sentence(words.title)}: several Certificates fail alike for names below ${zone}`,
      why: words.why,
      next: words.next,
    },
    otherCures: words.cures,
    identifiers: identifiers.slice(0, MAX_TOLD).map((failure) => ({
      ...failure,
      problem: { ...failure.problem, detail: cutText(failure.problem.detail, Math.max(100, budget)) },
    })),
  };
}

/** The longest domain that all of the names are, or lie below. */
function commonParent(names: readonly string[]): string {
  const paths = names.map((name) => name.split('.').reverse());
  const common: string[] = [];
  for (const [index, label] of (paths[0] ?? []).entries()) {
    if (!paths.every((labels) => labels[index] === label)) break;
    common.push(label);
  }
  return common.reverse().join('.');
}
