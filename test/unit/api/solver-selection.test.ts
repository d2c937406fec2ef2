import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SolverSelector, SolverSpec } from '../../../src/api/issuer.ts';
import { chooseSolver, possibleTypes, type SolvableType } from '../../../src/api/solver-selection.ts';

const EVERYTHING: SolverSelector = { dnsNames: [], dnsZones: [], matchLabels: {} };

function http01(selector: Partial<SolverSelector> = {}): SolverSpec {
  return { type: 'http-01', selector: { ...EVERYTHING, ...selector } };
}

function dns01(selector: Partial<SolverSelector> = {}): SolverSpec {
  return {
    type: 'dns-01',
    selector: { ...EVERYTHING, ...selector },
    cnameStrategy: 'None',
    nameservers: [],
    provider: { type: 'rfc2136', nameserver: 'ns.test', protocol: 'UDP' },
  };
}

interface Case {
  readonly name: string;
  readonly solvers: readonly SolverSpec[];
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** What the CA offers for the name; defaults to what can validate it at all. */
  readonly offered?: readonly SolvableType[];
  /** Index into `solvers`. */
  readonly chosen: number | undefined;
}

const UNMATCHED = { matchLabels: { label: 'does-not-exist', 'does-not': 'match' } };
const LABEL = { label: 'exists' };
const NAMED = { dnsNames: ['example.com'] };

/** Named and written after cert-manager's `TestChallengeSpecForAuthorization`, which these must agree with. */
const CERT_MANAGER: readonly Case[] = [
  { name: 'the only solver without selector is used', solvers: [http01()], offered: ['http-01'], chosen: 0 },
  {
    name: 'a default solver is used when others do not match',
    solvers: [http01(), http01(UNMATCHED)],
    chosen: 0,
  },
  {
    name: 'a DNS-01 solver is used over HTTP-01 if only DNS-01 is offered',
    solvers: [http01(), dns01()],
    offered: ['dns-01'],
    chosen: 1,
  },
  { name: 'none is used if none match', solvers: [http01(UNMATCHED)], chosen: undefined },
  { name: 'a selector that names the dnsName wins', solvers: [http01(), http01(NAMED)], chosen: 1 },
  {
    name: 'a selector that names the dnsName wins (reversed)',
    solvers: [http01(NAMED), http01()],
    chosen: 0,
  },
  {
    name: 'the default solver is used if dnsNames do not match',
    solvers: [http01(), http01(NAMED)],
    for: 'notexample.com',
    chosen: 0,
  },
  {
    name: 'of two with the same dnsName the one with the most labels wins',
    solvers: [http01(NAMED), http01({ ...NAMED, matchLabels: LABEL })],
    labels: LABEL,
    chosen: 1,
  },
  {
    name: 'dnsNames win over labels',
    solvers: [http01(NAMED), http01({ matchLabels: LABEL })],
    labels: LABEL,
    chosen: 0,
  },
  {
    name: 'dnsNames win over labels (reversed)',
    solvers: [http01({ matchLabels: LABEL }), http01(NAMED)],
    labels: LABEL,
    chosen: 1,
  },
  {
    name: 'dnsNames win over two labels',
    solvers: [http01(NAMED), http01({ matchLabels: { label: 'exists', another: 'label' } })],
    labels: { label: 'exists', another: 'label' },
    chosen: 0,
  },
  {
    name: 'the most matching labels win',
    solvers: [
      http01({ matchLabels: LABEL }),
      http01({ matchLabels: { label: 'exists', another: 'matches' } }),
    ],
    labels: { label: 'exists', another: 'matches' },
    chosen: 1,
  },
  {
    name: 'a wildcard matches the wildcard in dnsNames',
    solvers: [dns01(), dns01({ dnsNames: ['*.example.com'] })],
    for: '*.example.com',
    chosen: 1,
  },
  { name: 'dnsNames win over dnsZones', solvers: [http01(NAMED), http01({ dnsZones: ['com'] })], chosen: 0 },
  {
    name: 'dnsNames win over dnsZones (reversed), whatever the type',
    solvers: [dns01({ dnsZones: ['com'] }), http01(NAMED)],
    offered: ['http-01'],
    chosen: 1,
  },
  {
    name: 'a name matches by dnsZones',
    solvers: [dns01(), dns01({ dnsZones: ['example.com'] })],
    for: 'www.example.com',
    chosen: 1,
  },
  {
    name: 'the most specific zone wins',
    solvers: [dns01({ dnsZones: ['example.com'] }), dns01({ dnsZones: ['prod.example.com'] })],
    for: '*.www.prod.example.com',
    chosen: 1,
  },
  {
    name: 'the most specific zone wins (reversed)',
    solvers: [dns01({ dnsZones: ['prod.example.com'] }), dns01({ dnsZones: ['example.com'] })],
    for: '*.www.prod.example.com',
    chosen: 0,
  },
  {
    name: 'of two with the same zone the one with the most labels wins',
    solvers: [
      http01({ dnsZones: ['example.com'] }),
      http01({ dnsZones: ['example.com'], matchLabels: LABEL }),
    ],
    for: 'www.example.com',
    labels: LABEL,
    chosen: 1,
  },
  {
    name: 'of two with the same dnsName the one that also has the zone wins',
    solvers: [
      http01({ dnsNames: ['www.example.com'] }),
      http01({ dnsNames: ['www.example.com'], dnsZones: ['example.com'] }),
    ],
    for: 'www.example.com',
    chosen: 1,
  },
  {
    name: 'of two with the same dnsName the one that also has the zone wins (reversed)',
    solvers: [
      http01({ dnsNames: ['www.example.com'], dnsZones: ['example.com'] }),
      http01({ dnsNames: ['www.example.com'] }),
    ],
    for: 'www.example.com',
    chosen: 0,
  },
];

const MORE: readonly Case[] = [
  { name: 'no solver at all chooses none', solvers: [], chosen: undefined },
  {
    name: 'of equals the first is chosen, whatever its type',
    solvers: [http01(), dns01(), http01()],
    chosen: 0,
  },
  {
    name: 'of equals the first is chosen, whatever its type (reversed)',
    solvers: [dns01(), http01()],
    chosen: 0,
  },
  {
    name: 'a zone wins over labels',
    solvers: [http01({ matchLabels: LABEL }), http01({ dnsZones: ['com'] })],
    labels: LABEL,
    chosen: 1,
  },
  {
    name: 'every part of a selector must match',
    solvers: [http01({ ...NAMED, matchLabels: { a: '2' } })],
    labels: { a: '1' },
    chosen: undefined,
  },
  {
    name: 'a dnsName that matches does not make up for a zone that does not',
    solvers: [http01({ ...NAMED, dnsZones: ['example.org'] })],
    chosen: undefined,
  },
  {
    name: 'a zone matches at label borders only',
    solvers: [http01({ dnsZones: ['ample.com'] })],
    chosen: undefined,
  },
  { name: 'a zone matches itself', solvers: [http01({ dnsZones: ['example.com'] })], chosen: 0 },
  {
    name: 'the longest of a solver’s own zones counts',
    solvers: [http01({ dnsZones: ['com', 'www.example.com'] }), http01({ dnsZones: ['example.com'] })],
    for: 'www.example.com',
    chosen: 0,
  },
  { name: 'the root is no zone', solvers: [http01({ dnsZones: ['.'] })], chosen: undefined },
  { name: 'case does not matter', solvers: [http01({ dnsNames: ['Example.COM'] })], chosen: 0 },
  { name: 'a wildcard is not its apex', solvers: [dns01(NAMED)], for: '*.example.com', chosen: undefined },
  {
    name: 'a wildcard is in the zone of its apex',
    solvers: [dns01({ dnsZones: ['example.com'] })],
    for: '*.example.com',
    chosen: 0,
  },
  {
    name: 'HTTP-01 never fits a wildcard, however well its selector does',
    solvers: [http01({ dnsNames: ['*.example.com'] }), dns01()],
    for: '*.example.com',
    chosen: 1,
  },
  {
    name: 'DNS-01 never fits an IP address',
    solvers: [dns01({ dnsNames: ['192.0.2.1'] }), http01()],
    for: '192.0.2.1',
    chosen: 1,
  },
  { name: 'an IPv6 address is one', solvers: [dns01(), http01()], for: '2001:db8::1', chosen: 1 },
  {
    name: 'a type that nobody offers is no candidate',
    solvers: [http01(NAMED), dns01()],
    offered: ['dns-01'],
    chosen: 1,
  },
  {
    name: 'nothing is chosen where nothing is offered',
    solvers: [http01(), dns01()],
    offered: [],
    chosen: undefined,
  },
  {
    name: 'a label of every object is no match',
    solvers: [http01({ matchLabels: { toString: 'x' } })],
    chosen: undefined,
  },
];

for (const [title, cases] of [
  ['as in cert-manager', CERT_MANAGER],
  ['and beyond', MORE],
] as const) {
  describe(`the choice of a solver, ${title}`, () => {
    for (const { name, solvers, for: wanted = 'example.com', labels = {}, offered, chosen } of cases) {
      test(name, () => {
        const types = possibleTypes(wanted).filter((type) => offered?.includes(type) ?? true);

        const found = chooseSolver(solvers, { name: wanted, labels, types });

        assert.equal(found === undefined ? undefined : solvers.indexOf(found), chosen);
      });
    }
  });
}
