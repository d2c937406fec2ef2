import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SolverSpec } from '../../../src/api/issuer.ts';
import { chooseSolver } from '../../../src/solvers/choose-solver.ts';

function solver(selector: Partial<SolverSpec['selector']> = {}): SolverSpec {
  return { type: 'http-01', selector: { dnsNames: [], dnsZones: [], matchLabels: {}, ...selector } };
}

interface Case {
  readonly name: string;
  readonly solvers: readonly SolverSpec[];
  readonly identifier?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Index into `solvers`. */
  readonly chosen: number | undefined;
}

const CASES: readonly Case[] = [
  { name: 'no solver at all chooses none', solvers: [], chosen: undefined },
  { name: 'a solver without selector fits everything', solvers: [solver()], chosen: 0 },
  { name: 'of equals the first is chosen', solvers: [solver(), solver()], chosen: 0 },
  {
    name: 'an exact name wins over a longer zone and more labels',
    solvers: [
      solver({ dnsZones: ['www.example.test'], matchLabels: { a: '1' } }),
      solver({ dnsNames: ['www.example.test'] }),
    ],
    labels: { a: '1' },
    chosen: 1,
  },
  {
    name: 'the longest zone wins',
    solvers: [solver({ dnsZones: ['test'] }), solver({ dnsZones: ['example.test', 'test'] }), solver()],
    chosen: 1,
  },
  {
    name: 'a zone wins over labels',
    solvers: [solver({ matchLabels: { a: '1' } }), solver({ dnsZones: ['test'] })],
    labels: { a: '1' },
    chosen: 1,
  },
  {
    name: 'more labels win',
    solvers: [solver({ matchLabels: { a: '1' } }), solver({ matchLabels: { a: '1', b: '2' } })],
    labels: { a: '1', b: '2', c: '3' },
    chosen: 1,
  },
  {
    name: 'every part of a selector must match',
    solvers: [solver({ dnsNames: ['www.example.test'], matchLabels: { a: '2' } })],
    labels: { a: '1' },
    chosen: undefined,
  },
  {
    name: 'a zone matches at label borders only',
    solvers: [solver({ dnsZones: ['ample.test'] })],
    chosen: undefined,
  },
  { name: 'a zone matches itself', solvers: [solver({ dnsZones: ['www.example.test'] })], chosen: 0 },
  { name: 'case does not matter', solvers: [solver({ dnsNames: ['WWW.example.TEST'] })], chosen: 0 },
  {
    name: 'a name of another object is no match',
    solvers: [solver({ matchLabels: { toString: 'x' } })],
    chosen: undefined,
  },
  {
    name: 'http-01 never fits a wildcard',
    solvers: [solver(), solver({ dnsNames: ['*.example.test'] })],
    identifier: '*.example.test',
    chosen: undefined,
  },
];

describe('the choice of a solver', () => {
  for (const { name, solvers, identifier = 'www.example.test', labels = {}, chosen } of CASES) {
    test(name, () => {
      const found = chooseSolver(solvers, { type: 'dns', value: identifier }, labels);

      assert.equal(found, chosen === undefined ? undefined : solvers[chosen]);
    });
  }
});
