import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limitWaitMs } from '../../../src/forge/rate-limit.ts';

const NOW = new Date('2027-01-02T10:00:00Z');
const SECONDARY = {
  message: 'You have exceeded a secondary rate limit.',
  documentation_url:
    'https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits',
};

const rows: readonly {
  readonly name: string;
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly waitMs: number | undefined;
}[] = [
  { name: '429 with seconds', status: 429, headers: { 'retry-after': '120' }, waitMs: 120_000 },
  {
    name: '429 with a date, counted from its own Date',
    status: 429,
    headers: { 'retry-after': 'Sat, 02 Jan 2027 09:05:00 GMT', date: 'Sat, 02 Jan 2027 09:00:00 GMT' },
    waitMs: 300_000,
  },
  { name: '429 that says nothing', status: 429, waitMs: 60_000 },
  { name: '403 with seconds', status: 403, headers: { 'retry-after': '30' }, waitMs: 30_000 },
  {
    name: "403, GitHub's primary limit",
    status: 403,
    headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(NOW.getTime() / 1000 + 600) },
    waitMs: 601_000,
  },
  {
    name: "the reset counts from the answer's Date, not from our clock",
    status: 403,
    headers: {
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': String(Date.parse('2027-01-02T11:10:00Z') / 1000),
      date: 'Sat, 02 Jan 2027 11:00:00 GMT',
    },
    waitMs: 601_000,
  },
  {
    name: "429, GitLab's limit",
    status: 429,
    headers: { 'ratelimit-remaining': '0', 'ratelimit-reset': String(NOW.getTime() / 1000 + 60) },
    waitMs: 61_000,
  },
  {
    name: 'a reset that lies behind',
    status: 429,
    headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1' },
    waitMs: 1000,
  },
  {
    name: 'a reset of years is not believed',
    status: 403,
    headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '99999999999' },
    waitMs: 7_200_000,
  },
  {
    name: 'a reset that is no number',
    status: 403,
    headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': 'soon' },
    waitMs: 60_000,
  },
  { name: "403, GitHub's secondary limit without a time", status: 403, body: SECONDARY, waitMs: 60_000 },
  {
    name: '403 for a missing right',
    status: 403,
    headers: { 'x-ratelimit-remaining': '4999', 'x-ratelimit-reset': '1' },
    body: {
      message: 'Resource not accessible by integration',
      documentation_url: 'https://docs.github.com/rest',
    },
    waitMs: undefined,
  },
  { name: '401', status: 401, headers: { 'retry-after': '5' }, waitMs: undefined },
  { name: '404', status: 404, waitMs: undefined },
];

for (const { name, status, headers = {}, body, waitMs } of rows) {
  test(`how long a limit lasts: ${name}`, () => {
    const found = limitWaitMs({ status, headers: new Headers(headers), body }, NOW);

    assert.equal(found, waitMs);
  });
}
