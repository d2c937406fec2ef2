import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { renewalTime } from '../../../src/pki/renewal-time.ts';

const DAY_MS = 24 * 3_600_000;
const START = '2026-01-01T00:00:00Z';

interface RenewalCase {
  readonly name: string;
  readonly notAfter: string;
  readonly renewBeforeMs?: number;
  readonly renewBeforePercentage?: number;
  readonly due: string;
}

const CASES: readonly RenewalCase[] = [
  { name: 'after two thirds by default', notAfter: '2026-04-01T00:00:00Z', due: '2026-03-02T00:00:00Z' },
  {
    name: 'after half of a life under ten days',
    notAfter: '2026-01-07T16:00:00Z',
    due: '2026-01-04T08:00:00Z',
  },
  { name: 'after two thirds of ten days', notAfter: '2026-01-11T00:00:00Z', due: '2026-01-07T16:00:00Z' },
  {
    name: 'in whole seconds, cut and not rounded',
    notAfter: '2026-01-01T00:01:41Z',
    due: '2026-01-01T00:00:50Z',
  },
  {
    name: 'at renewBefore',
    notAfter: '2026-04-01T00:00:00Z',
    renewBeforeMs: 15 * DAY_MS,
    due: '2026-03-17T00:00:00Z',
  },
  {
    name: 'at renewBefore when it is almost the lifetime',
    notAfter: '2026-04-01T00:00:00Z',
    renewBeforeMs: 90 * DAY_MS - 1000,
    due: '2026-01-01T00:00:01Z',
  },
  {
    name: 'by default when renewBefore is the whole lifetime',
    notAfter: '2026-04-01T00:00:00Z',
    renewBeforeMs: 90 * DAY_MS,
    due: '2026-03-02T00:00:00Z',
  },
  {
    name: 'by default when the issued lifetime is shorter than renewBefore',
    notAfter: '2026-01-07T00:00:00Z',
    renewBeforeMs: 30 * DAY_MS,
    due: '2026-01-04T00:00:00Z',
  },
  {
    name: 'by default when renewBefore is zero',
    notAfter: '2026-04-01T00:00:00Z',
    renewBeforeMs: 0,
    due: '2026-03-02T00:00:00Z',
  },
  {
    name: 'at the percentage that remains',
    notAfter: '2026-04-11T00:00:00Z',
    renewBeforePercentage: 25,
    due: '2026-03-17T00:00:00Z',
  },
  {
    name: 'at one per cent',
    notAfter: '2026-04-11T00:00:00Z',
    renewBeforePercentage: 1,
    due: '2026-04-10T00:00:00Z',
  },
  {
    name: 'by default when the percentage is 100',
    notAfter: '2026-04-01T00:00:00Z',
    renewBeforePercentage: 100,
    due: '2026-03-02T00:00:00Z',
  },
];

describe('renewal time', () => {
  for (const { name, notAfter, due, ...wishes } of CASES) {
    it(`is ${name}`, () => {
      const at = renewalTime({ notBefore: new Date(START), notAfter: new Date(notAfter), ...wishes });

      assert.equal(at.toISOString(), new Date(due).toISOString());
    });
  }
});
